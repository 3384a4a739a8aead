"""From a picture of a formula to the canvas that the embedded model reads: trimmed, dark on light, at a known size, centred.

The size is taken from the ink: an equals sign is 1.52 x-heights wide in Computer Modern (5 % spread over fonts and scans);
without one, the larger letters are about 1.28 x-heights tall. Measured on 550 formulas set by TeX.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.binarise import find_ink, is_inverted
from dsvl2.pipelines.layout.components import Components, components, select

if TYPE_CHECKING:
    from PIL.Image import Image

X_HEIGHT = 13.0  # px on the canvas: the middle of what training shows
_EQUALS_WIDTH, _LARGE_LETTERS = 1.525, 1.28  # in x-heights
_EDGE = 4  # px of paper around the ink on the canvas
_LARGEST_SIDE = 4000  # px; more is scaled down before anything is looked at
_LEAST_INK = 12  # px of ink below which a picture counts as empty


@dataclass(frozen=True, slots=True)
class FormulaPicture:
    """A trimmed formula: grey pixels (dark on light), its box on the picture it came from, and its x-height in px."""

    image: Image
    box: Box
    x_height: float


def look(image: Image) -> FormulaPicture | None:
    """Trim a picture to its ink and measure it; None if there is nothing on it."""
    gray = flattened(image)
    shrink = min(1.0, _LARGEST_SIDE / max(gray.size))
    if shrink < 1:
        gray = gray.resize(
            (max(1, round(gray.width * shrink)), max(1, round(gray.height * shrink))), Pictures.Resampling.LANCZOS
        )
    pixels = np.asarray(gray, np.uint8)
    if is_inverted(pixels):
        pixels = 255 - pixels
    found = ink_of(pixels)
    if int(found.area.sum()) < _LEAST_INK:
        return None
    x0, y0, x1, y1 = (int(v) for v in (found.x0.min(), found.y0.min(), found.x1.max(), found.y1.max()))
    pad = 2
    x0, y0, x1, y1 = max(0, x0 - pad), max(0, y0 - pad), min(pixels.shape[1], x1 + pad), min(pixels.shape[0], y1 + pad)
    part = _whitened(pixels[y0:y1, x0:x1])
    box = Box(x0 / shrink, y0 / shrink, x1 / shrink, y1 / shrink)
    return FormulaPicture(Pictures.fromarray(part), box, x_height_of(found))


def flattened(image: Image) -> Image:
    """The picture as mode "L"; what is transparent becomes white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Pictures.new("RGBA", layered.size, "white")
        image = Pictures.alpha_composite(paper, layered)
    return image.convert("L")


def ink_of(pixels: NDArray[np.uint8]) -> Components:
    """Connected ink of a grey picture, specks left out."""
    if float(np.percentile(pixels, 99)) - float(pixels.min()) < 40:
        return components(np.zeros((1, 1), np.bool_))
    found = components(find_ink(pixels).mask)
    if not len(found):
        return found
    large = float(np.percentile(found.area, 90))
    return select(found, found.area >= max(3.0, 0.004 * large))


def equals_widths(found: Components) -> list[float]:
    """Widths of the equals signs: two flat strokes of one length, one close above the other."""
    width, height = found.width.astype(np.float64), found.height.astype(np.float64)
    flat = np.flatnonzero((height <= 0.34 * width) & (width >= 4))
    order = flat[np.argsort(found.y0[flat], kind="stable")][:400]
    widths = []
    for place, upper in enumerate(order):
        slack, reach = 0.12 * width[upper] + 1, 0.45 * width[upper]
        for lower in order[place + 1 :]:
            gap = found.y0[lower] - found.y1[upper]
            if gap >= reach:
                break
            same = abs(found.x0[upper] - found.x0[lower]) <= slack and abs(found.x1[upper] - found.x1[lower]) <= slack
            if gap >= 0 and same:
                widths.append(float(width[upper] + width[lower]) / 2)
    return widths


def x_height_of(found: Components) -> float:
    """Estimate the x-height of a formula's main letters, px."""
    signs = equals_widths(found)
    if signs:
        return max(2.0, float(np.median(signs)) / _EQUALS_WIDTH)
    width, height = found.width.astype(np.float64), found.height.astype(np.float64)
    letters = height[(height > 0.6 * width) & (height < 4 * width) & (found.area > 0.04 * width * height)]
    letters = letters if letters.size else height
    large = letters[letters >= 0.5 * np.percentile(letters, 85)]
    return max(2.0, float(np.exp(np.log(np.maximum(large, 1)).mean())) / _LARGE_LETTERS)


def canvas(picture: FormulaPicture, tile: int, max_columns: int, x_height: float = X_HEIGHT) -> Image:
    """Place the formula in the middle of the narrowest canvas of m x 1 tiles that holds it at `x_height` px."""
    width, height = picture.image.size
    scale = min(x_height / picture.x_height, (tile * max_columns - 2 * _EDGE) / width, (tile - 2 * _EDGE) / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = Pictures.Resampling.LANCZOS if scale < 1 else Pictures.Resampling.BICUBIC
    columns = min(max_columns, max(1, math.ceil((size[0] + 2 * _EDGE) / tile)))
    paper = Pictures.new("L", (tile * columns, tile), 255)
    paper.paste(picture.image.resize(size, how), ((paper.width - size[0]) // 2, (tile - size[1]) // 2))
    return paper


def _whitened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch the tones so that paper is white; ink keeps its softness."""
    paper = float(np.percentile(pixels, 95))
    if paper >= 254:
        return np.ascontiguousarray(pixels)
    stretched: NDArray[np.uint8] = np.clip(pixels * np.float32(255.0 / max(paper, 1.0)), 0, 255).astype(np.uint8)
    return stretched
