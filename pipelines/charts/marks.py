"""Filled shapes of a chart: rectangles (bars, swatches) and other areas (sectors, areas), by colour."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.gridlines import bridged, find_grid, hatching
from dsvl2.pipelines.charts.ground import Ground
from dsvl2.pipelines.charts.pixels import Mask, opened
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import components, paint, select

_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Solid:
    """A filled shape: its colour's index, its box, its area in pixels, and whether it is a rectangle.

    `mask` is the shape inside the box.
    """

    colour: int
    box: Box
    area: int
    rectangle: bool
    mask: Mask

    @property
    def width(self) -> float:
        return self.box.x1 - self.box.x0

    @property
    def height(self) -> float:
        return self.box.y1 - self.box.y0


def find_solids(ground: Ground, texts: Iterable[TextItem]) -> tuple[Solid, ...]:
    """Return every filled shape that is not ground (paper, stripes, panels), largest first.

    Text that stands inside a shape does not tear it; grid lines drawn over it do not either.
    """
    height, width = ground.strokes.shape
    texts = [item for item in texts if not item.text or any(map(str.isalnum, item.text))]
    words = _words(ground, [item for item in texts if item.text and item.confidence > _SURE])
    least = 3 if min(height, width) < 450 else 4
    found: list[Solid] = []
    grounds = ground.grounds
    grid = find_grid(ground.rgb, ground.under, grounds)
    for number in range(ground.palette.size):
        if number in grounds:
            continue
        here = ground.under == number
        letters = words & ground.strokes  # letters on a shape do not tear it, letters of its colour are no shapes
        drawn = ((ground.palette.labels == number) & ~(letters & ~here)) | (letters & here)
        drawn |= hatching(here & ground.strokes & ~drawn)
        found += _shapes(opened(_whole(bridged(drawn, grid), texts), least), number, (height, width))
    found = [solid for solid in found if not _is_ground(ground, solid)]
    return tuple(sorted(found, key=lambda solid: -solid.area))


def _words(ground: Ground, texts: Sequence[TextItem]) -> Mask:
    """Return the pixels of the boxes of texts."""
    words = np.zeros(ground.strokes.shape, dtype=np.bool_)
    for item in texts:
        box = item.box
        words[max(0, int(box.y0) - 1) : int(box.y1) + 2, max(0, int(box.x0) - 1) : int(box.x1) + 2] = True
    return words


def _whole(drawn: Mask, texts: Iterable[TextItem]) -> Mask:
    """Fill the rows and columns of texts that begin and end on a shape: letters as tall as a bar tear it apart."""
    height, width = drawn.shape
    result = drawn
    for item in texts:
        x0, y0 = max(2, int(item.box.x0)), max(2, int(item.box.y0))
        x1, y1 = min(width - 2, int(item.box.x1) + 1), min(height - 2, int(item.box.y1) + 1)
        if x1 <= x0 or y1 <= y0:
            continue
        rows = (drawn[y0:y1, x0 - 2] | drawn[y0:y1, x0 - 1]) & (drawn[y0:y1, x1] | drawn[y0:y1, x1 + 1])
        columns = (drawn[y0 - 2, x0:x1] | drawn[y0 - 1, x0:x1]) & (drawn[y1, x0:x1] | drawn[y1 + 1, x0:x1])
        if rows.any() or columns.any():
            result = result.copy() if result is drawn else result
            result[y0:y1, x0:x1] |= rows[:, None] | columns[None, :]
    return result


def _shapes(fill: Mask, number: int, shape: tuple[int, int]) -> Iterable[Solid]:
    found = components(fill)
    found = select(found, found.area >= 12)
    for k in range(len(found)):
        x0, y0, x1, y1 = int(found.x0[k]), int(found.y0[k]), int(found.x1[k]), int(found.y1[k])
        only = np.zeros(len(found), dtype=np.bool_)
        only[k] = True
        mask = paint(found.runs, only, (y1 - y0, x1 - x0), (x0, y0))
        yield Solid(number, Box(x0, y0, x1, y1), int(found.area[k]), _is_rectangle(mask), mask)


def _is_rectangle(mask: Mask) -> bool:
    """Whether a shape fills its box up to rounded corners and what cuts through it."""
    height, width = mask.shape
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    left = mask.argmax(axis=1)[rows]
    right = width - mask[:, ::-1].argmax(axis=1)[rows]
    top = mask.argmax(axis=0)[columns]
    bottom = height - mask[::-1].argmax(axis=0)[columns]
    # Round corners of up to a fifth of the short side are forgiven; round shapes of that size are swatches anyway.
    slack = 2 if min(height, width) > 10 else 1
    straight = (
        float((left <= slack).mean()) > 0.8
        and float((right >= width - slack).mean()) > 0.8
        and float((top <= slack).mean()) > 0.8
        and float((bottom >= height - slack).mean()) > 0.8
    )
    return straight and float(mask.mean()) > 0.7


def _is_ground(ground: Ground, solid: Solid) -> bool:
    """Whether a shape is paper, a panel or a stripe: it holds the middle of the picture or touches its rim."""
    height, width = ground.strokes.shape
    share = solid.width * solid.height / (width * height)
    rim = solid.box.x0 <= 1 or solid.box.y0 <= 1 or solid.box.x1 >= width - 1 or solid.box.y1 >= height - 1
    colour = ground.palette.colours[solid.colour].astype(np.int64)
    paper = ground.palette.colours[ground.paper].astype(np.int64)
    pale = int(np.abs(colour - paper).max()) < 45
    return (rim and (share > 0.25 or pale)) or (pale and share > 0.02) or (share > 0.5 and solid.rectangle)


def split_steps(solid: Solid, *, upright: bool) -> tuple[Solid, ...]:
    """Split bars of one colour that touch: a shape with a straight foot and a stepped top becomes its steps.

    Returns () if the shape is nothing of the kind.
    """
    mask = solid.mask if upright else solid.mask.T[::-1]
    height, width = mask.shape
    bottom = height - mask[::-1].argmax(axis=0)
    if float((bottom >= height - 2).mean()) < 0.9:
        return ()
    top = mask.argmax(axis=0).astype(np.int64)
    cuts = [0, *(int(k) + 1 for k in np.flatnonzero(np.abs(np.diff(top)) > 1)), width]
    runs = [(a, b) for a, b in itertools.pairwise(cuts) if b - a >= 3]
    if len(runs) < 2 or sum(b - a for a, b in runs) < 0.9 * width or any(np.ptp(top[a:b]) > 3 for a, b in runs):
        return ()
    steps = []
    for a, b in runs:
        high = int(np.median(top[a:b]))
        part: NDArray[np.bool_] = mask[high:, a:b]
        if upright:
            box = Box(solid.box.x0 + a, solid.box.y0 + high, solid.box.x0 + b, solid.box.y1)
        else:  # turned: columns were rows from the top, rows were columns from the right
            part = part[::-1].T
            box = Box(solid.box.x0, solid.box.y0 + a, solid.box.x1 - high, solid.box.y0 + b)
        steps.append(Solid(solid.colour, box, int(part.sum()), True, part))
    return tuple(steps)
