"""Chain pieces of ink that follow each other closely into rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_MOST_PIECES = 20_000  # of ink that nothing read: more is taken for noise
_BACK = 3  # pieces of a row that the next one may follow: an accent or a dot stands between two letters


def rows_of(boxes: NDArray[np.float32], chosen: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Chain pieces that follow each other closely in a row, from left to right; return the members of each chain.

    A piece goes on with the chain that reaches farthest to the right of those it follows. More pieces than letters fit on
    a page are noise, not text: no rows.
    """
    if len(chosen) > _MOST_PIECES:
        return []
    chosen = chosen[np.argsort(boxes[chosen, 0], kind="stable")]
    places = boxes[chosen].astype(np.float64)
    right = places[:, 2].tolist()
    chains: list[list[int]] = []
    chain_of: list[int] = []
    ends: list[float] = []
    for k, before in enumerate(_followed(places)):
        near = {chain_of[m] for m in before if m in chains[chain_of[m]][-_BACK:]}
        if near:
            best = max(near, key=lambda number: (ends[number], -number))
        else:
            best = len(chains)
            chains.append([])
            ends.append(0.0)
        chains[best].append(k)
        chain_of.append(best)
        ends[best] = max(right[m] for m in chains[best][-_BACK:])
    return [chosen[chain] for chain in chains]


def _followed(places: NDArray[np.float64]) -> Iterator[list[int]]:
    """Yield for each of the places [N, 4], sorted from the left, those before it that it follows closely at their height."""
    left, top, right, foot = places.T
    tall = foot - top
    middle = (top + foot) / 2
    order = np.argsort(middle, kind="stable")
    highest = float(tall.max(initial=0.0))
    first = np.searchsorted(middle[order], middle - (tall + highest) / 2)
    last = np.searchsorted(middle[order], middle + (tall + highest) / 2, side="right")
    for k in range(len(places)):
        near = order[first[k] : last[k]]
        near = near[near < k]
        taller = np.maximum(tall[near], tall[k])
        gap = left[k] - right[near]
        overlap = np.minimum(foot[near], foot[k]) - np.maximum(top[near], top[k])
        fits = (gap >= -0.5 * taller) & (gap <= 2.0 * taller) & (overlap > 0.4 * np.minimum(tall[near], tall[k]))
        yield near[fits].tolist()
