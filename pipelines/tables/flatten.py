"""Make a page even: fills behind cells and headers go, print on them becomes dark on white, whatever its colour was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Gray = NDArray[np.uint8]

_STEP = 3  # the background is looked for in every third pixel of every third row
_FAINTEST = 18.0  # grey levels: less contrast than this is paper


def flatten(gray: Gray, unit: float) -> Gray:
    """Return a [H, W] page as its distance from the local background, 255 where there is none.

    The background is the median of about one and a half line pitches around each place (`unit` is the letter height in
    pixels): print covers less than half of that. White letters on a dark fill come out dark; the edges of fills remain
    as thin lines.
    """
    height, width = gray.shape
    # Pixels are picked, not averaged: among averages the median of bold print would be a grey that is nowhere.
    step = _STEP if min(height, width) >= 4 * _STEP else 1
    small = Image.fromarray(np.ascontiguousarray(gray[step // 2 :: step, step // 2 :: step]))
    size = max(3, min(15, int(1.5 * unit / step) * 2 + 1))
    median = small.filter(ImageFilter.MedianFilter(size))
    ground = np.asarray(median.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
    away = np.abs(gray.astype(np.float32) - ground)
    away[away < _FAINTEST] = 0
    light = np.asarray(gray, dtype=np.float32) > ground
    # Light print has less room above a middle grey than dark print has below paper: as much contrast for both.
    room = np.maximum(np.where(light, 255.0 - ground, ground), 60.0)
    scale = np.where(light | (ground < 200), np.minimum(255.0 / room, 2.6), 1.0)
    result: Gray = (255.0 - np.minimum(away * scale, 255.0)).astype(np.uint8)
    return result
