"""Column borders that no rule shows: white stripes that the words of nearly all lines leave free."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.marks import WORD_GAP, chunks

_SPANNING = 0.15  # share of lines that may run across a border: headings over several columns
_BOTH_SIDES, _SURE = 0.25, 0.6  # share of lines that must have text on both sides of a border
_WIDE = 3.0  # letter heights: a stripe so wide is a border if two lines have text on both sides


def find_borders(lines: Sequence[Sequence[Box]], unit: float, *, sure: bool = False) -> list[float]:
    """Return the x of column borders between the words of these text lines, from left to right.

    With `sure` only wide stripes beside which most lines have text count: for the inside of a ruled cell.
    """
    rows = [chunks(line, WORD_GAP * unit) for line in lines]
    if len(rows) < (3 if sure else 2) or max(map(len, rows)) < 2:
        return []
    spanners = _spanners(rows, unit)
    body = [[chunk for chunk in row if chunk not in spanners] for row in rows]
    zones = _zones([chunk for row in body for chunk in row])
    zones = _merged(zones, (1.5 if sure else WORD_GAP) * unit)
    borders: list[float] = []
    last = float("-inf")
    for left, right in itertools.pairwise(zones):
        border = (left[1] + right[0]) / 2
        both = sum(
            any(c.x0 >= last and c.x1 <= border for c in row) and any(c.x0 >= border for c in row) for row in body
        )
        wide = right[0] - left[1] > _WIDE * unit
        least = _SURE * len(rows) if sure else 2 if wide else max(2, _BOTH_SIDES * len(rows))
        if both >= min(least, len(rows)):
            borders.append(border)
            last = border
    return borders


def _spanners(rows: Sequence[Sequence[Box]], unit: float) -> set[Box]:
    """Return the chunks that lie over two or more of the stripes where most lines have their text."""
    everything = [chunk for row in rows for chunk in row]
    left = min(chunk.x0 for chunk in everything)
    width = int(max(chunk.x1 for chunk in everything) - left) + 2
    cover = np.zeros(width + 1, dtype=np.int64)
    for chunk in everything:
        cover[int(chunk.x0 - left)] += 1
        cover[int(chunk.x1 - left) + 1] -= 1
    cover = np.cumsum(cover)[:width]
    allowed = max(1 if len(rows) >= 4 else 0, int(_SPANNING * len(rows)))
    dense = _runs(cover > allowed, unit)
    result = set()
    for chunk in everything:
        met = [run for run in dense if min(chunk.x1 - left, run[1]) - max(chunk.x0 - left, run[0]) > 0.3 * unit]
        if len(met) > 1:
            result.add(chunk)
    return result


def _runs(mask: np.ndarray[tuple[int], np.dtype[np.bool_]], unit: float) -> list[tuple[int, int]]:
    """Return [start, stop) of the true runs; gaps narrower than a word space are closed."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    result: list[tuple[int, int]] = []
    for start, stop in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        if result and start - result[-1][1] < WORD_GAP * unit:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result


def _zones(pieces: Sequence[Box]) -> list[tuple[float, float]]:
    """Return the stretches of x that pieces cover."""
    zones: list[tuple[float, float]] = []
    for piece in sorted(pieces, key=lambda p: p.x0):
        if zones and piece.x0 <= zones[-1][1]:
            zones[-1] = (zones[-1][0], max(zones[-1][1], piece.x1))
        else:
            zones.append((piece.x0, piece.x1))
    return zones


def _merged(zones: list[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    result: list[tuple[float, float]] = []
    for zone in zones:
        if result and zone[0] - result[-1][1] < gap:
            result[-1] = (result[-1][0], max(result[-1][1], zone[1]))
        else:
            result.append(zone)
    return result
