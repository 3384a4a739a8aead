"""Pieces of a table are cut whole: what is left off changes what is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.strips import cut_strips

BOX = Box(10, 10, 70, 22)


@dataclass(frozen=True, slots=True)
class Canvas:
    tile: int = 384
    max_columns: int = 3
    line_pitch: float = 32.0
    x_height: float = 12.0
    location_bins: int = 48


def page(tail: int | None = None, below: int | None = None) -> NDArray[np.uint8]:
    """Figures of 12 pixels with a comma whose tail is `tail` grey under them, and another row `below` as many white ones."""
    flat = np.full((60, 120), 255, np.uint8)
    for x in range(10, 70, 10):
        flat[10:22, x : x + 7] = 0
    flat[20:22, 38:40] = 0
    if tail is not None:
        flat[22:25, 38] = tail
    if below is not None:
        flat[22 + below : 34 + below, 10:70] = 0
    return flat


def ink_below(flat: NDArray[np.uint8]) -> float:
    """How much of the canvas is inked under the base line of its figures, in squared x-heights."""
    (strip,) = cut_strips(flat, [BOX], Canvas())
    (line,) = strip.band.lines
    canvas = np.asarray(strip.band.image, np.float64)
    return float((255 - canvas[round(line.base) + 2 :]).sum() / 255 / (line.base - line.top) ** 2)


def test_the_pale_tail_of_a_comma_comes_along() -> None:
    assert ink_below(page(tail=190)) > ink_below(page()) == 0


def test_the_next_row_does_not_beyond_a_white_one() -> None:
    assert ink_below(page(below=2)) == ink_below(page())
