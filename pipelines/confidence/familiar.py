"""Letters that were read on a page tell what ink nobody read is: print on one page is of few sizes and of one blackness.

A word that ran together, a blurred figure or bold print is unlike letters in general, and like its neighbours on the page.
Rings, holes and the crumbs of pictures are unlike them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout import PageInk

Floats = NDArray[np.float64]

_LEAST = 30  # letters that were read; fewer tell nothing about others
_MOST = 1500  # letters to compare with: more of a page tell no more
_LIKE = 3  # letters that a piece has to be like: one may be a stain that a line's box holds
_JOINED = 1.8  # widths to heights from which a piece is letters that touch: their width says nothing
# logarithms of height and of width to height, ink in its box, logarithm of strokes: by how much each differs between letters
# of one kind
_APART = np.array([0.1, 0.25, 0.07, 0.15])
_NEAR, _WORST = (
    2.3,
    0.6,
)  # distance of a row's pieces in such steps, on the average by width, and of its oddest by that factor
_SLIVER = 0.2  # of its height, the widest piece of a row is wide at least
# where most letters run together none is like a figure that stands alone: width to height of one, by how much (a logarithm) its
# height is off that of words, and by how much its ink may be beyond that of the most and the least inky ones
_FIGURE, _LEVEL, _INKED = (0.25, 0.85), 0.08, 0.07


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """The letters of a page that were read: their shapes [N, 4], and the height of their small letters in pixels."""

    ink: PageInk
    known: Floats
    small: float

    @classmethod
    def of(cls, ink: PageInk, free: NDArray[np.bool_]) -> Familiar:
        """Gather the letters that are not `free` [N]: those that some line of text owns."""
        read = np.flatnonzero(ink.letter & ~free)
        lines = ink.line[read]
        zones = np.array([line.base - line.top for line in ink.lines])
        small = float(np.median(zones[lines[lines >= 0]])) if (lines >= 0).any() else 0.0
        read = read[:: 1 + len(read) // _MOST]
        return cls(ink, _shapes(ink, read), small)

    def likes(self, members: NDArray[np.int64]) -> bool:
        """Say whether the pieces [M] of a row look like letters that were read."""
        if len(self.known) < _LEAST:
            return False
        boxes = self.ink.boxes[members]
        wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        if float((wide / tall).max()) < _SLIVER:
            return False
        if len(members) == 1 and self._is_figure(_shapes(self.ink, members)[0]):
            return True
        away = np.sqrt(np.square(_shapes(self.ink, members)[:, None] - self.known[None]).sum(-1))
        away = np.partition(away, _LIKE - 1, axis=1)[:, _LIKE - 1]
        return max(float(np.average(away, weights=wide)), _WORST * float(away.max())) <= _NEAR

    def _is_figure(self, shape: Floats) -> bool:
        """Say whether a piece could be a figure that stands alone, as high and as black as words that were read."""
        tall, wide, inked, _ = (shape * _APART).tolist()
        heights, _, fills, _ = (self.known * _APART).T
        level = np.partition(np.abs(heights - tall), _LIKE - 1)[_LIKE - 1]
        least, most = np.percentile(fills, [5, 95])
        slim = _FIGURE[0] <= float(np.exp(wide)) <= _FIGURE[1]
        return bool(slim and level <= _LEVEL and least - _INKED <= inked <= most + _INKED)


def _shapes(ink: PageInk, pieces: NDArray[np.int64]) -> Floats:
    """Return the shapes of some pieces in steps by which letters of one kind differ, [M, 4]."""
    boxes = ink.boxes[pieces].astype(np.float64)
    wide, tall = np.maximum((boxes[:, 2:] - boxes[:, :2]).T, 1.0)
    strokes = ink.strokes[pieces] / np.maximum(1.0, wide / (_JOINED * tall))
    found = (
        np.log(tall),
        np.log(np.minimum(wide / tall, _JOINED)),
        ink.area[pieces] / (wide * tall),
        np.log(strokes + 0.5),
    )
    result: Floats = np.stack(found, axis=1) / _APART
    return result
