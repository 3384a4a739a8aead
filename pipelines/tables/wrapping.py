"""Whether two text lines of a table are two rows or one row whose cells run over: evidence from place and text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.marks import centre_y

_SIGNS = r"[\s\d.,:/%()+\-\u2010-\u2015\u2212<>=*~^$\u20ac\u00a3\u00a5\u00b1\u2020\u2021\u00a7\u00b9\u00b2\u00b3']*"
NUMBER = re.compile(rf"^(?:{_SIGNS}|{_SIGNS}[\d%)][a-z]|n\.?/?a\.?)$")
_UNDONE = re.compile(r"(?:[-\u2010,/&(]|\b(?:and|or|of|the|for|in|to|by|with|und|der|et|de|la))$", re.IGNORECASE)
_HEADING = -2.0  # what speaks against a new row within a head, to begin with
_INTERLEAVED = 1.6  # letter heights: no font's lines are so close; the shorter cell is centred beside the taller


@dataclass(frozen=True, slots=True)
class Printed:
    """A piece of text of one line: columns first..last, its first word's width, and how wide its column's text may be.

    `lower`: nearly all text of the column begins with a small letter, which then says nothing.
    """

    text: str
    box: Box
    first: int
    last: int
    head: float
    room: float
    lower: bool = False


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line across a table: its pieces by first column."""

    pieces: Mapping[int, Printed]

    @property
    def middle(self) -> float:
        return median(centre_y(piece.box) for piece in self.pieces.values())

    @property
    def spans(self) -> bool:
        """Whether a piece lies over several columns."""
        return any(piece.last > piece.first for piece in self.pieces.values())


def is_number(text: str) -> bool:
    """Say whether a cell is a figure: digits with their signs and a note's letter, or a dash or `n.a.` in its place."""
    return bool(text.strip()) and bool(NUMBER.match(text))


def splits(lines: Sequence[TextLine], unit: float, pitch: float) -> list[bool]:
    """Return for each line of a table's head but the first whether a new row begins with it.

    The cells of a head may begin at different heights, so only headings over several columns, texts and space count.
    `pitch` is the least usual distance of lines in the table.
    """
    result = []
    for before, line in pairwise(lines):
        step = line.middle - before.middle
        if step < _INTERLEAVED * unit and not set(before.pieces) & set(line.pieces):
            result.append(False)
            continue
        evidence = _HEADING + _levels(before, line) + _texts(before, line, unit)
        result.append(evidence + (1.5 if step > 1.25 * pitch else 0.0) > 0)
    return result


def _levels(before: TextLine, line: TextLine) -> float:
    """Judge headings over several columns: another level begins where they begin or end."""
    if before.spans != line.spans:
        return 3.0
    return -1.0 if before.spans else 0.0


def _texts(before: TextLine, line: TextLine, unit: float) -> float:
    """Judge the columns that both lines fill."""
    return sum(breaks(before.pieces[c], line.pieces[c], unit) for c in set(before.pieces) & set(line.pieces))


def breaks(upper: Printed, lower: Printed, unit: float) -> float:
    """Return what speaks against two lines of a column being one cell; below zero it speaks for it.

    Figures stand for themselves, broken sentences go on, and a word that would have fitted above was put below on purpose.
    """
    if is_number(lower.text) and is_number(upper.text):
        return 2.5
    evidence = -2.0 if lower.text[:1].islower() and not lower.lower else 0.5
    if _UNDONE.search(upper.text.rstrip()):
        evidence -= 2.0
    fits = upper.box.x1 - upper.box.x0 + 0.6 * unit + lower.head < upper.room
    if fits:
        return evidence + 1.0
    return evidence - (0.8 if len(upper.text.split()) > 1 else 0.1)  # a single word fills a narrow column by chance
