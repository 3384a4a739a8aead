"""The layout of a page on which nothing is print: its drawings and pictures."""

from __future__ import annotations

import numpy as np

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.binarise import Gray, clean, find_ink
from dsvl2.pipelines.layout.boxes import Place, merge_boxes
from dsvl2.pipelines.layout.ink import no_ink
from dsvl2.pipelines.layout.strokes import LARGE
from dsvl2.pipelines.layout.types import PageLayout, Region
from dsvl2.pipelines.layout.upright import resized, working_zoom


def wordless(page: Gray) -> PageLayout:
    """Return the layout of a page without letters: its drawings and pictures, or nothing."""
    size = (page.shape[1], page.shape[0])
    zoom = working_zoom(page)
    found = clean(find_ink(resized(page, zoom)).mask)[1]
    large = np.flatnonzero(np.maximum(found.height, found.width) >= LARGE)
    pieces = np.stack([found.x0, found.y0, found.x1, found.y1], axis=1)[large].tolist()
    shapes = [box for box in merge_boxes([tuple(piece) for piece in pieces], LARGE) if _is_picture(box)]
    regions = tuple(Region(Box(*(side / zoom for side in box)), 0, (), "figure") for box in shapes)
    return PageLayout(
        0, 0.0, not regions, regions, 0.0, 0.0, size, size, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), zoom=zoom, ink=no_ink()
    )


def _is_picture(box: Place) -> bool:
    """Say whether a box is no fold and no rule."""
    return min(box[2] - box[0], box[3] - box[1]) >= 2 * LARGE
