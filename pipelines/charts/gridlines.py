"""Straight lines of one hair's breadth that run over the paper and over the shapes on it, dotted ones too.

A line between two bars of one colour ends with them; a grid line goes on over the paper. That alone tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.pixels import Labels, Mask, Rgb, long_runs

_STEP = 6  # grey levels by which a line differs from both its sides
_REACH = 3  # pixels from a line to its sides
_SHARE = 0.2  # of a line's paper that it is seen on: the dots of a dotted one cover no more
_LEAST = 16  # pixels of paper that a line must be seen on
_RUN = 7  # pixels of a run that a slanted line has no longer
_WIDEST = 4  # pixels of the thickest line


def find_grid(rgb: Rgb, under: Labels, grounds: Iterable[int]) -> Mask:
    """Return [H, W] which pixels lie on a level or upright line that is seen on the ground between the shapes."""
    gray = np.asarray(rgb.mean(axis=2), dtype=np.float32)
    paper = np.isin(under, list(grounds))
    level = _lines(gray, paper)
    upright = _lines(gray.T, paper.T)
    result: Mask = np.zeros(paper.shape, dtype=np.bool_)
    result[level] = True
    result[:, upright] = True
    return result


def _lines(gray: NDArray[np.float32], paper: Mask) -> NDArray[np.intp]:
    """Return the rows that hold a level line. The plane is taken to be where shapes are, and a tenth more."""
    shapes = np.flatnonzero((~paper).mean(axis=0) > 0.03)
    if not shapes.size or gray.shape[0] < 4 * _REACH:
        return np.array([], dtype=np.intp)
    wide = int(shapes[-1] - shapes[0]) + 1
    left, right = max(0, int(shapes[0]) - wide // 10), min(gray.shape[1], int(shapes[-1]) + 1 + wide // 10)
    part, free = gray[:, left:right], paper[:, left:right]
    padded = np.pad(part, ((_REACH, _REACH), (0, 0)), mode="edge")
    above, below = padded[: -2 * _REACH] - part, padded[2 * _REACH :] - part
    thin = (np.minimum(above, below) > _STEP) | (np.maximum(above, below) < -_STEP)
    edge = np.pad(free, ((_REACH, _REACH), (0, 0)), mode="edge")
    free = free & edge[: -2 * _REACH] & edge[2 * _REACH :]  # a gap between two shapes has paper on neither side
    seen, room = (thin & free).sum(axis=1), free.sum(axis=1)
    rows = np.flatnonzero((seen >= _LEAST) & (seen >= _SHARE * room) & (room >= 0.1 * part.shape[1]))
    return rows if rows.size else np.array([], dtype=np.intp)


def hatching(strokes: Mask) -> Mask:
    """Return what of the strokes on shapes is hatching: slanted lines and dots, not the level and upright ones of outlines."""
    result: Mask = strokes & ~long_runs(strokes, _RUN)
    return result


def bridged(mask: Mask, lines: Mask) -> Mask:
    """Return the mask with the lines that part it filled in: where both sides of a line, near by, belong to it."""
    result = mask.copy()
    for turn in (False, True):
        here, line = (result.T, lines.T) if turn else (result, lines)
        padded = np.pad(here, ((_WIDEST, _WIDEST), (0, 0)))
        height = here.shape[0]
        above, below = np.zeros_like(here), np.zeros_like(here)
        for k in range(1, _WIDEST + 1):
            above |= padded[_WIDEST - k : _WIDEST - k + height]
            below |= padded[_WIDEST + k : _WIDEST + k + height]
        filled = here | (line & above & below)
        result = np.ascontiguousarray(filled.T) if turn else filled
    return result
