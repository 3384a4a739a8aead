"""The sectors of a disc or ring, by the colours met on circles around its middle: thin ones keep their angle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import pi

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.pixels import Labels

_STEPS = 2880  # directions that are looked in
_CIRCLES = (
    0.94,
    0.9,
    0.86,
    0.82,
    0.77,
    0.72,
)  # of the radius; a ring thinner than that shows fewer colours on the inner ones
_THIN = 2.5  # pixels on the outer circle that a sector of a colour of its own takes at least


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector: its palette colour, its middle (radians clockwise from the top) and its share of the whole turn."""

    colour: int
    angle: float
    share: float


def sectors_on(
    labels: Labels, middle: tuple[float, float], radius: float, strong: Iterable[int], known: Iterable[int]
) -> list[Sector]:
    """Return the sectors clockwise from the top.

    `strong` are the colours of large areas of the disc. `known` are all that a legend names; without any, other colours
    count where they take some pixels between two sectors and are met on most circles.
    """
    around = _looked_at(labels, middle, radius)
    large, named = set(strong), set(known)
    accepted = large | (named or set(np.unique(around[around >= 0]).tolist()))
    met = np.full(_STEPS, -1, dtype=np.int64)
    votes = np.zeros(_STEPS, dtype=np.int64)
    for colour in sorted(accepted, key=lambda colour: colour in large):
        count = (around == colour).sum(axis=0)
        more = count > votes if colour not in large else count >= np.maximum(votes, 1)
        least = 1 if colour in large | named else len(_CIRCLES) // 2 + 1
        take = more & (count >= least)
        met[take], votes[take] = colour, count[take]
    runs = _runs(met, large | named, radius)
    if len(runs) < 2:
        return []
    return _filled_up(runs)


def _looked_at(labels: Labels, middle: tuple[float, float], radius: float) -> NDArray[np.int64]:
    """Return the colours [circles, directions] around a place, -1 for none."""
    turn = np.arange(_STEPS) * (2 * pi / _STEPS)
    reach = np.array(_CIRCLES)[:, None] * radius
    x = (middle[0] + reach * np.sin(turn)).astype(np.int64).clip(0, labels.shape[1] - 1)
    y = (middle[1] - reach * np.cos(turn)).astype(np.int64).clip(0, labels.shape[0] - 1)
    found: NDArray[np.int64] = labels[y, x].astype(np.int64)
    return found


def _runs(met: NDArray[np.int64], sure: set[int], radius: float) -> list[tuple[int, int, int]]:
    """Return (colour, first, last) of directions. Letters hide a colour on some circles only, an edge parts it on all."""
    least = max(2, round(_THIN / (2 * pi * _CIRCLES[0] * radius) * _STEPS))
    start = int(np.flatnonzero(met != np.roll(met, 1))[0]) if (met != met[0]).any() else 0
    turned = np.roll(met, -start).tolist()
    runs: list[tuple[int, int, int]] = []
    place = start
    for colour, group in groupby(turned):
        count = len(list(group))
        if colour >= 0 and (count >= least if colour in sure else count >= 2 * least):
            runs.append((colour, place, place + count - 1))
        place += count
    return runs


def _filled_up(runs: Sequence[tuple[int, int, int]]) -> list[Sector]:
    """Return the sectors, what lies between two runs divided between them."""
    found = []
    for k, (colour, first, last) in enumerate(runs):
        before = runs[k - 1][2] - (_STEPS if k == 0 else 0)
        after = runs[(k + 1) % len(runs)][1] + (_STEPS if k == len(runs) - 1 else 0)
        begin, end = (before + first) / 2, (last + after) / 2
        found.append(Sector(colour, (begin + end) / 2 % _STEPS * (2 * pi / _STEPS), (end - begin) / _STEPS))
    return sorted(found, key=lambda sector: sector.angle)
