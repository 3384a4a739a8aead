"""Mark the words of a page whose confidence is below what was asked for, in the text that formats write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dsvl2.pipelines.documents import Block, Line
from dsvl2.pipelines.formats.facts import item_label

QUESTION = ("", "[?]")
"""What stands before and after a doubtful word in plain text and Markdown."""


def is_doubtful(confidence: float | None, least: float | None) -> bool:
    """Say whether a confidence is known and below the least that was asked for (None: nothing was)."""
    return least is not None and confidence is not None and confidence < least


def marked(blocks: Sequence[Block], least: float | None, marks: tuple[str, str] = QUESTION) -> tuple[Block, ...]:
    """Return the blocks with `marks` around every doubtful word of `text` and `rows`.

    A block whose words are not known one by one is marked as a whole, at its end.
    """
    if least is None:
        return tuple(blocks)
    return tuple(_marked(block, least, marks) for block in blocks)


def _marked(block: Block, least: float, marks: tuple[str, str]) -> Block:
    tokens = block.text.split()
    doubts = _doubts(tokens, block.lines, least) if any(line.words for line in block.lines) else None
    if doubts is None:
        if not tokens or not is_doubtful(block.confidence, least):
            return block
        doubts = [False] * (len(tokens) - 1) + [True]
    if block.kind == "list_item" and item_label(block.text):
        doubts[0] = False  # a label is markup by now
    if not any(doubts):
        return block
    waiting = iter(doubts)
    rows = tuple(tuple(_put(cell, waiting, marks) for cell in row) for row in block.rows)
    table = block.table
    if table is not None:
        waiting = iter(doubts)  # its cells are in the order of the rows' places
        table = replace(table, cells=tuple(replace(c, text=_put(c.text, waiting, marks)) for c in table.cells))
    return replace(block, text=_put(block.text, iter(doubts), marks), rows=rows, table=table)


def _put(text: str, doubts: Iterator[bool], marks: tuple[str, str]) -> str:
    return re.sub(r"\S+", lambda word: f"{marks[0]}{word[0]}{marks[1]}" if next(doubts) else word[0], text)


def _doubts(tokens: Sequence[str], lines: Sequence[Line], least: float) -> list[bool] | None:
    """Return for each token of a block's text whether a word that it was made of is doubtful; None if they do not fit.

    A token is a word of a line, or two that a line end divided, with or without the hyphen between.
    """
    words: list[tuple[str, bool]] = []
    for line in lines:
        known = [(word.text, is_doubtful(word.confidence, least)) for word in line.words]
        words += known or [(word, is_doubtful(line.confidence, least)) for word in line.text.split()]
    found: list[bool] = []
    place = 0
    for token in tokens:
        if place >= len(words):
            return None
        (text, doubt), place = words[place], place + 1
        while text != token:
            if place >= len(words) or len(text) > len(token) + 1:
                return None
            text = text + words[place][0] if token.startswith(text) else text[:-1] + words[place][0]
            doubt, place = doubt or words[place][1], place + 1
        found.append(doubt)
    return found if place == len(words) else None
