"""Symbols of JBIG2 (ITU-T T.88, 6.4 and 6.5): every piece that a picture has once in a dictionary, and where it stands.

Only pieces that are the same to the pixel share a symbol, so nothing is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import groupby

from dsvl2.pipelines.searchable.arithmetic import coded
from dsvl2.pipelines.searchable.components import Piece, pieces
from dsvl2.pipelines.searchable.jbig2_generic import TEMPLATES, Ink, Template, decided

_REACHES = (0, 3)  # rows
_FEW_UNIQUE = 0.6  # of the pieces: else symbols cost more than they save
_MOST_PIXELS = 40_000  # of a piece: frames and pictures are no symbols
_INTEGER = 512  # contexts of a number (annex A)
_RANGES = ((4, 0b0, 1, 2), (20, 0b10, 2, 4), (84, 0b110, 3, 6), (340, 0b1110, 4, 8), (4436, 0b11110, 5, 12))
"""Up to which number which bits come first, how many, and how many follow."""
_HEIGHT, _WIDTH, _EXPORTED = (place * _INTEGER for place in range(3))
_STRIP, _FIRST, _NEXT, _WITHIN = (place * _INTEGER for place in range(4))
_LOG_STRIPS = (0, 1, 2, 3)
_BOTTOM_LEFT = 0

Decision = tuple[int, int, int]


def symbols(black: Ink) -> tuple[bytes, bytes] | None:
    """Return the data of a symbol dictionary and of the text region that refers to it; None where that would not pay."""
    found: list[tuple[bytes, bytes]] = []
    for reach in _REACHES:
        every = pieces(black, reach=reach)
        if not every or max(height * width for height, width in (piece.shape for piece in every)) > _MOST_PIXELS:
            break
        if len({(piece.shape, piece.bits) for piece in every}) > _FEW_UNIQUE * len(every):
            break
        found.append(_coded(black.shape, every))
    return min(found, key=lambda two: len(two[0]) + len(two[1])) if found else None


def _coded(size: tuple[int, ...], every: list[Piece]) -> tuple[bytes, bytes]:
    once = {(piece.shape, piece.bits): piece for piece in every}
    order = sorted(once)  # by height, then width, as the dictionary has them
    inks = [once[key].ink() for key in order]
    dictionary = min((_dictionary(inks, template) for template in TEMPLATES), key=len)
    numbers = {key: place for place, key in enumerate(order)}
    placed = [(piece, numbers[piece.shape, piece.bits]) for piece in every]
    return dictionary, min((_text(size, placed, len(order), log) for log in _LOG_STRIPS), key=len)


def _dictionary(inks: list[Ink], template: Template) -> bytes:
    head = struct.pack(">H", template.number << 10) + template.movable + struct.pack(">II", len(inks), len(inks))
    return head + coded(_defined(inks, template), 3 * _INTEGER + (1 << len(template.pixels)))


def _defined(inks: list[Ink], template: Template) -> Iterator[Decision]:
    """Yield the decisions of symbols, in classes of one height (6.5.5)."""
    pixels, before = 3 * _INTEGER, 0
    for height, group in groupby(inks, key=lambda ink: ink.shape[0]):
        yield from _number(height - before, _HEIGHT)
        before, width = height, 0
        for ink in group:
            yield from _number(ink.shape[1] - width, _WIDTH)
            width = ink.shape[1]
            for value in decided(ink, template).ravel().tolist():
                yield pixels + (value >> 1), value & 1, 1
        yield from _number(None, _WIDTH)
    yield from _number(0, _EXPORTED)  # none of those before, there are none
    yield from _number(len(inks), _EXPORTED)


def _text(size: tuple[int, ...], placed: list[tuple[Piece, int]], many: int, log_strip: int) -> bytes:
    height, width = size
    region = struct.pack(">IIIIB", width, height, 0, 0, 0)
    head = struct.pack(">HI", log_strip << 2 | _BOTTOM_LEFT << 4, len(placed))
    bits = (many - 1).bit_length()
    return region + head + coded(_instances(placed, bits, 1 << log_strip), 4 * _INTEGER + (1 << bits))


def _instances(placed: list[tuple[Piece, int]], bits: int, strip: int) -> Iterator[Decision]:
    """Yield the decisions of where symbols stand, strip by strip, each from left to right (6.4.5)."""
    yield from _number(0, _STRIP)
    standing = [(piece.y + piece.shape[0] - 1, piece.x, piece.shape[1], number) for piece, number in placed]
    standing.sort(key=lambda one: (one[0] // strip, one[1]))
    before, first = 0, 0
    for row, group in groupby(standing, key=lambda one: one[0] // strip):
        yield from _number(row - before, _STRIP)
        before, here = row, None
        for bottom, x, width, number in group:
            if here is None:
                yield from _number(x - first, _FIRST)
                first = x
            else:
                yield from _number(x - here, _NEXT)
            if strip > 1:
                yield from _number(bottom % strip, _WITHIN)
            yield from _which(number, bits)
            here = x + width - 1
        yield from _number(None, _NEXT)


def _number(value: int | None, contexts: int) -> Iterator[Decision]:
    """Yield the decisions of a number, or of the end of a row of them (annex A.2)."""
    size = abs(value or 0)
    sign = int(value is None or value < 0)
    below, code, length, more = 0, 0b11111, 5, 32
    for limit, *how in _RANGES:
        if size < limit:
            code, length, more = how
            break
        below = limit
    said = 1
    for bit in (sign, *_bits(code, length), *_bits(size - below, more)):
        yield contexts + said, bit, 1
        said = said << 1 | bit if said < 256 else (said << 1 | bit) & 511 | 256


def _which(number: int, bits: int) -> Iterator[Decision]:
    """Yield the decisions of a symbol's number (annex A.3)."""
    said = 1
    for bit in _bits(number, bits):
        yield 4 * _INTEGER + said, bit, 1
        said = said << 1 | bit


def _bits(value: int, many: int) -> list[int]:
    return [value >> place & 1 for place in reversed(range(many))]
