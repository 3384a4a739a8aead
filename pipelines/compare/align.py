"""Which words of two texts belong together: words that stand once in both hold the texts side by side, the gaps between
them are matched closely (patience diff). Time grows with the length, not with its square, where the texts are alike."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_CLOSE = 4_000_000
"""Word pairs up to which a gap without anchors is matched closely; a larger one is taken as replaced whole."""


@dataclass(frozen=True, slots=True)
class Run:
    """Words a0..a1 of the first text beside b0..b1 of the second; `same` if they are equal one by one."""

    same: bool
    a0: int
    a1: int
    b0: int
    b1: int


def align(a: Sequence[str], b: Sequence[str]) -> list[Run]:
    """Return runs that cover both texts in order; no two neighbours are of one kind and none is empty."""
    pairs: list[tuple[int, int, int]] = []
    todo = [(0, len(a), 0, len(b))]
    while todo:
        a0, a1, b0, b1 = todo.pop()
        head = 0
        while a0 + head < a1 and b0 + head < b1 and a[a0 + head] == b[b0 + head]:
            head += 1
        if head:
            pairs.append((a0, b0, head))
        a0, b0 = a0 + head, b0 + head
        tail = 0
        while a1 - tail > a0 and b1 - tail > b0 and a[a1 - tail - 1] == b[b1 - tail - 1]:
            tail += 1
        if tail:
            pairs.append((a1 - tail, b1 - tail, tail))
        a1, b1 = a1 - tail, b1 - tail
        if a0 < a1 and b0 < b1:
            anchors = _anchors(a[a0:a1], b[b0:b1])
            if anchors:
                ends = [(a0 + i, b0 + j) for i, j in anchors] + [(a1, b1)]
                for i, j in ends:
                    todo.append((a0, i, b0, j))
                    a0, b0 = i, j  # the anchor itself is the head of the next piece
            else:
                pairs += _close(a, b, (a0, a1, b0, b1))
    return _runs(sorted(pairs), len(a), len(b))


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Return the longest rising sequence of words that stand exactly once on both sides."""
    counts_a, counts_b = Counter(a), Counter(b)
    place = {word: j for j, word in enumerate(b) if counts_b[word] == 1}
    pairs = [(i, place[word]) for i, word in enumerate(a) if counts_a[word] == 1 and word in place]
    ends: list[int] = []  # the smallest last j of a rising sequence of each length, and what came before each pair
    last: list[int] = []
    before: list[int] = []
    for k, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(j)
            last.append(k)
        else:
            ends[length], last[length] = j, k
    found = []
    k = last[-1] if last else -1
    while k >= 0:
        found.append(pairs[k])
        k = before[k]
    return found[::-1]


def _close(a: Sequence[str], b: Sequence[str], part: tuple[int, int, int, int]) -> list[tuple[int, int, int]]:
    a0, a1, b0, b1 = part
    if (a1 - a0) * (b1 - b0) > _CLOSE:
        return []
    blocks = SequenceMatcher(None, a[a0:a1], b[b0:b1], autojunk=False).get_matching_blocks()
    return [(a0 + i, b0 + j, size) for i, j, size in blocks if size]


def _runs(pairs: Sequence[tuple[int, int, int]], len_a: int, len_b: int) -> list[Run]:
    runs: list[Run] = []
    a = b = 0
    for i, j, size in [*pairs, (len_a, len_b, 0)]:
        if (a, b) != (i, j):
            runs.append(Run(False, a, i, b, j))
        if size:
            if runs and runs[-1].same:
                runs[-1] = Run(True, runs[-1].a0, i + size, runs[-1].b0, j + size)
            else:
                runs.append(Run(True, i, i + size, j, j + size))
        a, b = i + size, j + size
    return runs
