"""A page printed on paper and scanned again, by simulation: for evaluation only.

Written apart from the training augmentation on purpose: a reader must not be measured with the noise it was fed.
Only PIL and NumPy; the same page, profile and seed give the same bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter


@dataclass(frozen=True, slots=True)
class ScanProfile:
    """How bad the printer and the scanner are. Lengths are in pixels of the scan, greys in 0..255.

    The defaults are a plain office scan. Toner spreads by `ink_spread` (the weight of a 3 x 3 minimum), the page lies
    `skew` degrees askew (either way, by the seed), optics blur by `blur`, the lamp falls off by `shading` from one
    corner to the other, `noise` is the sensor's standard deviation, `speckles` dust grains per million pixels.
    """

    skew: float = 1.0
    ink_spread: float = 0.25
    blur: float = 0.7
    ink: float = 35.0
    paper: float = 243.0
    shading: float = 14.0
    noise: float = 7.0
    speckles: float = 60.0
    jpeg_quality: int = 40


OFFICE = ScanProfile()


def scan(page: Image.Image, *, seed: int, profile: ScanProfile = OFFICE) -> Image.Image:
    """Return the page (any mode) as a mode "L" scan of the same size.

    The page turns about its centre and keeps its size: a margin of sin(skew) x half the page, 1.7 % at one degree,
    must be free of text, which printed pages have.
    """
    rng = np.random.default_rng(seed)
    angle = profile.skew * (1.0 if rng.random() < 0.5 else -1.0)
    gray = page.convert("L")
    spread = Image.blend(gray, gray.filter(ImageFilter.MinFilter(3)), profile.ink_spread)
    turned = spread.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255)
    blurred = turned.filter(ImageFilter.GaussianBlur(profile.blur))
    return _through_jpeg(_expose(np.asarray(blurred, dtype=np.float32), rng, profile), profile.jpeg_quality)


def _expose(gray: np.ndarray, rng: np.random.Generator, profile: ScanProfile) -> np.ndarray:
    """Map ink and paper to their greys, then lay shading, dust and sensor noise over them. [H, W] -> uint8 [H, W]"""
    height, width = gray.shape
    values = profile.ink + gray / 255.0 * (profile.paper - profile.ink)
    down, right = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    side = rng.random()
    values = values - profile.shading * (side * down + (1 - side) * right)
    grains = int(profile.speckles * height * width / 1e6)
    values[rng.integers(0, height, grains), rng.integers(0, width, grains)] -= rng.uniform(30, 150, grains)
    values = values + rng.normal(0, profile.noise, size=gray.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _through_jpeg(gray: np.ndarray, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    Image.fromarray(gray, mode="L").save(buffer, "JPEG", quality=quality)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        return image.convert("L")
