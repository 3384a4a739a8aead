"""From a page's text layer to the blocks that reading the page would give: the same grouping, on the file's own text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, TextLayerUse, Word
from dsvl2.pipelines.layout import InkLine, PageLayout, PlacedLine, Region, blocks_of
from dsvl2.pipelines.tables.layered import layer_tables, with_tables, within
from dsvl2.pipelines.tables.running import is_text
from dsvl2.pipelines.tables.tight import with_tight_tables
from dsvl2.pipelines.textlayer.columns import Piece, flows
from dsvl2.pipelines.textlayer.types import LayerLine, LayerPage

_UP, _DOWN, _X_HEIGHT = 0.74, 0.22, 0.5  # usual heights over and under the base line, in ems
_HEADING_SIZE = 1.14  # times the size of most of the text
_MOST_BOLD_WORDS = 14
_ENDS = re.compile(r"[.,;]$")
_STRAIGHT = 0.98
_NUMBER = re.compile(r"\((?:\d+\.)*(\d+)[a-z]?\)")
_WORD = re.compile(r"[^\W\d_]{3}|\d{2}")


def layer_result(page: LayerPage, number: int, dpi: float, use: TextLayerUse) -> PageResult:
    """Return what the page's text layer says, boxes in pixels of the page drawn at `dpi`."""
    zoom = dpi / 72
    width, height = (ceil(side * zoom - 0.001) for side in page.size)
    result = PageResult(number, (), width, height, dpi, text_layer=use)
    if not page.lines:
        return replace(result, blank=not page.drawn)
    rotation = _rotation(page.lines)
    straight = [line for line in page.lines if _turn(line.direction) == rotation]
    others = [line for line in page.lines if _turn(line.direction) != rotation]
    layout = _layout(rotation, (width, height))
    body = _body_size(straight) * zoom
    tables, straight = _tables(page, straight, zoom) if rotation == 0 else ([], straight)
    blocks: tuple[Block, ...] = ()
    if straight:
        placed, words = _placed([_piece(line, layout, zoom) for line in straight], layout, body)
        layout = replace(
            layout, regions=tuple(Region(Box(0, 0, *layout.size)) for _ in range(1 + max(p.region for p in placed)))
        )
        made = blocks_of(layout, placed, opening=number == 1)
        blocks = tuple(_with_words(part, words) for block in made for part in _apart_lines(block))
    blocks = with_tight_tables(replace(result, blocks=with_tables(blocks, tables), rotation=rotation)).blocks
    return replace(result, blocks=blocks + tuple(_turned(line, zoom) for line in others), rotation=rotation)


def _tables(page: LayerPage, lines: Sequence[LayerLine], zoom: float) -> tuple[list[Block], list[LayerLine]]:
    """Return the page's tables, and the lines that are in none of them."""
    straight = _layout(0, (1, 1))
    rows = [[_row_box(row) for row in flow] for flow in flows([_piece(line, straight, zoom) for line in lines])]
    words = {
        Box(
            word.box.x0 * zoom,
            (line.base[1] - _UP * line.size) * zoom,
            word.box.x1 * zoom,
            line.base[1] * zoom,
        ): word.text
        for line in lines
        for word in line.words
    }
    drawn = [_scaled(box, zoom) for box in page.drawings]
    tables = layer_tables(words, drawn, rows, _X_HEIGHT * _body_size(lines) * zoom)
    return tables, [line for line in lines if not any(within(_scaled(line.box, zoom), table) for table in tables)]


def _row_box(row: Piece) -> Box:
    return Box(row.x0, row.base - _UP * row.size, row.x1, row.base)


def _turn(direction: tuple[float, float]) -> int | None:
    """Return the clockwise turn that makes text of this direction upright, None for slanted text."""
    x, y = direction
    if abs(x) < _STRAIGHT and abs(y) < _STRAIGHT:
        return None
    return (0 if x > 0 else 180) if abs(x) > abs(y) else (270 if y > 0 else 90)


def _rotation(lines: Sequence[LayerLine]) -> int:
    letters: Counter[int] = Counter()
    for line in lines:
        turn = _turn(line.direction)
        letters[0 if turn is None else turn] += len(line.text) if turn is not None else 0
    return letters.most_common(1)[0][0]


def _layout(rotation: int, page_size: tuple[int, int]) -> PageLayout:
    width, height = map(float, page_size)
    matrix = {
        0: (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        90: (0.0, 1.0, 0.0, -1.0, 0.0, height),
        180: (-1.0, 0.0, width, 0.0, -1.0, height),
        270: (0.0, -1.0, width, 1.0, 0.0, 0.0),
    }[rotation]
    size = page_size if rotation in (0, 180) else (page_size[1], page_size[0])
    return PageLayout(rotation, 0.0, False, (), 0.0, 0.0, size, page_size, matrix)


def _piece(line: LayerLine, layout: PageLayout, zoom: float) -> Piece:
    """Put a line of the file on the upright page; its words stay on the page as shown."""
    a, b, c, d, e, f = layout.matrix

    def upright(x: float, y: float) -> tuple[float, float]:
        x, y = x * zoom - c, y * zoom - f
        return a * x + d * y, b * x + e * y  # the matrix is a turn: its inverse is its transpose

    ends = [upright(line.box.x0, line.box.y0)[0], upright(line.box.x1, line.box.y1)[0]]
    words = tuple(Word(word.text, _scaled(word.box, zoom)) for word in line.words)
    return Piece(line.text, min(ends), max(ends), upright(*line.base)[1], line.size * zoom, line.bold, words)


def _scaled(box: Box, zoom: float) -> Box:
    return Box(box.x0 * zoom, box.y0 * zoom, box.x1 * zoom, box.y1 * zoom)


def _body_size(lines: Sequence[LayerLine]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(2 * line.size) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def _placed(
    pieces: Sequence[Piece], layout: PageLayout, body: float
) -> tuple[list[PlacedLine], dict[Box, tuple[Word, ...]]]:
    """Return the page's lines in reading order, headings marked, and their words by the lines' boxes on the page."""
    placed: list[PlacedLine] = []
    words: dict[Box, tuple[Word, ...]] = {}
    for region, flow in enumerate(flows(pieces)):
        left, right = min(row.x0 for row in flow), max(row.x1 for row in flow)
        for before, row in zip([None, *flow], flow, strict=False):
            top = row.base - _X_HEIGHT * row.size
            ink = InkLine(row.x0, row.base - _UP * row.size, row.x1, row.base + _DOWN * row.size, top, row.base)
            mark = "# " if _is_heading(row, body) else ""
            gap = bool(mark) and before is not None and _apart(before, row)
            placed.append(PlacedLine(mark + row.text, gap, None, ink, region, 0, left, right))
            words[layout.to_page(ink.box)] = row.words
    return placed, words


def _is_heading(row: Piece, body: float) -> bool:
    if "\t" in row.text or not any(map(str.isalpha, row.text)):
        return False
    if row.size >= _HEADING_SIZE * body:
        return True
    return row.bold and len(row.text.split()) <= _MOST_BOLD_WORDS and not _ENDS.search(row.text)


def _apart(before: Piece, row: Piece) -> bool:
    """Say whether two successive headings are not one of two lines."""
    same = abs(before.size - row.size) < 0.06 * row.size and before.bold == row.bold
    return not same or row.base - before.base > 1.6 * row.size


def _apart_lines(block: Block) -> list[Block]:
    """Return the lines of contents, indexes, listings and formulas, which wide gaps make look like a table, as paragraphs."""
    rows = [line.text.split("\t") for line in block.lines]
    if block.kind != "table" or not (is_text(rows) or _is_formula(rows)):
        return [block]
    return [Block("paragraph", " ".join(line.text.split()), line.box, lines=(line,)) for line in block.lines]


def _is_formula(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether all that stands behind the first cells are signs and numbers of formulas, which count up."""
    behind = [cell.strip() for row in rows for cell in row[1:] if cell.strip()]
    found = [match for cell in behind if (match := _NUMBER.fullmatch(cell))]
    counts = [int(match[1]) for match in found]
    signs = [cell for cell in behind if not _NUMBER.fullmatch(cell)]
    rising = counts == list(range(min(counts, default=0), min(counts, default=0) + len(counts)))
    return bool(counts) and rising and not any(map(_WORD.search, signs)) and 2 * len(counts) <= len(rows) + 1


def _with_words(block: Block, words: dict[Box, tuple[Word, ...]]) -> Block:
    lines = tuple(replace(line, words=words.get(line.box, ()) if line.box else ()) for line in block.lines)
    return replace(block, lines=lines)


def _turned(line: LayerLine, zoom: float) -> Block:
    """A line that runs across the others (a stamp in the margin, a watermark) is a paragraph of its own, at the end."""
    words = tuple(Word(word.text, _scaled(word.box, zoom)) for word in line.words)
    box = _scaled(line.box, zoom)
    return Block("paragraph", line.text, box, lines=(Line(line.text, box, words=words),))
