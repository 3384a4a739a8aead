"""Where tables stand on an upright page: nets of crossing rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.boxes import touching
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.tables.open_tables import extended

_BETWEEN = 9.0  # letter heights between filled rows: one row of two or three lines
_BEYOND = 5.0  # letter heights between the net and a rule of the same width that closes a row without inner walls


def ruled_boxes(across: Sequence[Rule], down: Sequence[Rule], words: Sequence[Box], unit: float) -> list[Box]:
    """Return the boxes around groups of rules that touch or cross, with rules both ways, that make four cells or more.

    Filled rows of one width below each other are one table, with the rows of `words` between and right beside them.
    """
    rules = [*across, *down]
    if not across or not down:
        return []
    box = np.array([(r.x0, r.y0, r.x1, r.y1) for r in rules], dtype=np.float64)
    label = touching(box, 0.7 * unit)
    boxes: list[Box] = []
    for group in range(int(label.max()) + 1):
        members = np.flatnonzero(label == group)
        flat = int((members < len(across)).sum())
        tall = members.size - flat
        low, high = box[members, :2].min(0), box[members, 2:].max(0)
        if flat < 1 or tall < 1 or flat + tall < 4 or min(high - low) < 1.5 * unit:
            continue
        boxes.append(Box(*map(float, (*low, *high))))
    joined = _one_below_the_other(boxes, unit)
    whole = [_with_outer_rows(box, across, unit) if box in boxes else extended(box, words, unit) for box in joined]
    return [box for box in whole if min(box.x1 - box.x0, box.y1 - box.y0) >= 3 * unit]


def _one_below_the_other(boxes: Sequence[Box], unit: float) -> list[Box]:
    """Join boxes of one width with a row between them: every second row of a table may be filled."""
    result: list[Box] = []
    for box in sorted(boxes, key=lambda b: b.y0):
        for place, other in enumerate(result):
            same = abs(box.x0 - other.x0) < 1.5 * unit and abs(box.x1 - other.x1) < 1.5 * unit
            if same and -unit < box.y0 - other.y1 < _BETWEEN * unit:
                result[place] = other.union(box)
                break
        else:
            result.append(box)
    return result


def _with_outer_rows(box: Box, across: Sequence[Rule], unit: float) -> Box:
    """Return a net's box with the rows above and below that have rules of its width but no walls: titles, totals."""
    grown = True
    while grown:
        grown = False
        for rule in across:
            same = abs(rule.x0 - box.x0) < 1.5 * unit and abs(rule.x1 - box.x1) < 1.5 * unit
            if same and 0 < box.y0 - rule.y0 < _BEYOND * unit:
                box, grown = Box(box.x0, float(rule.y0), box.x1, box.y1), True
            elif same and 0 < rule.y1 - box.y1 < _BEYOND * unit:
                box, grown = Box(box.x0, box.y0, box.x1, float(rule.y1)), True
    return box
