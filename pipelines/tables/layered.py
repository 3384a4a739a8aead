"""Tables of a page that carries its own text: the same geometry over the file's words and drawn lines, no model asked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dsvl2.pipelines.documents import Block, Box, Line, Word
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.tables.drawn import block_of, is_table, overlap
from dsvl2.pipelines.tables.find import ruled_boxes
from dsvl2.pipelines.tables.marks import Marks, around, centre_x, centre_y
from dsvl2.pipelines.tables.open_tables import flow_boxes, stacked_boxes
from dsvl2.pipelines.tables.parted import beside_each_other, parted_boxes
from dsvl2.pipelines.tables.rows import Reading, build
from dsvl2.pipelines.tables.rules import anchored
from dsvl2.pipelines.tables.running import is_running
from dsvl2.pipelines.tables.sketch import Sketch, sketch

_THIN = 0.5  # letter heights: a drawn box so thin is a rule
_LARGE = 2.0  # letter heights from base line to ascender (1.5 in most of the text): print so large is a title
_FAR = 10.0  # letter heights from line to line: what stands so far apart is not one table
_LEADING = 1.7  # letter heights from line to line, at least; cells of one and two lines in one row stand closer
_LEAST = 2.0  # letter heights: shorter strokes belong to signs


def rules_of(drawn: Sequence[Box], unit: float) -> tuple[list[Rule], list[Rule]]:
    """Return the horizontal and vertical rules among drawn boxes: thin ones, and the sides of the others."""
    across: set[Rule] = set()
    down: set[Rule] = set()
    for box in drawn:
        x0, y0, x1, y1 = (round(side) for side in (box.x0, box.y0, box.x1, box.y1))
        wide, tall = box.x1 - box.x0, box.y1 - box.y0
        if wide >= _LEAST * unit:
            ys = ((y0, y1),) if tall <= _THIN * unit else ((y0, y0), (y1, y1))
            across.update(Rule(x0, a, x1, max(b, a + 1)) for a, b in ys)
        if tall >= _LEAST * unit:
            xs = ((x0, x1),) if wide <= _THIN * unit else ((x0, x0), (x1, x1))
            down.update(Rule(a, y0, max(b, a + 1), y1) for a, b in xs)
    return anchored(sorted(across, key=lambda r: (r.y0, r.x0)), sorted(down, key=lambda r: (r.x0, r.y0)), unit)


def layer_tables(
    words: Mapping[Box, str], drawn: Sequence[Box], flows: Sequence[Sequence[Box]], unit: float
) -> list[Block]:
    """Return the tables of an upright page, top down.

    `words` are the page's words by their boxes, from ascender to base line; `drawn` the boxes of drawn lines and areas;
    `flows` the boxes of the text lines of each column; `unit` the x-height; all in pixels of the page.
    """
    across, down = rules_of(drawn, unit)
    marks = Marks(tuple(words), tuple(across), tuple(down), unit)
    found: list[Sketch] = []
    nets = [sketch(marks, box) for box in ruled_boxes(across, down, marks.words, unit)]
    _keep(found, [table for table in nets if is_table(table)])
    plain = _without_titles(marks.words, unit)
    places = [*beside_each_other(flows, unit), *(around(flow) for flow in flows if flow)]
    for ruled, boxes in (
        (True, stacked_boxes(across, plain, unit)),
        (False, parted_boxes(places, plain, unit, apart=_FAR)),
        (False, [b for f in flows for b in flow_boxes(f, plain, unit, step=_LEADING)]),
    ):
        free = [box for box in boxes if not any(overlap(box, table.box) for table in found)]
        _keep(found, [t for t in (sketch(marks, box) for box in free) if _is_open_table(t, words, ruled=ruled)])
    return [_block(table, words) for table in sorted(found, key=lambda t: (t.box.y0, t.box.x0))]


def _without_titles(words: Sequence[Box], unit: float) -> list[Box]:
    """Return the words without those of lines of large print alone: its spaces are as wide as gaps between columns."""
    plain = [word for word in words if word.y1 - word.y0 < _LARGE * unit]
    middles = sorted(map(centre_y, plain))
    large = [word for word in words if word.y1 - word.y0 >= _LARGE * unit]
    return plain + [w for w in large if bisect_left(middles, w.y0) < bisect_right(middles, w.y1)]


def _keep(found: list[Sketch], tables: Sequence[Sketch]) -> None:
    for table in sorted(tables, key=lambda t: -(t.box.x1 - t.box.x0) * (t.box.y1 - t.box.y0)):
        if not any(overlap(table.box, other.box) for other in found):
            found.append(table)


def _is_open_table(table: Sketch, words: Mapping[Box, str], *, ruled: bool) -> bool:
    """Say whether a table without walls has columns, and words that are no running text."""
    if len(table.xs) <= 2:
        return False
    texts = _texts(table, words)
    return not is_running(table, texts, build(table, [Reading(text) for text in texts]), ruled=ruled)


def _texts(table: Sketch, words: Mapping[Box, str]) -> list[str]:
    return [" ".join(words[box] for box in piece.words) for piece in table.pieces]


def _block(table: Sketch, words: Mapping[Box, str]) -> Block:
    readings = [Reading(text) for text in _texts(table, words)]
    result = build(table, readings)
    order = [k for cell in result.cells for k in cell.lines]
    place = {k: number for number, k in enumerate(order)}
    cells = tuple(replace(cell, lines=tuple(place[k] for k in cell.lines)) for cell in result.cells)
    lines = [
        Line(readings[k].text, table.pieces[k].box, words=tuple(Word(words[b], b) for b in table.pieces[k].words))
        for k in order
    ]
    return block_of(replace(result, cells=cells), lines)


def within(box: Box, table: Block) -> bool:
    """Say whether the middle of a box lies in a table."""
    place = table.box
    return place is not None and place.x0 <= centre_x(box) <= place.x1 and place.y0 <= centre_y(box) <= place.y1


def with_tables(blocks: Sequence[Block], tables: Sequence[Block]) -> tuple[Block, ...]:
    """Return blocks in reading order with the tables among them: each before the first block below it in its column."""
    result = list(blocks)
    for table in tables:
        place = len(result)
        for number, block in enumerate(result):
            if block.box is None or table.box is None:
                continue
            beside = min(block.box.x1, table.box.x1) > max(block.box.x0, table.box.x0)
            if beside and centre_y(block.box) > centre_y(table.box):
                place = number
                break
        result.insert(place, table)
    return tuple(result)
