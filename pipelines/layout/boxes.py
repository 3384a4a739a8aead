"""Boxes of pieces of ink; boxes that touch become one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Components, Ints, Mask, join

Place = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, half open."""


def around(found: Components, chosen: Mask | Ints) -> Place:
    """Return the box around the chosen components."""
    x0, y0, x1, y1 = found.x0[chosen], found.y0[chosen], found.x1[chosen], found.y1[chosen]
    return int(x0.min()), int(y0.min()), int(x1.max()), int(y1.max())


def touching(box: NDArray[Any], slack: float) -> Ints:
    """Return a group for each of some boxes [n, 4]: those that touch (within `slack` pixels), directly or by others."""
    meet = (
        (box[:, None, 0] <= box[None, :, 2] + slack)
        & (box[None, :, 0] <= box[:, None, 2] + slack)
        & (box[:, None, 1] <= box[None, :, 3] + slack)
        & (box[None, :, 1] <= box[:, None, 3] + slack)
    )
    first, second = np.nonzero(np.triu(meet, 1))
    return join(len(box), first.astype(np.int64), second.astype(np.int64))


def merge_boxes(boxes: list[Place], slack: int) -> list[Place]:
    """Return unions of boxes that touch (within `slack` pixels), until nothing touches."""
    while True:
        if len(boxes) < 2:
            return boxes
        box = np.array(boxes)
        label = touching(box, slack)
        merged = []
        for k in range(int(label.max()) + 1):
            part = box[label == k]
            low, high = part[:, :2].min(0), part[:, 2:].max(0)
            merged.append((int(low[0]), int(low[1]), int(high[0]), int(high[1])))
        if len(merged) == len(boxes):
            return merged
        boxes = merged
