"""The tables of an upright page as its ink shows them, cut for reading: what the page cutter asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise

from dsvl2.pipelines.documents import Block, Box, Line, Word, geometric_mean
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.layout.types import Band, BandText, Profile
from dsvl2.pipelines.tables.find import ruled_boxes
from dsvl2.pipelines.tables.flatten import Gray, flatten
from dsvl2.pipelines.tables.ink import even_room, without_rules, words_in
from dsvl2.pipelines.tables.lattice import lattice
from dsvl2.pipelines.tables.marks import Marks, around
from dsvl2.pipelines.tables.open_tables import flow_boxes, stacked_boxes
from dsvl2.pipelines.tables.parted import parted_boxes
from dsvl2.pipelines.tables.rows import Reading, build
from dsvl2.pipelines.tables.rules import find_rulings
from dsvl2.pipelines.tables.sketch import Piece, Sketch, sketch
from dsvl2.pipelines.tables.strips import Strip, cut_strips, read_strips
from dsvl2.pipelines.tables.types import TableCell, TableResult
from dsvl2.pipelines.words import split_at_gaps

_LEAST_PIECES = 4
_RULES_AROUND = 1.0  # letter heights around a box within which rules matter: of others nothing is seen in it
_LARGEST_ROOM = 0.7  # of the table; a frame around something else has one large room
_LEAST_FILLED = 0.25  # share of rooms with text: the net behind a diagram has hardly any


@dataclass(frozen=True, slots=True)
class DrawnTable:
    """A table found on a page: its geometry and the canvases to read. `box` is where its ink is; all in working pixels."""

    box: Box
    drawn: Sketch
    strips: tuple[Strip, ...]
    bins: int

    @property
    def bands(self) -> tuple[Band, ...]:
        """What the model has to read, in the order in which `result` wants the texts."""
        return tuple(strip.band for strip in self.strips)

    def readings(self, texts: Sequence[BandText]) -> list[Reading]:
        """Return what was read in each piece."""
        return read_strips(self.strips, texts, len(self.drawn.pieces), self.bins)


def draw_tables(
    gray: Gray,
    unit: float,
    profile: Profile,
    flows: Sequence[Sequence[Box]] = (),
    parted: Sequence[Box] = (),
) -> list[DrawnTable]:
    """Return the tables of an upright page [H, W]; `unit` is the height of its commonest letters in pixels.

    Tables without rules are looked for among `flows`, the boxes of the text lines of each column of the page, top down,
    and in `parted`, where columns of the page may be those of a table.
    """
    if unit <= 0:
        return []
    rules = find_rulings(gray, unit)
    if len(rules[0]) < 2 and not flows and not parted:
        return []
    flat = flatten(gray, unit)
    words = words_in(without_rules(flat, [*rules[0], *rules[1]]), Box(0, 0, gray.shape[1], gray.shape[0]), unit)
    nets = [_draw(gray, flat, rules, box, unit) for box in ruled_boxes(*rules, words, unit)]
    nets = _apart([(table, even) for table, even in nets if is_table(table)])
    among = [
        stacked_boxes(rules[0], words, unit),
        parted_boxes([*parted, *map(around, flows)], words, unit),
        [box for flow in flows for box in flow_boxes(flow, words, unit)],
    ]
    drawn = _with_open(gray, flat, rules, unit, nets, among)
    return [
        DrawnTable(
            table.box, table, tuple(cut_strips(even, [p.box for p in table.pieces], profile)), profile.location_bins
        )
        for table, even in drawn
    ]


def _with_open(
    gray: Gray,
    flat: Gray,
    rules: tuple[Sequence[Rule], Sequence[Rule]],
    unit: float,
    nets: list[tuple[Sketch, Gray]],
    among: Sequence[Sequence[Box]],
) -> list[tuple[Sketch, Gray]]:
    """Return the nets and the tables without walls that do not overlap them; of those `among`, the first kinds first."""
    found = nets
    for boxes in among:
        free = [box for box in boxes if not any(overlap(box, table.box) for table, _ in found)]
        drawn = [_draw(gray, flat, rules, box, unit) for box in free]
        found = _apart([*found, *(one for one in drawn if len(one[0].xs) > 2 and len(one[0].pieces) >= _LEAST_PIECES)])
    return found


def _draw(
    gray: Gray, flat: Gray, rules: tuple[Sequence[Rule], Sequence[Rule]], box: Box, unit: float
) -> tuple[Sketch, Gray]:
    """Return the geometry of the table in `box`, and the page with the table's fills and rules taken out."""
    across, down = rules
    even = flat.copy()
    bare = Marks((), tuple(across), tuple(down), unit)
    grid = lattice(bare, box)
    for room in grid.rooms:
        even_room(gray, even, grid.box(room), unit)
    even = without_rules(even, [rule for rule in (*across, *down) if _near(rule, box, _RULES_AROUND * unit)])
    return sketch(replace(bare, words=tuple(words_in(even, box, unit))), box), even


def _near(rule: Rule, box: Box, room: float) -> bool:
    return rule.x0 < box.x1 + room and rule.x1 > box.x0 - room and rule.y0 < box.y1 + room and rule.y1 > box.y0 - room


def is_table(table: Sketch) -> bool:
    """Say whether a net of rules is a table: several rows and columns with text in them, not a frame or a diagram."""
    rooms = table.lattice.rooms
    columns = len(table.xs) - 1
    lines = len(table.lattice.ys) - 1
    filled = {piece.room for piece in table.pieces}
    if columns < 2 or len(table.pieces) < _LEAST_PIECES or (lines < 2 and len(table.pieces) < 2 * columns):
        return False
    whole = (table.box.x1 - table.box.x0) * (table.box.y1 - table.box.y0)
    boxes = [table.lattice.box(room) for room in rooms]
    largest = max((box.x1 - box.x0) * (box.y1 - box.y0) for box in boxes)
    bodies = columns > len(table.lattice.xs) - 1 or lines <= 3
    if largest > _LARGEST_ROOM * whole and not bodies:
        return False
    return len(filled) >= _LEAST_FILLED * len(rooms)


def _apart(found: list[tuple[Sketch, Gray]]) -> list[tuple[Sketch, Gray]]:
    """Keep the larger of tables that overlap, and return them from top to bottom."""
    kept: list[tuple[Sketch, Gray]] = []
    for table, even in sorted(found, key=lambda f: -(f[0].box.x1 - f[0].box.x0) * (f[0].box.y1 - f[0].box.y0)):
        if not any(overlap(table.box, other.box) for other, _ in kept):
            kept.append((table, even))
    return sorted(kept, key=lambda f: (f[0].box.y0, f[0].box.x0))


def overlap(one: Box, other: Box) -> bool:
    """Say whether two boxes share more than a border."""
    return min(one.x1, other.x1) > max(one.x0, other.x0) and min(one.y1, other.y1) > max(one.y0, other.y0)


def table_block(table: DrawnTable, texts: Sequence[BandText], to_page: Callable[[Box], Box]) -> Block:
    """Return the block of a table that was read; `to_page` leads from working pixels to those of the page image."""
    readings = table.readings(texts)
    result = build(table.drawn, readings)
    order = [k for cell in result.cells for k in cell.lines]
    place = {k: number for number, k in enumerate(order)}
    cells = tuple(replace(cell, lines=tuple(place[k] for k in cell.lines)) for cell in result.cells)
    lines = [_line(table.drawn.pieces[k], readings[k], to_page) for k in order]
    return block_of(on_page(replace(result, cells=cells), to_page), lines)


def _line(piece: Piece, reading: Reading, to_page: Callable[[Box], Box]) -> Line:
    """Return the public line of a piece, its words put where the ink has them."""
    box = piece.box
    gaps = [(a.x1 - box.x0, b.x0 - box.x0) for a, b in pairwise(piece.words)]
    length = max(box.x1 - box.x0, 1.0)
    words = tuple(
        Word(text, to_page(Box(box.x0 + start * length, box.y0, box.x0 + stop * length, box.y1)))
        for text, start, stop in split_at_gaps(reading.text, gaps, length)
    )
    return Line(reading.text, to_page(box), geometric_mean(reading.logprobs), words, reading.logprobs)


def on_page(table: TableResult, to_page: Callable[[Box], Box]) -> TableResult:
    """Return the table with all boxes on the page image, and the column borders where the page is upright."""
    cells = tuple(replace(cell, box=to_page(cell.box) if cell.box else None) for cell in table.cells)
    box = to_page(table.box) if table.box else None
    edges = tuple(to_page(Box(x, table.box.y0, x, table.box.y1)).x0 for x in table.edges) if table.box else ()
    return replace(table, cells=cells, box=box, edges=edges)


def block_of(table: TableResult, lines: Sequence[Line] = ()) -> Block:
    """Return the block that stands for a table on a page."""
    rows = table.texts()
    text = "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows)
    flat = tuple(tuple(" ".join(cell.split()) for cell in row) for row in rows)
    box = table.box or (reduce(Box.union, [c.box for c in table.cells if c.box]) if _boxed(table.cells) else None)
    return Block("table", text, box, 0, tuple(lines), table.confidence, flat, table)


def _boxed(cells: Sequence[TableCell]) -> bool:
    return any(cell.box for cell in cells)
