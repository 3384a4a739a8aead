"""Ruling lines and the borders of fills: long straight edges, whatever is dark or light on either side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Mask
from dsvl2.pipelines.layout.letters import Rule, find_rules
from dsvl2.pipelines.tables.flatten import Gray

_STEP, _NOISES = 10, 5  # grey levels from one row to the next that make an edge: at least, and in usual steps
_LEAST_WIDE, _LEAST_TALL = 4.0, 2.2  # lengths in letter heights; the shortest rule is the side of a one-line cell
_PRINT = 15.0  # letter heights: no row of print is an unbroken edge for so long
_THICK = 0.6  # letter heights: edges so close are the two sides of one rule
_STROKE, _BUSY = 30, 0.12  # grey levels from one pixel to the next, and the share of such steps in a row of print
_LONG = 5.0  # letter heights


def find_rulings(gray: Gray, unit: float) -> tuple[list[Rule], list[Rule]]:
    """Return the horizontal and the vertical rules of a page [H, W]; `unit` is the letter height in pixels.

    Edges of filled areas count as rules. Short ones that end in nothing are left out (`anchored`).
    """
    across = _lines(gray, _LEAST_WIDE * unit, unit)
    tipped = _lines(np.ascontiguousarray(gray.T), _LEAST_TALL * unit, unit)
    return anchored(across, [Rule(r.y0, r.x0, r.y1, r.x1) for r in tipped], unit)


def _lines(gray: Gray, least: float, unit: float) -> list[Rule]:
    wide = gray.astype(np.int16)
    edge: Mask = np.zeros(gray.shape, dtype=np.bool_)
    step = np.abs(wide[1:] - wide[:-1])
    edge[1:] = step > max(_STEP, _NOISES * float(np.median(step)) if step.size else 0)
    found, _ = find_rules(edge, least, max(4.0, _THICK * unit))
    lines = _joined([r for r in found if r.x1 - r.x0 > _PRINT * unit or _stands_free(r, wide, unit)], unit)
    # An edge at y lies between rows y - 1 and y: the lower edge of a rule is one past its last row.
    return [Rule(r.x0, r.y0, r.x1, max(r.y0 + 1, r.y1 - 1)) for r in lines]


def _stands_free(rule: Rule, gray: NDArray[np.int16], unit: float) -> bool:
    """Say whether the rows beside an edge are even: the edges of blurred print run together too, amid its strokes."""
    away = max(2, round(0.35 * unit))
    for y in (rule.y0 - away, rule.y1 - 1 + away):
        if 0 <= y < gray.shape[0]:
            row = gray[y, rule.x0 : rule.x1]
            if float((np.abs(np.diff(row)) > _STROKE).mean()) > _BUSY:
                return False
    return True


def _joined(rules: list[Rule], unit: float) -> list[Rule]:
    """Join pieces of one horizontal line: rules have two edges, and are broken where print or others cross them."""
    result: list[Rule] = []
    near = max(_THICK * unit, 4.0)
    open_lines: dict[int, list[int]] = {}  # places of the lines that may go on, by the height of their upper edge
    for rule in sorted(rules, key=lambda r: (r.x0, r.y0)):
        height = int(rule.y0 // near)
        for stripe in (height - 1, height, height + 1):
            lines = open_lines.get(stripe, ())
            open_lines[stripe] = [k for k in lines if rule.x0 - result[k].x1 <= 1.2 * unit]
        beside = sorted({k for stripe in (height - 1, height, height + 1) for k in open_lines[stripe]})
        for place in beside:
            other = result[place]
            low, high = min(rule.y0, other.y0), max(rule.y1, other.y1)
            if high - low <= near:
                result[place] = Rule(min(rule.x0, other.x0), low, max(rule.x1, other.x1), high)
                if low < other.y0:
                    open_lines.setdefault(int(low // near), []).append(place)
                break
        else:
            open_lines[height].append(len(result))
            result.append(rule)
    return sorted(result, key=lambda r: (r.y0, r.x0))


def anchored(across: Sequence[Rule], down: Sequence[Rule], unit: float) -> tuple[list[Rule], list[Rule]]:
    """Return the rules without short ones that end in nothing: strokes of bold letters that stand below each other.

    A wall of a cell ends at rules that run the other way, or is much longer than a line of text is high.
    """
    reach = 0.8 * unit
    walls = _sides(across)
    kept_down = [r for r in down if r.y1 - r.y0 > _LONG * unit or _ends((r.y0, r.y1), (r.x0, r.x1), walls, reach)]
    tipped = _sides([Rule(r.y0, r.x0, r.y1, r.x1) for r in kept_down])
    long = 2 * _LONG * unit
    kept = [r for r in across if r.x1 - r.x0 > long or _ends((r.x0, r.x1), (r.y0, r.y1), tipped, reach)]
    return kept, kept_down


def _sides(rules: Sequence[Rule]) -> NDArray[np.int64]:
    """Return the boxes [R, 4] of rules."""
    return np.array([(r.x0, r.y0, r.x1, r.y1) for r in rules], dtype=np.int64).reshape(-1, 4)


def _ends(along: tuple[int, int], side: tuple[int, int], others: NDArray[np.int64], reach: float) -> bool:
    """Say whether a line meets lines of the other kind [R, 4], as horizontal ones, at both ends."""
    x0, y0, x1, y1 = others.T
    met = (x0 - reach <= side[1]) & (side[0] <= x1 + reach)
    return all(bool((met & (y0 - reach <= end) & (end <= y1 + reach)).any()) for end in along)
