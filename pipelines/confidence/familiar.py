"""Letters that were read on a page tell what ink nobody read is: print on one page is of few sizes and of one blackness.

A word that ran together, a blurred figure or bold print is unlike letters in general, and like its neighbours on the page.
Rings, holes and the crumbs of pictures are unlike them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout import InkLine, PageInk

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
_SLIVER, _LONE_SLIVER = 0.2, 0.3  # of its height, the widest piece of a row is wide at least; one that stands alone
_ROUND, _FULL, _ONE_STROKE = (
    0.16,
    0.7,
    float(np.log(1.6)),
)  # logarithms of a disc's width to height and strokes; its ink
_LONE = 0.9  # heights of small letters; lower pieces that stand alone are marks
# where most letters run together none is like a figure that stands alone: width to height of one, by how much (a logarithm) its
# height is off that of words, and by how much its ink may be beyond that of the most and the least inky ones
_FIGURE, _LEVEL, _INKED = (0.25, 0.8), 0.08, 0.07
_FIGURES, _HIGHEST = 3, 2.3  # such figures in a row, and how high they are at most, in heights of small letters

_TALLEST = 2.4  # heights of small letters, a piece without an edge
_MOST_ALONE = 200  # pieces to look at one by one: more are a picture
# lines of print that was read at least, widths to their height at least, pieces above and below the cut through one, and by how
# much (a logarithm) the height of its small letters may differ
_SOME_LINES, _LONG, _CUT, _AS_HIGH = 4, 3.0, 3, 0.3
_STRAY = 0.15  # of an unread line's pieces a neighbour's box may hold


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """The letters of a page that were read: their shapes [N, 4], and the height of their small letters in pixels."""

    ink: PageInk
    known: Floats
    small: float

    @classmethod
    def of(cls, ink: PageInk, free: NDArray[np.bool_]) -> Familiar:
        """Gather the letters that are not `free` [N]: those that some line of text owns."""
        lines = ink.line[ink.letter & ~free]
        zones = np.array([line.base - line.top for line in ink.lines])
        small = float(np.median(zones[lines[lines >= 0]])) if (lines >= 0).any() else 0.0
        tall = ink.boxes[:, 3] - ink.boxes[:, 1]
        read = np.flatnonzero(~free & (ink.letter | ((ink.line >= 0) & (tall >= small) & (tall <= _TALLEST * small))))
        read = read[:: 1 + len(read) // _MOST]
        return cls(ink, _shapes(ink, read), small)

    @property
    def lowest(self) -> float:
        """How low a piece that stands alone may be, in pixels."""
        return _LONE * self.small

    def likes(self, members: NDArray[np.int64]) -> bool:
        """Say whether the pieces [M] of a row look like letters that were read."""
        if len(self.known) < _LEAST:
            return False
        boxes = self.ink.boxes[members]
        wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        if (
            float((wide / tall).max()) < _SLIVER
            or float(np.where(wide > _JOINED * tall, np.inf, tall).max()) < self.lowest
        ):
            return False
        shapes = _shapes(self.ink, members)
        if len(members) == 1 and (_is_disc(shapes[0]) or float((wide / tall)[0]) < _LONE_SLIVER):
            return False
        if len(members) <= _FIGURES and all(self._is_figure(shape) for shape in shapes):
            return True
        away = np.sqrt(np.square(shapes[:, None] - self.known[None]).sum(-1))
        away = np.partition(away, _LIKE - 1, axis=1)[:, _LIKE - 1]
        return max(float(np.average(away, weights=wide)), _WORST * float(away.max())) <= _NEAR

    def each(self, pieces: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of the pieces [N] look like letters that were read, each for itself."""
        result = np.zeros(len(pieces), dtype=np.bool_)
        for k in np.flatnonzero(pieces)[:_MOST_ALONE].tolist():
            result[k] = self.likes(np.array([k]))
        return result

    def lines_like_read(self, free: NDArray[np.bool_]) -> list[int]:
        """Return the printed lines, nearly all of them `free` [N], that were cut in two and are like lines that were read."""
        ink, many = self.ink, len(self.ink.lines)
        held = ink.line >= 0
        pieces = np.bincount(ink.line[held], minlength=many)
        own = np.bincount(ink.line[held], ~free[held], many)
        tall = np.array([line.base - line.top for line in ink.lines])
        wide = np.array([line.x1 - line.x0 for line in ink.lines])
        long = wide > _LONG * tall
        read = np.flatnonzero((own > 0.5 * pieces) & long)
        unread = np.flatnonzero((own <= _STRAY * pieces) & (pieces >= 2 * _CUT) & long)
        unread = np.array([k for k in unread.tolist() if self._is_cut(k)], dtype=np.int64)
        if len(read) < _SOME_LINES or not len(unread):
            return []
        least, most = np.percentile([self._black(k) for k in read.tolist()], [10, 90])
        return [
            k
            for k in unread.tolist()
            if least <= self._black(k) <= most
            and int((np.abs(np.log(tall[read] / tall[k])) < _AS_HIGH).sum()) >= _SOME_LINES
        ]

    def _is_cut(self, number: int) -> bool:
        """Say whether a white row was cut through a line: several of its pieces end where others begin."""
        own = self.ink.boxes[self._inside(self.ink.lines[number])]
        ends, begins = np.round(own[:, 3]).astype(np.int64), np.round(own[:, 1]).astype(np.int64)
        return any(
            int((ends == y).sum()) >= _CUT and int(((begins == y) | (begins == y + 1)).sum()) >= _CUT
            for y in np.unique(ends).tolist()
        )

    def _inside(self, line: InkLine) -> NDArray[np.bool_]:
        """Return the pieces [N] with their middle in a line's box: of letters cut in two half may be of no line."""
        x, y = (self.ink.boxes[:, 0] + self.ink.boxes[:, 2]) / 2, (self.ink.boxes[:, 1] + self.ink.boxes[:, 3]) / 2
        inside: NDArray[np.bool_] = (x > line.x0) & (x < line.x1) & (y > line.y0) & (y < line.y1)
        return inside

    def _black(self, number: int) -> float:
        """Return the ink of a line to the room that its small letters take."""
        line = self.ink.lines[number]
        room = max((line.base - line.top) * (line.x1 - line.x0), 1.0)
        return float(self.ink.area[self._inside(line)].sum()) / room

    def _is_figure(self, shape: Floats) -> bool:
        """Say whether a piece could be a figure that stands alone, as high and as black as words that were read."""
        tall, wide, inked, _ = (shape * _APART).tolist()
        heights, _, fills, _ = (self.known * _APART).T
        level = np.partition(np.abs(heights - tall), _LIKE - 1)[_LIKE - 1]
        least, most = np.percentile(fills, [5, 95])
        slim = _FIGURE[0] <= float(np.exp(wide)) <= _FIGURE[1]
        slim &= float(np.exp(tall)) <= _HIGHEST * self.small
        return bool(slim and level <= _LEVEL and least - _INKED <= inked <= most + _INKED)


def _is_disc(shape: Floats) -> bool:
    """Say whether a piece is round and full: a hole, a blot or a bullet."""
    _, wide, inked, strokes = (shape * _APART).tolist()
    return bool(abs(wide) < _ROUND and inked > _FULL and strokes < _ONE_STROKE)


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
