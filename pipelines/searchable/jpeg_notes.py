"""JPEG data without what is no picture: comments, and what cameras and programs note (EXIF, previews, colour profiles).

No viewer of PDF reads it there: the way up is that of the page, the colours those of the image's dictionary.
"""

from __future__ import annotations

import struct

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _COMMENT, _JFIF, _ADOBE = 0xDA, 0xFE, 0xE0, 0xEE
_NOTES = {_COMMENT, *range(0xE1, 0xF0)} - {_ADOBE}


def without_notes(data: bytes) -> bytes:
    """Return a JPEG file with the same picture; the same data where it is not as expected.

    What says how colours are coded stays: Adobe's segment, and JFIF's where components have unusual numbers.
    """
    segments, place, needed = list[tuple[int, bytes]](), 2, {_JFIF}
    while True:
        if data[place : place + 1] != b"\xff" or place + 4 > len(data):
            return data
        marker, length = struct.unpack_from(">BH", data, place + 1)
        if marker == _SCAN:
            break
        segments.append((marker, data[place : place + 2 + length]))
        place += 2 + length
        if marker in _FRAMES:
            numbers = [*segments[-1][1][10::3]]
            needed = set() if len(numbers) == 1 or numbers == [1, 2, 3] else needed
    gone = (_NOTES | {_JFIF}) - needed
    return data[:2] + b"".join(segment for marker, segment in segments if marker not in gone) + data[place:]
