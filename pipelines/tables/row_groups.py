"""Which text lines of a table's body make a row: the cheapest division of its lines, from how cells are placed and read.

In every table the cells of a row begin at one height, end at one height, or are centred on one: the division is made
for each of the three, and the one with the least cost is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from dsvl2.pipelines.tables.marks import centre_y
from dsvl2.pipelines.tables.wrapping import Printed, TextLine, breaks, is_number

Placing = Literal["top", "middle", "bottom"]
_PLACINGS: tuple[Placing, ...] = ("top", "middle", "bottom")

_MOST_LINES = 12  # of one row; longer cells are found where walls show them
_MISPLACED = 2.0  # cost of a cell that does not stand where its row's cells do
_TORN = 2.5  # cost of a gap inside a cell
_ROW = 0.4  # cost of one more row
_LONELY, _UNLABELLED = (
    1.0,
    0.6,
)  # cost of a row with one cell that is not its label; without a label where most have one
_OPEN = 1.0  # worth of a wider space between two rows
_TEARING = 0.5  # share of what speaks for two lines being one cell, as cost of a row that ends between them
_TOGETHER = 1.5  # the most that joining two lines can gain
_FULL, _ALL_FULL = 0.5, 2.0  # cost of each line of a row but the first for each column but one, if it fills all columns
_NEARLY = 0.9  # share of such lines from which on every line is taken for a row
_WALLED = 3.0  # cost of a second row where walls show one


def group_rows(lines: Sequence[TextLine], unit: float, leading: float, *, walled: bool = False) -> list[int]:
    """Return the first line of each row. `leading` is the least usual distance of lines within a column.

    `walled`: rules enclose the lines, so that they are one row unless much speaks against it.
    """
    if len(lines) < 2:
        return [0] if lines else []
    labels = sum(0 in line.pieces for line in lines) >= 0.5 * len(lines)
    best: tuple[float, list[int]] | None = None
    for placing in _PLACINGS:
        found = _Division(lines, unit, leading, placing, labels, walled).best()
        if best is None or found[0] < best[0] - 1e-9:
            best = found
    assert best is not None
    return best[1]


class _Division:
    """The cheapest division of lines into rows whose cells are placed in one way (dynamic programme)."""

    def __init__(
        self, lines: Sequence[TextLine], unit: float, leading: float, placing: Placing, labels: bool, walled: bool
    ) -> None:
        self.lines, self.unit, self.leading = lines, unit, leading
        self.placing, self.labels, self.walled = placing, labels, walled
        self.columns = len({column for line in lines for column in line.pieces})
        full = sum(len(line.pieces) == self.columns for line in lines)
        self.full = 0.0 if walled else _ALL_FULL if full > 2 and full >= _NEARLY * len(lines) else _FULL
        self.middles = [line.middle for line in lines]

    def best(self) -> tuple[float, list[int]]:
        """Return the cost, and the first line of each row."""
        count = len(self.lines)
        most = count if self.walled else _MOST_LINES
        cost = [0.0] + [float("inf")] * count
        begin = [0] * (count + 1)
        for last in range(1, count + 1):
            for first in range(max(0, last - most), last):
                value = cost[first] + self._row(first, last) + (self._border(first) if first else 0.0)
                if value < cost[last]:
                    cost[last], begin[last] = value, first
        starts, last = [], count
        while last:
            starts.append(begin[last])
            last = begin[last]
        return cost[count], starts[::-1]

    def _columns(self, first: int, last: int) -> dict[int, list[Printed]]:
        columns: dict[int, list[Printed]] = {}
        for line in self.lines[first:last]:
            for column, piece in line.pieces.items():
                columns.setdefault(column, []).append(piece)
        return columns

    def _row(self, first: int, last: int) -> float:
        """Return the cost of taking lines first..last-1 as one row."""
        columns = self._columns(first, last)
        cost = _ROW + (_WALLED if self.walled and first else 0.0)
        placings = (self.placing,) if first else _PLACINGS  # a head that nothing shows may be placed in its own way
        cost += _MISPLACED * min(self._misplaced(columns, first, last, placing) for placing in placings)
        for pieces in columns.values():
            for a, b in pairwise(pieces):
                if centre_y(b.box) - centre_y(a.box) > 1.3 * self.leading:
                    cost += _TORN
                cost += max(-_TOGETHER, breaks(a, b, self.unit))
        full = sum(len(line.pieces) == self.columns for line in self.lines[first + 1 : last])
        cost += self.full * full * (self.columns - 1)
        if self.labels and 0 not in columns:
            cost += _UNLABELLED
        if len(columns) == 1 and 0 not in columns:
            cost += _LONELY
        return cost

    def _misplaced(self, columns: dict[int, list[Printed]], first: int, last: int, placing: Placing) -> int:
        """Count the cells of a row that do not stand where the row's cells do."""
        top, bottom = self.middles[first], self.middles[last - 1]
        count = 0
        for pieces in columns.values():
            upper, lower = centre_y(pieces[0].box), centre_y(pieces[-1].box)
            away = {"top": upper - top, "bottom": bottom - lower, "middle": abs(upper + lower - top - bottom) / 2}
            count += away[placing] > 0.6 * self.unit
        return count

    def _border(self, first: int) -> float:
        """Return the cost of a row that begins with line `first`: texts that it tears, less the space that shows it."""
        above, below = self.lines[first - 1], self.lines[first]
        cost = 0.0
        gaps = []
        for column, piece in below.pieces.items():
            upper = self._above(column, first)
            if upper is None:
                continue
            gap = centre_y(piece.box) - centre_y(upper.box)
            gaps.append(gap)
            if gap < 1.3 * self.leading:
                cost += _TEARING * max(0.0, -breaks(upper, piece, self.unit))
        nearest = min(gaps, default=self.middles[first] - self.middles[first - 1])
        if nearest > 1.12 * self.leading:
            cost -= _OPEN
        if any(piece.last > piece.first for piece in above.pieces.values()) and not below.spans:
            cost -= _OPEN
        if all(is_number(piece.text) for c, piece in below.pieces.items() if c) and len(below.pieces) > 1:
            cost -= 0.2
        return cost

    def _above(self, column: int, first: int) -> Printed | None:
        """Return the piece in the column that stands nearest above line `first`, up to three lines away."""
        for line in reversed(self.lines[max(0, first - 3) : first]):
            if column in line.pieces:
                return line.pieces[column]
        return None
