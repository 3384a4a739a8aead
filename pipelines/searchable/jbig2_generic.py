"""The generic region of JBIG2 (ITU-T T.88, 6.2).

A pixel is guessed from ten to sixteen before it, and what is coded is how wrong that was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsvl2.pipelines.searchable.arithmetic import coded

_SMALL = 1_500_000  # pixels

Ink = np.ndarray[Any, np.dtype[np.bool_]]
"""[height, width]; true is ink."""


@dataclass(frozen=True, slots=True)
class Template:
    """Pixels before one that it is guessed from, least bit first (6.2.5.3), where the movable of them are by default,
    and the context in which a row says that it is like the one above (6.2.5.7)."""

    number: int
    pixels: tuple[tuple[int, int], ...]
    movable: bytes
    like_above: int


_ROW = [(-1, 0), (-2, 0), (-3, 0), (-4, 0)]
TEMPLATES = (
    Template(
        0,
        (*_ROW, *((x, -1) for x in (3, 2, 1, 0, -1, -2, -3)), *((x, -2) for x in (2, 1, 0, -1, -2))),
        struct.pack("8b", 3, -1, -3, -1, 2, -2, -2, -2),
        0x9B25,
    ),
    Template(
        1,
        (*_ROW[:3], *((x, -1) for x in (3, 2, 1, 0, -1, -2)), *((x, -2) for x in (2, 1, 0, -1))),
        struct.pack("2b", 3, -1),
        0x0795,
    ),
    Template(
        2,
        (*_ROW[:2], *((x, -1) for x in (2, 1, 0, -1, -2)), *((x, -2) for x in (1, 0, -1))),
        struct.pack("2b", 2, -1),
        0x00E5,
    ),
    Template(3, (*_ROW, *((x, -1) for x in (2, 1, 0, -1, -2, -3))), struct.pack("2b", 2, -1), 0x0195),
)


def generic_region(black: Ink) -> bytes:
    """Return the data of a region segment, without the segment's header."""
    # What little there is in a small picture is learnt sooner with fewer pixels to guess from.
    templates = TEMPLATES if black.size <= _SMALL else TEMPLATES[:1]
    return min((_region(black, template) for template in templates), key=len)


def _region(black: Ink, template: Template) -> bytes:
    height, width = black.shape
    head = struct.pack(">IIIIBB", width, height, 0, 0, 0, 0x08 | template.number << 1)
    return head + template.movable + coded(_decisions(black, template), 1 << len(template.pixels))


def _decisions(black: Ink, template: Template) -> Iterator[tuple[int, int, int]]:
    """Yield contexts, bits and how often in a row, over the rows that are not like the one above."""
    height, width = black.shape
    both = decided(black, template)
    like = np.concatenate([[not black[0].any()], (black[1:] == black[:-1]).all(1)])
    turned = like ^ np.concatenate([[False], like[:-1]])
    for row in range(height):
        yield template.like_above, int(turned[row]), 1
        if not like[row]:
            values = both[row]
            starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
            for value, times in zip(values[starts].tolist(), np.diff(starts, append=width).tolist(), strict=True):
                yield value >> 1, value & 1, times


def decided(black: Ink, template: Template) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return for each pixel twice its context, plus one if it is ink."""
    height, width = black.shape
    paper = np.zeros((height + 2, width + 8), np.uint32)
    paper[2:, 4 : 4 + width] = black
    contexts = np.zeros((height, width), np.uint32)
    for bit, (x, y) in enumerate(template.pixels):
        contexts |= paper[2 + y : 2 + y + height, 4 + x : 4 + x + width] << np.uint32(bit)
    return contexts << np.uint32(1) | paper[2:, 4 : 4 + width]
