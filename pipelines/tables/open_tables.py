"""Tables without walls: stacks of parallel rules with columns between them, and runs of lines in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.tables.columns import find_borders, is_justified, is_spaced_evenly
from dsvl2.pipelines.tables.marks import around, centre_x, centre_y, chunks, text_lines

_APART = 1.3  # letter heights between words of different cells on a line that counts as one of a table
_MOST_RULES = 60
_SAME_END = 1.5  # letter heights: rules of one table begin and end together
_LEADING = 1.2  # letter heights from line to line, at least
_CLOSEST = 1.6  # letter heights from line to line: nothing is set so close
_STEP = 2.3  # usual line distances: a wider gap ends a table without rules
_LABEL = 3.0  # letter heights: a column of bullets or item numbers is no wider
_PROSE_WIDE, _PROSE_FILL = 13.0, 0.75  # letter heights, share of the column: lines of running text
_MOST_OUTER = 4  # lines above and below filled rows that may belong to their table
_PAIRED = 0.35  # share of the lines of a table of two columns that have both
_STRADDLE = 0.3  # share of lines that may have text across a column border


@dataclass(frozen=True, slots=True)
class _Line:
    """A text line: its words, and the pieces that wide gaps part."""

    words: tuple[Box, ...]
    parts: tuple[Box, ...]

    @property
    def box(self) -> Box:
        return around(self.parts)

    @property
    def tabular(self) -> bool:
        return len(self.parts) > 1


def _lines(words: Sequence[Box], unit: float) -> list[_Line]:
    return [_Line(tuple(line), tuple(chunks(line, _APART * unit))) for line in text_lines(words, unit)]


def stacked_boxes(across: Sequence[Rule], words: Sequence[Box], unit: float) -> list[Box]:
    """Return the boxes of tables that lie between parallel rules of one width, two or more."""
    stacks: list[list[Rule]] = []
    for rule in sorted(across, key=lambda r: r.y0)[: 20 * _MOST_RULES]:
        for stack in stacks:
            first = stack[0]
            if abs(rule.x0 - first.x0) < _SAME_END * unit and abs(rule.x1 - first.x1) < _SAME_END * unit:
                stack.append(rule)
                break
        else:
            stacks.append([rule])
    found = []
    for stack in stacks:
        if 2 <= len(stack) <= _MOST_RULES and stack[0].x1 - stack[0].x0 > 8 * unit:
            box = _longest_table(stack, words, unit)
            if box is not None:
                found.append(box)
    return found


def _longest_table(stack: Sequence[Rule], words: Sequence[Box], unit: float) -> Box | None:
    """Return the box between the most rules of a stack that has the columns of a table."""
    count = len(stack)
    for size in range(count, 1, -1):
        for first in range(count - size + 1):
            if size < count and first > 3 and first + size < count - 3:
                continue  # what is cut away are running heads and feet, a few rules at the ends
            top, bottom = stack[first], stack[first + size - 1]
            box = Box(min(top.x0, bottom.x0), top.y0, max(top.x1, bottom.x1), bottom.y1)
            inside = [w for w in words if box.y0 < centre_y(w) < box.y1 and box.x0 <= centre_x(w) <= box.x1]
            lines = _lines(inside, unit)
            rows = sum(line.tabular for line in lines)
            if rows >= 2 and (_in_columns(lines, unit, least=2) or (size > 4 and rows >= 0.6 * len(lines))):
                return box
    return None


def flow_boxes(flow: Sequence[Box], words: Sequence[Box], unit: float, *, step: float = _LEADING) -> list[Box]:
    """Return the boxes of tables among the lines of one column of the page; `flow` are the lines' boxes, top down.

    Lines closer than `step` (letter heights) are cells of one, two and three lines beside each other.
    """
    if not flow:
        return []
    whole = around(flow)
    inside = [
        w for w in words if whole.x0 - unit < centre_x(w) < whole.x1 + unit and whole.y0 <= centre_y(w) <= whole.y1
    ]
    lines = [
        _Line(line.words, (line.box,)) if is_spaced_evenly(line.words, whole.x1 - whole.x0, unit) else line
        for line in _lines(inside, unit)
    ]
    middles = [centre_y(line.box) for line in lines]
    steps = [b - a for a, b in pairwise(middles) if b - a > step * unit]
    pitch = sorted(steps)[len(steps) // 4] if steps else 2.4 * unit
    found: list[Box] = []
    place = 0
    while place < len(lines):
        end = _run_end(lines, place, pitch)
        run = lines[place:end]
        rows = sum(line.tabular for line in run) >= 3 and not _is_fraction(run, unit)
        if rows and _in_columns(run, unit, least=3):
            first = _with_head(lines, place, run, pitch, unit)
            last = _with_tail(lines, end, run, pitch, unit)
            box = around([line.box for line in lines[first:last]])
            found.append(Box(box.x0 - unit, box.y0 - 0.4 * unit, box.x1 + unit, box.y1 + 0.4 * unit))
            place = last
        else:
            place = max(end, place + 1)
    return found


def _is_fraction(run: Sequence[_Line], unit: float) -> bool:
    """Say whether lines lie closer than any that are set below each other: parts of a formula, of fractions and limits.

    Cells in the middle of rows of two lines lie close to these too, but beside their words, not below them.
    """
    steps = []
    for place, line in enumerate(run):
        under = next((other for other in run[place + 1 :] if _shares_width(line, other)), None)
        if under is not None:
            steps.append(centre_y(under.box) - centre_y(line.box))
    return bool(steps) and median(steps) < _CLOSEST * unit


def _shares_width(line: _Line, other: _Line) -> bool:
    return any(a.x0 < b.x1 and b.x0 < a.x1 for a in line.words for b in other.words)


def _run_end(lines: Sequence[_Line], start: int, pitch: float) -> int:
    """Return where a run of table lines from `start` ends: one past its last line with several parts."""
    if not lines[start].tabular:
        return start
    end, last = start + 1, start
    while end < len(lines) and centre_y(lines[end].box) - centre_y(lines[end - 1].box) < _STEP * pitch:
        if lines[end].tabular:
            last = end
        elif end - last > 2 or _fills(lines[end], lines[start : last + 1]):
            break
        end += 1
    return last + 1


def _fills(line: _Line, run: Sequence[_Line]) -> bool:
    """Say whether a line of one part is as wide as running text beside the run."""
    whole = around([other.box for other in run])
    return line.box.x1 - line.box.x0 > 0.7 * (whole.x1 - whole.x0)


def _with_head(lines: Sequence[_Line], start: int, run: Sequence[_Line], pitch: float, unit: float) -> int:
    """Return the first line of the table: headings of one part stand above it, inside its width and not at its left."""
    whole = around([line.box for line in run])
    while start > 0:
        line = lines[start - 1]
        near = centre_y(lines[start].box) - centre_y(line.box) < 1.6 * pitch
        inside = whole.x0 + 2 * unit < line.box.x0 and line.box.x1 < whole.x1 + 2 * unit
        if not (near and inside) or _fills(line, run):
            break
        start -= 1
    return start


def _with_tail(lines: Sequence[_Line], end: int, run: Sequence[_Line], pitch: float, unit: float) -> int:
    """Return one past the last line of the table: the last row's cells may run over, closer than rows and in a column."""
    while end < len(lines) and end - len(run) < len(lines):
        line = lines[end]
        near = centre_y(line.box) - centre_y(lines[end - 1].box) < 1.15 * pitch
        below = any(
            part.x0 - unit < line.box.x0 and line.box.x1 < part.x1 + unit for other in run[-2:] for part in other.parts
        )
        if line.tabular or not near or not below:
            break
        end += 1
    return end


def extended(box: Box, words: Sequence[Box], unit: float) -> Box:
    """Return a box of filled rows with the rows without a fill right above and below it."""
    beside = [w for w in words if box.x0 - unit < centre_x(w) < box.x1 + unit]
    lines = _lines(beside, unit)
    for way in (-1, 1):
        outer = [line for line in lines if (centre_y(line.box) < box.y0 if way < 0 else centre_y(line.box) > box.y1)]
        for line in outer[::way][:_MOST_OUTER]:
            gap = box.y0 - line.box.y1 if way < 0 else line.box.y0 - box.y1
            inner = box.x0 + 2 * unit < line.box.x0
            if gap > 2.2 * unit or not (line.tabular or inner):
                break
            box = Box(box.x0, min(box.y0, line.box.y0 - 0.4 * unit), box.x1, max(box.y1, line.box.y1 + 0.4 * unit))
    return box


def _in_columns(lines: Sequence[_Line], unit: float, *, least: int) -> bool:
    """Say whether lines stand in columns of a table: borders that hardly any text crosses, and no running text."""
    borders = find_borders([line.words for line in lines], unit)
    if not borders:
        return False
    tabular = [line for line in lines if line.tabular]
    crossed = sum(any(p.x0 + unit < x < p.x1 - unit for p in line.parts for x in borders) for line in tabular)
    if crossed > max(1 if least == 2 else 0, _STRADDLE * len(tabular)):
        return False
    columns = [[p for line in lines for p in line.parts if a <= centre_x(p) < b] for a, b in _between(borders)]
    columns = [column for column in columns if column]
    widths = [max(p.x1 for p in column) - min(p.x0 for p in column) for column in columns]
    if len(columns) < 2 or (len(columns) == 2 and widths[0] < _LABEL * unit):
        return False
    if least == 3 and any(is_justified(column, unit) for column in columns):
        return False
    prose = [
        wide > _PROSE_WIDE * unit and len(column) >= 4 and median(p.x1 - p.x0 for p in column) > _PROSE_FILL * wide
        for column, wide in zip(columns, widths, strict=True)
    ]
    if len(columns) == 2:
        few = len(tabular) < 4 or len(tabular) < _PAIRED * len(lines)
        return not (all(prose) or prose[0] or (least == 3 and (few or not _aligned(columns[1], unit))))
    return sum(prose) < 2


def _between(borders: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise([float("-inf"), *borders, float("inf")]))


def _aligned(column: Sequence[Box], unit: float) -> bool:
    """Say whether most pieces of a column begin, end or have their middle at one place."""
    for places in ([p.x0 for p in column], [p.x1 for p in column], [centre_x(p) for p in column]):
        usual = median(places)
        if sum(abs(x - usual) < 0.7 * unit for x in places) >= 0.7 * len(places):
            return True
    return False
