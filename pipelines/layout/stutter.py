"""Words that the model printed again and again where the ink shows them once: a line has no room for more than its signs.

The reader may fall back within a line (over a blank to be filled in, say) and print some words twice or more. A text that
repeats itself is held against the letters and wide gaps in the line's ink, at the page's own rate of letters read to
letters seen, as touching ones are seen as one; a repetition that is printed stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from dsvl2.pipelines.documents import geometric_mean
from dsvl2.pipelines.layout.ink import PageInk
from dsvl2.pipelines.layout.placing import PlacedLine
from dsvl2.pipelines.layout.types import InkLine

_AGAIN = re.compile(r"(.{5,80}?)\1+", re.DOTALL)
_BLANK = re.compile(r"\t|_{2,}|(?:\. ?){4,}")  # what is read where a line has a wide gap
_LETTERS = 4  # of a stretch that is words: leaders and rules to write on do repeat
_WIDE = 2.5  # heights of a small letter: no word space is as wide
_TOO_MANY = 1.12  # times as many letters as the ink has room for
_OFF, _OFF_WITH_BLANKS = 0.05, 0.15  # share of the letters that a shortened line may be off; where its gaps are right
_OFF_COPY = 0.6  # or of the letters of one copy
_BLANK_WEIGHT = 2.0  # copies of a stretch that a gap too few or too many weighs
_LEAST_SEEN = 12  # letters: a shorter line says nothing of the rate


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a line's ink shows: how many letters beside each other, and how many gaps wider than between words."""

    letters: int
    gaps: int


def without_stutter(lines: Sequence[PlacedLine], ink: PageInk | None) -> list[PlacedLine]:
    """Return the lines with words that stand more often in the text than in the ink taken out."""
    if ink is None or not any(_stretch(line.text) for line in lines):
        return list(lines)
    seen = [_look(line.ink, ink) if line.ink else None for line in lines]
    rates = [
        _letters(line.text) / found.letters
        for line, found in zip(lines, seen, strict=True)
        if found and found.letters >= _LEAST_SEEN and not _stretch(line.text)
    ]
    rate = median(rates) if rates else 1.0
    return [_shortened(line, found, rate) if found else line for line, found in zip(lines, seen, strict=True)]


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _stretch(text: str) -> re.Match[str] | None:
    """Return the first stretch of words that stands twice or more in a row."""
    return next((m for m in _AGAIN.finditer(text) if sum(map(str.isalpha, m[1])) >= _LETTERS), None)


def _look(line: InkLine, ink: PageInk) -> _Seen:
    """Count the letters of a line and its wide gaps; a piece of ink above another is one with it."""
    x0, y0, x1, y1 = ink.boxes.T
    middle = (y0 + y1) / 2
    inside = ink.letter & (middle > line.y0) & (middle < line.y1) & (x0 >= line.x0 - 1) & (x1 <= line.x1 + 1)
    order = np.flatnonzero(inside)[np.argsort(x0[inside], kind="stable")]
    count, gaps, end = 0, 0, line.x0
    for k in order.tolist():
        count += end - float(x0[k]) < 0.5 * float(x1[k] - x0[k])
        gaps += float(x0[k]) - end > _WIDE * ink.unit
        end = max(end, float(x1[k]))
    return _Seen(count, gaps)


def _shortened(line: PlacedLine, seen: _Seen, rate: float) -> PlacedLine:
    """Take copies out of a line that are not in its ink, as many as bring its letters and gaps nearest to what is seen."""
    again = _stretch(line.text)
    room, full, blanks = rate * seen.letters, _letters(line.text), len(_BLANK.findall(line.text))
    if again is None or not (full > _TOO_MANY * room or (full > room and blanks > seen.gaps)):
        return line
    one, blank = _letters(again[1]), len(_BLANK.findall(again[1]))
    copies = len(again[0]) // len(again[1])

    def away(gone: int) -> float:
        return abs(full - gone * one - room) / one + _BLANK_WEIGHT * abs(blanks - gone * blank - seen.gaps)

    gone = min(range(copies), key=away)
    off = _OFF_WITH_BLANKS if blank and blanks - gone * blank == seen.gaps else _OFF
    if not gone or abs(full - gone * one - room) > max(_OFF_COPY * one, off * room):
        return line
    start = again.start()
    stop = start + gone * len(again[1])
    sure = line.logprobs
    if len(sure) == len(line.text):
        sure = sure[:start] + sure[stop:]
    return replace(line, text=line.text[:start] + line.text[stop:], logprobs=sure, confidence=geometric_mean(sure))
