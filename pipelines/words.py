"""Where the words of a line stand: an estimate, as the model only says which line it read.

With the line's ink at hand the gaps between words are looked for in it (`split_at_gaps`); without it the line is divided
in proportion to usual letter widths (`split_by_width`). Both know nothing of the font: a word's ends are right to about
a letter where gaps are clear, and drift by several letters over a long line without ink. Heights are those of the line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

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
_MISSED = 1.6  # cost of a space between words that no gap in the ink stands for
_BLANK = (0.2, 1.1)  # ems: gaps narrower or wider than this are unusual between words
_SHARES = (1.0, 0.6, 0.36)  # sizes of the letters to begin with: rules and wide gaps make a line long
_RULED = 0.1  # what the width of a ruled line or a leader counts: it may have any
_SIDEWAYS, _SIDEWAYS_LETTERS = 2.5, 3  # times its length, the height of a line's box that lies sideways; letters of it
_MOST_GAPS = 72  # widest gaps of a line that are looked at
_MOST_TOGETHER = 3  # words in a row without a gap between them


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

    def of_line(self, line: Line) -> Slant:
        """Return how one line runs: as the others, or sideways where the boxes of its words make one far higher than wide.

        A sideways line runs as its words follow each other; one word runs upwards, as most do.
        """
        if line.box is None or not line.words or len(line.text) < _SIDEWAYS_LETTERS:
            return self
        _, _, along, across = self.upright(line.box)
        if across < _SIDEWAYS * along:
            return self
        dx, dy = self.direction
        first, last = line.words[0].box, line.words[-1].box
        down = -dy * (last.x0 + last.x1 - first.x0 - first.x1) + dx * (last.y0 + last.y1 - first.y0 - first.y1)
        return Slant((self.rotation + (270 if down > 0 else 90)) % 360, self.skew)

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


def slants_of(page: PageResult) -> tuple[Slant, ...]:
    """Return how the lines of a page run, each way once, that of the page first."""
    usual = Slant.of(page)
    return tuple(dict.fromkeys([usual, *(usual.of_line(line) for block in page.blocks for line in block.lines)]))


@cache
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
    ends = list(accumulate(map(letter_width, text), initial=0.0))
    total = ends[-1] or 1.0
    return [(match[0], ends[match.start()] / total, ends[match.end()] / total) for match in re.finditer(r"\S+", text)]


def split_at_gaps(
    text: str, gaps: Sequence[tuple[float, float]], length: float, height: float | None = None
) -> list[tuple[str, float, float]]:
    """Return (word, start, stop), 0..1 along the line, with word ends moved to gaps in the ink.

    `gaps` are the (first, last) empty columns between ink, in order, in the unit of `length`, the length of the line,
    and `height`, that of its ink where it is known.
    Of all ways to assign gaps to the spaces of the text in order, the one is taken whose words are as wide as their
    letters usually are, whose tabs are wide gaps and whose blanks are narrow ones. A space may be without a gap.
    """
    words = split_by_width(text)
    if len(words) < 2 or not gaps:
        return words
    tabs = ["\t" in space for space in re.findall(r"\s+", text.strip())]
    widths = [text_width(word) for word, _, _ in words]
    rules = [re.fullmatch(r"[-_.–—…]{2,}", word) is not None for word, _, _ in words]
    em = _em(widths, tabs, gaps, length)
    sizes = [em * share for share in _SHARES]
    tries = [_assign(widths, tabs, rules, gaps, length, size) for size in sizes]
    odds = [cost + _odd(size, height) for (cost, _), size in zip(tries, sizes, strict=True)]
    chosen = tries[odds.index(min(odds))][1]
    better = _em_of(widths, chosen, length)  # the assignment tells how wide the letters really are
    if better is not None:
        _, chosen = _assign(widths, tabs, rules, gaps, length, better)
    return _placed([word for word, _, _ in words], widths, chosen, length)


def _odd(em: float, height: float | None) -> float:
    """Return what it costs that letters of this size are unusual in ink of this height: 0.9 to 1.6 heights are usual."""
    return 0.0 if not height else 4.0 * max(abs(math.log(em / (1.2 * height))) - 0.29, 0.0)


def _em(widths: Sequence[float], tabs: Sequence[bool], gaps: Sequence[tuple[float, float]], length: float) -> float:
    """Return the letters' size before anything is assigned: tabs are taken to be the widest gaps."""
    widest = sorted((last - first for first, last in gaps), reverse=True)[: sum(tabs)]
    blanks = letter_width(" ") * (len(tabs) - sum(tabs))
    return max(length - sum(widest), 0.2 * length) / max(sum(widths) + blanks, 0.1)


def _em_of(widths: Sequence[float], chosen: Sequence[tuple[float, float] | None], length: float) -> float | None:
    """Return the letters' size that most of the line's width agrees with, by the words between chosen gaps."""
    runs: list[tuple[float, float]] = []
    start = wide = 0.0
    for width, gap in zip(widths, [*chosen, (length, length)], strict=True):
        wide += width
        if gap is None:
            wide += letter_width(" ")
            continue
        runs.append(((gap[0] - start) / max(wide, 0.1), wide))
        start, wide = gap[1], 0.0
    runs.sort()
    half = sum(weight for _, weight in runs) / 2
    for size, weight in runs:
        half -= weight
        if half <= 0:
            return size if size > 0 else None
    return None


def _assign(
    widths: Sequence[float],
    tabs: Sequence[bool],
    rules: Sequence[bool],
    gaps: Sequence[tuple[float, float]],
    length: float,
    em: float,
) -> tuple[float, list[tuple[float, float] | None]]:
    """Return the cost of the best assignment and the gap, or none, of every space.

    A dynamic programme over (words so far, gap that ends them).
    """
    import numpy as np

    kept = sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:_MOST_GAPS])
    first = np.array([gap[0] for gap in kept] + [length])
    last = np.array([0.0] + [gap[1] for gap in kept])
    wide = (first[:-1] - last[1:]) / -em
    blank = np.where(wide < _BLANK[0], 8 * (_BLANK[0] - wide), 1.2 * np.log(np.maximum(wide / _BLANK[1], 1.0)))
    tab = 2.0 * np.maximum(1.0 - wide, 0.0)
    extent = np.maximum(
        (first[None, :] - last[:, None]) / em, 1e-3
    )  # [from gap, to gap]; 0 and the last: the line's ends
    extent[np.tri(len(kept) + 1, k=-1, dtype=bool)] = 1e-9
    extent = np.log(extent)
    count = len(widths)
    weights = [_RULED if rule else min(3.0, 0.8 + 0.5 * width) for width, rule in zip(widths, rules, strict=True)]
    cost = np.full((count + 1, len(kept) + 1), np.inf)  # cost[k, j]: k words, ended by gap j - 1 (j 0: the begin)
    cost[0, 0] = 0.0
    back = np.zeros((count + 1, len(kept) + 1, 2), dtype=np.int64)  # where the best way to a state came from
    for done in range(1, count + 1):
        if done == count:  # the last word ends at the line's end, which state 0 stands for
            target, ending = slice(1), np.zeros(1)
        else:
            target, ending = slice(1, None), tab if tabs[done - 1] else blank
        for size in range(1, min(done, _MOST_TOGETHER) + 1):
            here = sum(widths[done - size : done]) + letter_width(" ") * (size - 1)
            unfit = np.abs(extent - math.log(here)) * max(weights[done - size : done])
            total = cost[done - size][:, None] + unfit + _MISSED * (size - 1)
            ends = (total[:, -1:] if done == count else total[:, :-1]) + ending
            best = ends.argmin(axis=0)
            value = ends[best, np.arange(len(best))]
            better = value < cost[done, target]
            cost[done, target][better] = value[better]
            back[done, target][better, 0] = done - size
            back[done, target][better, 1] = best[better]
    chosen: list[tuple[float, float] | None] = [None] * (count - 1)
    word, gap = count, 0
    while word and np.isfinite(cost[word, gap]):
        word, gap = (int(number) for number in back[word, gap])
        if 0 < word < count:
            chosen[word - 1] = kept[gap - 1]
    return float(cost[count, 0]), chosen


def _placed(
    words: Sequence[str], widths: Sequence[float], chosen: Sequence[tuple[float, float] | None], length: float
) -> list[tuple[str, float, float]]:
    """Return the words between the chosen gaps; those without a gap between them share the room by letter widths."""
    result: list[tuple[str, float, float]] = []
    start = 0.0
    run: list[int] = []
    for number, gap in enumerate([*chosen, (length, length)]):
        run.append(number)
        if gap is None:
            continue
        total = sum(widths[k] for k in run) + letter_width(" ") * (len(run) - 1)
        size = (gap[0] - start) / max(total, 0.1)
        at = start
        for k in run:
            stop = min(at + widths[k] * size, gap[0])
            result.append((words[k], at / length, stop / length))
            at = stop + letter_width(" ") * size
        start, run = gap[1], []
    word, begin, _ = result[-1]
    result[-1] = (word, begin, 1.0)
    return result


def words_of(line: Line, slant: Slant) -> tuple[Word, ...]:
    """Return the line's words: those it carries, or estimated ones; none if the line has no box."""
    if line.words or line.box is None:
        return line.words
    box = line.box
    return tuple(
        Word(word, slant.part(box, start, stop), line.confidence) for word, start, stop in split_by_width(line.text)
    )
