"""Pages without a word on them: diagrams, halftones, blank paper, noise. Whatever is read there is invented."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

KINDS = ("diagram", "halftone", "blank", "noise")
_SIZE = (900, 1270)  # A4 at about 110 dpi

Rng = np.random.Generator


def wordless_page(number: int) -> tuple[str, Image.Image]:
    """Return (kind, mode "L" page); the same number gives the same page, the kinds take turns."""
    kind = KINDS[number % len(KINDS)]
    rng = np.random.default_rng([number, 77])
    return kind, _MAKERS[kind](rng)


def _diagram(rng: Rng) -> Image.Image:
    """Boxes, arrows, circles, axes with bars or curves: line art."""
    image = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(image)
    width, height = _SIZE
    for _ in range(int(rng.integers(4, 22))):
        x0, y0 = int(rng.integers(60, width - 260)), int(rng.integers(60, height - 260))
        x1, y1 = x0 + int(rng.integers(40, 200)), y0 + int(rng.integers(30, 180))
        thick, tone = int(rng.integers(1, 5)), int(rng.integers(0, 120))
        shape = int(rng.integers(0, 6))
        if shape == 0:
            pen.rectangle((x0, y0, x1, y1), outline=tone, width=thick)
        elif shape == 1:
            pen.ellipse((x0, y0, x1, y1), outline=tone, width=thick)
        elif shape == 2:
            pen.line((x0, y0, x1, y1), fill=tone, width=thick)
            pen.polygon((x1, y1, x1 - 12, y1 - 4, x1 - 4, y1 - 12), fill=tone)
        elif shape == 3:
            for k in range(6):
                high = int(rng.integers(8, 150))
                pen.rectangle((x0 + 22 * k, y1 - high, x0 + 22 * k + 14, y1), fill=tone)
        elif shape == 4:
            points = [(x0 + 9 * k, y0 + 60 + 50 * float(np.sin(k / 3 + x0))) for k in range(22)]
            pen.line(points, fill=tone, width=thick)
        else:
            for k in range(0, 180, 12):
                pen.line((x0 + k, y0, x0, y0 + k), fill=tone)
    return image


def _halftone(rng: Rng) -> Image.Image:
    """A picture in dots, or in grey tones, on part of the page."""
    height, width = int(rng.integers(300, 1000)), int(rng.integers(300, 800))
    coarse = rng.random((int(rng.integers(3, 12)), int(rng.integers(3, 12))))
    tones = Image.fromarray((coarse * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    grey: NDArray[np.float64] = np.asarray(tones, dtype=np.float64) / 255
    if rng.random() < 0.75:
        cell = float(rng.uniform(3.5, 9))
        y, x = np.mgrid[:height, :width]
        angle = float(rng.uniform(0, 1))
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        screen = (np.sin(2 * np.pi * u / cell) * np.sin(2 * np.pi * v / cell) + 1) / 2
        grey = (grey > screen).astype(np.float64)
    page = Image.new("L", _SIZE, 255)
    place = (int(rng.integers(20, _SIZE[0] - width)), int(rng.integers(20, _SIZE[1] - height)))
    page.paste(Image.fromarray((grey * 255).astype(np.uint8)), place)
    return page


def _blank(rng: Rng) -> Image.Image:
    """Paper with a tone, a fold, a shadow at the edge, a few specks."""
    height, width = _SIZE[1], _SIZE[0]
    grey = np.full((height, width), float(rng.uniform(200, 255)))
    grey -= np.linspace(0, float(rng.uniform(0, 30)), width)[None]
    if rng.random() < 0.5:
        grey[int(rng.integers(300, 900)) :][:2] -= 25
    if rng.random() < 0.4:
        grey[:, : int(rng.integers(4, 30))] = 40
    grey += rng.normal(0, float(rng.uniform(0, 4)), grey.shape)
    for _ in range(int(rng.integers(0, 15))):
        y, x = int(rng.integers(0, height - 4)), int(rng.integers(0, width - 4))
        grey[y : y + int(rng.integers(1, 4)), x : x + int(rng.integers(1, 4))] = 60
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def _noise(rng: Rng) -> Image.Image:
    """White noise, coarse noise, pepper, or streaks, over the page or a part of it."""
    height, width = _SIZE[1], _SIZE[0]
    kind = int(rng.integers(0, 4))
    if kind == 0:
        grey = rng.integers(0, 256, (height, width)).astype(np.uint8)
    elif kind == 1:
        small = rng.integers(0, 256, (height // 6, width // 6)).astype(np.uint8)
        grey = np.asarray(Image.fromarray(small).resize(_SIZE, Image.Resampling.BICUBIC))
    elif kind == 2:
        grey = np.where(rng.random((height, width)) < float(rng.uniform(0.002, 0.05)), 0, 255).astype(np.uint8)
    else:
        rows = rng.integers(120, 256, (height, 1))
        grey = np.repeat(rows, width, axis=1).astype(np.uint8)
    image = Image.fromarray(grey)
    return image.filter(ImageFilter.GaussianBlur(1.0)) if rng.random() < 0.3 else image


_MAKERS: dict[str, Callable[[Rng], Image.Image]] = {
    "diagram": _diagram, "halftone": _halftone, "blank": _blank, "noise": _noise,
}  # fmt: skip
