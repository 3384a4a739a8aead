"""A page as formats with coordinates want it: blocks, lines and words with ids and whole-pixel boxes, never without one.

Ids are those of the JSON output: `block_PAGE_BLOCK`, `line_PAGE_BLOCK_LINE`; words add `word_PAGE_BLOCK_LINE_WORD`.
What has no known place gets that of the thing it is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.words import Slant, words_of

Pixels = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word; `confidence` 0..1 or None."""

    id: str
    text: str
    box: Pixels
    confidence: float | None


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A printed line and its words."""

    id: str
    text: str
    box: Pixels
    words: tuple[PlacedWord, ...]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block and its lines; a figure has none."""

    id: str
    block: Block
    box: Pixels
    lines: tuple[PlacedLine, ...]


def block_id(page: int, block: int) -> str:
    """Return the id of a block; both numbers count from 1."""
    return f"block_{page}_{block}"


def line_id(page: int, block: int, line: int) -> str:
    """Return the id of a line; all numbers count from 1."""
    return f"line_{page}_{block}_{line}"


def placed_blocks(page: PageResult) -> tuple[PlacedBlock, ...]:
    """Return the blocks of a page with ids and boxes, in reading order."""
    whole: Pixels = (0, 0, page.width_px, page.height_px)
    slant = Slant.of(page)
    blocks = []
    for number, block in enumerate(page.blocks, 1):
        box = _pixels(block.box, whole, whole)
        lines = block.lines or tuple(Line(text, None, block.confidence) for text in block.text.split("\n"))
        placed = tuple(
            _placed_line(line, (page.number, number, place), slant, box, whole)
            for place, line in enumerate(lines, 1)
            if clean(line.text).strip()
        )
        blocks.append(PlacedBlock(block_id(page.number, number), block, box, placed))
    return tuple(blocks)


def _placed_line(line: Line, place: tuple[int, int, int], slant: Slant, outer: Pixels, page: Pixels) -> PlacedLine:
    box = _pixels(line.box, outer, page)
    if line.box is not None:
        found = [(word.text, _pixels(word.box, box, page), word.confidence) for word in words_of(line, slant)]
    else:
        found = [(word, box, line.confidence) for word in line.text.split()]
    name = "_".join(map(str, place))
    shown = [facts for facts in found if clean(facts[0]).strip()]  # others have no character that a file may hold
    words = tuple(PlacedWord(f"word_{name}_{k}", *facts) for k, facts in enumerate(shown, 1))
    return PlacedLine(line_id(*place), line.text, box, words, line.confidence)


def _pixels(box: Box | None, outer: Pixels, page: Pixels) -> Pixels:
    """Round a box outwards to whole pixels of the page; `outer` if there is none."""
    if box is None:
        return outer
    left, top = min(max(floor(box.x0), 0), page[2]), min(max(floor(box.y0), 0), page[3])
    return (left, top, max(min(ceil(box.x1), page[2]), left), max(min(ceil(box.y1), page[3]), top))


def percent(confidence: float | None) -> int | None:
    """Return a confidence as whole percent, None if it is not known."""
    return None if confidence is None else round(100 * min(max(confidence, 0.0), 1.0))


def clean(text: str) -> str:
    """Take out what XML 1.0 and HTML have no place for: control characters, surrogates, non-characters."""
    return "".join(c for c in text if c in "\t\n" or (" " <= c < "\ud800" and not "\x7f" <= c <= "\x9f") or _high(c))


def _high(letter: str) -> bool:
    return "\ue000" <= letter <= "\ufffd" or "\U00010000" <= letter <= "\U0010ffff"
