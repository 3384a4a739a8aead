"""Put the pieces of a text layer into reading order: columns from left to right, between what runs across them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from dsvl2.pipelines.documents import Word

_MOST_DEEP = 3
_LEAST_LINES = 4  # on both sides of a gutter
_PROSE_WIDTH, _PROSE_LETTERS = 0.5, 12  # what lines of a column of text have; cells of a table do not
_MOST_ACROSS = 0.4
_TAB = 1.6  # ems: a wider gap within a row stands between cells


@dataclass(frozen=True, slots=True)
class Piece:
    """Text on one base line, in upright pixels."""

    text: str
    x0: float
    x1: float
    base: float
    size: float
    bold: bool
    words: tuple[Word, ...]


def flows(pieces: Sequence[Piece], depth: int = 0) -> list[list[Piece]]:
    """Return the page's columns and what lies between them in reading order, each a list of rows from top to bottom."""
    ordered = sorted(pieces, key=lambda piece: (piece.base, piece.x0))
    gutter = _gutter(ordered) if depth < _MOST_DEEP and len(ordered) >= 2 * _LEAST_LINES else None
    if gutter is None:
        return [_rows(ordered)] if ordered else []
    result: list[list[Piece]] = []
    left: list[Piece] = []
    right: list[Piece] = []
    across: list[Piece] = []
    for piece in ordered:
        if piece.x0 < gutter < piece.x1:
            if left or right:
                result += flows(left, depth + 1) + flows(right, depth + 1)
                left, right = [], []
            across.append(piece)
            continue
        if across and not _beside(across[-1], piece):
            result.append(_rows(across))
            across = []
        if across:
            across.append(piece)
        else:
            (left if piece.x1 <= gutter else right).append(piece)
    if across:
        result.append(_rows(across))
    return result + flows(left, depth + 1) + flows(right, depth + 1)


def _beside(piece: Piece, other: Piece) -> bool:
    return abs(piece.base - other.base) < 0.4 * min(piece.size, other.size)


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """Return the middle of the white stripe that parts two columns of text best, None if there is none."""
    left, right = min(piece.x0 for piece in pieces), max(piece.x1 for piece in pieces)
    least = 0.7 * median(piece.size for piece in pieces)
    edges = sorted({piece.x1 for piece in pieces})
    best, found = 0.0, None
    starts = sorted(piece.x0 for piece in pieces)
    for edge in edges:
        after = next((start for start in starts if start >= edge + least), None)
        if after is None or not left + 0.12 * (right - left) < (edge + after) / 2 < right - 0.12 * (right - left):
            continue
        middle = edge + least / 2
        before = [piece for piece in pieces if piece.x1 <= edge + 0.01]
        behind = [piece for piece in pieces if piece.x0 >= edge + least]
        across = len(pieces) - len(before) - len(behind)
        if across > _MOST_ACROSS * len(pieces) or not (_is_prose(before) and _is_prose(behind)):
            continue
        if not _side_by_side(before, behind):
            continue
        worth = min(len(before), len(behind)) - 0.5 * across
        if worth > best:
            best, found = worth, middle
    return found


def _is_prose(pieces: Sequence[Piece]) -> bool:
    if len(pieces) < _LEAST_LINES:
        return False
    wide = max(piece.x1 for piece in pieces) - min(piece.x0 for piece in pieces)
    usual = median(piece.x1 - piece.x0 for piece in pieces)
    return usual > _PROSE_WIDTH * wide and median(len(piece.text) for piece in pieces) >= _PROSE_LETTERS


def _side_by_side(before: Sequence[Piece], behind: Sequence[Piece]) -> bool:
    top = max(min(piece.base for piece in before), min(piece.base for piece in behind))
    bottom = min(max(piece.base for piece in before), max(piece.base for piece in behind))
    heights = [max(piece.base for piece in side) - min(piece.base for piece in side) for side in (before, behind)]
    return bottom - top > 0.3 * min(heights)


def _rows(pieces: Sequence[Piece]) -> list[Piece]:
    """Join pieces on one base line: a space or, over a wide gap, a tab between them."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.base):
        if rows and _beside(rows[-1][0], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_joined(sorted(row, key=lambda piece: piece.x0)) for row in rows]


def _joined(row: Sequence[Piece]) -> Piece:
    result = row[0]
    for piece in row[1:]:
        gap = piece.x0 - result.x1
        mark = "\t" if gap > _TAB * max(piece.size, result.size) else " " if gap > 0.1 * piece.size else ""
        result = replace(
            result,
            text=result.text + mark + piece.text,
            x1=max(result.x1, piece.x1),
            size=max(result.size, piece.size),
            bold=result.bold and piece.bold,
            words=result.words + piece.words,
        )
    return result
