"""From a sketch and the text of its pieces to the table: which lines are rows, which cells span, which are headings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import Box, geometric_mean
from dsvl2.pipelines.tables.headings import heading_lines, widened
from dsvl2.pipelines.tables.lattice import Room
from dsvl2.pipelines.tables.marks import around, centre_y, text_lines
from dsvl2.pipelines.tables.row_groups import group_rows
from dsvl2.pipelines.tables.sketch import Piece, Sketch
from dsvl2.pipelines.tables.types import TableCell, TableResult, compacted, table_of
from dsvl2.pipelines.tables.wrapping import Printed, TextLine, splits

_SMALL = 0.8
_WIDEST = 3.4  # letter heights from line to line within a cell: what is set wider are rows


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one piece."""

    text: str
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: the pieces (numbers) in it, its lattice row, and whether it is a heading."""

    pieces: tuple[int, ...]
    band: int
    header: bool


def build(drawn: Sketch, readings: Sequence[Reading]) -> TableResult:
    """Return the table of a sketch whose pieces were read, one reading for each; pieces without text do not count.

    The `lines` of its cells are numbers of pieces.

    Raises ValueError if pieces and readings are not as many.
    """
    if len(readings) != len(drawn.pieces):
        raise ValueError(f"{len(drawn.pieces)} pieces need as many readings, not {len(readings)}")
    printed = {k: _printed(drawn, piece, readings[k].text) for k, piece in enumerate(drawn.pieces)}
    printed = _cased({k: piece for k, piece in printed.items() if piece.text.strip()})
    printed = widened(drawn, printed)
    rows = _rows(drawn, printed)
    table = table_of(_cells(drawn, readings, printed, rows), len(rows), len(drawn.xs) - 1)
    confidence = geometric_mean([value for reading in readings for value in reading.logprobs])
    return compacted(replace(table, box=drawn.box, edges=drawn.xs, confidence=confidence))


def _printed(drawn: Sketch, piece: Piece, text: str) -> Printed:
    head = piece.words[0].x1 - piece.words[0].x0 if piece.words else 0.0
    return Printed(text, piece.box, piece.first, piece.last, head, _room(drawn, piece))


def _cased(printed: dict[int, Printed]) -> dict[int, Printed]:
    """Mark the pieces of columns in which nearly everything begins with a small letter."""
    small: dict[int, list[bool]] = defaultdict(list)
    for piece in printed.values():
        small[piece.first].append(piece.text[:1].islower())
    plain = {column for column, marks in small.items() if sum(marks) > _SMALL * len(marks)}
    return {k: replace(piece, lower=piece.first in plain) for k, piece in printed.items()}


def _room(drawn: Sketch, piece: Piece) -> float:
    """Return how wide the text of a piece's column may be: up to its walls, else as wide as its widest piece."""
    same = [p for p in drawn.pieces if (p.first, p.last) == (piece.first, piece.last)]
    widest = max(p.box.x1 - p.box.x0 for p in same)
    if drawn.ruled[piece.first] and drawn.ruled[piece.last + 1]:
        return max(widest, drawn.xs[piece.last + 1] - drawn.xs[piece.first] - 1.2 * drawn.unit)
    return widest


def _rows(drawn: Sketch, printed: dict[int, Printed]) -> list[_Row]:
    """Cut each lattice row into table rows."""
    grid = drawn.lattice
    bands: list[list[list[int]]] = []
    for band in range(len(grid.ys) - 1):
        own = [k for k in printed if _in_band(grid.rooms[drawn.pieces[k].room], band)]
        boxes = [printed[k].box for k in own]
        number = {id(box): k for box, k in zip(boxes, own, strict=True)}
        bands.append([[number[id(box)] for box in line] for line in text_lines(boxes, drawn.unit)])
    lines = [_line(line, printed) for band in bands for line in band]
    pitch = _pitch(drawn, bands, printed)
    headings = heading_lines(drawn, lines, [len(band) for band in bands], pitch)
    rows: list[_Row] = []
    seen = 0
    for band, members in enumerate(bands):
        here = lines[seen : seen + len(members)]
        header = [place < headings for place in range(seen, seen + len(members))]
        seen += len(members)
        rows += _band_rows(drawn, band, members, here, header, pitch)
    return rows


def _in_band(room: Room, band: int) -> bool:
    return room.top == band  # a cell over several lattice rows is read in its first


def _line(line: Sequence[int], printed: dict[int, Printed]) -> TextLine:
    return TextLine({printed[k].first: printed[k] for k in line})


def _pitch(drawn: Sketch, bands: Sequence[Sequence[Sequence[int]]], printed: dict[int, Printed]) -> float:
    """Return the least usual distance of successive text lines of one column."""
    steps = []
    for band in bands:
        last: dict[int, float] = {}
        for k in (k for line in band for k in line):
            middle = centre_y(printed[k].box)
            step = middle - last.get(printed[k].first, middle)
            if 1.6 * drawn.unit < step < 6 * drawn.unit:
                steps.append(step)
            last[printed[k].first] = middle
    return min(sorted(steps)[len(steps) // 10], _WIDEST * drawn.unit) if steps else 2.4 * drawn.unit


def _band_rows(
    drawn: Sketch,
    band: int,
    members: Sequence[Sequence[int]],
    lines: Sequence[TextLine],
    header: Sequence[bool],
    pitch: float,
) -> list[_Row]:
    """Return the rows of one lattice row: one without text, else as its lines say."""
    grid = drawn.lattice
    if not members:
        return [_Row((), band, False)]
    walls = sum(grid.ruled_y[1:-1])
    closed = walls >= 2 and len(grid.ys) > 3 and _is_grid(drawn, band)
    rows: list[_Row] = []
    head = 0 if closed and not all(header) else sum(header)
    new = {place for place, begins in enumerate([True, *splits(lines[:head], drawn.unit, pitch)]) if begins}
    new = {place for place in new if place < head}
    new |= {head + first for first in group_rows(lines[head:], drawn.unit, pitch, walled=closed)}
    for place in range(len(members)):
        if place in new:
            rows.append(_Row(tuple(members[place]), band, header[place]))
        else:
            rows[-1] = _Row((*rows[-1].pieces, *members[place]), band, rows[-1].header)
    return rows


def _is_grid(drawn: Sketch, band: int) -> bool:
    """Say whether a lattice row is one of many: most of them hold few lines."""
    bands = len(drawn.lattice.ys) - 1
    heights = [b - a for a, b in zip(drawn.lattice.ys, drawn.lattice.ys[1:], strict=False)]
    return heights[band] < 0.5 * sum(heights) or bands >= 6


def _cells(
    drawn: Sketch, readings: Sequence[Reading], printed: dict[int, Printed], rows: Sequence[_Row]
) -> list[TableCell]:
    """Return the cells: the walled rooms with their spans, and within rooms a cell for each row and run of columns."""
    first_row: dict[int, int] = {}
    last_row: dict[int, int] = {}
    for number, row in enumerate(rows):
        first_row.setdefault(row.band, number)
        last_row[row.band] = number
    of_room: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, row in enumerate(rows):
        for k in row.pieces:
            of_room[drawn.pieces[k].room].append((number, k))
    cells = []
    for number, room in enumerate(drawn.lattice.rooms):
        first, last = drawn.columns_of(room)
        top, bottom = first_row[room.top], last_row[room.bottom]
        header = rows[top].header
        own = of_room[number]
        if room.bottom > room.top or _is_whole(drawn, room, own, rows, printed):
            texts = [k for _, k in own]
            box = drawn.lattice.box(room)
            cells.append(_cell(texts, readings, (top, bottom), (first, last), box, header))
            continue
        for place in range(top, bottom + 1):
            for columns, members in _runs([k for r, k in own if r == place], printed):
                box = around([drawn.pieces[k].box for k in members])
                cells.append(_cell(members, readings, (place, place), columns, box, rows[place].header))
    return cells


def _is_whole(
    drawn: Sketch, room: Room, own: Sequence[tuple[int, int]], rows: Sequence[_Row], printed: dict[int, Printed]
) -> bool:
    """Say whether a room of one lattice row is one cell: walls on both sides where the table means its walls."""
    if len({row for row, _ in own}) > 1:
        return False
    if room.right == room.left and drawn.place[room.right + 1] - drawn.place[room.left] > 1:
        return False
    inner = range(room.left + 1, room.right + 1)
    if not inner:
        return sum(row.band == room.top for row in rows) == 1
    if not own:
        return all(drawn.lattice.ruled_x[k] for k in inner)
    apart = {printed[k].first for _, k in own}
    return len(apart) == 1 and all(drawn.lattice.ruled_x[k] for k in inner)


def _runs(members: Sequence[int], printed: dict[int, Printed]) -> list[tuple[tuple[int, int], list[int]]]:
    """Group the pieces of a row by the columns they share."""
    groups: list[tuple[tuple[int, int], list[int]]] = []
    for k in sorted(members, key=lambda k: printed[k].first):
        first, last = printed[k].first, printed[k].last
        if groups and first <= groups[-1][0][1]:
            (low, high), held = groups[-1]
            groups[-1] = ((low, max(high, last)), [*held, k])
        else:
            groups.append(((first, last), [k]))
    return groups


def _cell(
    members: Sequence[int],
    readings: Sequence[Reading],
    rows: tuple[int, int],
    columns: tuple[int, int],
    box: Box,
    header: bool,
) -> TableCell:
    ordered = sorted(members)
    text = "\n".join(readings[k].text.strip() for k in ordered)
    known = [value for k in ordered for value in readings[k].logprobs]
    return TableCell(
        rows[0],
        columns[0],
        text,
        rows[1] - rows[0] + 1,
        columns[1] - columns[0] + 1,
        box,
        geometric_mean(known),
        header,
        lines=tuple(ordered),
    )
