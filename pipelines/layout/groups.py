"""Scale: lines of like size in a leaf form a group, and each group gets the scale at which the model reads best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.types import InkLine, Profile

SMALLEST, LARGEST = 0.85, 1.35  # x-height of body text on the canvas, relative to the profile's
GROUP_COST = 1.0  # of one more group: several lines a sixth off their best scale
LARGEST_SHARE = 0.5  # of the pitch that an x-height can be: lines of capitals and figures measure taller
HEADING = 2.2  # a heading may stand this much taller than the profile's x-height before it is read on its own


@dataclass(frozen=True, slots=True)
class Group:
    """Lines (indices into the page's lines, top down) that share a scale (canvas pixels per upright pixel)."""

    lines: tuple[int, ...]
    scale: float


def pitches(lines: list[InkLine]) -> list[float]:
    """Return each line's distance to its nearer neighbour (baseline to baseline); infinity where it stands alone."""
    base = [line.base for line in lines]
    result = []
    for k in range(len(lines)):
        near = [abs(base[j] - base[k]) for j in (k - 1, k + 1) if 0 <= j < len(lines)]
        near = [d for d in near if d > 1.1 * (lines[k].base - lines[k].top)]
        result.append(min(near, default=float("inf")))
    return result


def wanted_scale(x_height: float, pitch: float, profile: Profile) -> float:
    """Return the scale for text of this x-height and pitch (pixels): the pitch decides, the x-height sets limits.

    Where print is all capitals and figures, as on receipts, what was measured is their height: the pitch bounds it.
    """
    x_height = min(x_height, LARGEST_SHARE * pitch)
    by_letter = profile.x_height / max(x_height, 1.0)
    by_pitch = profile.line_pitch / pitch if np.isfinite(pitch) else by_letter
    return float(np.clip(by_pitch, SMALLEST * by_letter, LARGEST * by_letter))


def group_lines(lines: list[InkLine], numbers: list[int], profile: Profile) -> list[Group]:
    """Cut a leaf's lines (top down) into groups of one scale each; headings stay with the text around them.

    Dynamic programme: a constant per group, and per line the relative distance from the scale it wants.
    """
    wish = [
        wanted_scale(max(1.0, line.base - line.top), pitch, profile)
        for line, pitch in zip(lines, pitches(lines), strict=True)
    ]
    tall = np.array([max(1.0, line.base - line.top) for line in lines])
    usual = float(np.median(tall)) if lines else 1.0
    lone = [not np.isfinite(pitch) or t > 1.3 * usual for pitch, t in zip(pitches(lines), tall, strict=True)]
    weight = np.array([0.3 + min(1.0, (line.x1 - line.x0) / (40 * t)) for line, t in zip(lines, tall, strict=True)])
    goal = np.log(wish) if wish else np.zeros(0)
    if lines:
        value, at = _fit(goal, weight, tall, lone, profile)
        if value <= GROUP_COST:  # a second group would cost more than it can save
            return [Group(tuple(numbers), at)]
    reach = 160 if len(lines) < 200 else 40  # more lines than a page has: noise, not worth the time
    best, cut, scale = [0.0], [0], [1.0]
    for last in range(1, len(lines) + 1):
        best.append(float("inf"))
        cut.append(0)
        scale.append(1.0)
        for first in range(last - 1, max(-1, last - reach), -1):
            value, at = _fit(goal[first:last], weight[first:last], tall[first:last], lone[first:last], profile)
            cost = best[first] + GROUP_COST + value
            if cost < best[last]:
                best[last], cut[last], scale[last] = cost, first, at
            if value > best[last] - min(best[: last + 1]) + 4:
                break
    groups: list[Group] = []
    last = len(lines)
    while last:
        groups.append(Group(tuple(numbers[cut[last] : last]), scale[last]))
        last = cut[last]
    return groups[::-1]


def _fit(
    goal: NDArray[np.float64],
    weight: NDArray[np.float64],
    tall: NDArray[np.float64],
    lone: list[bool],
    profile: Profile,
) -> tuple[float, float]:
    """Return (cost, scale) of reading lines at one scale: the weighted median of the scales they want."""
    order = np.argsort(goal)
    total = np.cumsum(weight[order])
    middle = float(goal[order[int(np.searchsorted(total, total[-1] / 2))]])
    size = tall * np.exp(middle) / profile.x_height
    off = middle - goal
    loss = np.where(off < 0, 1.6 * -off, off)
    # A line that stands alone may be read large: only growing out of a heading's size counts.
    loss = np.where(np.array(lone) & (off > 0), np.maximum(0, np.log(size / HEADING)), loss)
    loss = np.where((size > HEADING) | (size < 0.68), loss + 3.0, loss)
    return float((loss * weight).sum()), float(np.exp(middle))
