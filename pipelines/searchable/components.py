"""The pieces of ink of a black and white picture: what hangs together, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsvl2.pipelines.searchable.jbig2_generic import Ink

_MOST_RUNS = 200_000  # about a second of work


@dataclass(frozen=True, slots=True)
class Piece:
    """Ink with the place of its upper left corner, in pixels; `shape` and `bits` are the same for pieces that look the same."""

    x: int
    y: int
    shape: tuple[int, int]
    bits: bytes

    def ink(self) -> Ink:
        """Return its pixels, [height, width]."""
        return np.frombuffer(self.bits, np.bool_).reshape(self.shape)


def pieces(black: Ink, *, reach: int = 0) -> list[Piece] | None:
    """Return the pieces of a picture, every pixel of ink in one of them; None if they are too many to look at.

    reach: rows of paper that a piece may have between its parts one over the other, as the dot of an i has.
    """
    joined = black.copy()
    for down in range(1, reach + 1):
        joined[down:] |= black[:-down]
    edges = np.diff(np.pad(joined, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    if len(rows) > _MOST_RUNS:
        return None
    runs = list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))
    groups: dict[int, list[tuple[int, int, int]]] = {}
    for run, group in zip(runs, _grouped(runs), strict=True):
        groups.setdefault(group, []).append(run)
    return [piece for group in groups.values() if (piece := _piece(black, group))]


def _grouped(runs: list[tuple[int, int, int]]) -> list[int]:
    """Return for runs of ink, row by row, which touch, at corners too: the same number for each of a group."""
    above = list(range(len(runs)))

    def root(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    before = 0
    for place, (row, start, end) in enumerate(runs):
        while runs[before][0] < row - 1 or (runs[before][0] == row - 1 and runs[before][2] < start):
            before += 1
        other = before
        while runs[other][0] == row - 1 and runs[other][1] <= end:
            one, two = root(other), root(place)
            above[max(one, two)] = min(one, two)
            other += 1
    return [root(place) for place in range(len(runs))]


def _piece(black: Ink, runs: list[tuple[int, int, int]]) -> Piece | None:
    left, right = min(start for _, start, _ in runs), max(end for _, _, end in runs)
    top, bottom = runs[0][0], runs[-1][0] + 1
    ink: np.ndarray[Any, np.dtype[np.bool_]] = np.zeros((bottom - top, right - left), np.bool_)
    for row, start, end in runs:
        ink[row - top, start - left : end - left] = black[row, start:end]
    full = np.flatnonzero(ink.any(1))
    ink = ink[full[0] : full[-1] + 1]
    return Piece(left, top + int(full[0]), ink.shape, ink.tobytes())
