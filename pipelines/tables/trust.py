"""Whether what was taken for a table is one, judged by the letters of the page: read piece by piece it must lose nothing.

Forms draw lines to write on and frames around everything; what they hold is read better as lines of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import Components, Mask, components
from dsvl2.pipelines.layout.lines import Rows
from dsvl2.pipelines.tables.flatten import Gray

if TYPE_CHECKING:
    from dsvl2.pipelines.tables.drawn import DrawnTable

_LEAST_HELD = 0.97  # share of a table's letters that stand in the pieces to be read
_MOST_CUT = 0.05  # share of the lines in a table that go on beyond its sides
_NEAR = 0.6  # letter heights
_MOST_WRITTEN = 0.5  # share of a table's pieces that stand on a line to be written on
_FILL = 128  # grey level: a room that is darker has light print, and what counts as its ink is the fill around that
_SCREEN, _SPECK, _DOTTED, _MOST_DOTS = 200, 4, 1.15, 0.95  # pieces, pixels of one, strokes of a dot, share of dots
_SLIM = 0.2  # letter heights from a wall: ink that comes so near is the wall's


def trusted(tables: Sequence[DrawnTable], found: Components, letter: Mask, rows: Rows, gray: Gray) -> list[DrawnTable]:
    """Return the tables to be read as such: their pieces hold their letters, and no lines of print run out of them.

    `found`, `letter` and `rows` are those of the whole page `gray`, tables included, in the tables' pixels.
    """
    return [
        table for table in tables
        if not _is_screen(gray, table.box)
        and _held(table, found, letter & ~_fills_and_walls(table, found, gray)) >= _LEAST_HELD
        and _cut(table, found, letter, rows) <= _MOST_CUT
        and not _is_written_on(table)
    ]  # fmt: skip


def _is_screen(gray: Gray, box: Box) -> bool:
    """Say whether a box is full of the dots of a picture: a row of pixels crosses two strokes of most letters, one dot."""
    part = gray[max(0, int(box.y0)) : ceil(box.y1), max(0, int(box.x0)) : ceil(box.x1)]
    found = components(part < _FILL)
    some = found.area >= _SPECK
    strokes = (np.bincount(found.runs.label, minlength=len(found)) / np.maximum(found.height, 1))[some]
    return len(strokes) >= _SCREEN and float((strokes < _DOTTED).mean()) > _MOST_DOTS


def _fills_and_walls(table: DrawnTable, found: Components, gray: Gray) -> Mask:
    """Return which components of a table with dark rooms are pieces of the fill between its letters, or of walls."""
    grid, near = table.drawn.lattice, _SLIM * table.drawn.unit
    result = np.zeros(len(found), dtype=np.bool_)
    dark = [box for box in map(grid.box, grid.rooms) if _is_dark(gray, box)]
    if not dark:
        return result
    for x in (x for x, ruled in zip(grid.xs, grid.ruled_x, strict=True) if ruled):
        result |= (found.x0 < x + near) & (found.x1 > x - near)
    for y in (y for y, ruled in zip(grid.ys, grid.ruled_y, strict=True) if ruled):
        result |= (found.y0 < y + near) & (found.y1 > y - near)
    for box in dark:
        result |= (found.x1 > box.x0) & (found.x0 < box.x1) & (found.y1 > box.y0) & (found.y0 < box.y1)
    return result


def _is_dark(gray: Gray, box: Box) -> bool:
    part = gray[max(0, int(box.y0)) : int(box.y1), max(0, int(box.x0)) : int(box.x1)]
    return part.size > 0 and float(np.median(part)) < _FILL


def _held(table: DrawnTable, found: Components, letter: Mask) -> float:
    """Return the share of the letters in a table that stand in one of its pieces."""
    middle_x, middle_y = (found.x0 + found.x1) / 2, (found.y0 + found.y1) / 2
    box, near = table.box, _NEAR * table.drawn.unit
    mine = letter & (middle_x > box.x0) & (middle_x < box.x1) & (middle_y > box.y0) & (middle_y < box.y1)
    x, y = middle_x[mine], middle_y[mine]
    if not x.size:
        return 1.0
    held = np.zeros(x.size, dtype=np.bool_)
    for piece in table.drawn.pieces:
        inside = piece.box
        held |= (x > inside.x0 - near) & (x < inside.x1 + near) & (y > inside.y0 - near) & (y < inside.y1 + near)
    return float(held.mean())


def _cut(table: DrawnTable, found: Components, letter: Mask, rows: Rows) -> float:
    """Return the share of the lines in a table of which a word lies across one of its sides."""
    box, unit = table.box, table.drawn.unit
    middle_y = (found.y0 + found.y1) / 2
    level = letter & (middle_y > box.y0) & (middle_y < box.y1) & (rows.of_component >= 0)
    inside = level & (found.x0 < box.x1) & (found.x1 > box.x0)
    lines = np.unique(rows.of_component[inside])
    cut = 0
    for line in lines.tolist():
        own = level & (rows.of_component == line)
        x0, x1 = found.x0[own], found.x1[own]
        cut += any(
            bool(((x1 > side - 1.2 * unit) & (x0 < side)).any() and ((x0 < side + 1.2 * unit) & (x1 > side)).any())
            for side in (box.x0, box.x1)
        )
    return cut / max(1, lines.size)


def _is_written_on(table: DrawnTable) -> bool:
    """Say whether a table without walls is a stack of lines to be written on: text stands on most, as on a form."""
    drawn = table.drawn
    if any(drawn.lattice.ruled_x[1:-1]) or len(drawn.lattice.ys) < 5:
        return False
    inner = [y for y, ruled in zip(drawn.lattice.ys[1:], drawn.lattice.ruled_y[1:], strict=True) if ruled]
    bases = [piece.box.y1 for piece in drawn.pieces]
    tops = [piece.box.y0 for piece in drawn.pieces]
    near = 0.45 * drawn.unit
    written = 0
    for top, base in zip(tops, bases, strict=True):
        stands = any(abs(base - y) < near for y in inner)
        hangs = any(abs(top - y) < 1.5 * near for y in inner)
        written += stands and not hangs
    return written > _MOST_WRITTEN * max(1, len(bases))
