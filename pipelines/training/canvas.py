"""The band being drawn: ink, background, and the record of every character and line on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dsvl2.pipelines.training.glyphs import SizedFont

TILE = 384  # height of a band and width of one tile, px
_MARKS = frozenset(",.;:!?'’”)")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of output: its text, the centre of its first character, and whether a gap precedes it."""

    text: str
    x: float
    y: float
    gap: bool


class Canvas:
    """A band ``m`` tiles wide. ``put`` draws text; ``pen`` draws everything that is no text."""

    def __init__(self, m: int, paper: int, ink: int) -> None:
        self.width = TILE * m
        self.ink = ink
        self.paper = paper
        self.rows: list[Row] = []
        self.chars: list[tuple[float, float, int]] = []
        self.recording = True
        self.tuck = 0.0  # px that marks stand nearer to the letter before them, as in hinted small print
        self._mask = np.zeros((TILE, self.width), np.uint8)
        self._picture: Image.Image | None = None
        self._inverted: list[tuple[int, int, int, int]] = []

    @property
    def picture(self) -> Image.Image:
        """The background, below the text."""
        if self._picture is None:
            self._picture = Image.new("L", (self.width, TILE), self.paper)
        return self._picture

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        """Draws on the background."""
        return ImageDraw.Draw(self.picture)

    def invert(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Show this part in negative: light text on a dark bar."""
        self._inverted.append((max(0, round(x0)), max(0, round(y0)), round(x1), round(y1)))

    def bar(self, x0: float, x1: float, y: float, thickness: int) -> None:
        """A horizontal stroke in the text's ink."""
        top = round(y)
        if top >= 0 and top + thickness <= TILE:
            self._mask[top : top + thickness, max(0, round(x0)) : max(0, round(x1))] = 255

    def fade(self, y0: float, y1: float, share: float) -> None:
        """Leave ``share`` of the ink between two heights."""
        rows = self._mask[max(0, round(y0)) : max(0, round(y1))]
        rows[:] = (rows * share).astype(np.uint8)

    def put(
        self, x: float, baseline: float, text: str, font: SizedFont, *, spacing: float = 0.0, kern: bool = False
    ) -> float:
        """Draw ``text`` from pen position ``x``; return where the pen ends."""
        mask, width, base = self._mask, self.width, round(baseline)
        middle = base - font.x_height * 0.5
        previous, follows = "", False
        for character in text:
            if kern and previous:
                x += font.kerning(previous + character)
            previous = character
            glyph = font.glyph(character)
            at = x - self.tuck if follows and character in _MARKS else x
            follows = True
            quarter = int(at * 4 + 0.5)
            phase = quarter & 3
            found = glyph.phases[phase] or glyph.bitmap(phase, font.scale)
            if found is not None:
                bitmap, dx, dy = found
                left, top = (quarter >> 2) + dx, base + dy
                high, wide = bitmap.shape
                if left >= 0 and top >= 0 and left + wide <= width and top + high <= TILE:
                    area = mask[top : top + high, left : left + wide]
                    np.maximum(area, bitmap, out=area)
                else:
                    _clipped(mask, bitmap, left, top)
            if self.recording and glyph.classes:
                step = glyph.advance / len(glyph.classes)
                for index, kind in enumerate(glyph.classes):
                    self.chars.append((at + step * (index + 0.5), middle, kind))
            x += glyph.advance + spacing
        return x

    def image(self) -> npt.NDArray[np.uint8]:
        """The finished band uint8 [384, 384 m]."""
        mask = self._mask.astype(np.int32)
        if self._picture is None:
            shades = self.paper + ((self.ink - self.paper) * np.arange(256) / 255.0)
            band = np.round(shades).astype(np.uint8)[self._mask]
        else:
            paper = np.asarray(self._picture, np.int32)
            band = ((paper * (255 - mask) + self.ink * mask + 127) // 255).astype(np.uint8)
        for x0, y0, x1, y1 in self._inverted:
            band[y0:y1, x0:x1] = 255 - band[y0:y1, x0:x1]
        return np.ascontiguousarray(band, np.uint8)


def _clipped(mask: npt.NDArray[np.uint8], bitmap: npt.NDArray[np.uint8], left: int, top: int) -> None:
    high, wide = bitmap.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + wide, mask.shape[1]), min(top + high, mask.shape[0])
    if x1 > x0 and y1 > y0:
        area = mask[y0:y1, x0:x1]
        np.maximum(area, bitmap[y0 - top : y1 - top, x0 - left : x1 - left], out=area)
