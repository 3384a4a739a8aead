"""Which lines go on with the block before them: by a page's own habits of pitch, measure and indent."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from dsvl2.pipelines.documents import BlockKind
from dsvl2.pipelines.layout.placing import PlacedLine
from dsvl2.pipelines.layout.types import InkLine
from dsvl2.pipelines.words import text_width

BULLET = re.compile(r"^(?:- |[\u2022\u25cf\u25aa\u25e6\u2023\u00b7*]\s+)")
NUMBERED = re.compile(
    r"^(?![A-Z]\. ?[A-Z]\. )(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,6})[.)])\s+\S"
)  # "J. R. Reed" is a person
SENTENCE_END = re.compile(r"[.!?:][\"')\]\u201d\u2019]*$")
LEADER = re.compile(r"(?:\.\s?){4,}\s*\S{1,6}$")
HYPHEN = re.compile(r"(\w+)[-\u2010\u00ad]$")
COUNT = re.compile(r"^\((\d{1,3})\)\s+[a-z]")
OPEN_END = re.compile(r"[^\W\d_]$")


def kind_of(line: PlacedLine) -> BlockKind:
    """Return what a line starts as, by its own marks."""
    if line.text.startswith("# "):
        return "heading"
    if BULLET.match(line.text) or (NUMBERED.match(line.text) and line.text.count("\t") < 2):
        return "list_item"
    if "\t" in line.text.strip():
        return "table"
    return "paragraph"


class Flow:
    """The page's habits: line pitch, body height and where lines begin and end, by which paragraphs are told apart."""

    def __init__(self, lines: list[PlacedLine]) -> None:
        inks = [(k.ink, n.ink) for k, n in pairwise(lines)]
        steps = [b.base - a.base for a, b in inks if a and b and b.base > a.base]
        tall = [k.ink.base - k.ink.top for k in lines if k.ink]
        self.tall = float(np.median(tall)) if tall else 1.0
        near = [s for s in steps if s < 6 * self.tall]
        self.pitch = float(np.percentile(near, 40)) if near else 3 * self.tall
        self.longest = _longest(lines)

    def continues(self, part: list[PlacedLine], line: PlacedLine) -> bool:
        """Say whether `line` goes on with the block made of `part`."""
        before, first = part[-1], part[0]
        kind, here = kind_of(first), kind_of(line)
        if kind == "table" or here == "table":
            return kind == here and line.region == before.region and self._step(before, line) < 2.6
        if here == "heading":
            return kind == "heading" and not line.gap and self._step(before, line) < 1.9
        if kind == "heading" or LEADER.search(before.text) or (here == "list_item" and not self._counts(part, line)):
            return False
        if line.gap and (before.region == line.region or SENTENCE_END.search(before.text)):
            return False
        if before.ink is None or line.ink is None:
            return not SENTENCE_END.search(before.text)
        if before.region == line.region and line.ink.base > before.ink.base:
            return self._same_flow(part, line)
        if before.region == line.region and line.ink.base == before.ink.base and line.ink.x0 > before.ink.x0:
            return True  # the next piece of a row too long for one
        return self._across(before, line)

    def _step(self, before: PlacedLine, line: PlacedLine) -> float:
        """Return the distance of two lines in line pitches; 1 if it is not known."""
        if before.ink is None or line.ink is None or line.ink.base <= before.ink.base:
            return 1.0
        return (line.ink.base - before.ink.base) / max(self.pitch, 1.0)

    def _same_flow(self, part: list[PlacedLine], line: PlacedLine) -> bool:
        """Judge two successive lines of a column: white space, indent, a short last line, letter size."""
        before = part[-1]
        assert before.ink is not None
        assert line.ink is not None
        em = 2.2 * (before.ink.base - before.ink.top)
        size = (line.ink.base - line.ink.top) / max(1.0, before.ink.base - before.ink.top)
        step = line.ink.base - before.ink.base
        inside = [b.ink.base - a.ink.base for a, b in pairwise(part) if a.ink and b.ink]
        usual = (
            float(np.median(inside)) if len(inside) > 1 else max(self.pitch, 2.2 * (before.ink.base - before.ink.top))
        )
        if step > 1.38 * usual or not 0.64 < size < 1.55:
            return False
        if self._had_room(before, line):
            return False
        if before.ink in self.longest and len(part) == 1 and SENTENCE_END.search(before.text):
            return line.text[:1].islower()  # among lines that each say a thing of their own the longest does too
        if kind_of(part[0]) == "list_item" and part[0].ink:
            hangs = line.ink.x0 > part[0].ink.x0 + 0.3 * em
            return hangs or self._runs_on(part, line, 0.3 * em)
        indent = line.ink.x0 - (part[1].ink.x0 if len(part) > 1 and part[1].ink else before.ink.x0)
        if len(part) == 1:  # the second line may stand left of an indented first
            return not indent > 0.5 * em
        return not (indent > 0.5 * em and (SENTENCE_END.search(before.text) or indent < 4 * em))

    @staticmethod
    def _counts(part: list[PlacedLine], line: PlacedLine) -> bool:
        """Say whether a number in brackets belongs to the sentence before it, "within twelve / (12) months", not to a list."""
        number, before = COUNT.match(line.text), part[-1]
        if not number or not OPEN_END.search(before.text) or before.text.split()[-1] in ("and", "or"):
            return False
        listed = COUNT.match(part[0].text)
        if (listed and int(listed[1]) + 1 == int(number[1])) or not before.ink or not line.ink:
            return False
        full = before.ink.x1 > before.column_right - 0.12 * (before.column_right - before.column_left)
        return full and line.ink.x0 <= before.ink.x0 + 0.5 * (before.ink.base - before.ink.top)

    @staticmethod
    def _runs_on(part: list[PlacedLine], line: PlacedLine, near: float) -> bool:
        """Say whether an item set flush left, as the numbered paragraphs of contracts are, goes on: its line is full."""
        first, before = part[0], part[-1]
        assert first.ink and before.ink and line.ink
        flush = abs(line.ink.x0 - first.ink.x0) <= near
        full = before.ink.x1 > before.column_right - 0.12 * (before.column_right - before.column_left)
        return flush and full and (len(part) > 1 or not SENTENCE_END.search(before.text))

    @staticmethod
    def _had_room(before: PlacedLine, line: PlacedLine) -> bool:
        """Say whether the next line's first word would have fitted on the line before: then the break was meant."""
        assert before.ink is not None
        assert line.ink is not None
        text = line.text.removeprefix("# ")
        words = text.split()
        if not words or HYPHEN.search(before.text):
            return False
        letter = (line.ink.x1 - line.ink.x0) / max(1, len(line.text))
        room = before.column_right - before.ink.x1
        if SENTENCE_END.search(before.text):
            return room > (len(words[0]) + 2) * letter
        if room <= 0.1 * (before.column_right - before.column_left):
            return False
        em = (line.ink.x1 - line.ink.x0) / max(text_width(text), 1.0)
        if not words[0][0].islower() and room > (text_width(words[0]) + 1.5) * em:
            return True  # with a small letter it may go on all the same, after a break made by hand
        return room > (1.3 * len(words[0]) + 5) * letter

    def _across(self, before: PlacedLine, line: PlacedLine) -> bool:
        """Judge lines on both sides of a column, region or page-part break: text runs on if no sentence ended."""
        assert before.ink is not None
        assert line.ink is not None
        size = (line.ink.base - line.ink.top) / max(1.0, before.ink.base - before.ink.top)
        if not 0.75 < size < 1.33:
            return False
        wide = before.column_right - before.column_left
        if abs((line.column_right - line.column_left) - wide) > 0.35 * wide:
            return False
        full = before.ink.x1 > before.column_right - 0.12 * wide
        if HYPHEN.search(before.text) and line.text[:1].islower():
            return True
        indented = line.ink.x0 > line.column_left + 1.1 * (line.ink.base - line.ink.top)
        return full and not SENTENCE_END.search(before.text) and not indented and not line.text[:1].isupper()


def _longest(lines: list[PlacedLine]) -> frozenset[InkLine]:
    """Return the lines that reach clearly further than every line around them, three or more: prose fills its measure."""
    found = []
    for k, line in enumerate(lines):
        around = [n.ink for n in lines[max(0, k - 5) : k + 6] if n.ink and n is not line and n.region == line.region]
        if line.ink and len(around) >= 3:
            wide = line.ink.x1 - line.ink.x0
            if all(ink.x1 < line.ink.x1 - 0.1 * wide for ink in around):
                found.append(line.ink)
    return frozenset(found)
