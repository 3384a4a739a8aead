"""How near a picture is to another: what may be put in its place because a person sees no difference.

Light counts to the pixel; colour over two by two pixels, as the eye, and every coder of photographs, takes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Floor:
    """How far a picture may be off: decibels over all of it, and the root mean square, in 255ths, of its worst block; of light,
    and of colour."""

    decibels: float
    worst: float
    colour_decibels: float
    colour_worst: float


ALIKE = Floor(36.0, 10.0, 34.0, 18.0)
"""About what JPEG of quality 75 leaves of printed text: 36 to 39 decibels and 10 to 11 of light, 34.5 and up to 19 of colour."""
READABLE = Floor(32.0, 16.0, 31.0, 24.0)
"""What is taken where nothing that is `ALIKE` fits: seen beside the original, it differs a little along the edges of letters."""
NO_LOSS = 99.0
"""Decibels that stand for the same pixels."""
_BLOCK = 8
LIGHT = np.array((0.299, 0.587, 0.114), np.float32)
"""Shares of red, green and blue in light (ITU-R BT.601, as JPEG has it)."""
BLUE, RED = 0.564, 0.713  # of what these differ from light

Samples = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Likeness:
    """decibels: peak signal-to-noise ratio of light; worst: of the block furthest off in light; and the same of colour."""

    light: float
    worst: float
    colour: float = NO_LOSS
    colour_worst: float = 0.0

    @property
    def decibels(self) -> float:
        """Of light or of colour, the lesser."""
        return min(self.light, self.colour)

    def holds(self, floor: Floor) -> bool:
        """Whether nothing is further off than that."""
        return (
            self.light >= floor.decibels
            and self.worst <= floor.worst
            and self.colour >= floor.colour_decibels
            and self.colour_worst <= floor.colour_worst
        )


def likeness(seen: Samples, shown: Samples) -> Likeness:
    """Compare what was to be seen with what is shown: samples of 0 to 255, [height, width] or [height, width, 3]."""
    off = seen.astype(np.float32) - shown
    if off.ndim == 2:
        return Likeness(*_of(off, _BLOCK))
    light = off @ LIGHT
    red, blue = (_of(halved(share * (off[..., band] - light)), _BLOCK // 2) for share, band in ((RED, 0), (BLUE, 2)))
    return Likeness(*_of(light, _BLOCK), min(red[0], blue[0]), max(red[1], blue[1]))


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
