"""A chart before it is understood: its pixels, its words, its filled shapes, and its straight lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.ground import Ground
from dsvl2.pipelines.charts.marks import Solid, find_solids
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box


@dataclass(frozen=True, slots=True)
class Scene:
    """What the parts of the chart are looked for in. `unit` is the usual height of its letters, pixels."""

    ground: Ground
    texts: tuple[TextItem, ...]
    solids: tuple[Solid, ...]
    unit: float

    @property
    def gray(self) -> NDArray[np.uint8]:
        """The picture's mean channel [H, W]."""
        return np.asarray(self.ground.rgb.mean(axis=2), dtype=np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        height, width = self.ground.strokes.shape
        return width, height


def make_scene(ground: Ground, texts: Sequence[TextItem]) -> Scene:
    """Put together what was seen and read."""
    useful = tuple(item for item in texts if item.text and item.confidence > 0.3)
    tall = [across(item) for item in useful if item.angle in (0, 90) and any(map(str.isalnum, item.text))]
    unit = float(np.median(tall)) if tall else 10.0
    return Scene(ground, useful, find_solids(ground, texts), unit)


def across(item: TextItem) -> float:
    """Return the letter height of a level or upright text."""
    return item.box.x1 - item.box.x0 if item.angle == 90 else item.box.y1 - item.box.y0


def middle(box: Box) -> tuple[float, float]:
    """Return the centre of a box."""
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def around(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all of them; there must be one at least."""
    first, *rest = boxes
    for box in rest:
        first = first.union(box)
    return first


def overlap(a0: float, a1: float, b0: float, b1: float) -> float:
    """Return how far two ranges overlap; negative is the gap between them."""
    return min(a1, b1) - max(a0, b0)


def inside(inner: Box, outer: Box, slack: float = 0.0) -> bool:
    """Whether the centre of a box lies in another one."""
    x, y = middle(inner)
    return outer.x0 - slack <= x <= outer.x1 + slack and outer.y0 - slack <= y <= outer.y1 + slack
