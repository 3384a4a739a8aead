"""Print within a drawn outline, as stamps have it: told from the labels of a picture, and from letters set in a ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.boxes import Place, around, merge_boxes
from dsvl2.pipelines.layout.components import Components, Mask, components, paint
from dsvl2.pipelines.layout.segments import find_segments

Floats = NDArray[np.floating]

_HUGS, _NEARLY = 0.72, 0.95  # part of the way from the middle, beyond which an outline's ink is, and how much of it
_CORNER = 1.25  # the same of a box's corners, 1.4; print in boxes is found by their rules
_SECTORS, _CLOSED = 24, 0.75  # of a turn, that an outline goes around
_ROW = 3  # letters of a row
_TALL, _LONG, _LOW, _THIN = 5.0, 12.0, 3.0, 0.35  # letter heights of an outline, of its box that is ink
_MOST = 60  # that are looked at on one page
_LEAST = 0.6  # letter heights
_RING, _AROUND = 0.62, 6  # part of the way from the middle, and sectors, from which letters stand in a ring
_MOST_RING = 0.55  # of the letters


@dataclass(frozen=True, slots=True)
class Outlines:
    """What stands within outlines, in working pixels; `ink` [H, W] is that of the outlines and of what is not read in them.

    `stamps` are boxes of outlines whose print can be read, `pictures` of the others, `unread` of print that is lost in them.
    """

    ink: Mask | None
    stamps: tuple[Place, ...]
    pictures: tuple[Place, ...]
    unread: tuple[Place, ...]


NO_OUTLINES = Outlines(None, (), (), ())


def find_outlines(mask: Mask, unit: float) -> Outlines:
    """Return the outlines that hold print; `mask` [H, W] is all ink of a page, `unit` the height of its letters."""
    found = components(mask)
    taken = np.zeros(len(found), dtype=np.bool_)
    stamps: list[Place] = []
    pictures: list[Place] = []
    unread: list[Place] = []
    height, width = found.height, found.width
    drawn: Mask = (height > _TALL * unit) | ((width > _LONG * unit) & (height > _LOW * unit))
    drawn &= (width > _TALL * unit) & (found.area < _THIN * height * width)
    places = [_place(found, k) for k in np.flatnonzero(drawn).tolist()]
    middle_x, middle_y = (found.x0 + found.x1) / 2, (found.y0 + found.y1) / 2
    for x0, y0, x1, y1 in sorted({*places, *merge_boxes(places, round(unit))}, key=_size, reverse=True)[:_MOST]:
        inside = (middle_x > x0) & (middle_x < x1) & (middle_y > y0) & (middle_y < y1) & ~taken
        held = _outlined(found, drawn, inside, (x0, y0, x1, y1), unit)
        if held is None:
            continue
        readable, lost = held
        taken |= inside & ~readable
        unread += [around(found, lost)] if lost.any() else []
        (stamps if readable.any() else pictures).append((x0, y0, x1, y1))
    if not taken.any():
        return NO_OUTLINES
    ink = paint(found.runs, taken, (mask.shape[0], mask.shape[1]))
    return Outlines(ink, tuple(stamps), tuple(pictures), tuple(unread))


def _outlined(found: Components, drawn: Mask, inside: Mask, box: Place, unit: float) -> tuple[Mask, Mask] | None:
    """Return what can be read within the outline that `drawn` components `inside` a box make, and print that cannot be.

    None: they make none, or hold no print.
    """
    large: Mask = drawn & inside
    sized = inside & ~large & (found.height > _LEAST * unit)
    if int(sized.sum()) < _ROW:
        return None
    around, closed = _along(found, large, box)
    if not closed:
        return None
    inner = np.flatnonzero(large & ~around).tolist()
    rings = [k for k in inner if _is_outline(found, k)]
    usual = max(float(np.median(found.height[sized])), unit)
    segs = find_segments(found, sized, usual)
    lettered: Mask = sized & (segs.owner >= 0) & (np.append(segs.size, 0)[segs.owner] >= _ROW)
    if not lettered.any():
        return None
    nothing = np.zeros(len(found), dtype=np.bool_)
    if len(rings) < len(inner):  # an emblem
        return nothing, lettered
    ringed = _ringed(found, sized, box, rings)
    kept: Mask = inside & ~large & ~ringed
    return (kept if (lettered & kept).any() else nothing), ringed & sized


def _ringed(found: Components, sized: Mask, box: Place, rings: list[int]) -> Mask:
    """Return which pieces stand in the ring between two outlines, or along the only one."""
    middle_x, middle_y = (found.x0 + found.x1) / 2, (found.y0 + found.y1) / 2
    nothing = np.zeros(len(found), dtype=np.bool_)
    for k in rings:
        between: Mask = _radius(middle_x, middle_y, _place(found, k)) > 1
        if int((between & sized).sum()) >= 2 * _ROW:
            return between
    away = _radius(middle_x, middle_y, box)
    far: Mask = away > _RING
    turn = _angle(middle_x, middle_y, box)[far & sized]
    spread = len(np.unique((turn * _SECTORS).astype(np.int64)))
    if spread >= _AROUND and int((far & sized).sum()) > _MOST_RING * int(sized.sum()):
        return far
    return nothing


def _along(found: Components, drawn: Mask, box: Place) -> tuple[Mask, bool]:
    """Return which drawn components lie along the box's ellipse or outside it, and whether these go all around."""
    runs = found.runs
    held = drawn[runs.label]
    start, end, row, label = runs.start[held], runs.end[held], runs.row[held] + 0.5, runs.label[held]
    nearest = np.clip((box[0] + box[2]) / 2, start, end)
    within = np.bincount(label, (end - start) * (_radius(nearest, row, box) < _HUGS), len(found))
    along: Mask = drawn & (within <= (1 - _NEARLY) * found.area)
    if float(np.maximum(_radius(start + 0.0, row, box), _radius(end + 0.0, row, box)).max(initial=0.0)) > _CORNER:
        return along, False
    turn = _angle((start + end) / 2, row, box)[along[label]]
    return along, len(np.unique((turn * _SECTORS).astype(np.int64))) >= _CLOSED * _SECTORS


def _is_outline(found: Components, number: int) -> bool:
    """Say whether a component is an outline of its own."""
    own = np.zeros(len(found), dtype=np.bool_)
    own[number] = True
    return _along(found, own, _place(found, number))[1]


def _place(found: Components, k: int) -> Place:
    """Return the box of a component."""
    return int(found.x0[k]), int(found.y0[k]), int(found.x1[k]), int(found.y1[k])


def _size(box: Place) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _radius(x: Floats, y: Floats, box: Place) -> Floats:
    """Return the way from the middle of a box to points, 1 on the ellipse that fills it."""
    x0, y0, x1, y1 = box
    away: Floats = np.hypot((2 * x - x0 - x1) / max(x1 - x0, 1), (2 * y - y0 - y1) / max(y1 - y0, 1))
    return away


def _angle(x: Floats, y: Floats, box: Place) -> Floats:
    """Return where points stand around the middle of a box, as parts of a turn, 0 up to below 1."""
    x0, y0, x1, y1 = box
    turn = np.arctan2((2 * y - y0 - y1) / max(y1 - y0, 1), (2 * x - x0 - x1) / max(x1 - x0, 1)) / (2 * np.pi)
    part: Floats = np.minimum(turn % 1.0, 1 - 1e-9)
    return part
