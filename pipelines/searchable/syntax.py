"""Dictionaries of PDF (PDF 32000-1, 7.3) taken apart at their top level, as much as copying objects needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open><<|\[) | (?P<close>>>|\])
    | (?P<name>/[^\s()<>\[\]{}/%]*)
    | \((?P<string>) | <[0-9A-Fa-f\s]*>
    | [^\s()<>\[\]{}/%]+
    )""",
    re.VERBOSE,
)


def entries_of(dictionary: str) -> dict[str, str]:
    """Return the entries of a dictionary's text, keys without their slash, values as they are written.

    Raises:
        ValueError: it is no dictionary.
    """
    found: dict[str, str] = {}
    depth, key, start, at = 0, "", 0, 0
    while at < len(dictionary):
        match = _TOKEN.match(dictionary, at)
        if match is None:
            if dictionary[at:].strip():
                raise ValueError("no dictionary of PDF")
            break
        begin, at = match.end() - len(match[0].lstrip()), match.end()
        if match["string"] is not None:
            at = _string_end(dictionary, at)
        depth += (match["open"] is not None) - (match["close"] is not None)
        ended = match["close"] is not None and depth == 0
        if depth == 1 and match["name"] is not None and not (key and not dictionary[start:begin].strip()):
            found.update({key: dictionary[start:begin].strip()} if key else {})
            key, start = match["name"][1:], at
        elif ended:
            found.update({key: dictionary[start:begin].strip()} if key else {})
            break
    if depth or not dictionary.lstrip().startswith("<<"):
        raise ValueError("no dictionary of PDF")
    return found


def joined(entries: Mapping[str, str]) -> str:
    """Return the text between the brackets of a dictionary."""
    return "".join(f"/{key}{'' if value[0] in '/<[(' else ' '}{value}" for key, value in entries.items())


def _string_end(text: str, at: int) -> int:
    """Return where a string in parentheses ends that begins before `at`."""
    depth = 1
    while depth:
        if at >= len(text):
            raise ValueError("a string without its end")
        letter = text[at]
        depth += (letter == "(") - (letter == ")")
        at += 2 if letter == "\\" else 1
    return at


def number(value: float, digits: int = 3) -> str:
    """Return a number as PDF writes it, in the fewest letters."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    if abs(value) < 1:
        text = text.replace("0.", ".", 1)
    return "0" if text in ("-0", "") else text
