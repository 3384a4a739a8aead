"""Levels of headings: by the size of their letters beside the page's body, and on a first page beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsvl2.pipelines.layout.placing import PlacedLine

# Times the body's letters, for levels 1 and 2 of a page that may go on with a document. Bold headings of body size measure up
# to 1.12, those set in 1.17 or 1.2 times it (14 on 12 points, LaTeX's subsections) 1.14 and more, at 75 to 150 dpi.
LARGE, LARGER = 1.55, 1.13
SAME = 0.87  # sizes nearer than this are one: at 75 dpi an x-height of 6 pixels is known to one part in ten
X_TO_CAPITAL = 0.72  # x-height to height of capitals and figures, in Latin text faces
LOWEST = 3


def letter_size(lines: Sequence[PlacedLine], *, measured: bool) -> float:
    """Return the x-height of some lines, pixels, 0 where it is not known.

    measured: it was taken from ink, which is as tall as capitals where a line has nothing else; a file's own sizes are not.
    """
    sizes = [
        (line.ink.base - line.ink.top) * (X_TO_CAPITAL if measured and _is_tall(line.text) else 1.0)
        for line in lines
        if line.ink
    ]
    return float(np.median(sizes)) if sizes else 0.0


def _is_tall(text: str) -> bool:
    return not any(letter.islower() for letter in text)


def level(size: float, body: float) -> int:
    """Return the level 1..3 of a heading of letters of this size on a page whose text has letters of size `body`."""
    ratio = size / body if size and body else 1.0
    return 1 if ratio > LARGE else 2 if ratio > LARGER else LOWEST


def levels(sizes: Sequence[float], body: float, *, opening: bool) -> list[int]:
    """Return the levels of a page's headings.

    opening: it is a document's first page. What is largest there is the title, level 1, however much larger than the body
    it is: that it is largest is seen at any resolution. Several of body size are sections, not titles.
    """
    usual = [level(size, body) for size in sizes]
    if not opening or not sizes:
        return usual
    largest = [size >= SAME * max(sizes) for size in sizes]
    if sum(largest) > 1 and level(max(sizes), body) == LOWEST:
        return usual
    return [1 if top else max(2, own) for top, own in zip(largest, usual, strict=True)]
