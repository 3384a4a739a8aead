"""Boxes on a page: the grid of 0..999, and regions that a user names.

The grid lies over the image as it was given, x by its width and y by its height, whatever tiles or padding the model saw
(spec.md 7.4): pixel = v / 999 * size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.errors import BoxOutside, QuestionError

GRID = 999


def to_pixels(grid: tuple[int, int, int, int], width: int, height: int) -> Box:
    """Return a grid box in pixels of an image of that size."""
    x0, y0, x1, y1 = grid
    return Box(x0 / GRID * width, y0 / GRID * height, x1 / GRID * width, y1 / GRID * height)


def to_grid(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return a pixel box on the grid, clamped to it."""
    sides = ((box.x0, width), (box.y0, height), (box.x1, width), (box.y1, height))
    x0, y0, x1, y1 = (min(max(round(side / max(size, 1) * GRID), 0), GRID) for side, size in sides)
    return x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Region:
    """A part of every page that is looked at, in pixels of the page image."""

    box: Box

    def on(self, width: int, height: int) -> Box:
        """Return the region on a page of that size, cut at its edges.

        Raises:
            BoxOutside: nothing of it is on the page.
        """
        box = self.box
        cut = Box(max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
        if cut.x1 - cut.x0 < 1 or cut.y1 - cut.y0 < 1:
            raise BoxOutside(
                f"the region {format_box(box)} is not on the page, which has {width} x {height} pixels",
                hint="give LEFT,TOP,RIGHT,BOTTOM in pixels of the page image; `dsvl2 inspect FILE` shows its size",
            )
        return cut


def parse_region(text: str) -> Region:
    """Read LEFT,TOP,RIGHT,BOTTOM.

    Raises:
        QuestionError: these are not four numbers. BoxOutside: they make no area.
    """
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
        if not all(math.isfinite(value) for value in (x0, y0, x1, y1)):
            raise ValueError
    except ValueError:
        raise QuestionError(
            f"the region {text!r} is not LEFT,TOP,RIGHT,BOTTOM", hint="four numbers in pixels: --region 100,200,900,400"
        ) from None
    if x1 <= x0 or y1 <= y0:
        raise BoxOutside(
            f"the region {text} has no area", hint="the right edge is larger than the left one, the bottom than the top"
        )
    return Region(Box(x0, y0, x1, y1))


def format_box(box: Box) -> str:
    """Return a box as people read it: whole pixels, left, top, right, bottom."""
    return ",".join(f"{side:.0f}" for side in (box.x0, box.y0, box.x1, box.y1))
