"""Levenshtein distance of two sequences, for texts, words and tokens alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

_SMALL = 1200
"""Cells up to which a plain loop is faster than rows of NumPy (measured: 30 by 40 letters)."""


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Return how many insertions, deletions and substitutions of single items turn one into the other."""
    begin = 0
    while begin < min(len(first), len(second)) and first[begin] == second[begin]:
        begin += 1
    end = 0
    while end < min(len(first), len(second)) - begin and first[-1 - end] == second[-1 - end]:
        end += 1
    first, second = first[begin : len(first) - end], second[begin : len(second) - end]
    if not first or not second:
        return len(first) + len(second)
    return _loop(first, second) if len(first) * len(second) <= _SMALL else _rows(first, second)


def _loop(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    row = list(range(len(second) + 1))
    for i, item in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (item != other))
    return row[-1]


def _rows(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """A row of the table at a time; insertions run along a row, which a running minimum does at once."""
    if len(first) > len(second):
        first, second = second, first
    codes: dict[Hashable, int] = {}
    along = np.array([codes.setdefault(item, len(codes)) for item in second])
    offsets = np.arange(len(second) + 1)
    row = offsets
    for i, item in enumerate(first, 1):
        here = np.empty_like(row)
        here[0] = i
        np.minimum(row[1:] + 1, row[:-1] + (along != codes.get(item, -1)), out=here[1:])
        row = np.minimum.accumulate(here - offsets) + offsets
    return int(row[-1])
