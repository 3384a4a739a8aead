"""JPEG 2000 files without what is no picture: comments, and boxes that PDF's viewers pass over (ITU-T T.800, annexes A and I)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_NEEDED = (b"jP  ", b"ftyp", b"jp2h", b"jp2c")
_START, _TILE, _COMMENT = 0xFF4F, 0xFF90, 0xFF64


def without_comments(data: bytes) -> bytes:
    """Return a JP2 file with the same picture in fewer bytes; the same data where it is not as expected."""
    try:
        kept = b"".join(_box(name, _stream(body) if name == b"jp2c" else body) for name, body in _boxes(data))
    except (ValueError, struct.error):
        return data
    return kept if len(kept) < len(data) else data


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes that are needed."""
    place, seen = 0, []
    while place < len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + length if length else len(data)
        if length == 1 or not place + 8 <= end <= len(data):
            raise ValueError("a box of a length that is not known here")
        if name in _NEEDED:
            seen.append(name)
            yield name, data[place + 8 : end]
        place = end
    if tuple(seen) != _NEEDED:
        raise ValueError("boxes missing, twice, or in another order")


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def _stream(code: bytes) -> bytes:
    """Return a code stream without the comments of its main header."""
    marker, place, kept = struct.unpack_from(">H", code)[0], 2, [code[:2]]
    if marker != _START:
        raise ValueError("no code stream")
    while True:
        marker, length = struct.unpack_from(">HH", code, place)
        if marker == _TILE:
            return b"".join(kept) + code[place:]
        if marker != _COMMENT:
            kept.append(code[place : place + 2 + length])
        place += 2 + length
