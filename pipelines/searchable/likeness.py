"""How near a picture is to another: what may be put in its place because a person sees no difference.

Light counts to the pixel; colour over two by two pixels, as the eye, and every coder of photographs, takes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_OFF, LEAST_PSNR = 10.0, 36.0
"""Root mean square, in 255ths of light, of the block that is furthest off; decibels over the whole picture."""
MOST_OFF_COLOUR, LEAST_PSNR_COLOUR = 18.0, 34.0
"""The same of colour. Both are what JPEG of quality 75 leaves of printed text: 10 to 11 and up to 19; 36 and 34.5 decibels."""
NO_LOSS = 99.0
"""Decibels that stand for the same pixels."""
_BLOCK = 8
LIGHT = np.array((0.299, 0.587, 0.114), np.float32)
"""Shares of red, green and blue in light (ITU-R BT.601, as JPEG has it)."""
BLUE, RED = 0.564, 0.713  # of what these differ from light

Samples = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Likeness:
    """decibels: peak signal-to-noise ratio of light or of colour, the lesser; worst: of the block furthest off, in light."""

    decibels: float
    worst: float
    looks_the_same: bool


def likeness(seen: Samples, shown: Samples) -> Likeness:
    """Compare what was to be seen with what is shown: samples of 0 to 255, [height, width] or [height, width, 3]."""
    off = seen.astype(np.float32) - shown
    if off.ndim == 2:
        decibels, worst = _of(off, _BLOCK)
        return Likeness(decibels, worst, decibels >= LEAST_PSNR and worst <= MOST_OFF)
    light = off @ LIGHT
    decibels, worst = _of(light, _BLOCK)
    same = decibels >= LEAST_PSNR and worst <= MOST_OFF
    for share, band in ((RED, 0), (BLUE, 2)):
        of_colour, furthest = _of(halved(share * (off[..., band] - light)), _BLOCK // 2)
        same = same and of_colour >= LEAST_PSNR_COLOUR and furthest <= MOST_OFF_COLOUR
        decibels = min(decibels, of_colour)
    return Likeness(decibels, worst, same)


def _of(off: Samples, block: int) -> tuple[float, float]:
    """Return decibels, and the root mean square of the block that is furthest off."""
    squares = off * off
    whole = float(squares.mean())
    tall, wide = (-size % block for size in squares.shape)
    blocks = np.pad(squares, ((0, tall), (0, wide)), mode="edge")
    blocks = blocks.reshape(blocks.shape[0] // block, block, -1, block).mean((1, 3))
    decibels = min(10 * math.log10(255**2 / whole), NO_LOSS) if whole else NO_LOSS
    return decibels, math.sqrt(float(blocks.max()))


def halved(samples: Samples) -> Samples:
    """Return the means of two by two samples."""
    tall, wide = (size % 2 for size in samples.shape)
    even = np.pad(samples, ((0, tall), (0, wide)), mode="edge")
    found: Samples = even.reshape(even.shape[0] // 2, 2, -1, 2).mean((1, 3))
    return found
