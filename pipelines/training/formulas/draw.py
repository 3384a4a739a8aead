"""Draws collected formulas large; glyph bitmaps are kept, so that a formula costs a millisecond or two."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFont

from dsvl2.pipelines.training.formulas.store import UNITS, Drawing, Store

MASTER = 6.0  # px per point of the large drawing; canvases show 2 to 4.5
_EDGE = 6  # px of white around it
_ENCODINGS = ("ADBC", "ADOB")  # FreeType's names of a Type 1 file's own encoding, and of Adobe's standard one
Mask = npt.NDArray[np.uint8]


class Pen:
    """Puts glyphs of a store on arrays."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._glyphs: dict[tuple[int, int], tuple[Mask, int, int]] = {}

    def glyph(self, font: int, code: int) -> tuple[Mask, int, int]:
        """Coverage [h, w] of a character and its corner from the origin, in px, y down."""
        found = self._glyphs.get((font, code))
        if found is None:
            core, corner = self._font(font).getmask2(chr(code), mode="L", anchor="ls")
            mask = np.array(Image.Image()._new(core)) if core.size[0] * core.size[1] else np.zeros((0, 0), np.uint8)
            found = self._glyphs[font, code] = (mask, int(corner[0]), int(corner[1]))
        return found

    def _font(self, font: int) -> ImageFont.FreeTypeFont:
        if font not in self._fonts:
            self._fonts[font] = _opened(self.store.outline(font), self.store.uses[font][1] * MASTER)
        return self._fonts[font]

    def draw(self, drawing: Drawing) -> Mask:
        """Coverage (255 = ink) of the formula with a narrow edge, [h, w]."""
        scale = MASTER / UNITS
        placed: list[tuple[Mask | None, int, int, int, int]] = []  # bitmap (None: full), x0, y0, x1, y1
        for font, code, x, y in zip(
            *(a.tolist() for a in (drawing.fonts, drawing.codes, drawing.x, drawing.y)), strict=True
        ):
            mask, left, top = self.glyph(font, code)
            if mask.size:
                x0, y0 = round(x * scale) + left, round(y * scale) + top
                placed.append((mask, x0, y0, x0 + mask.shape[1], y0 + mask.shape[0]))
        for x, y, width, height in drawing.rules.tolist():
            x0, y1 = round(x * scale), round(y * scale)
            placed.append((None, x0, y1 - max(1, round(height * scale)), x0 + max(1, round(width * scale)), y1))
        return _joined(placed)


def _joined(placed: Sequence[tuple[Mask | None, int, int, int, int]]) -> Mask:
    if not placed:
        return np.zeros((2 * _EDGE, 2 * _EDGE), np.uint8)
    left, top = min(p[1] for p in placed) - _EDGE, min(p[2] for p in placed) - _EDGE
    right, bottom = max(p[3] for p in placed) + _EDGE, max(p[4] for p in placed) + _EDGE
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    for mask, x0, y0, x1, y1 in placed:
        area = canvas[y0 - top : y1 - top, x0 - left : x1 - left]
        if mask is None:
            area[:] = 255
        else:
            np.maximum(area, mask, out=area)
    return canvas


def _opened(outline: bytes, size: float) -> ImageFont.FreeTypeFont:
    for encoding in _ENCODINGS:
        try:
            return ImageFont.truetype(
                io.BytesIO(outline), size, encoding=encoding, layout_engine=ImageFont.Layout.BASIC
            )
        except OSError:
            continue
    raise ValueError("a Type 1 font has neither an encoding of its own nor the standard one")
