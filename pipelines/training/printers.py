"""How tills, matrix printers and typewriters put letters on paper: coarse cells, dots, stretched and worn shapes.

A look changes the bitmaps of a face and the width of its letters; what a letter is called stays. Looks are few and
rounded, so that drawn glyphs are met again in the caches.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw


@dataclass(frozen=True, slots=True)
class Look:
    """``cells`` px per em of the printer's own grid (0: none), each a square or a dot; ``wide`` stretches letters.

    ``limit`` is the coverage (0..255) from which on a cell prints, ``ragged`` the share of edge cells that fail to.
    """

    cells: int = 0
    dots: bool = False
    wide: float = 1.0
    limit: int = 110
    ragged: float = 0.0

    def draw(self, glyph: Image.Image, corner: tuple[int, int], enlarge: float) -> tuple[Image.Image, tuple[int, int]]:
        """``glyph`` in cells (or at full size where there are none) as printed, and its corner, ``enlarge`` times."""
        if self.cells:
            glyph = self._cut(glyph)
        size = max(1, round(glyph.width * enlarge * self.wide)), max(1, round(glyph.height * enlarge))
        place = round(corner[0] * enlarge * self.wide), round(corner[1] * enlarge)
        if self.dots:
            return _as_dots(glyph, size, enlarge, self.wide), place
        return glyph.resize(size, Image.Resampling.NEAREST if self.cells else Image.Resampling.BOX), place

    def _cut(self, glyph: Image.Image) -> Image.Image:
        """Every cell prints or does not."""
        coverage = np.asarray(glyph, np.uint8)
        printed = coverage > self.limit
        if self.ragged:
            noise = np.random.default_rng(int(coverage.sum()))  # the same letter is worn in the same way
            printed &= (coverage == 255) | (noise.random(coverage.shape) > self.ragged)
        return Image.fromarray((printed * 255).astype(np.uint8))


def _as_dots(cells: Image.Image, size: tuple[int, int], enlarge: float, wide: float) -> Image.Image:
    radius = max(0.9, enlarge * 0.58)
    large = Image.new("L", (size[0] + round(2 * radius), size[1] + round(2 * radius)))
    pen = ImageDraw.Draw(large)
    for row, column in np.argwhere(np.asarray(cells)):
        x, y = (column + 0.5) * enlarge * wide + radius / 2, (row + 0.5) * enlarge + radius / 2
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return large


TYPE = Look()
_NARROW = (0.5, 0.56, 0.62, 0.7, 0.78)
_WIDTHS = (0.78, 0.86, 0.94, 1.0, 1.0, 1.1, 1.25)


def thermal(rng: Random) -> Look:
    """A till's thermal printer: a grid of about 24 dots a line, letters often high and narrow."""
    narrow = rng.random() < 0.55
    wide = rng.choice(_NARROW if narrow else _WIDTHS)
    return Look(rng.choice((15, 16, 18, 20, 24, 28)), wide=wide, limit=rng.choice((50, 80, 110)),
                ragged=rng.choice((0.0, 0.0, 0.0, 0.2)))  # fmt: skip


def matrix(rng: Random) -> Look:
    """Nine or more needles through a ribbon."""
    return Look(rng.choice((12, 13, 14, 16, 18)), dots=True, wide=rng.choice(_WIDTHS), limit=rng.choice((40, 60, 85)))


def typewriter(rng: Random) -> Look:
    """Types through a ribbon: edges eaten at fine cells, or none."""
    cells = rng.choice((0, 0, 22, 28, 34))
    return Look(cells, wide=rng.choice((0.9, 1.0, 1.0, 1.08)), limit=rng.choice((50, 80, 110)),
                ragged=rng.choice((0.0, 0.15, 0.35)) if cells else 0.0)  # fmt: skip


def stretched(rng: Random) -> Look:
    """Plain type, narrowed or widened as drivers do."""
    return Look(wide=rng.choice((0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.15, 1.35, 1.6)))
