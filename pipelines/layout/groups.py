"""Scale: lines of like size in a leaf form a group, and each group gets the scale at which the model reads best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.layout.types import InkLine, Profile

SMALLEST, LARGEST = 0.85, 1.35  # x-height of body text on the canvas, relative to the profile's
HEADING = 2.1  # a heading may stand this much taller than the profile's x-height before it is read on its own


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
        near = [d for d in near if d > 1.2 * (lines[k].base - lines[k].top)]
        result.append(min(near, default=float("inf")))
    return result


def wanted_scale(x_height: float, pitch: float, profile: Profile) -> float:
    """Return the scale for text of this x-height and pitch (pixels): the pitch decides within limits of the x-height."""
    by_letter = profile.x_height / max(x_height, 1.0)
    by_pitch = profile.line_pitch / pitch if np.isfinite(pitch) else by_letter
    return float(np.clip(by_pitch, SMALLEST * by_letter, LARGEST * by_letter))


def group_lines(lines: list[InkLine], numbers: list[int], profile: Profile) -> list[Group]:
    """Cut a leaf's lines (top down) into groups of one scale each; headings stay with the text around them."""
    if not lines:
        return []
    tall = [max(1.0, line.base - line.top) for line in lines]
    wish = [wanted_scale(t, p, profile) for t, p in zip(tall, pitches(lines), strict=True)]
    width = [max(1.0, line.x1 - line.x0) for line in lines]
    groups: list[list[int]] = [[0]]
    low, high = _limits(tall[0], wish[0], profile)
    for k in range(1, len(lines)):
        least, most = _limits(tall[k], wish[k], profile)
        low, high = max(low, least), min(high, most)
        if low > high:
            groups.append([])
            low, high = least, most
        groups[-1].append(k)
    merged = _absorb(groups, tall, profile)
    return [Group(tuple(numbers[k] for k in part), _group_scale(part, wish, width, tall, profile)) for part in merged]


def _limits(tall: float, wish: float, profile: Profile) -> tuple[float, float]:
    """Return the scales at which a line can still be read beside others."""
    return 0.84 * wish, max(1.25 * wish, HEADING * profile.x_height / tall)


def _absorb(groups: list[list[int]], tall: list[float], profile: Profile) -> list[list[int]]:
    """Give a lone small line to the neighbour group if it stays readable there: one band less."""
    merged: list[list[int]] = []
    for part in groups:
        if merged:
            before = float(np.median([tall[k] for k in merged[-1]]))
            here = float(np.median([tall[k] for k in part]))
            alone = min(len(part), len(merged[-1])) <= 2
            if alone and 0.7 < here / before < 1.6:
                merged[-1].extend(part)
                continue
        merged.append(list(part))
    return merged


def _group_scale(part: list[int], wish: list[float], width: list[float], tall: list[float], profile: Profile) -> float:
    """Return the weighted median of the lines' wishes, lowered so that no line grows beyond the canvas."""
    order = np.argsort([wish[k] for k in part])
    weight = np.cumsum([width[part[i]] for i in order])
    scale = wish[part[int(order[int(np.searchsorted(weight, weight[-1] / 2))])]]
    tallest = max(tall[k] for k in part)
    return min(scale, 8 * profile.x_height / tallest)
