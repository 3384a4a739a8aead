"""From the bands' texts to the blocks of the page: headings, paragraphs, lists and tables, joined across bands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from dsvl2.pipelines.documents import Block, BlockKind, Box, Notice
from dsvl2.pipelines.layout.placing import PlacedLine, check_lines, line_of, place
from dsvl2.pipelines.layout.stutter import without_stutter
from dsvl2.pipelines.layout.types import BandText, InkLine, PageLayout
from dsvl2.pipelines.words import text_width

NO_TABLES: Mapping[int, Block] = MappingProxyType({})

BULLET = re.compile(r"^(?:- |[\u2022\u25cf\u25aa\u25e6\u2023\u00b7*]\s+)")
NUMBERED = re.compile(r"^(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,6})[.)])\s+\S")
SENTENCE_END = re.compile(r"[.!?:][\"')\]\u201d\u2019]*$")
LEADER = re.compile(r"(?:\.\s?){4,}\s*\S{1,6}$")
HYPHEN = re.compile(r"(\w+)[-\u2010\u00ad]$")


def assemble(layout: PageLayout, band_texts: Sequence[BandText]) -> tuple[Block, ...]:
    """Return the page's blocks in reading order, figures included; boxes are in pixels of the page image as read.

    `band_texts` holds one text for every band of `layout.bands`, in that order (ValueError otherwise).
    Everything that was printed appears in some block.
    """
    texts = list(band_texts)
    if len(texts) != len(layout.bands):
        raise ValueError(f"{len(layout.bands)} bands need as many texts, not {len(texts)}")
    return blocks_of(layout, without_stutter(place(layout, texts), layout.ink), _tables(layout, texts))


def _tables(layout: PageLayout, texts: Sequence[BandText]) -> dict[int, Block]:
    """Return the blocks of the tables by the numbers of their regions."""
    from dsvl2.pipelines.tables.drawn import table_block  # tables build on this package

    result: dict[int, Block] = {}
    number = 0
    for order, region in enumerate(layout.regions):
        if region.table is not None:
            own = texts[number : number + len(region.bands)]
            result[order] = table_block(region.table, own, layout.worked_to_page)
        number += len(region.bands)
    return result


def blocks_of(
    layout: PageLayout, lines: list[PlacedLine], tables: Mapping[int, Block] = NO_TABLES
) -> tuple[Block, ...]:
    """Return the blocks of lines that have their places already, in reading order, with the layout's figures.

    `tables` are the blocks of table regions by the regions' numbers.
    """
    style = _Style(lines)
    blocks: list[Block] = []
    start = 0
    done = -1
    for end in range(1, len(lines) + 1):
        if end < len(lines) and style.continues(lines[start:end], lines[end]):
            continue
        done = _figures(layout, blocks, done, lines[start].region, tables)
        blocks.extend(_block(lines[start:end], layout, style))
        start = end
    _figures(layout, blocks, done, len(layout.regions), tables)
    return tuple(blocks)


def line_notices(layout: PageLayout, band_texts: Sequence[BandText]) -> tuple[Notice, ...]:
    """Return a `line_count_mismatch` notice if ink and reading disagree about the number of lines."""
    return check_lines(layout, list(band_texts))


def _figures(layout: PageLayout, blocks: list[Block], done: int, region: int, tables: Mapping[int, Block]) -> int:
    """Append the figures and tables before a region that are not written yet; return the last region dealt with."""
    for number in range(done + 1, region):
        if number in tables:
            blocks.append(tables[number])
        elif layout.regions[number].kind == "figure":
            blocks.append(Block("figure", "", layout.to_page(layout.regions[number].box)))
    return max(done, region - 1)


def kind_of(line: PlacedLine) -> BlockKind:
    """Return what a line starts as, by its own marks."""
    if line.text.startswith("# "):
        return "heading"
    if BULLET.match(line.text) or (NUMBERED.match(line.text) and line.text.count("\t") < 2):
        return "list_item"
    if "\t" in line.text.strip():
        return "table"
    return "paragraph"


class _Style:
    """The page's habits: line pitch, body height and where lines begin and end, by which paragraphs are told apart."""

    def __init__(self, lines: list[PlacedLine]) -> None:
        inks = [(k.ink, n.ink) for k, n in pairwise(lines)]
        steps = [b.base - a.base for a, b in inks if a and b and b.base > a.base]
        tall = [k.ink.base - k.ink.top for k in lines if k.ink]
        self.tall = float(np.median(tall)) if tall else 1.0
        near = [s for s in steps if s < 6 * self.tall]
        self.pitch = float(np.percentile(near, 40)) if near else 3 * self.tall
        self.longest = _longest(lines)

    def continues(self, part: list[PlacedLine], line: PlacedLine) -> bool:
        """Say whether `line` goes on with the block made of `part`."""
        before, first = part[-1], part[0]
        kind, here = kind_of(first), kind_of(line)
        if kind == "table" or here == "table":
            return kind == here and line.region == before.region and self._step(before, line) < 2.6
        if here == "heading":
            return kind == "heading" and not line.gap and self._step(before, line) < 1.9
        if kind == "heading" or here == "list_item" or LEADER.search(before.text):
            return False
        if line.gap and (before.region == line.region or SENTENCE_END.search(before.text)):
            return False
        if before.ink is None or line.ink is None:
            return not SENTENCE_END.search(before.text)
        if before.region == line.region and line.ink.base > before.ink.base:
            return self._same_flow(part, line)
        return self._across(before, line)

    def _step(self, before: PlacedLine, line: PlacedLine) -> float:
        """Return the distance of two lines in line pitches; 1 if it is not known."""
        if before.ink is None or line.ink is None or line.ink.base <= before.ink.base:
            return 1.0
        return (line.ink.base - before.ink.base) / max(self.pitch, 1.0)

    def _same_flow(self, part: list[PlacedLine], line: PlacedLine) -> bool:
        """Judge two successive lines of a column: white space, indent, a short last line, letter size."""
        before = part[-1]
        assert before.ink is not None
        assert line.ink is not None
        em = 2.2 * (before.ink.base - before.ink.top)
        size = (line.ink.base - line.ink.top) / max(1.0, before.ink.base - before.ink.top)
        step = line.ink.base - before.ink.base
        inside = [b.ink.base - a.ink.base for a, b in pairwise(part) if a.ink and b.ink]
        usual = (
            float(np.median(inside)) if len(inside) > 1 else max(self.pitch, 2.2 * (before.ink.base - before.ink.top))
        )
        if step > 1.38 * usual or not 0.64 < size < 1.55:
            return False
        if self._had_room(before, line):
            return False
        if before.ink in self.longest and len(part) == 1 and SENTENCE_END.search(before.text):
            return line.text[:1].islower()  # among lines that each say a thing of their own the longest does too
        if kind_of(part[0]) == "list_item" and part[0].ink:
            hangs = line.ink.x0 > part[0].ink.x0 + 0.3 * em
            return hangs or self._runs_on(part, line, 0.3 * em)
        indent = line.ink.x0 - (part[1].ink.x0 if len(part) > 1 and part[1].ink else before.ink.x0)
        if len(part) == 1:  # the second line may stand left of an indented first
            return not indent > 0.5 * em
        return not (indent > 0.5 * em and (SENTENCE_END.search(before.text) or indent < 4 * em))

    @staticmethod
    def _runs_on(part: list[PlacedLine], line: PlacedLine, near: float) -> bool:
        """Say whether an item set flush left, as the numbered paragraphs of contracts are, goes on: its line is full."""
        first, before = part[0], part[-1]
        assert first.ink and before.ink and line.ink
        flush = abs(line.ink.x0 - first.ink.x0) <= near
        full = before.ink.x1 > before.column_right - 0.12 * (before.column_right - before.column_left)
        return flush and full and (len(part) > 1 or not SENTENCE_END.search(before.text))

    @staticmethod
    def _had_room(before: PlacedLine, line: PlacedLine) -> bool:
        """Say whether the next line's first word would have fitted on the line before: then the break was meant."""
        assert before.ink is not None
        assert line.ink is not None
        text = line.text.removeprefix("# ")
        words = text.split()
        if not words or HYPHEN.search(before.text):
            return False
        letter = (line.ink.x1 - line.ink.x0) / max(1, len(line.text))
        room = before.column_right - before.ink.x1
        if SENTENCE_END.search(before.text):
            return room > (len(words[0]) + 2) * letter
        if room <= 0.1 * (before.column_right - before.column_left):
            return False
        em = (line.ink.x1 - line.ink.x0) / max(text_width(text), 1.0)
        if not words[0][0].islower() and room > (text_width(words[0]) + 1.5) * em:
            return True  # with a small letter it may go on all the same, after a break made by hand
        return room > (1.3 * len(words[0]) + 5) * letter

    def _across(self, before: PlacedLine, line: PlacedLine) -> bool:
        """Judge lines on both sides of a column, region or page-part break: text runs on if no sentence ended."""
        assert before.ink is not None
        assert line.ink is not None
        size = (line.ink.base - line.ink.top) / max(1.0, before.ink.base - before.ink.top)
        if not 0.75 < size < 1.33:
            return False
        wide = before.column_right - before.column_left
        if abs((line.column_right - line.column_left) - wide) > 0.35 * wide:
            return False
        full = before.ink.x1 > before.column_right - 0.12 * wide
        if HYPHEN.search(before.text) and line.text[:1].islower():
            return True
        indented = line.ink.x0 > line.column_left + 1.1 * (line.ink.base - line.ink.top)
        return full and not SENTENCE_END.search(before.text) and not indented and not line.text[:1].isupper()


def _longest(lines: list[PlacedLine]) -> frozenset[InkLine]:
    """Return the lines that reach clearly further than every line around them, three or more: prose fills its measure."""
    found = []
    for k, line in enumerate(lines):
        around = [n.ink for n in lines[max(0, k - 5) : k + 6] if n.ink and n is not line and n.region == line.region]
        if line.ink and len(around) >= 3:
            wide = line.ink.x1 - line.ink.x0
            if all(ink.x1 < line.ink.x1 - 0.1 * wide for ink in around):
                found.append(line.ink)
    return frozenset(found)


def join_lines(texts: Sequence[str]) -> str:
    """Join printed lines to running text: spaces between, hyphens at line ends undone.

    The hyphen stays where the joined word looks like a compound: a capital, a digit or another hyphen beside it.
    """
    result = ""
    for text in (" ".join(t.split("\t")).strip() for t in texts):
        if not result:
            result = text
            continue
        broken = HYPHEN.search(result)
        if not broken or not text:
            result += " " + text
            continue
        word, rest = broken.group(1), text[:1]
        compound = any(c.isdigit() or c.isupper() for c in word[1:] + rest) or not rest.isalpha()
        compound = compound or result[: broken.start()].endswith("-")
        result = (result if compound else result[:-1]) + text
    return result


def _strip(line: PlacedLine, kind: BlockKind) -> str:
    """Return a line's text without its heading or bullet mark."""
    if kind == "heading":
        return line.text.removeprefix("# ")
    if kind == "list_item":
        return BULLET.sub("", line.text)
    return line.text


def _block(part: list[PlacedLine], layout: PageLayout, style: _Style) -> list[Block]:
    """Make the block of some lines (a lone row with tabs becomes a paragraph)."""
    kind = kind_of(part[0])
    stripped = kind
    if kind == "table" and len(part) < 2:
        kind = stripped = "paragraph"
    if kind == "heading" and _stands_right(part, layout, style):
        kind = "paragraph"
    texts = [_strip(k, stripped) if k is part[0] or stripped == "heading" else k.text for k in part]
    lines = tuple(line_of(k, layout, text) for k, text in zip(part, texts, strict=True))
    boxes = [k.box for k in lines if k.box]
    box = reduce(Box.union, boxes) if boxes else None
    known = [(k.confidence, len(k.text) + 1) for k in part if k.confidence is not None]
    weight = sum(n for _, n in known)
    confidence = sum(c * n for c, n in known) / weight if weight else None
    if kind == "table":
        rows = _rectangular([[cell.strip() for cell in text.split("\t")] for text in texts])
        return [Block(kind, "\n".join("\t".join(r) for r in rows), box, 0, lines, confidence, rows)]
    level = _level(part, layout, style) if kind == "heading" else _depth(part, style) if kind == "list_item" else 0
    return [Block(kind, join_lines(texts), box, level, lines, confidence)]


def _rectangular(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Pad rows to the same number of cells."""
    width = max(len(row) for row in rows)
    return tuple(tuple(row + [""] * (width - len(row))) for row in rows)


def _level(part: list[PlacedLine], layout: PageLayout, style: _Style) -> int:
    """Return the heading level 1..3 by its letter height relative to the page's body."""
    tall = [k.ink.base - k.ink.top for k in part if k.ink]
    ratio = float(np.median(tall)) / max(style.tall, 1.0) if tall else 1.0
    return 1 if ratio > 1.55 else 2 if ratio > 1.18 else 3


def _stands_right(part: list[PlacedLine], layout: PageLayout, style: _Style) -> bool:
    """Whether it is a line of body size in the right half of a page of one column: a date or a place, no heading."""
    ink = part[0].ink
    left = all(k.column_left < layout.size[0] / 3 for k in part)
    return ink is not None and left and ink.x0 > layout.size[0] / 2 and _level(part, layout, style) == 3


def _depth(part: list[PlacedLine], style: _Style) -> int:
    """Return the list depth by the item's indent from its column's left edge."""
    ink = part[0].ink
    if ink is None:
        return 0
    return min(3, max(0, int((ink.x0 - part[0].column_left) / (6.5 * max(style.tall, 1.0)))))
