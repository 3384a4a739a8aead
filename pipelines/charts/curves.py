"""Follow the lines of a line chart: one curve a colour, its row at every column, its corners."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.ground import Ground
from dsvl2.pipelines.charts.pixels import Mask, distance, is_grey
from dsvl2.pipelines.charts.scene import Scene
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import find_runs

Floats = NDArray[np.float64]
_SOLID = 0.42  # share of the curve's own colour that makes a pixel part of it
_END = 4  # columns that a label may stand beyond the end of a curve
_COVER = 0.3  # of the plane's width: shorter lines are no curves


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve: `rows[k]` is its height at column `left + k`, NaN where it is hidden or not there."""

    colour: int
    left: int
    rows: Floats

    @property
    def span(self) -> tuple[float, float]:
        """First and last column with the curve on it."""
        there = np.flatnonzero(~np.isnan(self.rows))
        return float(self.left + there[0]), float(self.left + there[-1])


def find_curves(scene: Scene, box: Box, colours: Iterable[int], texts: Sequence[TextItem]) -> tuple[Curve, ...]:
    """Return the curves in `colours` (those of the legend), and in other colours that run through the plane."""
    ground = scene.ground
    wanted = list(colours)
    grounds = ground.grounds
    paper = ground.palette.colours[ground.paper]
    x0, y0, x1, y1 = int(box.x0), int(box.y0), int(box.x1), int(box.y1)
    count = np.bincount(
        ground.palette.labels[y0:y1, x0:x1].ravel().astype(np.int64) + 1, minlength=ground.palette.size + 1
    )
    # Strong and frequent colours first: soft edges and crossings are mixtures of them.
    pool = sorted(
        (number for number in range(ground.palette.size) if number not in grounds and number not in wanted),
        key=lambda number: (distance(ground.palette.colours[number], paper) < 60, -int(count[number + 1])),
    )
    found: list[Curve] = []
    ink = _ink(ground, texts)
    for number in [*wanted, *pool]:
        named = number in wanted
        if not named and wanted and is_grey(ground.palette.colours[number]):
            continue
        if not named and any(_mixture(ground, number, k, under) for k in _of(found) for under in grounds):
            continue
        mask = _pixels(ground, number, box, texts, ink)
        curve = _follow(mask, number, int(box.x0), int(box.y0))
        if curve is None or (not named and (_is_rule(ground, curve) or any(_follows(curve, one) for one in found))):
            continue
        if not named and wanted and np.count_nonzero(~np.isnan(curve.rows)) < 0.5 * curve.rows.size:
            continue
        found.append(curve)
    return tuple(found)


def _of(curves: Sequence[Curve]) -> list[int]:
    return [curve.colour for curve in curves]


def _mixture(ground: Ground, number: int, other: int, under: int) -> bool:
    """Whether a colour lies between that of a ground and another one."""
    paper = ground.palette.colours[under].astype(np.float64)
    step = ground.palette.colours[other].astype(np.float64) - paper
    here = ground.palette.colours[number].astype(np.float64) - paper
    share = float(here @ step) / max(float(step @ step), 1.0)
    return 0.05 < share < 0.97 and float(np.abs(here - share * step).max()) < 30


def _ink(ground: Ground, texts: Sequence[TextItem]) -> int:
    """Return the colour that most letters are printed in, -1 for none."""
    count = np.zeros(ground.palette.size + 1, dtype=np.int64)
    for item in texts:
        part = np.s_[int(item.box.y0) : int(item.box.y1) + 1, int(item.box.x0) : int(item.box.x1) + 1]
        found = ground.palette.labels[part][ground.strokes[part]]
        count += np.bincount(found + 1, minlength=count.size)
    return int(count[1:].argmax()) if count[1:].any() else -1


def _pixels(ground: Ground, number: int, box: Box, texts: Sequence[TextItem], ink: int) -> Mask:
    """Return the plane's pixels of a colour, soft ones included, without letters and straight grid lines.

    `ink` is the colour of the letters.
    """
    x0, y0, x1, y1 = int(box.x0), int(box.y0), int(box.x1), int(box.y1)
    colour = ground.palette.colours[number].astype(np.float32)
    under = ground.palette.colours[ground.under[y0:y1, x0:x1]].astype(np.float32)
    here = ground.rgb[y0:y1, x0:x1].astype(np.float32)
    step = colour - under
    length = (step * step).sum(axis=2)
    share = ((here - under) * step).sum(axis=2) / np.maximum(length, 1.0)
    off = np.abs(here - under - share[..., None].clip(0, 1) * step).max(axis=2)
    near = off < np.minimum(34.0, 12.0 + 22.0 * share)  # soft pixels are near their colour in proportion
    mask: Mask = np.asarray((share > _SOLID) & near & (length > 900), dtype=np.bool_)
    pure = ground.palette.labels[y0:y1, x0:x1] == number
    mask |= pure
    kept = pure & (number != ink)  # what a number printed on the curve leaves of it
    for item in texts:
        if item.confidence > 0.8 and len(item.text) > 1 and any(map(str.isalnum, item.text)):
            a0, b0 = max(0, int(item.box.x0) - x0), max(0, int(item.box.y0) - y0)
            part = np.s_[b0 : max(0, int(item.box.y1) + 1 - y0), a0 : max(0, int(item.box.x1) + 1 - x0)]
            mask[part] = kept[part]
    mask[:, mask.mean(axis=0) > 0.9] = False
    lines = (mask.mean(axis=1) > 0.6) & (pure.mean(axis=1) < 0.3)  # grid lines in a shade between curve and paper
    mask[lines] &= pure[lines]
    if is_grey(ground.palette.colours[number]):  # grid lines and axes run from side to side
        mask[mask.mean(axis=1) > 0.6] = False
    return mask


def _follow(mask: Mask, number: int, left: int, top: int) -> Curve | None:
    """Return the likeliest path through the runs of ink, column by column; None if too few columns have any."""
    if not mask.size or mask.any(axis=0).mean() < _COVER:
        return None
    column, start, end = find_runs(np.ascontiguousarray(mask.T))
    high = end - start
    if float(np.median(high)) > max(14.0, 0.05 * mask.shape[0]):
        return None
    centre = (start + end - 1) / 2.0
    best = np.zeros(column.size)
    came = np.full(column.size, -1, dtype=np.int64)
    first = np.searchsorted(column, np.arange(mask.shape[1] + 1))
    reach = max(4, mask.shape[1] // 12)
    for k in range(column.size):
        low = int(first[max(0, int(column[k]) - reach)])
        high_end = int(first[int(column[k])])
        best[k] = -4.0 - 0.3 * float(column[k])
        if low < high_end:
            gap = column[k] - column[low:high_end]
            # Runs that touch or overlap are free to follow; jumps over rows and columns cost.
            jump = np.maximum(0, np.maximum(start[low:high_end] - end[k], start[k] - end[low:high_end]) + 1 - gap)
            cost = (
                best[low:high_end]
                + 1.0
                - 0.25 * jump
                - 1.3 * (gap - 1)
                - 0.02 * np.abs(centre[low:high_end] - centre[k])
            )
            choice = int(cost.argmax())
            if float(cost[choice]) > best[k]:
                best[k], came[k] = float(cost[choice]), low + choice
    place = int(best.argmax())
    rows = np.full(mask.shape[1], np.nan)
    while place >= 0:
        rows[int(column[place])] = centre[place]
        place = int(came[place])
    known = np.flatnonzero(~np.isnan(rows))
    if known.size < _COVER * mask.shape[1]:
        return None
    lines = np.arange(mask.shape[0])[:, None]
    near = mask[:, known] & (np.abs(lines - rows[known]) <= np.maximum(4.0, 2.0 * float(np.median(high))))
    if float(near.sum()) < 0.4 * float(mask[:, known].sum()):  # dots all over, not a line
        return None
    return Curve(number, left, rows + top)


def _is_rule(ground: Ground, curve: Curve) -> bool:
    """Whether a curve is an axis or a grid line: level all the way, and grey."""
    known = curve.rows[~np.isnan(curve.rows)]
    return (
        is_grey(ground.palette.colours[curve.colour]) and float(np.percentile(known, 95) - np.percentile(known, 5)) < 3
    )


def _follows(curve: Curve, other: Curve) -> bool:
    """Whether a curve runs along a stronger one: the soft edge of a line, or its colour in a second shade."""
    known = ~np.isnan(curve.rows)
    near = np.abs(np.where(known, curve.rows, 0.0) - np.where(np.isnan(other.rows), -99.0, other.rows)) < 4
    return float(near[known].mean()) > 0.5


def height_at(curve: Curve, column: float, reach: float) -> float | None:
    """Return the curve's row at a column, from straight lines fitted to both sides of it; None if it is not there.

    At a corner the run of ink under the column itself lies off the corner, the two lines meet in it.
    """
    sides = []
    for sign in (-1, 1):
        places = np.arange(1.0, max(4.0, min(reach, 14.0)))
        at = np.round(column + sign * places - curve.left).astype(int)
        at = at[(at >= 0) & (at < curve.rows.size)]
        rows = curve.rows[at] if at.size else np.array([])
        good = ~np.isnan(rows)
        if int(good.sum()) >= 3:
            slope, offset = np.polyfit(at[good] + curve.left - column, rows[good], 1)
            sides.append(
                (float(offset), float(np.abs(slope * (at[good] + curve.left - column) + offset - rows[good]).mean()))
            )
    place = round(column) - curve.left
    own = curve.rows[max(0, place - 1) : place + 2]
    own = own[~np.isnan(own)]
    if not sides:
        return float(own.mean()) if own.size else None
    near = curve.rows[max(0, place - _END) : place + _END + 1]
    if len(sides) == 1 and np.isnan(near).all():
        return None
    weights = [1.0 / (0.3 + error) for _, error in sides]
    return float(sum(row * weight for (row, _), weight in zip(sides, weights, strict=True)) / sum(weights))


def corners(curve: Curve, slack: float = 1.6) -> list[float]:
    """Return the columns where the curve bends (its ends included), by repeated splitting at the farthest point."""
    there = np.flatnonzero(~np.isnan(curve.rows))
    rows = curve.rows[there]
    found: list[float] = []
    stack = [(0, there.size - 1)]
    while stack:
        a, b = stack.pop()
        if b <= a + 1:
            continue
        line = rows[a] + (rows[b] - rows[a]) * (there[a : b + 1] - there[a]) / max(1, there[b] - there[a])
        off = np.abs(rows[a : b + 1] - line)
        worst = int(off.argmax())
        steep = 1.0 + 0.1 * abs(rows[b] - rows[a]) / max(1, there[b] - there[a])
        if off[worst] > slack * steep and 0 < worst < b - a:
            found.append(float(there[a + worst] + curve.left))
            stack += [(a, a + worst), (a + worst, b)]
    return sorted([float(there[0] + curve.left), *found, float(there[-1] + curve.left)])
