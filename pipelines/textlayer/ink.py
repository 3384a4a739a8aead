"""Does invisible text lie on the ink of the scan under it? Old OCR may belong to another page, or to half of this one.

Where ink is spread as text spreads it a word is expected, and between the words of a line there should be paper. Both
need the page at 100 dpi and tens of milliseconds, which only pages with invisible text pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dsvl2.pipelines.documents import Box

DPI = 100.0
_CELL = 20  # pixels: two lines of small print
_INK_IN_TEXT, _PAPER_IN_TEXT = (0.03, 0.5), 0.35  # parts of a cell of text
_LEAST_CELLS, _LEAST_GAPS = 20, 20  # fewer say nothing
_DARK = 0.3  # of the way from paper to the darkest
_SHIFTS = range(-6, 7, 2)  # pixels that a whole layer may be off: some programs place words by rough widths
_WIDEST_GAP = 1.5  # heights of a line: more is no gap between words


@dataclass(frozen=True, slots=True)
class InkMatch:
    """`left_out` is the part of the text-like ink where no word stands; `in_gaps` is how inked the gaps between words
    are beside the words themselves: about 0 where the words are the page's, about 1 where they are another's.
    """

    left_out: float
    in_gaps: float


def ink_match(gray: Any, words: Sequence[Box]) -> InkMatch:
    """Compare a page, drawn in grey at `DPI`, with the boxes of its words in points."""
    paper, darkest = np.percentile(gray, [80, 0.5])
    ink = gray < paper - _DARK * (paper - darkest) if paper - darkest > 30 else np.zeros(gray.shape, bool)
    boxes = [_pixels(box, ink.shape) for box in words]
    return InkMatch(_left_out(ink, boxes), _in_gaps(ink, boxes))


def _pixels(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    zoom = DPI / 72
    x0, x1 = (min(max(round(x * zoom), 0), shape[1]) for x in (box.x0, box.x1))
    y0, y1 = (min(max(round(y * zoom), 0), shape[0]) for y in (box.y0, box.y1))
    return x0, y0, x1, y1


def _left_out(ink: Any, boxes: Sequence[tuple[int, int, int, int]]) -> float:
    known = np.zeros(ink.shape, bool)
    for x0, y0, x1, y1 in boxes:
        known[max(y0 - 3, 0) : y1 + 3, max(x0 - 3, 0) : x1 + 3] = True
    share, unknown = _cells(ink), _cells(ink & ~known)
    text = (share > _INK_IN_TEXT[0]) & (share < _INK_IN_TEXT[1]) & (1 - share > _PAPER_IN_TEXT)
    if text.sum() < _LEAST_CELLS:
        return 0.0
    return float(unknown[text].sum() / share[text].sum())


def _cells(mask: Any) -> Any:
    height, width = (side - side % _CELL for side in mask.shape)
    return mask[:height, :width].reshape(height // _CELL, _CELL, width // _CELL, _CELL).mean(axis=(1, 3))


def _in_gaps(ink: Any, boxes: Sequence[tuple[int, int, int, int]]) -> float:
    upright = sum(y1 - y0 > 2 * (x1 - x0) for x0, y0, x1, y1 in boxes) > len(boxes) / 2
    if upright:  # lines run up or down the page: look at it from the side
        ink, boxes = ink.T, [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes]
    sums = np.pad(ink.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def density(x0: int, y0: int, x1: int, y1: int) -> float:
        area = max((x1 - x0) * (y1 - y0), 1)
        return float(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) / area

    gaps, words = [], []
    rows = sorted(boxes, key=lambda box: ((box[1] + box[3]) // 16, box[0]))
    for (ax0, ay0, ax1, ay1), (bx0, by0, _, by1) in pairwise(rows):
        top, bottom = max(ay0, by0), min(ay1, by1)
        if bottom - top > 0.6 * (ay1 - ay0) and 2 < bx0 - ax1 < _WIDEST_GAP * (ay1 - ay0):
            third = (bx0 - ax1) // 3
            gaps.append((ax1 + third, top, bx0 - third, bottom))
            words.append((ax0, ay0, ax1, ay1))
    if len(gaps) < _LEAST_GAPS:
        return 0.0
    inked = max(float(np.mean([density(*word) for word in words])), 0.01)
    last = ink.shape[1]
    moved = [
        float(
            np.mean(
                [density(min(max(x0 + by, 0), last), y0, min(max(x1 + by, 0), last), y1) for x0, y0, x1, y1 in gaps]
            )
        )
        for by in _SHIFTS
    ]
    return min(moved) / inked
