"""Find a phrase among the words that were read: as it is written, inside longer words, then nearly so.

A phrase that runs over the end of a line is found too; it then has a box on each line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import reduce

from dsvl2.pipelines.documents import Box, PageResult
from dsvl2.pipelines.words import Slant, words_of

LEAST = 0.82
"""Likeness (0..1) below which words are other words."""
INSIDE = 0.95
MOST_HITS = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """The phrase at one place: the page's own text, a box for each line, and how alike it is."""

    text: str
    boxes: tuple[Box, ...]
    score: float


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    folded: str
    box: Box
    line: int


def find_phrase(page: PageResult, phrase: str) -> tuple[Hit, ...]:
    """Return the places where the phrase stands, in reading order; of the three ways the first that finds any."""
    wanted = [folded for word in phrase.split() if (folded := _fold(word))]
    words = list(_words(page))
    if not wanted or not words:
        return ()
    spans = _exact(words, wanted) or _inside(words, wanted) or _alike(words, wanted)
    return tuple(_hit(words[start:stop], score) for start, stop, score in spans[:MOST_HITS])


def _fold(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _words(page: PageResult) -> Iterator[_Word]:
    slant = Slant.of(page)
    number = 0
    for block in page.blocks:
        for line in block.lines:
            number += 1
            for word in words_of(line, slant):
                if folded := _fold(word.text):
                    yield _Word(word.text, folded, word.box, number)


def _exact(words: Sequence[_Word], wanted: Sequence[str]) -> list[tuple[int, int, float]]:
    size = len(wanted)
    starts = range(len(words) - size + 1)
    return [(at, at + size, 1.0) for at in starts if [word.folded for word in words[at : at + size]] == list(wanted)]


def _inside(words: Sequence[_Word], wanted: Sequence[str]) -> list[tuple[int, int, float]]:
    """The phrase inside longer words or written together or apart: "sub total" in "Subtotals"; numbers are never cut."""
    goal = "".join(wanted)
    if len(goal) < 3:
        return []
    joined = "".join(word.folded for word in words)
    owner = [number for number, word in enumerate(words) for _ in word.folded]
    found = []
    at = joined.find(goal)
    while at >= 0:
        end = at + len(goal)
        first, last = owner[at], owner[end - 1]
        begins = at == 0 or owner[at - 1] != first
        whole = end == len(joined) or owner[end] != last
        number = goal[-1].isdigit() and not whole and joined[end].isdigit()
        if begins and not number:
            found.append((first, last + 1, 1.0 if whole else INSIDE))
        at = joined.find(goal, at + 1)
    return found


def _alike(words: Sequence[_Word], wanted: Sequence[str]) -> list[tuple[int, int, float]]:
    """Words that differ in a letter or two; figures must be the same."""
    goal = " ".join(wanted)
    figures = _figures(goal)
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(goal)
    found = []
    for size in {max(len(wanted) - 1, 1), len(wanted), len(wanted) + 1}:
        for at in range(len(words) - size + 1):
            text = " ".join(word.folded for word in words[at : at + size])
            if _figures(text) != figures:
                continue
            matcher.set_seq1(text)
            if matcher.real_quick_ratio() >= LEAST and matcher.quick_ratio() >= LEAST and matcher.ratio() >= LEAST:
                found.append((at, at + size, round(matcher.ratio(), 3)))
    kept: list[tuple[int, int, float]] = []
    for span in sorted(found, key=lambda span: -span[2]):  # the likest first, none over another
        if all(span[1] <= other[0] or span[0] >= other[1] for other in kept):
            kept.append(span)
    return sorted(kept)


def _figures(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _hit(words: Sequence[_Word], score: float) -> Hit:
    lines = list(dict.fromkeys(word.line for word in words))
    boxes = [reduce(Box.union, (word.box for word in words if word.line == line)) for line in lines]
    return Hit(" ".join(word.text for word in words), tuple(boxes), score)
