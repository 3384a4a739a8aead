"""Read the Markdown that a whole-page model prints into blocks. Anything at all is accepted; nothing raises."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from dsvl2.pipelines.documents import Block

_SPECIAL = re.compile(r"<\|det\|>.{0,200}?<\|/det\|>|<\|[^|<>\n]{1,40}\|>", re.DOTALL)
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_BULLET = re.compile(r"(\s*)[-*+\u2022]\s+(.*)$")
_NUMBER = re.compile(r"(\s*)([0-9]{1,9}[.)]\s+.*)$")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})[^`]*$")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_LINE = re.compile(r"\s*([-*_])(\s*\1){2,}\s*$")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class ParsedBlock:
    """A block and the characters of the model's output that it came from, as [start, end)."""

    block: Block
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _TextLine:
    text: str
    start: int
    end: int


def parse_markdown(output: str) -> tuple[ParsedBlock, ...]:
    """Return headings, paragraphs, list items, pipe tables, fenced code and display formulas, in order."""
    return tuple(_Parser(_lines(output)).parse())


def _lines(output: str) -> list[_TextLine]:
    """Split into lines without the special tokens; the spans still count the whole output."""
    lines = []
    start = 0
    for line in output.splitlines(keepends=True):
        lines.append(_TextLine(_SPECIAL.sub("", line).rstrip(), start, start + len(line)))
        start += len(line)
    return lines


class _Parser:
    def __init__(self, lines: list[_TextLine]) -> None:
        self.lines = lines
        self.blocks: list[ParsedBlock] = []
        self.place = 0

    def parse(self) -> list[ParsedBlock]:
        while self.place < len(self.lines):
            line = self.lines[self.place].text
            if not line.strip() or _LINE.match(line):
                self.place += 1
            elif fence := _FENCE.match(line):
                self._fenced(fence[1])
            elif line.strip().startswith(("$$", "\\[")):
                self._formula()
            elif heading := _HEADING.match(line.lstrip()):
                self._add(Block("heading", plain_inline(heading[2]), level=len(heading[1])), 1)
            elif self._is_table():
                self._table()
            elif bullet := _BULLET.match(line) or _NUMBER.match(line):
                self._item(bullet[2], len(bullet[1].expandtabs(4)) // 2)
            else:
                self._paragraph()
        return [parsed for parsed in self.blocks if parsed.block.text.strip()]

    def _add(self, block: Block, count: int) -> None:
        end = min(self.place + count, len(self.lines))
        self.blocks.append(ParsedBlock(block, self.lines[self.place].start, self.lines[end - 1].end))
        self.place = end

    def _fenced(self, fence: str) -> None:
        end = self.place + 1
        while end < len(self.lines) and self.lines[end].text.strip() != fence:
            end += 1
        code = "\n".join(line.text for line in self.lines[self.place + 1 : end])
        self._add(Block("code", code), end + 1 - self.place)

    def _formula(self) -> None:
        closing = "$$" if self.lines[self.place].text.strip().startswith("$$") else "\\]"
        body = [self.lines[self.place].text.strip()[2:]]
        while not body[-1].rstrip().endswith(closing) and self.place + len(body) < len(self.lines):
            body.append(self.lines[self.place + len(body)].text)
        text = "\n".join(body).strip().removesuffix(closing).strip()
        self._add(Block("formula", text), len(body))

    def _is_table(self) -> bool:
        """A row of cells with a rule below it, or a row that begins and ends with a bar."""
        line = self.lines[self.place].text.strip()
        if "|" not in line:
            return False
        below = self.lines[self.place + 1].text if self.place + 1 < len(self.lines) else ""
        return ("|" in below and bool(_RULE.match(below))) or (
            line.startswith("|") and line.endswith("|") and line != "|"
        )

    def _table(self) -> None:
        rows: list[tuple[str, ...]] = []
        count = 0
        for line in self.lines[self.place :]:
            if "|" not in line.text:
                break
            count += 1
            if not _RULE.match(line.text):
                rows.append(_cells(line.text))
        text = "\n".join("\t".join(cell.replace("\n", " ") for cell in row) for row in rows)
        self._add(Block("table", text, rows=tuple(rows)), count)

    def _item(self, text: str, level: int) -> None:
        rest = self._run_on()
        self._add(Block("list_item", plain_inline(" ".join([text, *rest])), level=level), 1 + len(rest))

    def _paragraph(self) -> None:
        rest = self._run_on()
        text = " ".join([self.lines[self.place].text.strip(), *rest])
        self._add(Block("paragraph", plain_inline(text)), 1 + len(rest))

    def _run_on(self) -> list[str]:
        """Return the following lines that belong to the paragraph begun here."""
        rest = []
        for line in self.lines[self.place + 1 :]:
            text = line.text
            starts = (_HEADING.match(text.lstrip()), _BULLET.match(text), _NUMBER.match(text), _FENCE.match(text))
            if not text.strip() or any(starts) or text.strip().startswith(("|", "$$", "\\[")):
                break
            rest.append(text.strip())
        return rest


def _cells(line: str) -> tuple[str, ...]:
    body = line.strip().removeprefix("|")
    if body.endswith("|") and not body.endswith("\\|"):
        body = body[:-1]
    return tuple(plain_inline(cell.strip()) for cell in _CELL.split(body))


def plain_inline(text: str) -> str:
    """Take the inline markup off: emphasis, code marks, links, escapes, entities; `<br>` becomes a newline."""
    escapes: list[str] = []

    def keep(match: re.Match[str]) -> str:
        escapes.append(match[1])
        return f"\ue000{len(escapes) - 1}\ue001"

    text = re.sub("[\ue000\ue001]", "", text)
    text = re.sub(r"\\([!-/:-@\[-`{-~])", keep, text)
    text = re.sub(r"<br\s*/?>", "\n", text, flags=re.IGNORECASE)
    # Bounded and possessive: marks that are opened and never closed must not cost the square of the text's length.
    text = re.sub(r"!?\[([^\[\]\n]*+)\]\([^()\s]*+\)", r"\1", text)
    text = re.sub(r"(?<!`)(`++)(.{1,500}?)(?<!`)\1(?!`)", r"\2", text)
    text = re.sub(r"(\*\*|__)(?=\S)(.{1,1000}?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]*?)(?<=\S)\1(?![\w*])", r"\2", text)
    text = html.unescape(text)
    return re.sub("\ue000([0-9]+)\ue001", lambda match: escapes[int(match[1])], text)
