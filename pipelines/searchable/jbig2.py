"""Black and white pictures as JBIG2 data for PDF (ITU-T T.88), without loss: every pixel is coded, none is taken for another's.

Of the standard's tools only the generic region is used: a pixel is guessed from ten to sixteen before it, and what is
coded is how wrong that was. Nothing here compares letters, which is how other encoders came to swap digits.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsvl2.pipelines.searchable.arithmetic import coded

_PAGE_INFORMATION, _LOSSLESS_REGION = 48, 39
_SMALL = 1_500_000  # pixels


@dataclass(frozen=True, slots=True)
class _Template:
    """Pixels before one that it is guessed from, least bit first (6.2.5.3), where the movable of them are by default,
    and the context in which a row says that it is like the one above (6.2.5.7)."""

    number: int
    pixels: tuple[tuple[int, int], ...]
    movable: bytes
    like_above: int


_ROW = [(-1, 0), (-2, 0), (-3, 0), (-4, 0)]
_TEMPLATES = (
    _Template(
        0,
        (*_ROW, *((x, -1) for x in (3, 2, 1, 0, -1, -2, -3)), *((x, -2) for x in (2, 1, 0, -1, -2))),
        struct.pack("8b", 3, -1, -3, -1, 2, -2, -2, -2),
        0x9B25,
    ),
    _Template(
        1,
        (*_ROW[:3], *((x, -1) for x in (3, 2, 1, 0, -1, -2)), *((x, -2) for x in (2, 1, 0, -1))),
        struct.pack("2b", 3, -1),
        0x0795,
    ),
    _Template(
        2,
        (*_ROW[:2], *((x, -1) for x in (2, 1, 0, -1, -2)), *((x, -2) for x in (1, 0, -1))),
        struct.pack("2b", 2, -1),
        0x00E5,
    ),
    _Template(3, (*_ROW, *((x, -1) for x in (2, 1, 0, -1, -2, -3))), struct.pack("2b", 2, -1), 0x0195),
)


def jbig2(black: np.ndarray[Any, Any]) -> bytes:
    """Return a picture as segments of one page for PDF's JBIG2Decode.

    Args:
        black: [height, width], bool; true is ink.
    """
    height, width = black.shape
    page = struct.pack(">IIIIBH", width, height, 0, 0, 0x01, 0)  # lossless, white where nothing is
    # What little there is in a small picture is learnt sooner with fewer pixels to guess from.
    templates = _TEMPLATES if black.size <= _SMALL else _TEMPLATES[:1]
    region = min((_region(black, template) for template in templates), key=len)
    return _segment(0, _PAGE_INFORMATION, page) + _segment(1, _LOSSLESS_REGION, region)


def _segment(number: int, kind: int, data: bytes) -> bytes:
    return struct.pack(">IBBBI", number, kind, 0, 1, len(data)) + data


def _region(black: np.ndarray[Any, Any], template: _Template) -> bytes:
    height, width = black.shape
    head = struct.pack(">IIIIBB", width, height, 0, 0, 0, 0x08 | template.number << 1)
    return head + template.movable + coded(_decisions(black, template), 1 << len(template.pixels))


def _decisions(black: np.ndarray[Any, Any], template: _Template) -> Iterator[tuple[int, int, int]]:
    """Yield contexts, bits and how often in a row, over the rows that are not like the one above."""
    height, width = black.shape
    paper = np.zeros((height + 2, width + 8), np.uint32)
    paper[2:, 4 : 4 + width] = black
    contexts = np.zeros((height, width), np.uint32)
    for bit, (x, y) in enumerate(template.pixels):
        contexts |= paper[2 + y : 2 + y + height, 4 + x : 4 + x + width] << np.uint32(bit)
    both = contexts << np.uint32(1) | paper[2:, 4 : 4 + width]
    like = np.array([np.array_equal(paper[row + 1], paper[row + 2]) for row in range(height)])
    turned = like ^ np.concatenate([[False], like[:-1]])
    for row in range(height):
        yield template.like_above, int(turned[row]), 1
        if not like[row]:
            values = both[row]
            starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
            for value, times in zip(values[starts].tolist(), np.diff(starts, append=width).tolist(), strict=True):
                yield value >> 1, value & 1, times
