"""The words of a page that was read, upright and by lines, each with its kind: number, date or word.

Where columns stand no further apart than words, kinds and edges are all that tells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from dsvl2.pipelines.documents import Box, PageResult
from dsvl2.pipelines.tables.marks import text_lines
from dsvl2.pipelines.words import Slant

NUMBER, DATE, WORD = "number", "date", "word"
_NUMBER = re.compile(
    r"[-+(\u2212]{0,2}[$\u20ac\u00a3\u00a5]?[-\u2212]?\d(?:[\d.,'\u2019]*\d)?(?:[%)\u20ac$\u00a3]|[-\u2212])?"
)
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}")
_BETWEEN = frozenset(["-", "–", "—", "to", "bis", "x", "X", "×", "*", "@", "/", ":", "à", "..", "..."])
_SMALLEST = 2.5  # pixels: edges nearer than this are one
_EDGE = 0.3  # heights of a word that aligned edges are apart, at most


@dataclass(frozen=True, slots=True)
class Token:
    """A word; `box` is its place on the page image, the other sides are those on the upright page."""

    text: str
    box: Box
    x0: float
    x1: float
    y: float
    tall: float
    confidence: float | None
    kind: str


TokenLine = tuple[Token, ...]


def kind_of(word: str) -> str:
    """Return what a word is by its letters: a number, a date in figures, or a word."""
    if not any(map(str.isdigit, word)):
        return WORD
    if _DATE.fullmatch(word.strip(",;")):
        return DATE
    return NUMBER if _NUMBER.fullmatch(word) else WORD


def token_lines(page: PageResult) -> list[TokenLine]:
    """Return the words of a page by text lines, top down and from left to right; none where nobody looked for words."""
    return lines_of(_tokens(page))


def lines_of(tokens: Iterable[Token]) -> list[TokenLine]:
    """Group words that stand at one height into lines."""
    known = list(tokens)
    if not known:
        return []
    of_box = {}
    for token in known:
        box = Box(token.x0, token.y - token.tall / 2, token.x1, token.y + token.tall / 2)
        of_box[id(box)] = (box, token)
    boxes = [box for box, _ in of_box.values()]
    unit = 0.8 * median(token.tall for token in known)
    return [_without_ranges([of_box[id(box)][1] for box in line]) for line in text_lines(boxes, unit)]


def _without_ranges(line: Sequence[Token]) -> TokenLine:
    """A line in which the ends of ranges (62.1 - 76.1, 1 x 0.65) count as words: they keep no edge."""
    inside = {
        place + step
        for place, token in enumerate(line[1:-1], 1)
        if token.text in _BETWEEN and line[place - 1].kind == NUMBER == line[place + 1].kind
        for step in (-1, 1)
    }
    return tuple(replace(token, kind=WORD) if place in inside else token for place, token in enumerate(line))


def edge_room(lines: Sequence[TokenLine]) -> float:
    """Return how far edges that count as aligned may be apart."""
    tall = [token.tall for line in lines for token in line]
    return max(_SMALLEST, _EDGE * median(tall)) if tall else _SMALLEST


def _tokens(page: PageResult) -> Iterator[Token]:
    slant = Slant.of(page)
    dx, dy = slant.direction
    for line in (line for block in page.blocks for line in block.lines):
        for word in line.words:
            x, y, along, across = slant.upright(word.box)
            place, down = x * dx + y * dy, y * dx - x * dy
            sure = line.confidence if word.confidence is None else word.confidence
            if word.text.strip():
                kind = kind_of(word.text)
                yield Token(word.text, word.box, place - along / 2, place + along / 2, down, across, sure, kind)
