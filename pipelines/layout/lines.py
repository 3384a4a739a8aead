"""Rows of a leaf: segments chained from left to right, small marks attached, x-height measured from the ink profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.columns import Leaf
from dsvl2.pipelines.layout.components import Components, Ints
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.layout.segments import Segments
from dsvl2.pipelines.layout.types import InkLine


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines of the page with the leaf each belongs to, and the line of every component (-1: left out)."""

    lines: tuple[InkLine, ...]
    leaf: tuple[int, ...]
    of_component: Ints


def chain(segs: Segments, members: Ints) -> list[list[int]]:
    """Group segments into rows, top down: each joins the open row whose last piece it overlaps most."""
    rows: list[list[int]] = []
    last: list[int] = []
    for k in members[np.argsort(segs.x0[members], kind="stable")].tolist():
        best, score = -1, 0.42
        for r, tail in enumerate(last):
            low = max(segs.y0[k], segs.y0[tail])
            high = min(segs.y1[k], segs.y1[tail])
            size = sorted((int(segs.y1[k] - segs.y0[k]), int(segs.y1[tail] - segs.y0[tail])))
            if (
                size[1] > 2.6 * size[0]
                or high <= low
                or segs.x0[k] < segs.x1[tail] - 0.5 * (segs.y1[tail] - segs.y0[tail])
            ):
                continue
            share = (high - low) / min(segs.y1[k] - segs.y0[k], segs.y1[tail] - segs.y0[tail])
            share -= 0.0002 * (segs.x0[k] - segs.x1[tail])
            if share > score:
                best, score = r, share
        if best < 0:
            rows.append([k])
            last.append(k)
        else:
            rows[best].append(k)
            # A short piece (a mark, a superscript) must not steer the row away from its wide part.
            tail = last[best]
            if segs.x1[k] - segs.x0[k] > 0.3 * (segs.x1[tail] - segs.x0[tail]) or segs.size[k] > 3:
                last[best] = k
    rows.sort(key=lambda row: float(np.average([(segs.y0[k] + segs.y1[k]) / 2 for k in row])))
    return rows


def profiles(found: Components, line_of: Ints, count: int, height: int) -> NDArray[np.float64]:
    """Return the ink per page row of each line, [count, height]."""
    runs = found.runs
    owner = line_of[runs.label]
    held = owner >= 0
    key = owner[held] * height + runs.row[held]
    weight = (runs.end - runs.start)[held].astype(np.float64)
    return np.bincount(key, weights=weight, minlength=count * height).reshape(count, height)


def x_zone(profile: NDArray[np.float64]) -> tuple[float, float]:
    """Return (top, base) of the x-height in a line's ink profile: the rows with at least half of its dense ink."""
    rows = np.flatnonzero(profile)
    if not rows.size:
        return 0.0, 0.0
    dense = float(np.percentile(profile[rows], 85))
    body = np.flatnonzero(profile >= 0.45 * dense)
    return float(body[0]), float(body[-1] + 1)


def typical_height(zones: NDArray[np.float64]) -> float:
    """Return the x-height below which two fifths of the text (by width) stand. `zones` is [L, 4]: x0, x1, top, base."""
    tall, width = zones[:, 3] - zones[:, 2], zones[:, 1] - zones[:, 0]
    order = np.argsort(tall)
    weight = np.cumsum(width[order])
    return float(tall[order[int(np.searchsorted(weight, 0.4 * weight[-1]))]])


def settle(zones: NDArray[np.float64], ink: NDArray[np.float64]) -> None:
    """Lower tops that stand at ascender height, in place: lines rich in capitals look taller than they are.

    A line up to 1.75 times as tall as the page's usual x-height keeps its height only if its upper rows carry nearly as
    much ink as the rest: capitals and larger type do, a few ascenders do not. `zones` is [L, 4]: x0, x1, top, base.
    """
    tall, usual = zones[:, 3] - zones[:, 2], typical_height(zones)
    for k in np.flatnonzero((tall > 1.18 * usual) & (tall < 1.75 * usual)).tolist():
        top, base = int(zones[k, 2]), int(zones[k, 3])
        middle = max(top + 1, round(base - usual))
        if float(ink[k, top:middle].mean()) < 0.78 * float(ink[k, middle:base].mean()):
            zones[k, 2] = base - usual


def flatten(zones: NDArray[np.float64], found: Components, line_of: Ints, unit: float) -> None:
    """Shrink the x-zones of bent or tilted lines, in place, to the height of their smaller letters.

    A wave spreads a line's ink over more rows than its letters are tall; the middle of the line stays where it is.
    """
    for k in np.flatnonzero(zones[:, 1] - zones[:, 0] > 8 * (zones[:, 3] - zones[:, 2])).tolist():
        height = found.height[(line_of == k) & (found.height > 0.5 * unit)]
        if height.size < 8:
            continue
        small = float(np.percentile(height, 35))
        if zones[k, 3] - zones[k, 2] > 1.3 * small:
            middle = (zones[k, 2] + zones[k, 3]) / 2
            zones[k, 2:] = middle - small / 2, middle + small / 2


def attach_marks(found: Components, line_of: Ints, zones: NDArray[np.float64], unit: float) -> Ints:
    """Give components without a line (dots, commas, accents, dashes, merged letters) to the nearest line.

    `zones` is [L, 4]: x0, x1, top, base. Marks further than 1.3 letter heights from every line stay out.
    """
    line_of = line_of.copy()
    loose = np.flatnonzero(line_of < 0)
    if not loose.size or not len(zones):
        return line_of
    x0, x1, top, base = zones.T
    middle_x = (found.x0 + found.x1)[loose] / 2
    middle_y = (found.y0 + found.y1)[loose] / 2
    tall = np.maximum(base - top, 0.6 * unit)
    across = np.maximum(0, np.maximum(x0 - middle_x[:, None], middle_x[:, None] - x1))
    rise = np.maximum(0, np.maximum(top - middle_y[:, None], middle_y[:, None] - base))
    distance = rise + 0.12 * across
    fits = (rise < 1.3 * tall) & (across < 2.5 * unit)
    distance = np.where(fits, distance, np.inf)
    best = distance.argmin(axis=1)
    ok = np.isfinite(distance[np.arange(loose.size), best])
    line_of[loose[ok]] = best[ok]
    return line_of


def dissolve(segs: Segments, rows: list[list[int]], zones: NDArray[np.float64], leaf_of: list[int]) -> Ints:
    """Return for each row the row it is part of (itself mostly).

    Commas, underscores and superscripts that chained among themselves belong to the wider row they stand at. `zones` is [L, 4]: x0, x1, top, base.
    """
    x0, x1, top, base = zones.T
    width = np.array([int((segs.x1 - segs.x0)[row].sum()) for row in rows], dtype=np.float64)
    middle = (top + base) / 2
    tall = np.maximum(base - top, 1.0)
    usual = typical_height(zones)
    leaf = np.array(leaf_of)
    target = np.arange(len(rows), dtype=np.int64)
    for k in np.argsort(width, kind="stable"):
        near = (leaf == leaf[k]) & (width > width[k]) & (x0[k] < x1 + 3 * tall) & (x1[k] > x0 - 3 * tall)
        away = np.abs(middle - middle[k])
        room = 0.5 * np.minimum(tall, 1.6 * usual)  # an icon beside a line must not swallow its neighbours
        small = (tall[k] < 0.85 * np.minimum(tall, usual)) & (middle[k] > top - room) & (middle[k] < base + room)
        script = (tall[k] < 0.85 * tall) & (width[k] < 0.3 * width) & (away < 0.8 * tall)
        near &= small | script | (away < 0.55 * np.minimum(tall, tall[k]))
        if near.any():
            target[k] = int(np.where(near, np.abs(middle - middle[k]), np.inf).argmin())
    for _ in range(4):
        target = target[target]
    return target


def find_rows(
    found: Components, segs: Segments, leaves: list[Leaf], unit: float, height: int, rules: tuple[Rule, ...] = ()
) -> Rows:
    """Return the lines of all leaves in reading order. `height` is the page height in pixels.

    Horizontal `rules` on a line's baseline (blanks to fill in, drawn or typed as underscores) belong to the line.
    """
    rows: list[list[int]] = []
    leaf_of: list[int] = []
    for number, leaf in enumerate(leaves):
        for row in chain(segs, leaf.members):
            rows.append(row)
            leaf_of.append(number)
    if not rows:
        return Rows((), (), np.full(len(found), -1, dtype=np.int64))
    line_of, zones = _zones(found, segs, rows, height)
    target = dissolve(segs, rows, zones, leaf_of)
    kept, number_of = np.unique(target, return_inverse=True)
    line_of = np.where(line_of >= 0, number_of[line_of], -1)
    zones = zones[kept]
    line_of = attach_marks(found, line_of, zones, unit)
    flatten(zones, found, line_of, unit)
    return _measure(found, line_of, zones, [leaf_of[int(k)] for k in kept], unit, rules)


def _zones(found: Components, segs: Segments, rows: list[list[int]], height: int) -> tuple[Ints, NDArray[np.float64]]:
    """Return the row of each component and [L, 4] x0, x1, top, base of each row."""
    line_of_segment = np.full(len(segs), -1, dtype=np.int64)
    for number, row in enumerate(rows):
        line_of_segment[row] = number
    line_of = np.where(segs.owner >= 0, line_of_segment[segs.owner], -1)
    ink = profiles(found, line_of, len(rows), height)
    zones = np.array([(segs.x0[row].min(), segs.x1[row].max(), *x_zone(ink[k])) for k, row in enumerate(rows)])
    settle(zones, ink)
    return line_of, zones


def _measure(
    found: Components,
    line_of: Ints,
    zones: NDArray[np.float64],
    leaf_of: list[int],
    unit: float,
    rules: tuple[Rule, ...],
) -> Rows:
    """Take each line's ink box, limited to what letters of its size can reach above and below; leave specks out."""
    lines: list[InkLine] = []
    leaf: list[int] = []
    number = np.full(len(leaf_of) + 1, -1, dtype=np.int64)
    for k in range(len(leaf_of)):
        here = np.flatnonzero(line_of == k)
        _, _, top, base = zones[k]
        if len(leaf_of) > 4 and _is_speck(found, here, unit):
            continue
        number[k] = len(lines)
        reach = max(base - top, 1.0)
        y0 = max(float(found.y0[here].min()), top - 1.25 * reach)
        y1 = min(float(found.y1[here].max()), base + 0.9 * reach)
        x0, x1 = float(found.x0[here].min()), float(found.x1[here].max())
        for rule in sorted(rules, key=lambda r: r.x0):
            on_baseline = base - 0.25 * reach < rule.y0 and rule.y1 < base + 0.55 * reach
            if on_baseline and rule.x0 < x1 + 3 * reach and rule.x1 > x0 - 3 * reach:
                x0, x1, y1 = min(x0, rule.x0), max(x1, rule.x1), max(y1, rule.y1)
        lines.append(InkLine(x0, y0, x1, y1, float(top), float(base)))
        leaf.append(leaf_of[k])
    return Rows(tuple(lines), tuple(leaf), number[line_of])


def _is_speck(found: Components, here: Ints, unit: float) -> bool:
    """Say whether a row of up to three pieces is dirt or a scrap of a drawing: all tiny, or a lone tall or flat stroke."""
    if here.size > 3:
        return False
    tall, wide = found.height[here], found.width[here]
    tiny = int(tall.max()) < 0.72 * unit
    stroke = here.size == 1 and (int(tall[0]) > 5 * unit or int(wide[0]) > 6 * int(tall[0]))
    return tiny or stroke


def glued_rows(rows: Rows, found: Components, height: int) -> list[tuple[int, int, int]]:
    """Return cuts (x0, x1, y) through rows that are two printed lines touching each other.

    Such a row is twice as tall as its neighbours and its ink has a deep valley near the middle.
    """
    if len(rows.lines) < 2:
        return []
    tall = np.array([line.base - line.top for line in rows.lines])
    usual = float(np.median(tall))
    seams = []
    ink: NDArray[np.float64] | None = None
    for k in np.flatnonzero(tall > 1.55 * usual).tolist():
        line = rows.lines[k]
        if line.x1 - line.x0 < 4 * usual:
            continue
        if ink is None:
            ink = profiles(found, rows.of_component, len(rows.lines), height)
        low, high = line.top + 0.33 * tall[k], line.top + 0.67 * tall[k]
        middle = ink[k, int(low) : int(high) + 1]
        dense = float(np.percentile(ink[k, int(line.top) : int(line.base) + 1], 80))
        if middle.size and float(middle.min()) < 0.4 * dense:
            seams.append((int(line.x0), int(line.x1) + 1, int(low) + int(middle.argmin())))
    return seams
