"""The letters that the ink of a page shows, kept for whoever checks a reading against the page."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.types import InkLine

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PageInk:
    """N connected pieces of ink that are no rules, pictures or dust, in upright pixels.

    `boxes` [N, 4]: x0, y0, x1, y1; `area` [N]: ink pixels; `letter` [N]: whether it has the size of a letter (dots,
    commas and accents have not); `line` [N]: index into `lines`, -1 for what no line took. `rules` [R, 4] are the boxes
    of straight lines. `unit` is the usual height of a small letter. `strokes` [N]: how many strokes a row of its pixels
    crosses. `art` [A, 4]: boxes of line art between the letters, long roots of formulas among it. `unread` [U, 4]: boxes of
    print that lines cannot be made of, such as letters set in a ring.
    """

    boxes: Floats
    area: Floats
    letter: NDArray[np.bool_]
    line: NDArray[np.int32]
    lines: tuple[InkLine, ...]
    rules: Floats
    unit: float
    strokes: NDArray[np.float32]
    art: Floats = field(default_factory=lambda: np.zeros((0, 4), dtype=np.float32))

    unread: Floats = field(default_factory=lambda: np.zeros((0, 4), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.area)


def no_ink() -> PageInk:
    """Return the ink of a blank page."""
    none = np.zeros(0, dtype=np.float32)
    boxes = none.reshape(0, 4)
    return PageInk(boxes, none, none.astype(np.bool_), none.astype(np.int32), (), boxes, 0.0, none)
