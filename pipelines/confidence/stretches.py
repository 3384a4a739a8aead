"""Free ink that looks like text: letters side by side in a row, of one size, as tall as letters of the page are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout import PageInk

Floats = NDArray[np.float32] | NDArray[np.float64]
_LEAST_FILL = 0.14  # part of a letter's box that is ink, at least
_LONE_FILL, _JOINED_FILL = (0.24, 0.72), (0.33, 0.74)  # of a letter that stands alone, and of letters that touch
_SHORTEST, _TALLEST, _LONE_TALLEST, _HUGE = 0.6, 2.6, 2.1, 8.0  # letter heights; those of large titles last
_FEW, _EDGE = 20, 0.6  # fewer letters than this, nearer to a picture than this (letter heights), are part of it
_LONE_TALL, _LONE_SOLID = 1.3, 0.68  # a lone piece taller than that is no letter if it is filled more than that: a hole
_WORD_SHORTEST, _ALONE_SHORTEST = 0.7, 0.9  # letter heights of one or two pieces: of words run together, of letters
_CROSSED = (1.35, 0.5)  # strokes of such a word, and to its width in heights, at least; an arc has two however wide
_BOLD = (3.0, 0.88)  # strokes of a bold word that ran together, at least, and ink in its box at most
_BLOT, _BESIDE_WORD = (
    0.85,
    0.75,
)  # the most ink in a letter's box beside a word that is one piece; its height to the word's
_MARK, _MARKS = 0.62, 0.25  # of a row's usual height and of its ink: quotation marks, dots and dashes among its letters
_MOST_PIECES = 20_000  # of ink that nothing read: more is taken for noise
_BACK = 3  # pieces of a row that the next one may follow: an accent or a dot stands between two letters
_THINNEST = 0.06  # of their height, letters in a row are wide: less is noise
_LEVEL, _ON_LEVEL = 0.12, 0.5  # large letters stand on one line: that near to it (of their height), and so many of them
_STEEPEST = 0.04  # slope of that line
_ROUND, _AROUND, _SPECK = (
    0.8,
    1.2,
    0.25,
)  # free ink that near (letter heights), times the letters' own ink, that makes a few
# letters part of a picture; smaller pieces (of a letter height squared) are dots and dirt
_JOINED = 1.8  # widths to heights from which a piece is several letters that touch
_SCREEN, _DOTTED, _MOST_DOTS = 60, 1.15, 0.95  # pieces, strokes of a dot, share of dots; faint print has up to .92
_AMONG = 4.0  # letter heights around a row
# pieces of a row that tell print from drawings, share of neighbours on one level (of their height), ink in their boxes, width
# to height, and share of neighbours of one size (of their own)
_TELLING, _PRINT_LEVEL, _MOST_LEVEL, _PRINT_FILL, _PRINT_WIDE, _SAME, _MOST_SAME = (
    5,
    0.15,
    0.5,
    (0.3, 0.7),
    2.5,
    0.15,
    0.6,
)
_TOUCH = 0.25  # letter heights to a rule, within which a lone piece is part of a drawing


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of letters on the upright page: box, their typical height, about how many, and their ink.

    printed: they are like those of print whatever the page is like, and enough to tell.
    """

    box: Box
    height: float
    letters: int
    area: float
    printed: bool


def stretches(ink: PageInk, free: NDArray[np.bool_], pictures: Sequence[Box] = ()) -> list[Stretch]:
    """Return the runs of letters among the `free` [N] pieces of ink, from top to bottom.

    One or two pieces alone are text only if each could be a letter or figure, with white around them: no dots, blots,
    crumbs of `pictures` or ends of strokes.
    """
    height = ink.boxes[:, 3] - ink.boxes[:, 1]
    width = ink.boxes[:, 2] - ink.boxes[:, 0]
    fill = ink.area / np.maximum(height * width, 1)
    able = free & ink.letter & (height >= _SHORTEST * ink.unit) & (fill >= _LEAST_FILL) & (width <= 12 * height)
    chosen = able & (height <= _HUGE * ink.unit)
    strokes = [_box(ink.boxes[k : k + 1]) for k in np.flatnonzero(free & ink.letter & ~chosen & (height > ink.unit))]
    found = []
    rows = [(float(np.median(height[members])), members) for members in _rows(ink.boxes, np.flatnonzero(chosen))]
    if _is_screen(ink, able):
        rows = [row for row in rows if not _among_dots(ink, row[1], able)]
    for usual, members in sorted(rows, key=lambda row: -row[0]):
        shape = _Shape(ink, members, usual, height[members], width[members], fill[members])
        box = _box(ink.boxes[members])
        if not shape.is_text():
            strokes += [box] if usual > _TALLEST * ink.unit else []
        elif _crumb(shape, box, pictures, strokes) or _within_drawing(shape, free, box):
            continue
        elif shape.count >= 3 or _alone(ink, free, box, members):
            found.append(Stretch(box, usual, round(shape.count), float(ink.area[members].sum()), shape.is_print()))
    return sorted(found, key=lambda stretch: stretch.box.y0)


def _is_screen(ink: PageInk, able: NDArray[np.bool_]) -> bool:
    """Say whether these many pieces are the dots of a picture: a row of pixels crosses two strokes of most letters, one dot."""
    strokes = ink.strokes[able]
    return len(strokes) >= _SCREEN and float((strokes < _DOTTED).mean()) > _MOST_DOTS


def _among_dots(ink: PageInk, members: NDArray[np.int64], able: NDArray[np.bool_]) -> bool:
    """Say whether a row of pieces is of dots, or of dots that touch, with more of them around."""
    room, box = _AMONG * ink.unit, _box(ink.boxes[members])
    near = able & (ink.strokes < _DOTTED) & (ink.boxes[:, 0] < box.x1 + room) & (ink.boxes[:, 2] > box.x0 - room)
    near &= (ink.boxes[:, 1] < box.y1 + room) & (ink.boxes[:, 3] > box.y0 - room)
    return int(near.sum()) > len(members)


def _box(boxes: NDArray[np.float32]) -> Box:
    return Box(*(float(side) for side in (*boxes[:, :2].min(0), *boxes[:, 2:].max(0))))


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
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
            and float(np.median(self.strokes)) >= _DOTTED
            and float(np.median(shape)) < _PRINT_WIDE
            and alike.mean() < _MOST_SAME
        )

    def _without_marks(self) -> _Shape | None:
        """Return the row without its small marks, where it has some and they are a small part of its ink; else None."""
        area = self.ink.area[self.members]
        order = np.argsort(self.tall)
        usual = float(self.tall[order][int(np.searchsorted(np.cumsum(area[order]), area.sum() / 2))])
        kept = self.tall >= _MARK * usual
        if kept.all() or float(area[~kept].sum()) > _MARKS * float(area.sum()):
            return None
        usual = float(np.median(self.tall[kept]))
        return _Shape(self.ink, self.members[kept], usual, self.tall[kept], self.wide[kept], self.fill[kept])

    def _ragged(self) -> bool:
        """Say whether most of these stand on no common line, a little slanted as it may be."""
        boxes = self.ink.boxes[self.members].astype(np.float64)
        middle, foot = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]
        wide = float(np.ptp(middle))
        slope = float(np.polyfit(middle, foot, 1)[0]) if wide > 3 * self.usual else 0.0
        foot = foot - min(max(slope, -_STEEPEST), _STEEPEST) * middle
        return bool((np.abs(foot - np.median(foot)) < _LEVEL * self.usual).mean() < _ON_LEVEL)


def _crumb(shape: _Shape, box: Box, pictures: Sequence[Box], strokes: Sequence[Box]) -> bool:
    """Say whether a few pieces lie at the edge of a picture, or hardly any at a stroke that is too large for a letter."""
    few = _FEW if len(shape.members) >= 3 else 4 * _FEW
    if shape.count < few and _beside(box, pictures, _EDGE * shape.ink.unit):
        return True
    return len(shape.members) < 3 and _beside(box, strokes, _EDGE * shape.ink.unit)


def _within_drawing(shape: _Shape, free: NDArray[np.bool_], box: Box) -> bool:
    """Say whether more ink than a few letters have of their own lies close around them, and no text owns it: a picture."""
    if shape.count >= _FEW:
        return False
    ink, room = shape.ink, _ROUND * shape.ink.unit
    near = free & (ink.boxes[:, 0] < box.x1 + room) & (ink.boxes[:, 2] > box.x0 - room)
    near &= (ink.boxes[:, 1] < box.y1 + room) & (ink.boxes[:, 3] > box.y0 - room)
    near &= ink.area >= _SPECK * ink.unit**2
    near[shape.members] = False
    return bool(ink.area[near].sum() > _AROUND * ink.area[shape.members].sum())


def _within(values: Floats, limits: tuple[float, float]) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = (values >= limits[0]) & (values <= limits[1])
    return result


def _alone(ink: PageInk, free: NDArray[np.bool_], box: Box, members: NDArray[np.int64]) -> bool:
    """Say whether there is nothing around a box, one letter height wide, but text that was read and small marks."""
    room = ink.unit
    x0, y0, x1, y1 = box.x0 - room, box.y0 - room, box.x1 + room, box.y1 + room
    slack = _TOUCH * ink.unit
    ruled = (ink.rules[:, 0] < box.x1 + slack) & (ink.rules[:, 2] > box.x0 - slack)
    if (ruled & (ink.rules[:, 1] < box.y1 + slack) & (ink.rules[:, 3] > box.y0 - slack)).any():
        return False
    near = (ink.boxes[:, 0] < x1) & (ink.boxes[:, 2] > x0) & (ink.boxes[:, 1] < y1) & (ink.boxes[:, 3] > y0)
    near &= ink.letter & free
    near[members] = False
    return not near.any()


def _beside(box: Box, pictures: Sequence[Box], room: float) -> bool:
    """Say whether a box lies in a picture or within `room` of one."""
    return any(
        box.x0 - room < p.x1 and box.x1 + room > p.x0 and box.y0 - room < p.y1 and box.y1 + room > p.y0
        for p in pictures
    )


def _rows(boxes: NDArray[np.float32], chosen: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Chain pieces that follow each other closely in a row, from left to right; return the members of each chain.

    A piece goes on with the chain that reaches farthest to the right of those it follows. More pieces than letters fit on
    a page are noise, not text: no rows.
    """
    if len(chosen) > _MOST_PIECES:
        return []
    chosen = chosen[np.argsort(boxes[chosen, 0], kind="stable")]
    places = boxes[chosen].astype(np.float64)
    right = places[:, 2].tolist()
    chains: list[list[int]] = []
    chain_of: list[int] = []
    ends: list[float] = []
    for k, before in enumerate(_followed(places)):
        near = {chain_of[m] for m in before if m in chains[chain_of[m]][-_BACK:]}
        if near:
            best = max(near, key=lambda number: (ends[number], -number))
        else:
            best = len(chains)
            chains.append([])
            ends.append(0.0)
        chains[best].append(k)
        chain_of.append(best)
        ends[best] = max(right[m] for m in chains[best][-_BACK:])
    return [chosen[chain] for chain in chains]


def _followed(places: NDArray[np.float64]) -> Iterator[list[int]]:
    """Yield for each of the places [N, 4], sorted from the left, those before it that it follows closely at their height."""
    left, top, right, foot = places.T
    tall = foot - top
    middle = (top + foot) / 2
    order = np.argsort(middle, kind="stable")
    highest = float(tall.max(initial=0.0))
    first = np.searchsorted(middle[order], middle - (tall + highest) / 2)
    last = np.searchsorted(middle[order], middle + (tall + highest) / 2, side="right")
    for k in range(len(places)):
        near = order[first[k] : last[k]]
        near = near[near < k]
        taller = np.maximum(tall[near], tall[k])
        gap = left[k] - right[near]
        overlap = np.minimum(foot[near], foot[k]) - np.maximum(top[near], top[k])
        fits = (gap >= -0.5 * taller) & (gap <= 2.0 * taller) & (overlap > 0.4 * np.minimum(tall[near], tall[k]))
        yield near[fits].tolist()
