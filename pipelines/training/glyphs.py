"""Glyph bitmaps of one face at one size, drawn without hinting and kept in memory.

A glyph is drawn four times too large and averaged down, as a rasteriser of PDF pages or a scanner would show it;
FreeType at the final size would fit stems to pixels. All measures are in pixels of the band.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFont, features

from dsvl2.pipelines.training.charset import INDEX, LIGATURES, NORMALISE
from dsvl2.pipelines.training.printers import TYPE, Look

Mask = npt.NDArray[np.uint8]
_PHASES = 4  # horizontal subpixel positions
_EM = 256  # px per em for measuring


class Outline:
    """A font file and its measures, in fractions of the em; shared by all sizes."""

    def __init__(self, data: bytes, cover: frozenset[str]) -> None:
        self.data = data
        self.cover = cover
        self.letters = cover.intersection(INDEX)  # what may stand in a label
        self.ligatures = {letters: code for code, letters in LIGATURES.items() if code in cover}
        self.advances: dict[str, float] = {}
        self._kerning: dict[str, float] = {}
        self._probe = self.open(_EM, ImageFont.Layout.BASIC)
        self._shaper: ImageFont.FreeTypeFont | None = None
        box = self._probe.getbbox("dlpgqy", anchor="ls")
        self.ascent, self.descent = -box[1] / _EM, box[3] / _EM
        self.x_height = -self._probe.getbbox("x", anchor="ls")[1] / _EM

    def open(self, size: float, engine: ImageFont.Layout) -> ImageFont.FreeTypeFont:
        """The font at ``size`` px per em."""
        return ImageFont.truetype(io.BytesIO(self.data), size, layout_engine=engine)

    def advance(self, character: str) -> float:
        """Distance to the next character."""
        found = self.advances.get(character)
        if found is None:
            found = self.advances[character] = self._probe.getlength(character) / _EM
        return found

    def kerning(self, pair: str) -> float:
        """Correction between two characters, from the font's own table."""
        found = self._kerning.get(pair)
        if found is None:
            if self._shaper is None:
                self._shaper = self.open(
                    _EM, ImageFont.Layout.RAQM if features.check("raqm") else ImageFont.Layout.BASIC
                )
            apart = sum(self._shaper.getlength(character) for character in pair)
            found = self._kerning[pair] = (self._shaper.getlength(pair) - apart) / _EM
        return found


@dataclass(slots=True)
class Glyph:
    """Bitmaps [h, w] by subpixel phase, drawn when first wanted, and what they stand for."""

    classes: tuple[int, ...]  # class index + 1 of each character it is labelled with; () for a space
    advance: float
    corner: tuple[int, int]  # of the large bitmap, from pen and baseline
    large: Image.Image | None
    phases: list[tuple[Mask, int, int] | None]  # bitmap and its corner

    def bitmap(self, phase: int, scale: int) -> tuple[Mask, int, int] | None:
        """The bitmap at a quarter-pixel ``phase``; None for a blank."""
        found = self.phases[phase]
        if found is None and self.large is not None:
            x, y = self.corner
            found = self.phases[phase] = _shrink(self.large, x + phase * scale // _PHASES, y, scale)
        return found


class SizedFont:
    """A face at ``size`` px per em, drawn as type or as a printer's ``look`` has it."""

    def __init__(self, outline: Outline, size: float, look: Look = TYPE) -> None:
        self.scale = 4 if size < 30 else 2
        self.size = round(size * self.scale) / self.scale
        self.look = look
        self._font = outline.open(look.cells or round(size * self.scale), ImageFont.Layout.BASIC)
        self.cover, self.letters, self.ligatures = outline.cover, outline.letters, outline.ligatures
        self.x_height = outline.x_height * self.size
        self.ascent, self.descent = outline.ascent * self.size, outline.descent * self.size
        self._outline = outline
        self._glyphs: dict[str, Glyph] = {}

    def advance(self, character: str) -> float:
        """Distance to the next character."""
        return self._outline.advance(character) * self.size * self.look.wide

    def width(self, text: str) -> float:
        """Sum of the advances."""
        known = self._outline.advances
        size = self.size * self.look.wide
        try:
            return sum([known[c] for c in text]) * size
        except KeyError:
            return sum([self._outline.advance(c) for c in text]) * size

    def kerning(self, pair: str) -> float:
        """Correction between two characters."""
        return self._outline.kerning(pair) * self.size * self.look.wide

    def glyph(self, character: str) -> Glyph:
        """The bitmaps of ``character``."""
        found = self._glyphs.get(character)
        if found is None:
            found = self._glyphs[character] = self._draw(character)
        return found

    def _draw(self, character: str) -> Glyph:
        label = LIGATURES.get(character) or NORMALISE.get(character, character)
        classes = tuple(INDEX[c] + 1 for c in label if c != " ")
        core, corner = self._font.getmask2(character, mode="L", anchor="ls")
        large = Image.Image()._new(core) if classes and core.size[0] * core.size[1] else None
        if large is not None and self.look != TYPE:
            em = self.size * self.scale
            large, corner = self.look.draw(large, corner, em / (self.look.cells or round(em)))
        return Glyph(classes, self.advance(character), corner, large, [None] * _PHASES)


def _shrink(large: Image.Image, x: int, y: int, scale: int) -> tuple[Mask, int, int]:
    """Average ``large``, whose corner lies at (x, y), over cells of ``scale`` px aligned with the origin."""
    left, top = math.floor(x / scale), math.floor(y / scale)
    right, bottom = -(-(x + large.width) // scale), -(-(y + large.height) // scale)
    padded = Image.new("L", ((right - left) * scale, (bottom - top) * scale))
    padded.paste(large, (x - left * scale, y - top * scale))
    return np.array(padded.reduce(scale)), left, top
