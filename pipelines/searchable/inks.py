"""The inks of a picture: how its colours go with its light, over all and in places that have an ink or paper of their own.

A page printed in blue on yellowish paper has one colour for each grey between the two; a box in the margin may have others.
What knows the greys and these lines knows the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsvl2.pipelines.searchable.components import pieces
from dsvl2.pipelines.searchable.likeness import ALIKE, BLUE, LIGHT, RED, halved

Samples = np.ndarray[Any, np.dtype[np.uint8]]
"""[height, width], or [height, width, 3] for colours."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom lie outside."""

MOST_ZONES = 40
_BLOCK = 8
_ROUNDS = 4
_OFF = 0.8 * ALIKE.colour_worst  # of colour in a block, from where it is looked at for an ink of its own
_PAPER = 24  # 255ths under the usual light that is paper still
_STIFF = 64 * 30.0**2  # squares of grey in a zone that weigh as much as what was found for the whole


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours as a line over greys: `at` 0, and `per` step of grey, both in 255ths; one number for grey, or three."""

    at: tuple[float, ...]
    per: tuple[float, ...]

    def colours(self, grey: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the colours of greys, [..., 3]."""
        found: np.ndarray[Any, Any] = np.multiply.outer(grey.astype(np.float32), self.per) + np.array(
            self.at, np.float32
        )
        return found


GREY = Ink((0.0,), (1.0,))


@dataclass(frozen=True, slots=True)
class Inked:
    """The light of a picture, the ink of most of it, and places with one of their own, the later over the earlier."""

    grey: Samples
    ink: Ink
    zones: tuple[tuple[Box, Ink], ...] = ()


def inked(picture: Samples) -> Inked | None:
    """Return the inks of a picture; None if there are too many."""
    if picture.ndim == 2:
        return Inked(picture, GREY)
    grey = np.rint(picture @ LIGHT).astype(np.uint8)
    usual = int(np.bincount(grey.ravel(), minlength=256).argmax())
    paper = _blocks(grey).max((1, 3)) >= usual - _PAPER  # what is all ink says nothing of thin letters
    near_paper = np.kron(paper, np.ones((_BLOCK, _BLOCK), bool))[: grey.shape[0], : grey.shape[1]]
    ink = _line(picture[near_paper], grey[near_paper], None)
    of = Inked(grey, ink)
    for _ in range(_ROUNDS):  # a zone may hold another
        wrong = pieces(_off(picture, of) > _OFF)
        boxes = None if wrong is None else _apart([_box(one.x, one.y, *one.shape, grey.shape) for one in wrong])
        if boxes is None or len(of.zones) + len(boxes) > MOST_ZONES:
            return None
        if not boxes:
            break
        if {box for box, _ in of.zones} & set(boxes):  # two inks in one block: no line goes through both
            return None
        found = ((box, _line(_cut(picture, box), _cut(grey, box), ink)) for box in boxes)
        of = Inked(grey, ink, (*of.zones, *found))
    return of


def _off(picture: Samples, of: Inked) -> np.ndarray[Any, Any]:
    """Return how far the colour of each block is off."""
    shown = of.ink.colours(of.grey)
    for (left, top, right, bottom), ink in of.zones:
        shown[top:bottom, left:right] = ink.colours(of.grey[top:bottom, left:right])
    off = picture - shown
    light = off @ LIGHT
    halves = (halved(share * (off[..., band] - light)) for share, band in ((RED, 0), (BLUE, 2)))
    worst = np.maximum(*(_blocks(half * half, _BLOCK // 2).mean((1, 3)) for half in halves))
    found: np.ndarray[Any, Any] = np.sqrt(worst)
    return found


def _line(colours: Samples, grey: Samples, like: Ink | None) -> Ink:
    """Return the line nearest to colours over greys; where the greys are all alike, as steep as that of `like`."""
    light, samples = grey.ravel(), colours.reshape(-1, 3)
    often = np.bincount(light, minlength=256)
    sums = np.stack([np.bincount(light, samples[:, band], 256) for band in range(3)], axis=1)
    levels = np.arange(256.0)
    middle, centre = levels @ often / often.sum(), sums.sum(0) / often.sum()
    down = levels - middle
    stiff = 0.0 if like is None else _STIFF
    steep = np.array((1.0, 1.0, 1.0) if like is None else like.per)
    per = (down @ sums + stiff * steep) / max(float(down * down @ often) + stiff, 1e-9)
    return Ink(tuple((centre - middle * per).tolist()), tuple(per.tolist()))


def _blocks(values: np.ndarray[Any, Any], block: int = _BLOCK) -> np.ndarray[Any, Any]:
    tall, wide = (-size % block for size in values.shape)
    padded = np.pad(values, ((0, tall), (0, wide)), mode="edge")
    return padded.reshape(padded.shape[0] // block, block, -1, block)


def _box(x: int, y: int, tall: int, wide: int, within: tuple[int, ...]) -> Box:
    return x * _BLOCK, y * _BLOCK, min((x + wide) * _BLOCK, within[1]), min((y + tall) * _BLOCK, within[0])


def _apart(boxes: list[Box]) -> list[Box]:
    """Return boxes that do not meet: those that do become one."""
    found: list[Box] = []
    for box in boxes:
        while other := next((one for one in found if _meet(one, box)), None):
            found.remove(other)
            box = (*map(min, box[:2], other[:2]), *map(max, box[2:], other[2:]))  # type: ignore[assignment]
        found.append(box)
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _cut(samples: Samples, box: Box) -> Samples:
    left, top, right, bottom = box
    return samples[top:bottom, left:right]
