"""The words of a page that was read, upright and by lines, each with its kind: number, date or word.

Where columns stand no further apart than words, kinds and edges are all that tells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from dsvl2.pipelines.documents import Box, PageResult
from dsvl2.pipelines.tables.marks import text_lines
from dsvl2.pipelines.words import Slant

NUMBER, DATE, WORD = "number", "date", "word"
_NUMBER = re.compile(
    r"[-+(\u2212]{0,2}[$\u20ac\u00a3\u00a5]?[-\u2212]?\d[\d.,'\u2019]*(?:[%)\u20ac$\u00a3]|[-\u2212])?"
)
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}")
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

    @property
    def kind(self) -> str:
        """What it is by its letters."""
        if _DATE.fullmatch(self.text.strip(",;")):
            return DATE
        return NUMBER if _NUMBER.fullmatch(self.text) else WORD


TokenLine = tuple[Token, ...]


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
    return [tuple(of_box[id(box)][1] for box in line) for line in text_lines(boxes, unit)]


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
                yield Token(word.text, word.box, place - along / 2, place + along / 2, down, across, sure)
