"""Tables whose columns were taken for columns of the page: text side by side that begins anew at common heights.

Columns of running text break off each at its own heights; the cells of a table's rows stand beside each other, so that
white stripes wider than the space between lines run through all columns. Rows of one line each show it by figures and
short words instead: those are found among the lines of one column (`open_tables`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.columns import find_borders, is_justified, is_spaced_evenly
from dsvl2.pipelines.tables.marks import around, centre_x, centre_y, chunks, text_lines

_STRIPE = 1.17  # line distances from the last line of a row to the first of the next, at least
_FEWEST_ROWS, _FEWEST_OF_TWO = 3, 6  # rows of a table, and of one that has but two columns
_TALLEST, _USUAL = 9, 4  # lines of the tallest row, and of the middle one
_WRAPPED = 0.25  # share of the rows of a table of two columns that have a cell of several lines
_FILLED, _FILLED_OF_TWO = 0.6, 0.85  # share of rows with text in two columns or more
_CROSSED = 0.2  # share of lines with text across a column border: headings over several columns
_WIDEST = 34.0  # letter heights: a wider column of a table of two holds running text
_NEXT = 3.2  # line distances: what stands closer above or below, in the columns, belongs to the table
_PROSE = 0.6  # share of a place's width that no line of one part in a table fills
_PARTS = 1.3  # letter heights between words of different cells


@dataclass(frozen=True, slots=True)
class _Columns:
    """Column borders, ends included, and the least usual distance of lines within a column."""

    borders: tuple[float, ...]
    leading: float

    def number(self, x: float) -> int:
        return sum(x >= border for border in self.borders[1:-1])

    def crossed(self, part: Box, unit: float) -> bool:
        """Say whether a piece of text lies across a border."""
        return any(part.x0 + unit < border < part.x1 - unit for border in self.borders[1:-1])


def beside_each_other(leaves: Sequence[Sequence[Box]], unit: float) -> list[Box]:
    """Return the boxes around leaves of the page (their lines, top down) that stand beside each other in common rows."""
    boxes = [around(leaf) for leaf in leaves]
    group = list(range(len(leaves)))
    for i, one in enumerate(boxes):
        for j, other in enumerate(boxes[:i]):
            level = min(one.y1, other.y1) - max(one.y0, other.y0)
            if level > 0.5 * min(one.y1 - one.y0, other.y1 - other.y0) and (one.x1 <= other.x0 or other.x1 <= one.x0):
                old, new = group[i], group[j]
                group = [new if number == old else number for number in group]
    found = []
    for number in sorted(set(group)):
        members = [k for k in range(len(leaves)) if group[k] == number]
        lines = [line for k in members for line in leaves[k]]
        if len(members) > 1 and len(_stripes(lines, unit)) >= _FEWEST_ROWS - 1:
            found.append(around([boxes[k] for k in members]))
    return found


def _stripes(lines: Sequence[Box], unit: float) -> list[float]:
    """Return the heights of the white stripes that run through all lines."""
    low, found = float("-inf"), []
    for line in sorted(lines, key=lambda box: box.y0):
        if line.y0 - low > 0.3 * unit and low > float("-inf"):
            found.append(line.y0 - low)
        low = max(low, line.y1)
    return found


def parted_boxes(places: Sequence[Box], words: Sequence[Box], unit: float, *, apart: float = float("inf")) -> list[Box]:
    """Return the boxes of the tables that fill these places; `words` are all of the page.

    Lines further than `apart` (letter heights) from each other are of different tables.
    """
    found = []
    for place in places:
        inside = [w for w in words if place.x0 - unit < centre_x(w) < place.x1 + unit]
        lines = text_lines(inside, unit)
        for start, stop in _runs(lines, place, unit, apart * unit):
            columns = _columns(lines[start:stop], unit)
            if columns is not None and _is_table(lines[start:stop], columns, unit):
                first, last = _reach(lines, start, stop - 1, columns, unit)
                box = around([word for line in lines[first : last + 1] for word in line])
                found.append(Box(box.x0 - unit, box.y0 - 0.4 * unit, box.x1 + unit, box.y1 + 0.4 * unit))
    return found


def _runs(lines: Sequence[Sequence[Box]], place: Box, unit: float, apart: float) -> list[tuple[int, int]]:
    """Return (first, end) of the runs of lines in a place that no line of running text interrupts."""
    runs: list[tuple[int, int]] = []
    begun = -1
    for k, line in enumerate(lines):
        parts = chunks(line, _PARTS * unit)
        wide = place.x1 - place.x0
        prose = len(parts) == 1 and parts[0].x1 - parts[0].x0 > _PROSE * wide
        prose |= is_spaced_evenly(line, wide, unit)
        inside = place.y0 < _middle(line) < place.y1
        far = k > 0 and _middle(line) - _middle(lines[k - 1]) > apart
        if begun >= 0 and (far or prose or not inside):
            runs.append((begun, k))
            begun = -1
        if inside and not prose and begun < 0:
            begun = k
    return [*runs, (begun, len(lines))] if begun >= 0 else runs


def _middle(line: Sequence[Box]) -> float:
    return sum(map(centre_y, line)) / len(line)


def _columns(lines: Sequence[Sequence[Box]], unit: float) -> _Columns | None:
    inner = find_borders(lines, unit)
    if not inner:
        return None
    borders = (float("-inf"), *inner, float("inf"))
    last: dict[int, float] = {}
    steps = []
    for line in lines:
        for number in {sum(centre_x(word) >= x for x in inner) for word in line}:
            step = _middle(line) - last.get(number, float("-inf"))
            if 1.6 * unit < step < 6 * unit:
                steps.append(step)
            last[number] = _middle(line)
    return _Columns(borders, sorted(steps)[len(steps) // 5]) if steps else None


def _is_table(lines: Sequence[Sequence[Box]], columns: _Columns, unit: float) -> bool:
    """Say whether lines stand in columns that hardly any text crosses, none of them running text, and in rows of cells."""
    parts = [chunks(line, _PARTS * unit) for line in lines]
    crossed = [line for line in parts if any(columns.crossed(part, unit) for part in line)]
    if len(crossed) > max(1, _CROSSED * len(lines)):
        return False
    held: dict[int, list[Box]] = {}
    for part in (part for line in parts for part in line):
        held.setdefault(columns.number(centre_x(part)), []).append(part)
    return not any(is_justified(column, unit) for column in held.values()) and _in_rows(lines, columns, unit)


def _in_rows(lines: Sequence[Sequence[Box]], columns: _Columns, unit: float) -> bool:
    """Say whether lines are rows of cells: parted by white through all columns, few lines each, several cells in most."""
    rows: list[list[Sequence[Box]]] = [[lines[0]]]
    for before, line in pairwise(lines):
        if _middle(line) - _middle(before) > _STRIPE * columns.leading:
            rows.append([])
        rows[-1].append(line)
    cells = [_tally(row, columns) for row in rows]
    two = len(columns.borders) == 3
    tall = [max(cell.values()) for cell in cells]
    filled = sum(len(cell) > 1 for cell in cells)
    fewest, share = (_FEWEST_OF_TWO, _FILLED_OF_TWO) if two else (_FEWEST_ROWS, _FILLED)
    if len(rows) < fewest or filled < share * len(rows):
        return False
    if max(tall) > _TALLEST or median(tall) > _USUAL:
        return False
    return not two or (sum(t > 1 for t in tall) >= _WRAPPED * len(rows) and _widest(lines, columns) < _WIDEST * unit)


def _tally(row: Sequence[Sequence[Box]], columns: _Columns) -> dict[int, int]:
    """Count the lines of each column's cell in a row."""
    found: dict[int, int] = {}
    for line in row:
        for number in {columns.number(centre_x(word)) for word in line}:
            found[number] = found.get(number, 0) + 1
    return found


def _widest(lines: Sequence[Sequence[Box]], columns: _Columns) -> float:
    sides: dict[int, tuple[float, float]] = {}
    for word in (word for line in lines for word in line):
        low, high = sides.get(columns.number(centre_x(word)), (word.x0, word.x1))
        sides[columns.number(centre_x(word))] = min(low, word.x0), max(high, word.x1)
    return max(high - low for low, high in sides.values())


def _reach(lines: Sequence[Sequence[Box]], first: int, last: int, columns: _Columns, unit: float) -> tuple[int, int]:
    """Return the first and last line of the table: those near it whose parts all lie within columns belong to it."""
    while first and _belongs(lines[first - 1], lines[first], columns, unit):
        first -= 1
    while last + 1 < len(lines) and _belongs(lines[last + 1], lines[last], columns, unit):
        last += 1
    return first, last


def _belongs(line: Sequence[Box], beside: Sequence[Box], columns: _Columns, unit: float) -> bool:
    parts = chunks(line, _PARTS * unit)
    near = abs(_middle(line) - _middle(beside)) < _NEXT * columns.leading
    whole = all(columns.number(part.x0) == columns.number(part.x1) for part in parts)
    return near and whole and (len(parts) > 1 or columns.number(parts[0].x0) > 0)
