"""Which words of a page stand on it already: where the page's own text is good, the same words over it would be there twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.words import Slant, words_of

_GOOD_BUT_NOT_ALL = frozenset({"notes", "part_scan"})
"""Reasons to read a page whose own text nothing speaks against: it does not say all that is seen."""
_ALIKE = 0.6  # of the letters: the model's misreading of a word counts as that word

Standing = Sequence[tuple[str, Box]]


def without_standing(page: PageResult, leaf: Any) -> PageResult:
    """Return the page without the words that the PyMuPDF page has in the same place, where its text is to be trusted."""
    if page.text_layer is None or page.text_layer.reason not in _GOOD_BUT_NOT_ALL:
        return page
    standing = _words_on(leaf, page.dpi / 72)
    slant = Slant.of(page)
    return replace(page, blocks=tuple(_left_of(block, standing, slant) for block in page.blocks))


def _words_on(leaf: Any, zoom: float) -> Standing:
    """Words with their boxes in pixels of the page as drawn, those of form fields and notes too."""
    turn = leaf.rotation_matrix
    found = []
    for x0, y0, x1, y1, text, *_ in leaf.get_text("words"):
        corners = [
            (x * turn.a + y * turn.c + turn.e, x * turn.b + y * turn.d + turn.f) for x, y in ((x0, y0), (x1, y1))
        ]
        across, down = (sorted(zoom * place for place in places) for places in zip(*corners, strict=True))
        found.append((text, Box(across[0], down[0], across[1], down[1])))
    return found


def _left_of(block: Block, standing: Standing, slant: Slant) -> Block:
    lines: list[Line] = []
    for line in block.lines:
        words = words_of(line, slant)
        left = tuple(word for word in words if not _stands(word, standing))
        if left or not words:
            lines.append(line if len(left) == len(words) else replace(line, words=left))
    gone = block.lines and not lines
    return replace(block, lines=tuple(lines), text="" if gone else block.text)


def _stands(word: Word, standing: Standing) -> bool:
    return any(
        (_holds(box, word.box) or _holds(word.box, box))
        and SequenceMatcher(None, text.casefold(), word.text.casefold(), autojunk=False).ratio() >= _ALIKE
        for text, box in standing
    )


def _holds(outer: Box, inner: Box) -> bool:
    """Whether the middle of a box lies in another."""
    x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
    return outer.x0 <= x <= outer.x1 and outer.y0 <= y <= outer.y1
