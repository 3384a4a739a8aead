"""Gutters and reading order: tall white rectangles between running text split a page; everything else stays in rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.layout.components import Ints, Mask
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.layout.segments import Segments

_MOST_STRIPES = 240  # white stripes that are looked at, tallest first: 115 pages of text had 72 at the most


@dataclass(frozen=True, slots=True)
class Gutter:
    """A white rectangle between two columns, pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def height(self) -> float:
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class Leaf:
    """Segments (indices) that are read row by row, and the column number they stand in."""

    members: Ints
    column: int


def _grid(segs: Segments, rules: tuple[Rule, ...], shape: tuple[int, int], cell: float) -> Mask:
    """Paint segment boxes and horizontal rules into a coarse [h, w] grid."""
    grid = np.zeros((int(shape[0] / cell) + 2, int(shape[1] / cell) + 2), dtype=np.bool_)
    # Shrunk by a fifth of a cell: a box that only grazes a cell does not close it.
    for x0, y0, x1, y1 in zip(segs.x0, segs.y0, segs.x1, segs.y1, strict=True):
        grid[int(y0 / cell) : int((y1 - 1) / cell) + 1, int(x0 / cell + 0.2) : int((x1 - 1) / cell - 0.2) + 1] = True
    for rule in rules:
        grid[int(rule.y0 / cell) : int(rule.y1 / cell) + 1, int(rule.x0 / cell) : int(rule.x1 / cell) + 1] = True
    return grid


def _white_stripes(grid: Mask, wide: int, tall: int) -> list[tuple[int, int, int, int]]:
    """Return maximal white rectangles (x0, y0, x1, y1) in cells, longest first, none overlapping a longer one much."""
    sums = np.pad(grid.cumsum(1), ((0, 0), (1, 0)))
    free = (sums[:, wide:] - sums[:, :-wide]) == 0  # [h, w-wide+1]: the window starting here is white
    column = np.pad(free.T.astype(np.int8), ((0, 0), (1, 1)))
    x, begin = np.nonzero(np.diff(column, axis=1) == 1)
    _, stop = np.nonzero(np.diff(column, axis=1) == -1)
    keep = stop - begin >= tall
    x, begin, stop = x[keep], begin[keep], stop[keep]
    stripes = []
    alive = np.ones(x.size, dtype=np.bool_)
    for k in np.argsort(-(stop - begin), kind="stable"):
        if not alive[k]:
            continue
        slack = max(2, int(0.06 * (stop[k] - begin[k])))
        covers = (begin <= begin[k] + slack) & (stop >= stop[k] - slack)
        low = high = int(x[k])
        spots = set(x[covers].tolist())
        while low - 1 in spots:
            low -= 1
        while high + 1 in spots:
            high += 1
        inside = covers & (x >= low) & (x <= high)
        top, bottom = int(begin[inside].max()), int(stop[inside].min())
        stripes.append((low, top, high + wide, bottom))
        if len(stripes) == _MOST_STRIPES:
            break
        overlap = np.minimum(stop, bottom) - np.maximum(begin, top)
        alive &= ~((x >= low - wide) & (x <= high + wide) & (overlap > 0.5 * (stop - begin)))
    return stripes


@dataclass(frozen=True, slots=True)
class _Side:
    """Text beside a gutter: number of rows, median row width, fill of the column, row centres."""

    rows: int
    width: float
    fill: float
    centres: Ints
    segments_per_row: float


def _side(segs: Segments, chosen: Mask, unit: float) -> _Side:
    """Measure the rows of the chosen segments: pieces whose centres differ by less than half a line are one row."""
    index = np.flatnonzero(chosen)
    if not index.size:
        return _Side(0, 0.0, 0.0, np.zeros(0, dtype=np.int64), 0.0)
    middle = (segs.y0[index] + segs.y1[index]) // 2
    order = np.argsort(middle, kind="stable")
    index, middle = index[order], middle[order]
    row = np.concatenate([[0], np.cumsum(np.diff(middle) > 0.8 * unit)])
    count = int(row[-1]) + 1
    low = np.full(count, np.iinfo(np.int64).max)
    high = np.zeros(count, dtype=np.int64)
    np.minimum.at(low, row, segs.x0[index])
    np.maximum.at(high, row, segs.x1[index])
    ink = np.bincount(row, weights=(segs.x1 - segs.x0)[index], minlength=count)
    centre = (np.bincount(row, weights=middle, minlength=count) / np.bincount(row, minlength=count)).astype(np.int64)
    column = max(1, int(np.percentile(high, 95)) - int(np.percentile(low, 5)))
    return _Side(count, float(np.median(high - low)), float(np.median(ink)) / column, centre, index.size / count)


def _aligned(left: _Side, right: _Side, unit: float) -> float:
    """Return the share of rows of the shorter side that have a partner at the same height on the other."""
    few, many = sorted((left.centres, right.centres), key=len)
    if not len(few):
        return 1.0
    distance = np.abs(few[:, None] - many[None, :]).min(axis=1)
    return float((distance < 0.45 * unit).mean())


def _is_gutter(left: _Side, right: _Side, height: float, unit: float) -> bool:
    """Judge both sides of a white stripe: running text, or rows that clearly do not belong together."""
    fewest = min(left.rows, right.rows)
    narrow = min(left.width, right.width)
    if fewest < 3 or height < 9 * unit:
        return False
    level = _aligned(left, right, unit)
    fill = min(left.fill, right.fill)
    pieces = max(left.segments_per_row, right.segments_per_row)
    if fill > 0.72 and narrow > 11 * unit and fewest >= 5:
        return True
    if fill > 0.58 and narrow > 13 * unit and fewest >= 12 and (pieces < 1.5 or level < 0.85):
        return True
    if level < 0.55 and fewest >= 4 and narrow > 6 * unit:
        return True  # rows at different heights cannot be one table
    balanced = min(left.width, right.width) > 0.4 * max(left.width, right.width)
    return height > 60 * unit and fewest >= 18 and balanced and pieces < 1.8 and narrow > 9 * unit and level < 0.93


def find_gutters(segs: Segments, rules: tuple[Rule, ...], shape: tuple[int, int], unit: float) -> list[Gutter]:
    """Return the column gutters of a page. `unit` is the letter height in pixels."""
    if len(segs) < 8:
        return []
    cell = max(1.0, unit / 3)
    wide = max(2, round(1.5 * unit / cell))
    stripes = _white_stripes(_grid(segs, rules, shape, cell), wide, round(9 * unit / cell))
    found = [Gutter(a * cell, b * cell, c * cell, d * cell) for a, b, c, d in stripes]
    left_edge, right_edge = int(segs.x0.min()), int(segs.x1.max())
    found = _joined([g for g in found if g.x1 > left_edge + 4 * unit and g.x0 < right_edge - 4 * unit], segs, unit)
    middle_x, middle_y = (segs.x0 + segs.x1) / 2, (segs.y0 + segs.y1) / 2
    accepted: list[Gutter] = []
    for stripe in found:
        gutter = _trim(stripe, segs, unit)
        within = (middle_y > gutter.y0) & (middle_y < gutter.y1)
        beside = [g for g in found if min(g.y1, gutter.y1) - max(g.y0, gutter.y0) > 0.6 * gutter.height]
        # Narrower stripes do not bound a side: they part list numbers from items, keys from their explanation.
        rivals = [g for g in beside if g.x1 - g.x0 > 0.6 * (gutter.x1 - gutter.x0)]
        west = max([g.middle for g in rivals if g.x1 <= gutter.x0], default=-1.0)
        east = min([g.middle for g in rivals if g.x0 >= gutter.x1], default=float(shape[1]))
        inner = any(west < g.x0 and g.x1 < east and (g.x1 <= gutter.x0 or g.x0 >= gutter.x1) for g in beside)
        left = _side(segs, within & (middle_x < gutter.middle) & (middle_x > west), unit)
        right = _side(segs, within & (middle_x > gutter.middle) & (middle_x < east), unit)
        table = inner and _aligned(left, right, unit) > 0.93
        if not table and _is_gutter(left, right, gutter.height, unit):
            accepted.append(gutter)
    return accepted


def _joined(found: list[Gutter], segs: Segments, unit: float) -> list[Gutter]:
    """Join stripes that only a running head or foot parts: a page's number in the middle of a gutter, for example."""
    result: list[tuple[Gutter, Gutter]] = []  # as found, and trimmed
    middle = (segs.y0 + segs.y1) / 2
    for gutter in found:
        trimmed = _trim(gutter, segs, unit)
        for k, (_, other) in enumerate(result):
            left, right = sorted((trimmed, other), key=lambda g: g.x0)
            y0, y1 = max(left.y0, right.y0), min(left.y1, right.y1)
            if right.x0 - left.x1 > 3 * unit or y1 - y0 < 0.9 * max(left.height, right.height):
                continue
            between = (segs.x1 > left.x1) & (segs.x0 < right.x0) & (middle > y0) & (middle < y1)
            if right.x0 > left.x1 and not between.any():
                joined = Gutter(left.x0, y0, right.x1, y1)
                result[k] = joined, _trim(joined, segs, unit)
                break
        else:
            result.append((gutter, trimmed))
    return [gutter for gutter, _ in result]


def _trim(gutter: Gutter, segs: Segments, unit: float) -> Gutter:
    """Cut running heads and feet off a gutter, and shrink it to rows that have text on both sides."""
    middle = (segs.y0 + segs.y1) / 2
    within = np.flatnonzero((middle > gutter.y0) & (middle < gutter.y1))
    if within.size < 4:
        return gutter
    order = within[np.argsort(segs.y0[within], kind="stable")]
    bottom = np.maximum.accumulate(segs.y1[order])
    gap = segs.y0[order][1:] - bottom[:-1]
    cuts = np.flatnonzero(gap > 1.6 * unit)
    y0, y1 = gutter.y0, gutter.y1
    if cuts.size and bottom[cuts[0]] - segs.y0[order[0]] < 2.6 * unit:
        y0 = float(bottom[cuts[0]]) + 1
    if cuts.size and bottom[-1] - segs.y0[order[cuts[-1] + 1]] < 2.6 * unit:
        y1 = float(segs.y0[order[cuts[-1] + 1]]) - 1
    return Gutter(gutter.x0, y0, gutter.x1, max(y1, y0 + 1))


def _slabs(segs: Segments, members: Ints, left: Mask, unit: float) -> list[Ints]:
    """Cut a two-column part at wide white gaps across both columns (authors above the text, a section below another)."""
    order = members[np.argsort(segs.y0[members], kind="stable")]
    bottom = np.maximum.accumulate(segs.y1[order])
    slabs: list[Ints] = []
    start = 0
    for cut in (np.flatnonzero(segs.y0[order][1:] - bottom[:-1] > 5.5 * unit) + 1).tolist():
        upper, lower = left[order[start:cut]], left[order[cut:]]
        if upper.any() and (~upper).any() and lower.any() and (~lower).any():
            slabs.append(order[start:cut])
            start = cut
    return [*slabs, order[start:]]


def reading_order(segs: Segments, gutters: list[Gutter], unit: float) -> list[Leaf]:
    """Return the page's leaves in reading order: above a gutter, left of it, right of it, below it, recursively."""
    middle_x, middle_y = (segs.x0 + segs.x1) / 2, (segs.y0 + segs.y1) / 2
    leaves: list[Leaf] = []

    def walk(members: Ints, usable: list[Gutter], column: int) -> None:
        if not members.size:
            return
        low, high = segs.y0[members].min(), segs.y1[members].max()
        west, east = segs.x0[members].min(), segs.x1[members].max()
        fitting = [
            g
            for g in usable
            if g.x0 > west and g.x1 < east and min(g.y1, high) - max(g.y0, low) > min(8 * unit, 0.9 * g.height)
        ]
        if not fitting:
            leaves.append(Leaf(members, column))
            return
        gutter = max(fitting, key=lambda g: min(g.y1, high) - max(g.y0, low))
        rest = [g for g in usable if g is not gutter]
        y = middle_y[members]
        above, below = y < gutter.y0, y > gutter.y1
        body = ~above & ~below
        walk(members[above], rest, column)
        for slab in _slabs(segs, members[body], middle_x < gutter.middle, unit):
            left = middle_x[slab] < gutter.middle
            walk(slab[left], rest, column)
            walk(slab[~left], rest, column + 1)
        walk(members[below], rest, column)

    walk(np.arange(len(segs), dtype=np.int64), gutters, 0)
    return leaves
