"""Sets of characters as sorted ranges of code points, and how long a text is."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]
"""Code points, sorted, both ends included."""
LAST = 0x10FFFF
EVERY: Ranges = ((0, 0xD7FF), (0xE000, LAST))  # without surrogates, which UTF-8 cannot hold
_PLEASANT = "0a A-x1"  # taken to stand for a set of characters, if they are in it


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sort ranges of code points and join those that touch."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if low > high:
            continue
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def overlap(one: Ranges, other: Ranges) -> Ranges:
    """The code points that are in both."""
    return merged((max(a, c), min(b, d)) for a, b in one for c, d in other)


def pleasant(ranges: Ranges) -> str | None:
    """A character to stand for a set."""
    for char in _PLEASANT:
        if any(low <= ord(char) <= high for low, high in ranges):
            return char
    return chr(ranges[0][0]) if ranges else None


def without(one: Ranges, other: Ranges) -> Ranges:
    """The code points of the first that are not in the second."""
    edges = [-1, *(edge for pair in other for edge in pair), LAST + 1]
    return overlap(one, tuple((a + 1, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)))


def size(words: str) -> int:
    """Bytes of a text: the most tokens it can take."""
    return len(words.encode("utf-8", "surrogatepass"))
