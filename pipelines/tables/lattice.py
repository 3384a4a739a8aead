"""The grid that ruling lines draw: border positions, and the cells between walls that are there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.marks import Marks

_COVER = 0.55  # a wall is there if rules cover this share of it
_NEAR = 1.1  # letter heights: rules closer than this are one line (double rules, scans)
_USUAL = 0.5  # share of a border that is ruled on a table that means its borders


@dataclass(frozen=True, slots=True)
class Room:
    """A cell of the lattice, which may cover several of its rows and columns (last ones inclusive)."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Lattice:
    """Borders `xs` and `ys` (ascending, outer ones included) and the rooms between walls, in reading order.

    `ruled_x[k]` says whether border k is ruled over most of its length, `ruled_y` the same for rows.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    rooms: tuple[Room, ...]
    ruled_x: tuple[bool, ...]
    ruled_y: tuple[bool, ...]

    def box(self, room: Room) -> Box:
        """Return where a room is."""
        return Box(self.xs[room.left], self.ys[room.top], self.xs[room.right + 1], self.ys[room.bottom + 1])


def lattice(marks: Marks, box: Box) -> Lattice:
    """Return the lattice of a table that fills `box`; without rules it has one room."""
    across = [r for r in marks.across if r.x1 > box.x0 and r.x0 < box.x1 and box.y0 - 2 <= r.y1 and r.y0 <= box.y1 + 2]
    down = [r for r in marks.down if r.y1 > box.y0 and r.y0 < box.y1 and box.x0 - 2 <= r.x1 and r.x0 <= box.x1 + 2]
    near = _NEAR * marks.unit
    ys = _borders([(r.y0 + r.y1) / 2 for r in across], box.y0, box.y1, near)
    xs = _borders([(r.x0 + r.x1) / 2 for r in down], box.x0, box.x1, near)
    below = _walls([(r.x0, r.x1, (r.y0 + r.y1) / 2) for r in across], ys, xs, near)
    beside = _walls([(r.y0, r.y1, (r.x0 + r.x1) / 2) for r in down], xs, ys, near)
    means_walls = len(ys) > 3 and len(xs) > 2 and sum(_mostly(c, ys) for c in beside[1:-1]) >= _USUAL * (len(xs) - 2)
    rooms = _rooms(below, beside, len(ys) - 1, len(xs) - 1, down=means_walls)
    ruled_y = tuple(_mostly(row, xs) for row in below)
    ruled_x = tuple(_mostly(column, ys) for column in beside)
    return Lattice(tuple(xs), tuple(ys), tuple(rooms), ruled_x, ruled_y)


def _borders(places: Sequence[float], low: float, high: float, near: float) -> list[float]:
    """Return the distinct border positions, the ends of the table among them."""
    groups: list[list[float]] = []
    for place in sorted(places):
        if groups and place - groups[-1][-1] < near:
            groups[-1].append(place)
        else:
            groups.append([place])
    borders = [sum(group) / len(group) for group in groups]
    if not borders or borders[0] - low >= 1.3 * near:
        borders.insert(0, low)
    if len(borders) < 2 or high - borders[-1] >= 1.3 * near:
        borders.append(high)
    return borders


def _walls(
    rules: Sequence[tuple[float, float, float]], borders: Sequence[float], steps: Sequence[float], near: float
) -> list[list[bool]]:
    """Return for each border and each step along it whether it is ruled. `rules` are (from, to, position)."""
    result = []
    for border in borders:
        here = [(a, b) for a, b, place in rules if abs(place - border) < near]
        row = []
        for start, stop in itertools.pairwise(steps):
            covered = sum(max(0.0, min(b, stop) - max(a, start)) for a, b in here)
            row.append(covered >= _COVER * (stop - start))
        result.append(row)
    return result


def _mostly(walls: Sequence[bool], steps: Sequence[float]) -> bool:
    lengths = [b - a for a, b in itertools.pairwise(steps)]
    ruled = sum(length for length, wall in zip(lengths, walls, strict=True) if wall)
    return ruled >= _USUAL * sum(lengths)


def _rooms(below: list[list[bool]], beside: list[list[bool]], rows: int, columns: int, *, down: bool) -> list[Room]:
    """Join places without a wall between them to rectangles: along rows first, then rows of like extent.

    Rows are joined only on a table that means its walls (`down`): few rules mark levels, not cells over several rows.
    """
    taken: set[tuple[int, int]] = set()
    rooms = []
    for r in range(rows):
        for c in range(columns):
            if (r, c) in taken:
                continue
            right = c
            while right + 1 < columns and not beside[right + 1][r] and (r, right + 1) not in taken:
                right += 1
            bottom = r
            while down and bottom + 1 < rows and _goes_on(below, beside, bottom, c, right, columns):
                bottom += 1
            taken.update((i, j) for i in range(r, bottom + 1) for j in range(c, right + 1))
            rooms.append(Room(r, bottom, c, right))
    return rooms


def _goes_on(below: list[list[bool]], beside: list[list[bool]], row: int, left: int, right: int, columns: int) -> bool:
    """Say whether the room that ends in `row` has no wall below it and the same side walls in the next row."""
    if any(below[row + 1][left : right + 1]):
        return False
    inner = any(beside[k][row + 1] for k in range(left + 1, right + 1))
    open_left = left > 0 and not beside[left][row + 1]
    open_right = right + 1 < columns and not beside[right + 1][row + 1]
    return not (inner or open_left or open_right)
