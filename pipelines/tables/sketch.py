"""The geometry of a table before anything is read: rooms, column borders, and the pieces of text to read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.tables.columns import find_borders
from dsvl2.pipelines.tables.lattice import Lattice, Room, lattice
from dsvl2.pipelines.tables.marks import WORD_GAP, Marks, around, centre_x, text_lines

_BORDER_GAP = 0.7  # letter heights: a gap a little wider than a word space, where a border is, parts cells


@dataclass(frozen=True, slots=True)
class Piece:
    """One line of text within one cell: its box, its first and last column, the room it stands in, its words."""

    box: Box
    first: int
    last: int
    room: int
    words: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Sketch:
    """A table's geometry. `xs` are all column borders, `ruled[k]` says whether border k is one that rules draw.

    `place[k]` is the first of the columns of lattice column k. `pieces` are what is to be read, in reading order;
    `part_rules` the horizontal rules that do not cross the whole table: they say how far a heading reaches.
    """

    box: Box
    unit: float
    lattice: Lattice
    xs: tuple[float, ...]
    ruled: tuple[bool, ...]
    place: tuple[int, ...]
    pieces: tuple[Piece, ...]
    part_rules: tuple[Rule, ...] = ()

    def columns_of(self, room: Room) -> tuple[int, int]:
        """Return the first and last column that a room covers."""
        return self.place[room.left], self.place[room.right + 1] - 1


def sketch(marks: Marks, box: Box) -> Sketch:
    """Return the geometry of the table in `box`."""
    grid = lattice(marks, box)
    words = marks.within(Box(box.x0 - 1, box.y0 - 1, box.x1 + 1, box.y1 + 1))
    xs, ruled, place = _columns(grid, words, marks.unit)
    pieces: list[Piece] = []
    for number, room in enumerate(grid.rooms):
        inside = grid.box(room)
        own = [w for w in words if inside.x0 <= centre_x(w) < inside.x1 and _within(w, inside)]
        first, last = place[room.left], place[room.right + 1] - 1
        for line in text_lines(own, marks.unit):
            pieces += _pieces(line, xs, (first, last), number, marks.unit)
    short = [r for r in marks.across if r.x1 - r.x0 < 0.9 * (box.x1 - box.x0) and box.y0 < r.y0 < box.y1]
    inside_box = tuple(r for r in short if box.x0 - 2 <= r.x0 and r.x1 <= box.x1 + 2)
    return Sketch(box, marks.unit, grid, xs, ruled, place, tuple(pieces), inside_box)


def _within(word: Box, inside: Box) -> bool:
    middle = (word.y0 + word.y1) / 2
    return inside.y0 <= middle < inside.y1


def _columns(
    grid: Lattice, words: Sequence[Box], unit: float
) -> tuple[tuple[float, ...], tuple[bool, ...], tuple[int, ...]]:
    """Return all column borders, which of them are ruled, and the first column of each lattice column (and the end)."""
    xs: list[float] = [grid.xs[0]]
    ruled = [True]
    place = [0]
    walled = sum(grid.ruled_y[1:-1]) >= 2 and len(grid.xs) > 2 and all(grid.ruled_x[1:-1])
    for left, right in zip(grid.xs, grid.xs[1:], strict=False):
        strip = [w for w in words if left <= centre_x(w) < right]
        for border in find_borders(text_lines(strip, unit), unit, sure=walled):
            xs.append(border)
            ruled.append(False)
        xs.append(right)
        ruled.append(True)
        place.append(len(xs) - 1)
    return tuple(xs), tuple(ruled), tuple(place)


def _pieces(line: Sequence[Box], xs: Sequence[float], columns: tuple[int, int], room: int, unit: float) -> list[Piece]:
    """Cut a line of words at column borders, except where a run of words without a wide gap lies across one."""
    runs: list[list[Box]] = []
    for word in line:
        gap = word.x0 - runs[-1][-1].x1 if runs else 0.0
        parted = gap > _BORDER_GAP * unit and any(runs[-1][-1].x1 <= x <= word.x0 for x in xs)
        if runs and gap < WORD_GAP * unit and not parted:
            runs[-1].append(word)
        else:
            runs.append([word])
    result: list[Piece] = []
    for run in runs:
        box = around(run)
        first = min(max(bisect_right(xs, box.x0 + 0.3 * unit) - 1, columns[0]), columns[1])
        last = min(max(bisect_right(xs, box.x1 - 0.3 * unit) - 1, first), columns[1])
        before = result[-1] if result else None
        if before is not None and before.last >= first and before.room == room:
            joined = before.box.union(box)
            result[-1] = Piece(joined, before.first, max(last, before.last), room, (*before.words, *run))
        else:
            result.append(Piece(box, first, last, room, tuple(run)))
    return result
