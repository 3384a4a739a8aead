"""Where the words of a line stand: an estimate, as the model only says which line it read.

With the line's ink at hand the gaps between words are looked for in it (`split_at_gaps`); without it the line is divided
in proportion to usual letter widths (`split_by_width`). Both know nothing of the font: a word's ends are right to about
a letter where gaps are clear, and drift by several letters over a long line without ink. Heights are those of the line.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsvl2.pipelines.documents import Box, Line, PageResult, Word

_WIDTHS = (
    ("iljI|!.,;:'`\u2018\u2019", 0.27),
    ('ftr()[]{}/\\-"\u00ad\u201c\u201d', 0.35),
    ("mwMW@%\u2014\u2026\u2122", 0.86),
    (" ", 0.27),
    ("\t", 2.0),
)
_WIDTH_OF = {letter: width for letters, width in _WIDTHS for letter in letters}
_SMALL, _CAPITAL = 0.5, 0.66
_MISSED = 1.2  # cost, in ems, of a gap between words that no gap in the ink stands for
_GAP_WORTH = 3.0  # how much a wide gap counts against one nearer to where it is expected
_WIDEST = 0.6  # ems: gaps wider than this are no better


@dataclass(frozen=True, slots=True)
class Slant:
    """How the lines of a page run: `rotation` and `skew` of a PageResult, as a direction in page-image pixels."""

    rotation: int
    skew: float

    @classmethod
    def of(cls, page: PageResult) -> Slant:
        """Return that of a page."""
        return cls(page.rotation, page.skew)

    @property
    def direction(self) -> tuple[float, float]:
        """Unit vector along a line of text, y downwards: the page has to be turned clockwise by `rotation`."""
        angle = math.radians(self.skew - self.rotation)
        return (math.cos(angle), math.sin(angle))

    def upright(self, box: Box) -> tuple[float, float, float, float]:
        """Return centre x, centre y, length along the text and height across it of what the page box `box` encloses."""
        width, height = box.x1 - box.x0, box.y1 - box.y0
        if self.rotation in (90, 270):
            width, height = height, width
        cos, sin = math.cos(math.radians(self.skew)), abs(math.sin(math.radians(self.skew)))
        spread = cos * cos - sin * sin
        along, across = width, height
        if sin and spread > 0.5:
            along, across = (width * cos - height * sin) / spread, (height * cos - width * sin) / spread
            if across < 0.3 * height and width < 3 * height:  # a clipped or tiny box: nothing to take apart
                along, across = width, height
        return ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, max(along, 1.0), max(across, 1.0))

    def part(self, box: Box, start: float, stop: float) -> Box:
        """Return the page box of the part from `start` to `stop` (0..1 along the text) of a line with page box `box`."""
        x, y, along, across = self.upright(box)
        dx, dy = self.direction
        middle, half = ((start + stop) / 2 - 0.5) * along, (stop - start) / 2 * along
        x, y = x + middle * dx, y + middle * dy
        wide = half * abs(dx) + across / 2 * abs(dy)
        tall = half * abs(dy) + across / 2 * abs(dx)
        return Box(max(x - wide, box.x0), max(y - tall, box.y0), min(x + wide, box.x1), min(y + tall, box.y1))


def letter_width(letter: str) -> float:
    """Return the usual width of a character in ems."""
    known = _WIDTH_OF.get(letter)
    return known if known is not None else _CAPITAL if letter.isupper() else _SMALL


def text_width(text: str) -> float:
    """Return the usual width of a text in ems."""
    return sum(map(letter_width, text))


def split_by_width(text: str) -> list[tuple[str, float, float]]:
    """Return (word, start, stop) for the words of a line, 0..1 along it, in proportion to usual letter widths."""
    text = text.strip()
    total = text_width(text) or 1.0
    return [
        (match[0], text_width(text[: match.start()]) / total, text_width(text[: match.end()]) / total)
        for match in re.finditer(r"\S+", text)
    ]


def split_at_gaps(text: str, gaps: Sequence[tuple[float, float]], length: float) -> list[tuple[str, float, float]]:
    """Return (word, start, stop), 0..1 along the line, with word ends moved to gaps in the ink.

    `gaps` are the (first, last) empty columns between ink, in order, in the unit of `length`, the length of the line.
    Of all ways to assign gaps to the spaces of the text in order, the one is taken whose gaps are wide and near to
    where usual letter widths would have them.
    """
    words = split_by_width(text)
    em = length / max(text_width(text.strip()), 0.1)
    expected = [((a[2] + b[1]) / 2 * length) for a, b in itertools.pairwise(words)]
    chosen = _assign(expected, gaps, em)
    result = []
    start = 0.0
    for k, (word, _, stop) in enumerate(words):
        gap = chosen[k] if k < len(chosen) else None
        end = 1.0 if k == len(words) - 1 else gap[0] / length if gap else stop
        result.append((word, min(start, end), max(start, end)))
        if k < len(words) - 1:
            start = gap[1] / length if gap else words[k + 1][1]
    return result


def _assign(
    expected: Sequence[float], gaps: Sequence[tuple[float, float]], em: float
) -> list[tuple[float, float] | None]:
    """Align expected spaces with gaps, both in order; None for a space that no gap fits."""
    rows, columns = len(expected), len(gaps)
    cost = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(1, rows + 1):
        cost[i][0] = cost[i - 1][0] + _MISSED
        for j in range(1, columns + 1):
            take = cost[i - 1][j - 1] + _unfit(expected[i - 1], gaps[j - 1], em)
            cost[i][j] = min(take, cost[i - 1][j] + _MISSED, cost[i][j - 1])
    chosen: list[tuple[float, float] | None] = [None] * rows
    i, j = rows, columns
    while i and j:
        if cost[i][j] == cost[i][j - 1]:
            j -= 1
        elif cost[i][j] == cost[i - 1][j] + _MISSED:
            i -= 1
        else:
            i, j = i - 1, j - 1
            chosen[i] = gaps[j]
    return chosen


def _unfit(place: float, gap: tuple[float, float], em: float) -> float:
    away = abs((gap[0] + gap[1]) / 2 - place) / em
    return 0.5 * away - _GAP_WORTH * min((gap[1] - gap[0]) / em, _WIDEST)


def words_of(line: Line, slant: Slant) -> tuple[Word, ...]:
    """Return the line's words: those it carries, or estimated ones; none if the line has no box."""
    if line.words or line.box is None:
        return line.words
    box = line.box
    return tuple(
        Word(word, slant.part(box, start, stop), line.confidence) for word, start, stop in split_by_width(line.text)
    )
