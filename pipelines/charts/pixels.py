"""A chart's pixels as flat colours: the palette it was drawn with, and which parts are filled rather than stroked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import find_runs

Mask = NDArray[np.bool_]
Rgb = NDArray[np.uint8]
Labels = NDArray[np.int16]

SAME = 22.0  # two colours nearer than this (largest channel difference) are one: JPEG noise, faint stripes of the paper
MOST_COLOURS = 32
LEAST_SHARE = 1.2e-4  # of the picture's pixels: less is the grey between two colours


@dataclass(frozen=True, slots=True)
class Palette:
    """`colours` [K, 3] uint8, commonest first; `labels` [H, W]: index of each pixel's colour, -1 where it is none."""

    colours: Rgb
    labels: Labels

    @property
    def size(self) -> int:
        """Number of colours."""
        return int(self.colours.shape[0])


def quantise(rgb: Rgb) -> Palette:
    """Return the few colours an [H, W, 3] picture is drawn with; greedy, the commonest first."""
    height, width = rgb.shape[:2]
    # Bins of four grey levels keep the table small; every bin is known by the mean of its pixels.
    flat = rgb.reshape(-1, 3).astype(np.int64)
    key = ((flat[:, 0] >> 2) << 12) | ((flat[:, 1] >> 2) << 6) | (flat[:, 2] >> 2)
    count = np.bincount(key, minlength=1 << 18)
    used = np.flatnonzero(count)
    mean = np.stack([np.bincount(key, weights=flat[:, c], minlength=1 << 18)[used] / count[used] for c in range(3)], 1)
    weight = count[used].copy()
    chosen: list[NDArray[np.float64]] = []
    least = max(24.0, LEAST_SHARE * height * width)
    while len(chosen) < MOST_COLOURS:
        best = int(weight.argmax())
        near = np.abs(mean - mean[best]).max(axis=1) <= SAME
        if weight[near].sum() < least:
            break
        chosen.append(mean[best])
        weight[near] = 0
    centres = np.array(chosen) if chosen else np.full((1, 3), 255.0)
    away = np.stack([np.abs(mean - centre).max(axis=1) for centre in centres], 1)
    label_of = np.where(away.min(axis=1) <= SAME, away.argmin(axis=1), -1).astype(np.int16)
    table = np.full(1 << 18, -1, dtype=np.int16)
    table[used] = label_of
    return Palette(centres.round().astype(np.uint8), table[key].reshape(height, width))


def box_sum(mask: Mask, size: int) -> NDArray[np.int32]:
    """Return the number of set pixels in each size x size window, [H - size + 1, W - size + 1]."""
    total = np.pad(mask.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inner: NDArray[np.int32] = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    return inner


def opened(mask: Mask, size: int) -> Mask:
    """Return the pixels of `mask` that lie in a size x size square that is all set."""
    if min(mask.shape) < size:
        return np.zeros_like(mask)
    full = ~_any_in_square(~mask, size)
    return _any_in_square(np.pad(full, size - 1), size)


def grown(mask: Mask, reach: int = 1) -> Mask:
    """Return the mask widened by `reach` pixels on all sides."""
    if reach <= 0:
        return mask
    return _any_in_square(np.pad(mask, reach), 2 * reach + 1)


def _any_in_square(mask: Mask, size: int) -> Mask:
    """Return where anything is set in the size x size windows, [H - size + 1, W - size + 1]; windows are doubled up to it."""
    have = 1
    while have < size:
        step = min(have, size - have)
        mask = mask[:-step] | mask[step:]
        mask = mask[:, :-step] | mask[:, step:]
        have += step
    return mask


def is_grey(colour: Rgb, limit: int = 28) -> bool:
    """Whether a colour is white, grey or black."""
    return int(colour.max()) - int(colour.min()) <= limit


def distance(first: Rgb, second: Rgb) -> int:
    """Return the largest channel difference of two colours."""
    return int(np.abs(first.astype(np.int64) - second.astype(np.int64)).max())


def long_runs(mask: Mask, length: float) -> Mask:
    """Return the pixels of level and upright runs of at least so many pixels."""
    return _level_runs(mask, length) | _level_runs(np.ascontiguousarray(mask.T), length).T


def _level_runs(mask: Mask, length: float) -> Mask:
    row, start, end = find_runs(mask)
    keep = end - start >= length
    out = np.zeros((mask.shape[0], mask.shape[1] + 1), dtype=np.int8)
    np.add.at(out, (row[keep], start[keep]), 1)
    np.add.at(out, (row[keep], end[keep]), -1)
    result: Mask = np.cumsum(out, axis=1, dtype=np.int8)[:, :-1] > 0
    return result
