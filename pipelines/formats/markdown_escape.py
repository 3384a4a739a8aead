"""Escape running text so that CommonMark and GitHub show it as it is, with as few backslashes as that takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);")
_TAG = re.compile(r"<[A-Za-z/!?]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LINE_START = re.compile(
    r"""(?P<mark>\#{1,6}(?=\s|$) | > | [-+*](?=\s|$)                    # heading, quote, bullet
        | (?=[|:\-\s]*-[|:\-\s]*$)[|:\-] | (?=([*_])(?:\s*\2){2,}\s*$)[*_] # table rule, setext or thematic line
        | =(?==*\s*$) | \[(?=[^\]]+\]:) )                               # setext line, link or footnote definition
      | (?P<fence>`{3,}|~{3,})                                           # code
      | (?P<number>[0-9]{1,9})(?=[.)](?:\s|$))                          # ordered item
    """,
    re.VERBOSE,
)


def escape_inline(text: str, line_break: str = "\n") -> str:
    """Escape what would be markup inside a line: emphasis, code, tags, entities, links, backslashes.

    `line_break` is what newlines will be written as: emphasis depends on what stands beside its marks.
    """
    text = _CONTROL.sub(" ", text)
    written = text.replace("\n", line_break)
    special = {mark for mark in "*_~" if _pairs(written, mark)}
    if _code_spans(written):
        special.add("`")
    out: list[str] = []
    for place, char in enumerate(text):
        following = text[place + 1 : place + 2]
        if (
            char in special
            or (char == "\\" and (following in _PUNCTUATION or following in ("", "\n")))
            or (char == "<" and _TAG.match(text, place))
            or (char == "&" and _ENTITY.match(text, place))
            or (char == "(" and text[place - 1 : place] == "]")
        ):
            out.append("\\")
        out.append(char)
    return "".join(out)


def escape_block(text: str) -> str:
    """Escape a paragraph: inline markup, and whatever at the start of a line would begin another kind of block.

    Line breaks inside are kept as hard breaks.
    """
    lines = [line.strip() for line in _CONTROL.sub(" ", text).split("\n")]
    escaped = escape_inline("\n".join(filter(None, lines)), "\\\n")
    return "\\\n".join(map(escape_line_start, escaped.split("\n")))


def escape_line_start(line: str) -> str:
    """Escape the first mark of a line (already escaped inline) that would begin a heading, list, quote or the like."""
    match = _LINE_START.match(line)
    if match is None:
        return line
    if match["fence"]:  # the whole run: the rest of it could still pair with another
        return "".join("\\" + mark for mark in match["fence"]) + line[match.end() :]
    if match["number"]:
        return f"{match['number']}\\{line[match.end() :]}"
    return "\\" + line


def escape_heading(text: str) -> str:
    """Escape a heading's text: one line, and no run of `#` at its end that would be dropped."""
    line = escape_inline(" ".join(text.split()))
    return re.sub(r"(^|\s)(#+)$", r"\1\\\2", line)


def escape_cell(text: str) -> str:
    """Escape a cell of a pipe table."""
    lines = [line.strip() for line in text.strip().split("\n")]
    return escape_inline("\n".join(lines), "<br>").replace("|", "\\|").replace("\n", "<br>")


def _runs(text: str, mark: str) -> Iterator[re.Match[str]]:
    return re.finditer(re.escape(mark) + "+", text)


def _code_spans(text: str) -> bool:
    """Say whether two runs of backticks could pair; one that is escaped for beginning a line pairs with any."""
    lengths = [len(run.group()) for run in _runs(text, "`")]
    return len(lengths) != len(set(lengths)) or (len(lengths) > 1 and "\n```" in text)


def _pairs(text: str, mark: str) -> bool:
    """Say whether some run of `mark` can open emphasis and a later one close it (CommonMark's flanking rules)."""
    opened = False
    for run in _runs(text, mark):
        before = text[run.start() - 1] if run.start() else " "
        after = text[run.end()] if run.end() < len(text) else " "
        left = not after.isspace() and (not _is_punctuation(after) or before.isspace() or _is_punctuation(before))
        right = not before.isspace() and (not _is_punctuation(before) or after.isspace() or _is_punctuation(after))
        can_open = left and (mark != "_" or not right or _is_punctuation(before))
        can_close = right and (mark != "_" or not left or _is_punctuation(after))
        if opened and can_close:
            return True
        opened = opened or can_open
    return False


def _is_punctuation(char: str) -> bool:
    return char in _PUNCTUATION or unicodedata.category(char)[0] in "PS"
