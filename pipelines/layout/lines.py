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
from dsvl2.pipelines.layout.xheight import flatten, profiles, settle, typical_height, x_zone


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines of the page with the leaf each belongs to, and the line of every component (-1: left out)."""

    lines: tuple[InkLine, ...]
    leaf: tuple[int, ...]
    of_component: Ints


def chain(segs: Segments, members: Ints) -> list[list[int]]:
    """Group segments into rows, top down: each joins the open row whose last piece it overlaps most."""
    rows: list[list[int]] = []
    ends = np.zeros((len(members), 5))  # x1, y0, y1, width, letters of each open row's last wide piece
    for k in members[np.argsort(segs.x0[members], kind="stable")].tolist():
        x0, y0, y1 = float(segs.x0[k]), float(segs.y0[k]), float(segs.y1[k])
        end, top, bottom, wide, letters = ends[: len(rows)].T
        tall = bottom - top
        overlap = np.minimum(bottom, y1) - np.maximum(top, y0)
        least, most = np.minimum(tall, y1 - y0), np.maximum(tall, y1 - y0)
        fits = (overlap > 0) & (x0 >= end - 0.5 * tall) & ((most <= 2.6 * least) | ((letters > 3) & (tall > y1 - y0)))
        share = np.where(fits, overlap / np.maximum(least, 1) - 0.0002 * (x0 - end), 0.0)
        best = int(share.argmax()) if share.size else 0
        if not share.size or share[best] <= 0.42:
            best = len(rows)
            rows.append([])
        elif segs.size[k] <= 3 and segs.x1[k] - x0 <= 0.3 * wide[best]:
            rows[best].append(k)  # a mark or superscript must not steer the row away from its wide part
            continue
        rows[best].append(k)
        ends[best] = float(segs.x1[k]), y0, y1, float(segs.x1[k]) - x0, float(segs.size[k])
    rows.sort(key=lambda row: float(np.average([(segs.y0[k] + segs.y1[k]) / 2 for k in row])))
    return rows


def attach_marks(found: Components, line_of: Ints, zones: NDArray[np.float64], unit: float) -> Ints:
    """Give components without a line (dots, commas, accents, dashes, merged letters) to the nearest line.

    `zones` is [L, 4]: x0, x1, top, base. Marks further than 1.3 letter heights from every line stay out.
    """
    line_of = line_of.copy()
    loose = np.flatnonzero(line_of < 0)
    if not loose.size or not len(zones):
        return line_of
    for start in range(0, loose.size, 4000):
        _attach(found, line_of, loose[start : start + 4000], zones, unit)
    return line_of


def _attach(found: Components, line_of: Ints, loose: Ints, zones: NDArray[np.float64], unit: float) -> None:
    """Give the `loose` components to their nearest lines, in place."""
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


def dissolve(segs: Segments, rows: list[list[int]], zones: NDArray[np.float64], leaf_of: list[int]) -> Ints:
    """Return for each row the row it is part of (itself mostly).

    Commas, underscores and superscripts that chained among themselves belong to the wider row they stand at.
    `zones` is [L, 4]: x0, x1, top, base.
    """
    x0, x1, top, base = zones.T
    width = np.array([int((segs.x1 - segs.x0)[row].sum()) for row in rows], dtype=np.float64)
    middle = (top + base) / 2
    tall = np.maximum(base - top, 1.0)
    usual = typical_height(zones)
    leaf = np.array(leaf_of)
    target = np.arange(len(rows), dtype=np.int64)
    for k in np.argsort(width, kind="stable"):
        near = (leaf == leaf[k]) & (width > width[k])
        away = np.abs(middle - middle[k])
        room = 0.5 * np.minimum(tall, 1.6 * usual)  # an icon beside a line must not swallow its neighbours
        small = (tall[k] < 0.85 * np.minimum(tall, usual)) & (middle[k] > top - room) & (middle[k] < base + room)
        script = (tall[k] < 0.85 * tall) & (width[k] < 0.3 * width) & (away < 0.8 * tall)
        dots = (tall[k] < 0.45 * tall) & (width[k] < 0.3 * width) & (away < 1.1 * tall)
        beside = (x0[k] < x1 + 3 * tall) & (x1[k] > x0 - 3 * tall)
        same = away < np.where(beside, 0.55, 0.4) * np.minimum(tall, tall[k])
        near &= ((small | script | dots) & beside) | same
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
        seam = int(low) + int(middle.argmin()) if middle.size else 0
        if middle.size and float(middle.min()) < 0.4 * dense and not _crossed(found, rows.of_component == k, seam):
            seams.append((int(line.x0), int(line.x1) + 1, seam))
    return seams


def _crossed(found: Components, own: NDArray[np.bool_], seam: int) -> bool:
    """Say whether most letters of a row reach well over a seam, the others lie on one side of it: one line with thin waists."""
    top, bottom = found.y0[own], found.y1[own]
    tall = bottom - top
    letter = tall > 0.5 * float(np.median(tall))
    over = np.minimum(seam - top, bottom - seam) > 0.2 * tall
    sides = min(int((letter & (bottom <= seam)).sum()), int((letter & (top >= seam)).sum()))
    return 2 * int((over & letter).sum()) > int(letter.sum()) and 10 * sides <= int(letter.sum())
