"""JPEG data in fewer bytes, still JPEG data of the same steps: coefficients are left out where that saves most for least harm.

What a coefficient takes is known from the codes (ITU-T T.81, F.1.2.2), and what leaving it out does to the pixels of its block
is its own square, as the transform keeps squares. So all are ordered by bits saved for harm done, and the first are left out
or made one step smaller, up to what a block may be off.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from dsvl2.pipelines.searchable.jpeg_codes import (
    LONG_RUN,
    Coded,
    Symbol,
    Table,
    code_lengths,
    put_together,
    taken_apart,
)
from dsvl2.pipelines.searchable.likeness import Floor

_QUANTIZATION = 0xDB
_BLOCK = 64
_TRIES, _ROUNDS = 9, 2
_LEAST, _MOST = -16.0, 2.0  # bits for a squared step of grey, as powers of two
_SPARED = 0.95  # of what a block may be off: decoders round
MOST_TRIMMED = 250_000
"""Bytes up to which JPEG data are trimmed; in larger files no text weighs."""


def trimmed(data: bytes, room: int, size_of: Callable[[bytes], int], floor: Floor) -> bytes | None:
    """Return JPEG data that lack no more than `room` asks for, as `size_of` counts; None if not even the least fit."""
    coded = taken_apart(_baseline(data)) if len(data) <= MOST_TRIMMED else None
    if coded is None:
        return None
    try:
        trimming = _Trimming.of(coded)
        low, high, best = _LEAST, _MOST, None
        for _ in range(_TRIES):
            middle = (low + high) / 2
            made = put_together(trimming.at(2.0**middle, _BLOCK * (_SPARED * floor.worst) ** 2))
            if size_of(made) <= room:
                low, best = middle, made  # asking for more bits a harm leaves more as it is
            else:
                high = middle
    except (KeyError, ValueError, struct.error):
        return None
    return best


def _baseline(data: bytes) -> bytes:
    """Return progressive data as baseline data of the same steps: the coefficients are the same but for rounding."""
    with Image.open(BytesIO(data)) as image:
        if not image.info.get("progressive"):
            return data
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality="keep", optimize=True)
    return buffer.getvalue()


Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class _Trimming:
    """All coefficients but the first of each block: block, place in zigzag order, value, step and number of the code table.

    firsts: the symbols of the blocks' first coefficients, which stay; ends: where a restart follows, in blocks.
    """

    coded: Coded
    block: Numbers
    place: Numbers
    value: Numbers
    step: Numbers
    table: Numbers
    firsts: list[Symbol]
    ends: list[int]

    @classmethod
    def of(cls, coded: Coded) -> _Trimming:
        """Take symbols for what they stand for."""
        quantization = _steps(coded)
        steps = [quantization[number] for number in coded.scan.steps]
        rows: list[tuple[int, int, int, int, int]] = []
        firsts, ends = list[Symbol](), list[int]()
        for part in coded.parts:
            place = 0
            for table, symbol, extra, size in part:
                if table[0] == 0:
                    own = steps[len(firsts) % len(steps)]
                    firsts.append((table, symbol, extra, size))
                    place = 1
                elif symbol == LONG_RUN:
                    place += 16
                elif symbol:
                    place += symbol >> 4
                    value = extra if extra >> size - 1 else extra - (1 << size) + 1
                    rows.append((len(firsts) - 1, place, value, own[place], table[1]))
                    place += 1
            ends.append(len(firsts))
        block, places, values, widths, tables = np.array(rows, np.int64).reshape(-1, 5).T
        return cls(coded, block, places, values, widths, tables, firsts, ends)

    def at(self, least: float, bears: float) -> Coded:
        """Return what is left where nothing stays that takes more than `least` bits for a squared grey it gives.

        bears: squared greys that a block may be off.
        """
        value = self.value.copy()
        for _ in range(_ROUNDS):  # what is left after one has other neighbours
            left = np.flatnonzero(value)
            fewer, saved = self._best(value, left)
            before = ((self.value - value)[left] * self.step[left]) ** 2
            harm = ((self.value[left] - fewer) * self.step[left]) ** 2 - before
            worth = saved / np.maximum(harm, 1)
            chosen = np.flatnonzero((saved > 0) & (worth > least))
            chosen = chosen[np.lexsort((-worth[chosen], self.block[left[chosen]]))]
            spent = np.bincount(self.block, ((self.value - value) * self.step) ** 2, len(self.firsts))
            inside = _bounded(self.block[left[chosen]], harm[chosen], bears - spent)
            value[left[chosen[inside]]] = fewer[chosen[inside]]
        return replace(self.coded, parts=self._parts(value))

    def _best(self, value: Numbers, left: Numbers) -> tuple[Numbers, Numbers]:
        """Return for the coefficients that are left what they could be instead, and the bits that this saves."""
        block, place, now = self.block[left], self.place[left], value[left]
        size = np.frexp(np.abs(now).astype(float))[1]
        starts = np.diff(block, prepend=-1) != 0
        run = place - np.where(starts, 0, np.roll(place, 1)) - 1
        lengths = self._lengths(run, size, self.table[left])
        takes = _bits(lengths, run, size, self.table[left])
        last = np.roll(starts, -1)
        behind = (np.roll(one, -1) for one in (run, size))
        next_run, next_size = (np.where(last, 0, one) for one in behind)
        longer = _bits(lengths, next_run + run + 1, next_size, self.table[left]) - np.roll(takes, -1)
        without = takes - np.where(last, 0, longer)
        smaller = takes - _bits(lengths, run, np.maximum(size - 1, 1), self.table[left])
        step_less = np.sign(now) * (np.abs(now) - 1)
        halves = (np.abs(now) >= 2) & (np.abs(now) & np.abs(now) - 1 == 0)  # then it takes a bit less
        return np.where(halves, step_less, 0), np.where(halves, smaller, without)

    def _lengths(self, run: Numbers, size: Numbers, table: Numbers) -> Numbers:
        """Return the bits that symbols take, [4, 256], by how often they are there."""
        found = np.full((4, 256), 16, np.int64)
        for number in np.unique(table).tolist():
            mine = table == number
            often = Counter(((run[mine] & 15) << 4 | size[mine]).tolist())
            often[LONG_RUN] += int((run[mine] >> 4).sum())
            for symbol, length in code_lengths({one: many for one, many in often.items() if many}).items():
                found[number, symbol] = length
        return found

    def _parts(self, value: Numbers) -> list[list[Symbol]]:
        """Return the symbols of what is left, between restarts."""
        kinds = [others for _, others in self.coded.scan.blocks]
        left = np.flatnonzero(value)
        bounds = np.searchsorted(self.block[left], np.arange(len(self.firsts) + 1)).tolist()
        places, values = self.place[left].tolist(), value[left].tolist()
        parts, block = list[list[Symbol]](), 0
        for end in self.ends:
            part: list[Symbol] = []
            for number in range(block, end):
                part.append(self.firsts[number])
                table, first, last = kinds[number % len(kinds)], bounds[number], bounds[number + 1]
                part += _coefficients(table, places[first:last], values[first:last])
            parts.append(part)
            block = end
        return parts


def _coefficients(table: Table, places: list[int], values: list[int]) -> list[Symbol]:
    """Return the symbols of a block behind its first."""
    found, before = list[Symbol](), 0
    for place, value in zip(places, values, strict=True):
        run, size = place - before - 1, abs(value).bit_length()
        found += [(table, LONG_RUN, 0, 0)] * (run >> 4)
        found.append((table, (run & 15) << 4 | size, value if value > 0 else value + (1 << size) - 1, size))
        before = place
    if before < _BLOCK - 1:
        found.append((table, 0, 0, 0))
    return found


def _bits(lengths: Numbers, run: Numbers, size: Numbers, table: Numbers) -> Numbers:
    symbols = (run & 15) << 4 | size
    found: Numbers = lengths[table, symbols] + size + (run >> 4) * lengths[table, LONG_RUN]
    return found


def _bounded(block: Numbers, harm: Numbers, most: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Say which harms, the best bargains of each block first, stay together within what their blocks bear."""
    if not len(block):
        return np.zeros(0, bool)
    total = np.cumsum(harm)
    begins = np.flatnonzero(np.diff(block, prepend=-1))
    before = np.repeat(total[begins] - harm[begins], np.diff(begins, append=len(block)))
    inside: np.ndarray[Any, Any] = total - before <= most[block]
    return inside


def _steps(coded: Coded) -> dict[int, list[int]]:
    """Return the quantization tables, in zigzag order (B.2.4.1)."""
    found = {}
    for marker, body in coded.segments:
        at = 0
        while marker == _QUANTIZATION and at < len(body):
            wide, number = body[at] >> 4, body[at] & 15
            found[number] = list(struct.unpack_from(">64H" if wide else ">64B", body, at + 1))
            at += 1 + (_BLOCK << wide)
    return found
