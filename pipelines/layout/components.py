"""Connected components of a bilevel page in plain NumPy: runs joined by repeated minimum and pointer jumping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Horizontal ink runs: row, first column, one past the last column, and the component each belongs to."""

    row: Ints
    start: Ints
    end: Ints
    label: Ints


@dataclass(frozen=True, slots=True)
class Components:
    """Boxes (half open, pixels) and ink areas of N components; `runs.label` indexes them."""

    x0: Ints
    y0: Ints
    x1: Ints
    y1: Ints
    area: Ints
    runs: Runs

    def __len__(self) -> int:
        return int(self.x0.size)

    @property
    def width(self) -> Ints:
        return self.x1 - self.x0

    @property
    def height(self) -> Ints:
        return self.y1 - self.y0


def find_runs(mask: Mask) -> tuple[Ints, Ints, Ints]:
    """Return (row, start, end) of all horizontal ink runs of a [H, W] mask, row by row."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), dtype=np.int8)
    padded[:, 1:-1] = mask
    step = np.diff(padded, axis=1).ravel()
    begin = np.flatnonzero(step == 1)
    stop = np.flatnonzero(step == -1)
    return begin // (width + 1), begin % (width + 1), stop % (width + 1)


def join(count: int, first: Ints, second: Ints) -> Ints:
    """Return a dense label 0..K-1 for each of `count` nodes of the graph with edges first[i]-second[i]."""
    parent = np.arange(count, dtype=np.int64)
    a, b = first, second
    while a.size:
        root_a, root_b = parent[a], parent[b]
        differ = root_a != root_b
        if not differ.any():
            break
        a, b, root_a, root_b = a[differ], b[differ], root_a[differ], root_b[differ]
        np.minimum.at(parent, np.maximum(root_a, root_b), np.minimum(root_a, root_b))
        while True:
            jumped = parent[parent]
            if np.array_equal(jumped, parent):
                break
            parent = jumped
    return np.unique(parent, return_inverse=True)[1].astype(np.int64).reshape(-1)


def pairs_of_ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Expand ranges low[i]:high[i] into (i, j) index pairs."""
    count = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(low.size), count)
    start = np.cumsum(count) - count
    return owner, np.arange(int(count.sum())) - start[owner] + low[owner]


def components(mask: Mask) -> Components:
    """Return the 8-connected components of a [H, W] bool mask (none for an empty one)."""
    row, start, end = find_runs(mask)
    span = mask.shape[1] + 3
    key_start, key_end = row * span + start, row * span + end
    low = np.searchsorted(key_end, (row + 1) * span + start, side="left")
    high = np.searchsorted(key_start, (row + 1) * span + end, side="right")
    upper, lower = pairs_of_ranges(low, high)
    label = join(row.size, upper, lower)
    count = int(label.max()) + 1 if label.size else 0
    x0 = np.full(count, mask.shape[1], dtype=np.int64)
    y0 = np.full(count, mask.shape[0], dtype=np.int64)
    x1 = np.zeros(count, dtype=np.int64)
    y1 = np.zeros(count, dtype=np.int64)
    np.minimum.at(x0, label, start)
    np.maximum.at(x1, label, end)
    np.minimum.at(y0, label, row)
    np.maximum.at(y1, label, row + 1)
    area = np.bincount(label, weights=end - start, minlength=count).astype(np.int64)
    return Components(x0, y0, x1, y1, area, Runs(row, start, end, label))


def paint(runs: Runs, chosen: Mask, shape: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> Mask:
    """Return an [h, w] mask, its upper left pixel at `corner` (x, y), of the components where chosen[label] is true."""
    left, top = corner
    first, last = np.searchsorted(runs.row, [top, top + shape[0]])
    part = slice(int(first), int(last))
    keep = chosen[runs.label[part]] if runs.label.size else np.zeros(0, dtype=np.bool_)
    row = runs.row[part][keep] - top
    start = (runs.start[part][keep] - left).clip(0, shape[1])
    end = (runs.end[part][keep] - left).clip(0, shape[1])
    # Runs of one row never touch, so each column of `delta` is hit at most once by a start and once by an end.
    delta = np.zeros((shape[0], shape[1] + 1), dtype=np.int8)
    np.add.at(delta, (row, start), 1)
    np.add.at(delta, (row, end), -1)
    result: Mask = np.cumsum(delta, axis=1, dtype=np.int8)[:, :-1] > 0
    return result


def select(found: Components, keep: Mask) -> Components:
    """Return only the components where `keep` is true, relabelled in order."""
    number = np.cumsum(keep) - 1
    runs = found.runs
    held = keep[runs.label] if runs.label.size else np.zeros(0, dtype=np.bool_)
    kept = Runs(runs.row[held], runs.start[held], runs.end[held], number[runs.label[held]])
    return Components(found.x0[keep], found.y0[keep], found.x1[keep], found.y1[keep], found.area[keep], kept)


def grown(mask: Mask) -> Mask:
    """Dilate by two pixels: the grey fringe of ink goes with it."""
    wide = mask.copy()
    for _ in range(2):
        wider = wide.copy()
        wider[1:] |= wide[:-1]
        wider[:-1] |= wide[1:]
        wider[:, 1:] |= wide[:, :-1]
        wider[:, :-1] |= wide[:, 1:]
        wide = wider
    return wide
