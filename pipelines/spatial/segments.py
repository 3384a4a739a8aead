"""From what was read on a page to segments: labels, values and cells, each with its box."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import reduce

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.spatial.types import Segment
from dsvl2.pipelines.words import Slant, split_by_width

WIDE_GAP = 1.5  # line heights: a gap between words from which they belong to different segments
_RULE = re.compile(r"_+|[-–—=.·…~*_•]{3,}")  # ruled lines and leaders: drawn, not written
_TRAILING = re.compile(r"_{2,}|[.…]{4,}")


def segments_of(page: PageResult) -> tuple[Segment, ...]:
    """Return the segments of a page, block by block; rules and leaders are left out.

    Lines without a box stand below the line before them, as high as it is; a page that was read whole (no boxes at
    all) thus becomes lines one below the other.
    """
    slant = Slant.of(page)
    found: list[Segment] = []
    last: Box | None = None
    pending = _unboxed(page)
    for block in page.blocks:
        for line in _lines(block):
            box = line.box or (_below(last, page) if last else pending)
            last = box
            found.extend(_split(line, box, slant))
    return tuple(found)


def _lines(block: Block) -> Sequence[Line]:
    """Return a block's lines; without any its text counts as lines at its box, one below the other."""
    if block.lines or not block.text.strip():
        return block.lines
    texts = [text for text in block.text.split("\n") if text.strip()]
    if block.box is None:
        return [Line(text, None, block.confidence) for text in texts]
    top, step = block.box.y0, (block.box.y1 - block.box.y0) / len(texts)
    return [
        Line(text, Box(block.box.x0, top + k * step, block.box.x1, top + (k + 1) * step), block.confidence)
        for k, text in enumerate(texts)
    ]


def _unboxed(page: PageResult) -> Box:
    """Return the box of a first line whose place is not known."""
    lines = sum(len(_lines(block)) for block in page.blocks)
    width, height = max(page.width_px, 1), max(page.height_px, 1)
    return Box(0.0, 0.0, float(width), height / max(lines, 40))


def _below(box: Box, page: PageResult) -> Box:
    """Return the box of a line below another, inside the page."""
    height = box.y1 - box.y0
    top = min(box.y1, max(page.height_px - height, 0.0))
    return Box(box.x0, top, box.x1, top + height)


def _split(line: Line, box: Box, slant: Slant) -> Iterable[Segment]:
    """Cut a line at tabs and at wide gaps between its words."""
    words = line.words or tuple(
        Word(word, slant.part(box, start, stop), line.confidence) for word, start, stop in split_by_width(line.text)
    )
    limit = WIDE_GAP * slant.upright(box)[3]
    tabs = _tab_words(line.text)
    parts: list[list[Word]] = []
    for number, word in enumerate(words):
        apart = number in tabs or (number > 0 and _gap(words[number - 1], word, slant) > limit)
        if not parts or apart:
            parts.append([])
        parts[-1].append(word)
    for part in parts:
        written = [word for word in part if not _RULE.fullmatch(word.text)]
        text = " ".join(_TRAILING.sub(" ", " ".join(word.text for word in written)).split())
        if text:
            yield Segment(text, reduce(Box.union, (word.box for word in written)), line.confidence)


def _tab_words(text: str) -> frozenset[int]:
    """Return the numbers of the words that follow a tab."""
    count, found = 0, []
    for cell in text.strip().split("\t"):
        found.append(count)
        count += len(cell.split())
    return frozenset(found)


def _gap(before: Word, word: Word, slant: Slant) -> float:
    """Return the distance along the text between the end of a word and the begin of the next."""
    dx, dy = slant.direction
    first, second = slant.upright(before.box), slant.upright(word.box)
    along = (second[0] - first[0]) * dx + (second[1] - first[1]) * dy
    return along - (first[2] + second[2]) / 2
