"""Free ink that looks like text: letters side by side in a row, of one size, as tall as letters of the page are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.confidence.chains import rows_of
from dsvl2.pipelines.confidence.familiar import Familiar
from dsvl2.pipelines.confidence.shapes import DOTTED, Shape
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout import PageInk

_LEAST_FILL = 0.14  # part of a letter's box that is ink, at least
_SHORTEST, _TALLEST, _HUGE = 0.6, 2.6, 8.0  # letter heights; those of large titles last
_SHORTEST_READ = 0.75  # heights of the small letters that were read
_FEW, _EDGE = 20, 0.6  # fewer letters than this, nearer to a picture than this (letter heights), are part of it
# free ink that near (letter heights), times the letters' own ink, that makes a few letters part of a picture; smaller pieces (of
# a letter height squared) are dots and dirt
_SURE = 6  # letters like those that were read are no crumbs of a picture
_ROUND, _AROUND, _SPECK = 0.8, 1.2, 0.25
_SCREEN, _MOST_DOTS = 60, 0.95  # pieces, share of dots; faint print has up to .92
_AMONG = 4.0  # letter heights around a row
_OWN_MARK = 0.25  # of a few letters' ink, a quotation mark or a full stop beside them has less
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
    familiar = Familiar.of(ink, free)
    shortest = min(_SHORTEST * ink.unit, _SHORTEST_READ * (familiar.small or ink.unit))
    able = free & ink.letter & (height >= shortest) & (fill >= _LEAST_FILL) & (width <= 12 * height)
    chosen = able & (height <= _HUGE * ink.unit)
    blurred = free & ~ink.letter & (ink.line >= 0) & (height >= shortest) & (height <= _TALLEST * ink.unit)
    chosen |= familiar.each(blurred)  # letters that have hardly an edge, as all those of the page
    strokes = [_box(ink.boxes[k : k + 1]) for k in np.flatnonzero(free & ink.letter & ~chosen & (height > ink.unit))]
    found = []
    rows = [(float(np.median(height[members])), members) for members in rows_of(ink.boxes, np.flatnonzero(chosen))]
    screen = _is_screen(ink, able)
    for usual, members in sorted(rows, key=lambda row: -row[0]):
        shape = Shape(ink, members, usual, height[members], width[members], fill[members])
        if screen and _among_dots(ink, members, able) and not (shape.is_print() and familiar.likes(members)):
            continue
        box = _box(ink.boxes[members])
        liked = familiar.likes(members)
        if not liked and not shape.is_text():
            strokes += [box] if usual > _TALLEST * ink.unit else []
        elif (_crumb(shape, box, pictures, strokes) and not (liked and len(members) >= _SURE)) or _within_drawing(
            shape, free, box
        ):
            continue
        elif shape.count >= 3 or _alone(ink, free, box, members):
            found.append(Stretch(box, usual, round(shape.count), float(ink.area[members].sum()), shape.is_print()))
    found += _unread(ink, free, familiar, [stretch.box for stretch in found] + list(pictures))
    return sorted(found, key=lambda stretch: stretch.box.y0)


def _unread(ink: PageInk, free: NDArray[np.bool_], familiar: Familiar, taken: Sequence[Box]) -> list[Stretch]:
    """Return the printed lines that nobody owns and whose letters are no pieces of ink, as they were cut in two.

    `taken` are boxes to stay clear of.
    """
    found = []
    for number in familiar.lines_like_read(free):
        line = ink.lines[number]
        if not _beside(line.box, taken, 0.0):
            tall, area = line.base - line.top, float(ink.area[ink.line == number].sum())
            found.append(Stretch(line.box, tall, round((line.x1 - line.x0) / tall), area, False))
    return found


def _is_screen(ink: PageInk, able: NDArray[np.bool_]) -> bool:
    """Say whether these many pieces are the dots of a picture: a row of pixels crosses two strokes of most letters, one dot."""
    strokes = ink.strokes[able]
    return len(strokes) >= _SCREEN and float((strokes < DOTTED).mean()) > _MOST_DOTS


def _among_dots(ink: PageInk, members: NDArray[np.int64], able: NDArray[np.bool_]) -> bool:
    """Say whether a row of pieces is of dots, or of dots that touch, with more of them around."""
    room, box = _AMONG * ink.unit, _box(ink.boxes[members])
    near = able & (ink.strokes < DOTTED) & (ink.boxes[:, 0] < box.x1 + room) & (ink.boxes[:, 2] > box.x0 - room)
    near &= (ink.boxes[:, 1] < box.y1 + room) & (ink.boxes[:, 3] > box.y0 - room)
    return int(near.sum()) > len(members)


def _box(boxes: NDArray[np.float32]) -> Box:
    return Box(*(float(side) for side in (*boxes[:, :2].min(0), *boxes[:, 2:].max(0))))


def _crumb(shape: Shape, box: Box, pictures: Sequence[Box], strokes: Sequence[Box]) -> bool:
    """Say whether a few pieces lie at the edge of a picture, or hardly any at a stroke that is too large for a letter."""
    few = _FEW if len(shape.members) >= 3 else 4 * _FEW
    if shape.count < few and _beside(box, pictures, _EDGE * shape.ink.unit):
        return True
    return len(shape.members) < 3 and _beside(box, strokes, _EDGE * shape.ink.unit)


def _within_drawing(shape: Shape, free: NDArray[np.bool_], box: Box) -> bool:
    """Say whether more ink than a few letters have of their own lies close around them, and no text owns it: a picture."""
    if shape.count >= _FEW:
        return False
    ink, room = shape.ink, _ROUND * shape.ink.unit
    near = free & (ink.boxes[:, 0] < box.x1 + room) & (ink.boxes[:, 2] > box.x0 - room)
    near &= (ink.boxes[:, 1] < box.y1 + room) & (ink.boxes[:, 3] > box.y0 - room)
    near &= ink.area >= _SPECK * ink.unit**2
    near[shape.members] = False
    return bool(ink.area[near].sum() > _AROUND * ink.area[shape.members].sum())


def _alone(ink: PageInk, free: NDArray[np.bool_], box: Box, members: NDArray[np.int64]) -> bool:
    """Say whether there is nothing around a box, one letter height wide, but text that was read and marks of its own line."""
    room = ink.unit
    x0, y0, x1, y1 = box.x0 - room, box.y0 - room, box.x1 + room, box.y1 + room
    slack = _TOUCH * ink.unit
    ruled = (ink.rules[:, 0] < box.x1 + slack) & (ink.rules[:, 2] > box.x0 - slack)
    if (ruled & (ink.rules[:, 1] < box.y1 + slack) & (ink.rules[:, 3] > box.y0 - slack)).any():
        return False
    near = (ink.boxes[:, 0] < x1) & (ink.boxes[:, 2] > x0) & (ink.boxes[:, 1] < y1) & (ink.boxes[:, 3] > y0)
    near &= ink.letter & free
    near[members] = False
    area = float(ink.area[members].sum())
    near &= ~(np.isin(ink.line, ink.line[members][ink.line[members] >= 0]) & (ink.area < _OWN_MARK * area))
    return not near.any()


def _beside(box: Box, pictures: Sequence[Box], room: float) -> bool:
    """Say whether a box lies in a picture or within `room` of one."""
    return any(
        box.x0 - room < p.x1 and box.x1 + room > p.x0 and box.y0 - room < p.y1 and box.y1 + room > p.y0
        for p in pictures
    )
