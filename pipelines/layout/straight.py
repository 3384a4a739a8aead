"""The page image as the cutter saw it: quarter turn and skew taken out, in the colours and at the size it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pictures

from dsvl2.pipelines.layout.types import PageLayout

if TYPE_CHECKING:
    from PIL.Image import Image

_PAPER = 75  # percentile of the rim: what the corners that turning opens are filled with


def straightened(image: Image, layout: PageLayout) -> Image:
    """Return the page image in the layout's upright pixels; the image itself if it stands upright as it is."""
    if not layout.rotation and not layout.skew:
        return image
    plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
    pixels = np.asarray(plain)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = np.percentile(rim, _PAPER, axis=0)
    fill = int(paper) if plain.mode == "L" else tuple(map(int, paper))
    how = Pictures.Transform.AFFINE
    return plain.transform(layout.size, how, layout.matrix, Pictures.Resampling.BICUBIC, fillcolor=fill)
