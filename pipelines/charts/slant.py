"""The direction of slanted labels, by the long axis of each label's ink: their letters may be few and touch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.letters import Ink
from dsvl2.pipelines.charts.pixels import Mask
from dsvl2.pipelines.layout.components import Ints, join

_NEAR = 0.4  # letter heights between the letters of a label
_LONG = 1.6  # times as long as wide is ink that shows a direction
_FEWEST = 3  # labels of one direction in a row
_LEVEL, _UPRIGHT = 14.0, 78.0  # degrees: less is level text, more is upright
_SPREAD = 9.0  # degrees that the labels of a row differ at most
_LONELY = 2.6  # letters of a level chain: more are level text


def slant_of(ink: Ink, free: Mask, company: NDArray[np.float64]) -> tuple[int, list[Ints]]:
    """Return the direction (degrees, counter-clockwise from level) of a row of slanted labels and their letters.

    `company` is how many letters stand on each letter's level. (0, []) if there is no such row.
    """
    shown = []
    for members in _clusters(ink, free):
        angle, long, size = _axis(ink, members)
        if long >= _LONG and size > 1.5 * ink.unit and float(company[members].mean()) < _LONELY:
            shown.append((angle, float(ink.found.y0[members].min()), members))
    best: list[tuple[float, float, Ints]] = []
    for _, top, _ in shown:
        row = [one for one in shown if abs(one[1] - top) <= 1.2 * ink.unit]
        usual = float(np.median([angle for angle, _, _ in row]))
        alike = [one for one in row if abs(one[0] - usual) <= _SPREAD]
        if _LEVEL <= abs(usual) <= _UPRIGHT and len(alike) >= max(_FEWEST, 0.7 * len(row)) and len(alike) > len(best):
            best = alike
    if not best:
        return 0, []
    lengths = [float(members.size) for _, _, members in best]
    return round(float(np.average([angle for angle, _, _ in best], weights=lengths))), [m for _, _, m in best]


def _clusters(ink: Ink, free: Mask) -> list[Ints]:
    """Return groups of letters that stand close together in any direction."""
    numbers = np.flatnonzero(free)
    if numbers.size < _FEWEST:
        return []
    x0, y0, x1, y1 = (side[numbers] for side in (ink.found.x0, ink.found.y0, ink.found.x1, ink.found.y1))
    reach = _NEAR * ink.unit
    near = (np.maximum(x0[:, None], x0[None]) - np.minimum(x1[:, None], x1[None]) <= reach) & (
        np.maximum(y0[:, None], y0[None]) - np.minimum(y1[:, None], y1[None]) <= reach
    )
    first, second = np.nonzero(np.triu(near, 1))
    label = join(numbers.size, first.astype(np.int64), second.astype(np.int64))
    return [numbers[label == k] for k in range(int(label.max()) + 1)]


def _axis(ink: Ink, members: Ints) -> tuple[float, float, float]:
    """Return the direction of the longer axis of letters' ink, how many times longer it is, and its length in pixels."""
    runs = ink.found.runs
    held = np.isin(runs.label, members)
    row = runs.row[held].astype(np.float64)
    start, end = runs.start[held].astype(np.float64), runs.end[held].astype(np.float64)
    weight, middle = end - start, (start + end - 1) / 2
    total = max(float(weight.sum()), 1.0)
    x, y = float((weight * middle).sum()) / total, float((weight * row).sum()) / total
    xx = float((weight * ((middle - x) ** 2 + weight**2 / 12)).sum()) / total
    yy = float((weight * (row - y) ** 2).sum()) / total
    xy = float((weight * (middle - x) * (row - y)).sum()) / total
    values, vectors = np.linalg.eigh(np.array([[xx, xy], [xy, yy]]))
    long, short = float(np.sqrt(max(values[1], 0.0))), float(np.sqrt(max(values[0], 0.05)))
    across, down = float(vectors[0, 1]), float(vectors[1, 1])
    angle = float(np.degrees(np.arctan2(-down, across)))
    angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
    return angle, long / short, float(np.sqrt(12.0)) * long
