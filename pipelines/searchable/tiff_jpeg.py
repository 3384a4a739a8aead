"""JPEG data out of a TIFF file, without decoding them.

A TIFF cuts a picture into strips, each JPEG data of its own that share their tables (TIFF Technical Note 2). Every strip
starts anew, as JPEG data do after a restart marker (ITU T.81, E.1.4): with such markers between them and the height of
the whole in the frame header the strips are one JPEG file of the same pixels.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

_JPEG, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _OFFSETS, _COUNTS, _TABLES = 7, 256, 257, 259, 262, 273, 279, 347
_SOF, _SOS, _DQT, _DHT, _DRI, _RST = (0xC0, 0xC1), 0xDA, 0xDB, 0xC4, 0xDD, 0xD0
_SPACES = {(1, 1): "gray", (6, 3): "ycbcr", (2, 3): "rgb"}  # by photometric interpretation and components


@dataclass(frozen=True, slots=True)
class JoinedJpeg:
    """A JPEG file and the colours its components are: gray, ycbcr or rgb."""

    data: bytes
    colours: str


@dataclass(frozen=True, slots=True)
class _Strip:
    tables: tuple[bytes, ...]
    frame: bytes
    scan: bytes
    coded: bytes


def joined_jpeg(data: bytes, tags: Any) -> JoinedJpeg | None:
    """Return the picture that the tags of a TIFF page describe; None if it is not JPEG data that can be joined."""
    offsets, counts = tags.get(_OFFSETS), tags.get(_COUNTS)
    if tags.get(_COMPRESSION) != _JPEG or not offsets or len(offsets) != len(counts):
        return None
    shared = tags.get(_TABLES, b"")
    try:
        strips = [_strip(shared, data[at : at + size]) for at, size in zip(offsets, counts, strict=True)]
        return _join(strips, tags)
    except (IndexError, struct.error, ValueError):
        return None


def _strip(shared: bytes, data: bytes) -> _Strip:
    tables: dict[bytes, bytes] = {}  # by kind and number: what a strip defines anew holds
    frame = scan = b""
    for part in (shared, data):
        at = 2
        while at + 4 <= len(part) and not scan:
            marker, size = part[at + 1], struct.unpack_from(">H", part, at + 2)[0]
            segment = part[at : at + 2 + size]
            at += 2 + size
            if marker in (_DQT, _DHT):
                tables[segment[:5]] = segment
            elif marker in _SOF:
                frame = segment
            elif marker == _SOS:
                scan = segment
            elif marker == _DRI or 0xC2 <= marker <= 0xCF:
                raise ValueError("restart markers of its own, or not a baseline frame")
        coded = part[at:]
    if not frame or not scan or not coded.endswith(b"\xff\xd9"):
        raise ValueError("incomplete JPEG data")
    return _Strip(tuple(tables.values()), frame, scan, coded[:-2])


def _join(strips: list[_Strip], tags: Any) -> JoinedJpeg | None:
    first = strips[0]
    width, height, count = int(tags[_WIDTH]), int(tags[_HEIGHT]), first.frame[9]
    colours = _SPACES.get((int(tags.get(_PHOTOMETRIC, -1)), count))
    heights = [struct.unpack_from(">H", strip.frame, 5)[0] for strip in strips]
    sampling = [(byte >> 4, byte & 15) for byte in first.frame[11 : 11 + 3 * count : 3]]
    across, down = (8, 8) if count == 1 else (8 * max(h for h, _ in sampling), 8 * max(v for _, v in sampling))
    units = -(-width // across) * (heights[0] // down)
    alike = all(
        (strip.tables, strip.scan, strip.frame[7:]) == (first.tables, first.scan, first.frame[7:]) for strip in strips
    )
    even = all(tall == heights[0] and tall % down == 0 for tall in heights[:-1]) and heights[-1] <= heights[0]
    whole = sum(heights) == height and struct.unpack_from(">H", first.frame, 7)[0] == width
    if colours is None or not (alike and even and whole) or units > 0xFFFF:
        return None
    restart = struct.pack(">BBHH", 0xFF, _DRI, 4, units) if len(strips) > 1 else b""
    coded = b"".join(
        (bytes([0xFF, _RST + (place - 1) % 8]) if place else b"") + strip.coded for place, strip in enumerate(strips)
    )
    frame = first.frame[:5] + struct.pack(">H", height) + first.frame[7:]
    data = b"\xff\xd8" + b"".join(first.tables) + restart + frame + first.scan + coded + b"\xff\xd9"
    return JoinedJpeg(data, colours)
