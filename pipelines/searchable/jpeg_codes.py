"""JPEG data in fewer bytes with every coefficient as it was: the codes of ITU-T T.81 fitted to what the picture uses.

Most scanners write the example tables of the standard's annex K, in which an empty block takes six bits; on a page that
is mostly paper fitted ones take two.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_SOI, _EOI, _SOS, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD
_BASELINE = (0xC0, 0xC1)
_LONGEST = 16
_FLUSH = 4096  # bits

Table = tuple[int, int]
"""Class (0: first coefficients, 1: the others) and number of a table."""
LONG_RUN = 0xF0
"""The symbol of sixteen zeros."""
Symbol = tuple[Table, int, int, int]
"""Table, symbol, the bits that follow it, and how many."""


@dataclass(frozen=True, slots=True)
class _Scan:
    """Blocks of a unit in order, each the tables of its first and of its other coefficients; units; units between restarts.

    steps: number of each block's quantization table.
    """

    blocks: tuple[tuple[Table, Table], ...]
    units: int
    interval: int
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """A baseline JPEG file taken apart: its segments, and the symbols between restarts."""

    segments: list[tuple[int, bytes]]
    scan: _Scan
    parts: list[list[Symbol]]


def taken_apart(data: bytes) -> Coded | None:
    """Return what a baseline JPEG file holds; None if it is another kind, or damaged."""
    try:
        segments, coded = _segments(data)
        scan, tables = _scan(segments), _tables(segments)
        parts = [_symbols(part, scan, tables, count) for part, count in _intervals(coded, scan)]
    except (IndexError, KeyError, StopIteration, ValueError, struct.error):
        return None
    return Coded(segments, scan, parts)


def put_together(coded: Coded) -> bytes:
    """Return the file with codes fitted to its symbols.

    Raises:
        ValueError: no codes fit.
    """
    return _written(coded.segments, coded.parts)


def fitted_codes(data: bytes) -> bytes | None:
    """Return a baseline JPEG file with codes of its own; None if it is another kind, damaged, or would not be smaller."""
    coded = taken_apart(data)
    try:
        found = data if coded is None else put_together(coded)
    except ValueError:
        return None
    return found if len(found) < len(data) else None


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the segments up to the one scan, and its coded data."""
    found, at = [], 2
    if data[:2] != b"\xff\xd8":
        raise ValueError("no JPEG file")
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker, size = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        found.append((marker, data[at + 4 : at + 2 + size]))
        at += 2 + size
        if marker == _SOS:
            break
    end = data.rindex(b"\xff\xd9")
    if b"\xff\xda" in data[at:end] or b"\xff\xc4" in data[at:end]:
        raise ValueError("more than one scan")
    return found, data[at:end]


def _scan(segments: list[tuple[int, bytes]]) -> _Scan:
    frames = [body for marker, body in segments if 0xC0 <= marker <= 0xCF and marker not in (_DHT, 0xC8, 0xCC)]
    if len(frames) != 1 or not any(marker in _BASELINE for marker, _ in segments):
        raise ValueError("not a baseline frame")
    frame, header = frames[0], segments[-1][1]
    height, width, count = struct.unpack_from(">HHB", frame, 1)
    parts = {frame[6 + 3 * k]: (frame[7 + 3 * k] >> 4, frame[7 + 3 * k] & 15, frame[8 + 3 * k]) for k in range(count)}
    if header[0] != count or not height:
        raise ValueError("colours in scans of their own, or no height")
    chosen = [(parts[header[1 + 2 * k]], header[2 + 2 * k]) for k in range(count)]
    if count == 1:
        chosen = [((1, 1, chosen[0][0][2]), chosen[0][1])]
    across, down = (8 * max(size[place] for size, _ in chosen) for place in (0, 1))
    every = [
        (((0, tables >> 4), (1, tables & 15)), step)
        for (wide, tall, step), tables in chosen
        for _ in range(wide * tall)
    ]
    blocks, steps = tuple(tables for tables, _ in every), tuple(step for _, step in every)
    interval = next((struct.unpack(">H", body)[0] for marker, body in segments if marker == _DRI), 0)
    return _Scan(blocks, -(-width // across) * -(-height // down), interval, steps)


def _tables(segments: list[tuple[int, bytes]]) -> dict[Table, list[tuple[int, int]]]:
    """Return for every table the symbol and its length by the next 16 bits."""
    found = {}
    for marker, body in segments:
        at = 0
        while marker == _DHT and at < len(body):
            lengths, place, entries = body[at + 1 : at + 17], at + 17, list[tuple[int, int]]()
            for length, many in enumerate(lengths, 1):
                for symbol in body[place : place + many]:
                    entries += [(symbol, length)] * (1 << _LONGEST - length)
                place += many
            found[body[at] >> 4, body[at] & 15] = entries
            at = place
    return found


def _intervals(coded: bytes, scan: _Scan) -> list[tuple[bytes, int]]:
    """Return the coded data between restart markers, and how many units each holds."""
    every = scan.interval or scan.units
    parts, start, at = [], 0, coded.find(b"\xff")
    while at >= 0:
        if 0xD0 <= coded[at + 1] <= 0xD7:
            parts.append(coded[start:at])
            start = at + 2
        elif coded[at + 1]:
            raise ValueError("a marker among coded data")
        at = coded.find(b"\xff", at + 2)
    parts.append(coded[start:])
    counts = [min(every, scan.units - begin) for begin in range(0, scan.units, every)]
    return [(part.replace(b"\xff\x00", b"\xff"), count) for part, count in zip(parts, counts, strict=True)]


def _symbols(data: bytes, scan: _Scan, tables: Mapping[Table, list[tuple[int, int]]], units: int) -> list[Symbol]:
    found: list[Symbol] = []
    whole, window, held, at = data + b"\xff" * 8, 0, 0, 0
    for _ in range(units):
        for first, others in scan.blocks:
            place = 0
            while place < 64:
                if held < 32:
                    window = (window & (1 << held) - 1) << 32 | int.from_bytes(whole[at : at + 4], "big")
                    held, at = held + 32, at + 4
                table = others if place else first
                symbol, length = tables[table][window >> held - 16 & 0xFFFF]
                size = symbol & 15
                held -= length + size
                found.append((table, symbol, window >> held & (1 << size) - 1, size))
                place += 64 if place and symbol == 0 else (symbol >> 4) + 1 if place else 1
    if at - held // 8 > len(data):
        raise ValueError("coded data that end early")
    return found


def _written(segments: list[tuple[int, bytes]], parts: list[list[Symbol]]) -> bytes:
    counts: dict[Table, Counter[int]] = {}
    for part in parts:
        for table, symbol, _, _ in part:
            counts.setdefault(table, Counter())[symbol] += 1
    codes: dict[Table, dict[int, tuple[int, int]]] = {}
    definitions = b""
    for table in sorted(counts):
        lengths = code_lengths(counts[table])
        order = sorted(lengths, key=lambda symbol: (lengths[symbol], symbol))
        many = bytes(sum(length == wanted for length in lengths.values()) for wanted in range(1, _LONGEST + 1))
        definitions += bytes([table[0] << 4 | table[1]]) + many + bytes(order)
        codes[table], code, before = {}, -1, 0
        for symbol in order:
            code = code + 1 << lengths[symbol] - before
            before = lengths[symbol]
            codes[table][symbol] = (code, before)
    head = b"".join(_segment(marker, body) for marker, body in segments[:-1] if marker != _DHT)
    coded = b"".join(
        (bytes([0xFF, 0xD0 + (place - 1) % 8]) if place else b"") + _bits(part, codes)
        for place, part in enumerate(parts)
    )
    return b"\xff\xd8" + head + _segment(_DHT, definitions) + _segment(*segments[-1]) + coded + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _bits(symbols: list[Symbol], codes: Mapping[Table, Mapping[int, tuple[int, int]]]) -> bytes:
    out, held, many = bytearray(), 0, 0
    for table, symbol, extra, size in symbols:
        code, length = codes[table][symbol]
        held = (held << length | code) << size | extra
        many += length + size
        if many >= _FLUSH:
            rest = many % 8
            out += (held >> rest).to_bytes(many // 8, "big")
            held, many = held & (1 << rest) - 1, rest
    fill = -many % 8  # with ones
    out += (held << fill | (1 << fill) - 1).to_bytes((many + fill) // 8, "big")
    return bytes(out).replace(b"\xff", b"\xff\x00")


def code_lengths(counts: Mapping[int, int]) -> dict[int, int]:
    """Return how long the codes of symbols should be, none over 16 bits and none of ones alone (T.81, annex K.2)."""
    heap: list[tuple[int, int, tuple[int, ...]]] = [(many, symbol, (symbol,)) for symbol, many in counts.items()]
    heap.append((0, -1, (-1,)))  # takes the code of ones
    heapq.heapify(heap)
    lengths = dict.fromkeys([-1, *counts], 0)
    while len(heap) > 1:
        (one, _, first), (two, number, second) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in first + second:
            lengths[symbol] += 1
        heapq.heappush(heap, (one + two, number, first + second))
    many = Counter(lengths.values())
    for length in range(max(many), _LONGEST, -1):
        while many[length]:  # two of the longest go: one takes their parent, the other halves a shorter code
            shorter = next(k for k in range(length - 2, 0, -1) if many[k])
            for place, more in ((length, -2), (length - 1, 1), (shorter + 1, 2), (shorter, -1)):
                many[place] += more
    order = sorted(lengths, key=lambda symbol: (lengths[symbol], symbol == -1, symbol))
    wanted = [length for length in sorted(many) for _ in range(many[length])]
    fitted = dict(zip(order, wanted, strict=True))
    if order[-1] != -1:
        raise ValueError("the reserved code is not the last")
    del fitted[-1]
    return fitted
