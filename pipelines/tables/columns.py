"""Column borders that no rule shows: white stripes in which no text begins or ends and that hardly any text crosses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

import numpy as np

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import Mask
from dsvl2.pipelines.tables.marks import WORD_GAP, chunks

_SPANNING = 0.15  # share of lines that may run across a border: headings over several columns
_BOTH_SIDES, _SURE = 0.25, 0.6  # share of lines that must have text on both sides of a border
_WIDE = 3.0  # letter heights: a stripe so wide is a border if two lines have text on both sides
_HALF = 0.1  # letter heights that lines half beside each other share, at least, in the most open print
_JUSTIFIED, _PROSE_WIDE = 3, 18.0  # full lines of running text, and their least width in letter heights
_FLUSH, _MOSTLY = 0.5, 0.8  # letter heights from the usual ends of a line, and the share of lines that have them
# letter heights of a space between words at least, and of a justified line's usual one at most; spaces of such a line, the
# widest to the usual one, and the share of the width that it fills
_SPACE, _WIDEST_SPACE, _SPACES, _EVEN, _FULL = 0.6, 1.6, 5, 2.3, 0.9
_SURE_GAP = 1.5  # letter heights: the least stripe inside a ruled cell


def find_borders(lines: Sequence[Sequence[Box]], unit: float, *, sure: bool = False) -> list[float]:
    """Return the x of column borders between the words of these text lines, from left to right.

    With `sure` only wide stripes beside which most lines have text count: for the inside of a ruled cell.
    """
    rows = _levels([chunks(line, WORD_GAP * unit) for line in lines], unit)
    if len(rows) < (3 if sure else 2) or max(map(len, rows)) < 2:
        return []
    chosen: list[tuple[int, float, float]] = []
    for stripe in _stripes(rows, max(2, round((_SURE_GAP if sure else WORD_GAP) * unit))):
        crossed, left, right = stripe
        wide = right - left > _WIDE * unit
        least = min(len(rows), _SURE * len(rows) if sure else 2 if wide else max(2, _BOTH_SIDES * len(rows)))
        before = (chosen[-1][1] + chosen[-1][2]) / 2 if chosen else float("-inf")
        if _both_sides(rows, before, (left + right) / 2) >= least:
            chosen.append(stripe)
        elif chosen and (crossed, left - right) < (chosen[-1][0], chosen[-1][1] - chosen[-1][2]):
            # No column lies between this stripe and the last one: of the two the one that less text crosses is it.
            before = (chosen[-2][1] + chosen[-2][2]) / 2 if len(chosen) > 1 else float("-inf")
            if _both_sides(rows, before, (left + right) / 2) >= least:
                chosen[-1] = stripe
    return [(left + right) / 2 for _, left, right in chosen]


def is_justified(column: Sequence[Box], unit: float) -> bool:
    """Say whether pieces of text, one a line, are running text set even on both sides (but for one short last line)."""
    lines = sorted(column, key=lambda box: box.x1 - box.x0)[1:]
    if len(lines) < _JUSTIFIED or lines[0].x1 - lines[0].x0 < _PROSE_WIDE * unit:
        return False
    left, right = [box.x0 for box in lines], [box.x1 for box in lines]
    even = sum(abs(a - median(left)) < _FLUSH * unit and abs(b - median(right)) < _FLUSH * unit
               for a, b in zip(left, right, strict=True))  # fmt: skip
    return even >= _MOSTLY * len(lines)


def _levels(rows: Sequence[Sequence[Box]], unit: float) -> list[list[Box]]:
    """Join lines that stand half beside each other: cells of one, two and three lines centred in one row.

    Lines of one column never do, so the joined lines still have each text once.
    """
    result: list[list[Box]] = []
    for row in rows:
        beside = bool(result) and not any(
            min(new.x1, old.x1) > max(new.x0, old.x0) for new in row for old in result[-1]
        )
        if beside and _overlap(row, result[-1]) > _HALF * unit:
            result[-1] = sorted((*result[-1], *row), key=lambda box: box.x0)
        else:
            result.append(list(row))
    return result


def _overlap(one: Sequence[Box], other: Sequence[Box]) -> float:
    """Return how far two lines stand beside each other."""
    return min(max(b.y1 for b in one), max(b.y1 for b in other)) - max(min(b.y0 for b in one), min(b.y0 for b in other))


def _both_sides(rows: Sequence[Sequence[Box]], before: float, border: float) -> int:
    """Count the lines with text between two borders and text behind the second."""
    return sum(any(c.x0 >= before and c.x1 <= border for c in row) and any(c.x0 >= border for c in row) for row in rows)


def _stripes(rows: Sequence[Sequence[Box]], least: int) -> list[tuple[int, float, float]]:
    """Return (lines that cross it, left, right) of the stripes at least `least` pixels wide with text on both sides."""
    everything = [chunk for row in rows for chunk in row]
    left = int(min(chunk.x0 for chunk in everything)) - 1
    width = int(max(chunk.x1 for chunk in everything)) - left + 3
    cover = np.zeros(width + 1, dtype=np.int64)
    ends: Mask = np.zeros(width, dtype=np.bool_)
    for chunk in everything:
        x0, x1 = int(chunk.x0) - left, int(np.ceil(chunk.x1)) - left
        cover[x0] += 1
        cover[x1] -= 1
        ends[x0] = ends[x1 - 1] = True
    allowed = max(1 if len(rows) >= 4 else 0, int(_SPANNING * len(rows)))
    crossing = np.cumsum(cover)[:width]
    free = ~ends & (crossing <= allowed)
    edges = np.diff(np.concatenate([[0], free.astype(np.int8), [0]]))
    begin, stop = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [
        (int(crossing[a]), float(a + left), float(b + left))
        for a, b in zip(begin.tolist(), stop.tolist(), strict=True)
        if b - a >= least and a > 1 and b < width - 1
    ]


def is_spaced_evenly(line: Sequence[Box], width: float, unit: float) -> bool:
    """Say whether a line of words fills `width` with spaces of one size, as justified text has them, however wide they are."""
    words = sorted(line, key=lambda word: word.x0)
    ends = accumulate((word.x1 for word in words), max)
    gaps = [b.x0 - end for end, b in zip(ends, words[1:], strict=False) if b.x0 - end > _SPACE * unit]
    if len(gaps) < _SPACES or words[-1].x1 - words[0].x0 < _FULL * width:
        return False
    usual = median(gaps)
    return usual < _WIDEST_SPACE * unit and max(gaps) < _EVEN * usual
