"""Join letters into segments, the atoms of the layout: words of one line with no gap wider than a word space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.layout.components import Components, Ints, Mask, join

MOST_PAIRS = 1_000_000  # letter pairs compared at once: bounds the memory on a page of noise


@dataclass(frozen=True, slots=True)
class Segments:
    """Boxes of S segments (half open), their letter counts, and the segment of each component (-1: none)."""

    x0: Ints
    y0: Ints
    x1: Ints
    y1: Ints
    size: Ints
    owner: Ints

    def __len__(self) -> int:
        return int(self.x0.size)


def _links(found: Components, index: Ints, unit: float, reach: float) -> tuple[Ints, Ints]:
    """Return pairs of letters that follow each other in a line: close in x, overlapping in y, of like height."""
    x0, x1 = found.x0[index], found.x1[index]
    y0, y1 = found.y0[index], found.y1[index]
    height = y1 - y0
    step = max(4.0, 2.0 * unit)
    stripe = ((y0 + y1) / 2 / step).astype(np.int64)
    order = np.argsort(stripe, kind="stable")
    edges = np.searchsorted(stripe[order], np.arange(int(stripe.max()) + 3))
    firsts, seconds = [], []
    for k in range(int(stripe.max()) + 1):
        near = order[edges[k] : edges[k + 2]]  # this stripe and the next; earlier ones have met it already
        piece = max(1, MOST_PAIRS // max(1, near.size))
        for start in range(int(edges[k]), int(edges[k + 1]), piece):
            here = order[start : min(start + piece, int(edges[k + 1]))]
            a, b = here[:, None], near[None, :]
            low = np.minimum(height[a], height[b])
            high = np.maximum(height[a], height[b])
            overlap = np.minimum(y1[a], y1[b]) - np.maximum(y0[a], y0[b])
            gap = np.maximum(x0[a], x0[b]) - np.minimum(x1[a], x1[b])
            room = reach * np.clip(high, unit, 1.6 * np.maximum(low, unit))
            linked = (overlap > 0.45 * low) & (gap <= room) & (high <= 2.4 * low) & (a != b)
            i, j = np.nonzero(linked)
            firsts.append(here[i])
            seconds.append(near[j])
    return np.concatenate(firsts), np.concatenate(seconds)


def find_segments(found: Components, letter: Mask, unit: float, reach: float = 1.15) -> Segments:
    """Return the segments of the letters; `reach` is the widest gap bridged, in letter heights."""
    index = np.flatnonzero(letter)
    owner = np.full(len(found), -1, dtype=np.int64)
    if not index.size:
        empty = np.zeros(0, dtype=np.int64)
        return Segments(empty, empty, empty, empty, empty, owner)
    first, second = _links(found, index, unit, reach)
    label = join(index.size, first, second)
    owner[index] = label
    count = int(label.max()) + 1
    big = np.iinfo(np.int64).max
    x0, y0 = np.full(count, big), np.full(count, big)
    x1, y1 = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.minimum.at(x0, label, found.x0[index])
    np.minimum.at(y0, label, found.y0[index])
    np.maximum.at(x1, label, found.x1[index])
    np.maximum.at(y1, label, found.y1[index])
    return Segments(x0, y0, x1, y1, np.bincount(label, minlength=count), owner)


def with_leaders(segs: Segments, found: Components, letter: Mask, unit: float) -> Segments:
    """Return the segments and the dotted leaders between them (six dots or more): leaders fill a row, columns show by it."""
    dots = ~letter & (found.height < 0.5 * unit) & (found.width < 0.5 * unit)
    chains = find_segments(found, dots, unit, 2.2)
    long = chains.size >= 6
    return Segments(
        np.concatenate([segs.x0, chains.x0[long]]),
        np.concatenate([segs.y0, chains.y0[long]]),
        np.concatenate([segs.x1, chains.x1[long]]),
        np.concatenate([segs.y1, chains.y1[long]]),
        np.concatenate([segs.size, chains.size[long]]),
        segs.owner,
    )
