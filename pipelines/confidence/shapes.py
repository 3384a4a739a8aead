"""Pieces of ink in a row, judged by their own shapes: whether these could be letters, and whether they are like print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout import PageInk

Floats = NDArray[np.float32] | NDArray[np.float64]
_LONE_FILL, _JOINED_FILL = (0.24, 0.72), (0.33, 0.74)  # of a letter that stands alone, and of letters that touch
_TALLEST, _LONE_TALLEST = 2.6, 2.1  # letter heights
_LONE_TALL, _LONE_SOLID = 1.3, 0.68  # a lone piece taller than that is no letter if it is filled more than that: a hole
_WORD_SHORTEST, _ALONE_SHORTEST = 0.7, 0.9  # letter heights of one or two pieces: of words run together, of letters
_CROSSED = (1.35, 0.5)  # strokes of such a word, and to its width in heights, at least; an arc has two however wide
_BOLD = (3.0, 0.88)  # strokes of a bold word that ran together, at least, and ink in its box at most
_BLOT, _BESIDE_WORD = (
    0.85,
    0.75,
)  # the most ink in a letter's box beside a word that is one piece; its height to the word's
_MARK, _MARKS = 0.62, 0.25  # of a row's usual height and of its ink: quotation marks, dots and dashes among its letters
_THINNEST = 0.06  # of their height, letters in a row are wide: less is noise
_LEVEL, _ON_LEVEL = 0.12, 0.5  # large letters stand on one line: that near to it (of their height), and so many of them
_STEEPEST = 0.04  # slope of that line
_JOINED = 1.8  # widths to heights from which a piece is several letters that touch
DOTTED = 1.15  # strokes of a dot at most
# pieces of a row that tell print from drawings, share of neighbours on one level (of their height), ink in their boxes, width
# to height, and share of neighbours of one size (of their own)
_TELLING, _PRINT_LEVEL, _MOST_LEVEL, _PRINT_FILL, _PRINT_WIDE = 5, 0.15, 0.5, (0.3, 0.7), 2.5
_SAME, _MOST_SAME = 0.15, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Pieces of ink in a row: their usual height, and each one's height, width and filled part."""

    ink: PageInk
    members: NDArray[np.int64]
    usual: float
    tall: Floats
    wide: Floats
    fill: Floats

    @property
    def count(self) -> float:
        """About how many letters these are: letters that touch are one piece."""
        return float(np.maximum(1.0, self.wide / (0.75 * self.tall)).sum())

    @property
    def strokes(self) -> Floats:
        """How many strokes a row of each one's pixels crosses."""
        return self.ink.strokes[self.members]

    def is_text(self) -> bool:
        """Say whether these could be letters: alike in a row, or shaped like letters if there are one or two."""
        unit = self.ink.unit
        joined = self.wide > _JOINED * self.tall
        if len(self.members) >= 3 and (core := self._without_marks()) is not None:
            return core.is_text()
        if len(self.members) >= 3:
            strict = self.usual > _TALLEST * unit
            low, high, most = (0.65, 1.5, 0.8) if strict else (0.55, 1.75, 0.7)
            alike = (self.tall > low * self.usual) & (self.tall < high * self.usual)
            blots = joined & (self.fill > _JOINED_FILL[1]) & (self.strokes < _CROSSED[0])
            solid = self.fill >= _LONE_FILL[1] if strict else blots
            if float(np.median(self.wide)) < _THINNEST * self.usual:
                return False
            return bool(alike.mean() >= most and solid.mean() <= 0.34 and not (strict and self._ragged()))
        narrow = (self.wide < 0.45 * self.tall) & (self.wide >= 0.12 * self.tall)
        strokes = self.strokes
        word = _within(self.fill, _JOINED_FILL) & (strokes >= _CROSSED[0])
        word |= (self.fill <= _BOLD[1]) & (strokes >= _BOLD[0])
        like = word & (strokes * self.tall >= _CROSSED[1] * self.wide)
        if (word & joined).any():  # a blurred letter beside a word of its height
            like |= ~joined & (self.fill <= _BLOT) & (self.tall >= _BESIDE_WORD * self.tall.max())
        like |= ~joined & (_within(self.fill, _LONE_FILL) | narrow | word)
        size = self.tall <= _LONE_TALLEST * unit
        # beside a word that ran together, a letter of its own may be a small one, lower than any that stands alone
        beside = joined | (word & (self.wide > self.tall) & (self.tall >= _ALONE_SHORTEST * unit)).any()
        size &= self.tall >= np.where(beside, _WORD_SHORTEST, _ALONE_SHORTEST) * unit
        hole = (self.tall > _LONE_TALL * unit) & (self.fill > _LONE_SOLID) & ~narrow & ~joined & (strokes < _CROSSED[0])
        return bool((like & size & ~hole).all())

    def is_print(self) -> bool:
        """Say whether these are like the letters of print: several on one line, of different shapes with edges and white."""
        if len(self.members) < _TELLING:
            return False
        feet = self.ink.boxes[self.members, 3]
        level = np.abs(np.diff(feet)) < _PRINT_LEVEL * self.usual
        shape = self.wide / np.maximum(self.tall, 1)
        alike = (np.abs(np.diff(self.wide)) <= _SAME * self.wide[1:]) & (
            np.abs(np.diff(self.tall)) <= _SAME * self.tall[1:]
        )
        return bool(
            level.mean() >= _MOST_LEVEL
            and _within(np.array([np.median(self.fill)]), _PRINT_FILL)[0]
            and float(np.median(self.strokes)) >= DOTTED
            and float(np.median(shape)) < _PRINT_WIDE
            and alike.mean() < _MOST_SAME
        )

    def _without_marks(self) -> Shape | None:
        """Return the row without its small marks, where it has some and they are a small part of its ink; else None."""
        area = self.ink.area[self.members]
        order = np.argsort(self.tall)
        usual = float(self.tall[order][int(np.searchsorted(np.cumsum(area[order]), area.sum() / 2))])
        kept = self.tall >= _MARK * usual
        if kept.all() or float(area[~kept].sum()) > _MARKS * float(area.sum()):
            return None
        usual = float(np.median(self.tall[kept]))
        return Shape(self.ink, self.members[kept], usual, self.tall[kept], self.wide[kept], self.fill[kept])

    def _ragged(self) -> bool:
        """Say whether most of these stand on no common line, a little slanted as it may be."""
        boxes = self.ink.boxes[self.members].astype(np.float64)
        middle, foot = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]
        wide = float(np.ptp(middle))
        slope = float(np.polyfit(middle, foot, 1)[0]) if wide > 3 * self.usual else 0.0
        foot = foot - min(max(slope, -_STEEPEST), _STEEPEST) * middle
        return bool((np.abs(foot - np.median(foot)) < _LEVEL * self.usual).mean() < _ON_LEVEL)


def _within(values: Floats, limits: tuple[float, float]) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = (values >= limits[0]) & (values <= limits[1])
    return result
