"""Measure lines: ink per row, and from it the x-height zone that scale, location bins and baselines rest on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Components, Ints


def profiles(found: Components, line_of: Ints, count: int, height: int) -> NDArray[np.float64]:
    """Return the ink per page row of each line, [count, height]."""
    runs = found.runs
    owner = line_of[runs.label]
    held = owner >= 0
    key = owner[held] * height + runs.row[held]
    weight = (runs.end - runs.start)[held].astype(np.float64)
    ink: NDArray[np.float64] = np.bincount(key, weights=weight, minlength=count * height).astype(np.float64)
    return ink.reshape(count, height)


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
