"""Whose each piece of ink is: the line of text whose box holds it, and no line of print that is another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box, Line, PageResult
from dsvl2.pipelines.layout import PageInk, PageLayout
from dsvl2.pipelines.words import Slant

_OVER = 0.2  # of a letter height that a letter's middle may lie outside its line's box
_HOME = 0.7  # of the area that the boxes of a text and of the printed line that it was read from cover, they share
_LEAST = 3  # letters of such a line
_BESIDE = 0.3  # of its letters' height that a printed line may reach into another and still be one of its own


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Lines of the page: (block, line) numbers, text, upright boxes [L, 4], whether each has a place of its own.

    tight: whether the place is that of a printed line; cells and blocks may be wider than their text.
    """

    numbers: tuple[tuple[int, int], ...]
    lines: tuple[Line, ...]
    boxes: NDArray[np.float64]
    placed: NDArray[np.bool_]
    tight: NDArray[np.bool_]


def lines_of(page: PageResult, layout: PageLayout) -> Text:
    """Gather the page's lines; a block that has a place but no lines is one.

    Lines that lie sideways are left out: no row of ink is theirs (see `sideways_boxes`).
    """
    slant = Slant.of(page)
    numbers, lines, boxes, tight = [], [], [], []
    for block_number, block in enumerate(page.blocks, 1):
        if block.kind == "figure":
            continue
        own = block.lines or (Line(block.text, block.box),)
        for number, line in enumerate(own, 1):
            if line.text.strip() and slant.of_line(line) == slant:
                numbers.append((block_number, number))
                lines.append(line)
                tight.append(block.table is None and bool(block.lines) and line.box is not None)
                boxes.append(_upright(line.box, slant, layout) if line.box else (0.0, 0.0, 0.0, 0.0))
    placed = np.array([line.box is not None for line in lines], dtype=np.bool_)
    upright = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return Text(tuple(numbers), tuple(lines), upright, placed, np.array(tight, dtype=np.bool_))


def sideways_boxes(page: PageResult, layout: PageLayout) -> list[Box]:
    """Return the upright boxes of the lines that lie sideways."""
    slant = Slant.of(page)
    lines = [line for block in page.blocks for line in block.lines if slant.of_line(line) != slant]
    return [layout.to_upright(line.box) for line in lines if line.box]


def _upright(box: Box, slant: Slant, layout: PageLayout) -> tuple[float, float, float, float]:
    """Return the box on the upright page that a page box encloses."""
    x, y, along, across = slant.upright(box)
    u, v = layout.from_page(x, y)
    return (u - along / 2, v - across / 2, u + along / 2, v + across / 2)


def owners(ink: PageInk, text: Text) -> NDArray[np.int64]:
    """Return for each piece of ink the line whose box holds its middle, the nearest if there are several; -1: none."""
    owner = np.full(len(ink), -1, dtype=np.int64)
    if not len(text.lines) or not len(ink):
        return owner
    middle_x, middle_y = (ink.boxes[:, 0] + ink.boxes[:, 2]) / 2, (ink.boxes[:, 1] + ink.boxes[:, 3]) / 2
    best = np.full(len(ink), np.inf)
    over = _OVER * ink.unit
    tall = ink.boxes[:, 3] - ink.boxes[:, 1]
    for number in np.flatnonzero(text.placed).tolist():
        x0, y0, x1, y1 = text.boxes[number]
        inside = (middle_x > x0 - 3 * over) & (middle_x < x1 + 3 * over)
        shared = np.minimum(ink.boxes[:, 3], y1) - np.maximum(ink.boxes[:, 1], y0)
        inside &= ((middle_y > y0 - over) & (middle_y < y1 + over)) | (2 * shared > tall)
        away = np.abs(middle_y - (y0 + y1) / 2)
        nearer = inside & (away < best)
        owner[nearer], best[nearer] = number, away[nearer]
    return _without_neighbours(ink, text, _whole_lines(ink, owner))


def _whole_lines(ink: PageInk, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the rest of a printed line to the text that most of its letters belong to: boxes of slanted lines cut some."""
    for number in np.unique(ink.line[(owner < 0) & (ink.line >= 0)]).tolist():
        mine = np.flatnonzero(ink.line == number)
        known = owner[mine][ink.letter[mine]]
        taken = known[known >= 0]
        if 2 * len(taken) > len(known):
            most = int(np.bincount(taken).argmax())
            owner[mine] = np.where(owner[mine] < 0, most, owner[mine])
    return owner


def _without_neighbours(ink: PageInk, text: Text, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take back the printed lines that nothing was read from: a tall or slanted box holds ink of its neighbours, too.

    Only texts that were read from a printed line of their own, and ink above or below that, are concerned.
    """
    home = homes(ink, text)
    of_owner = np.append(home, -1)[owner]
    strange = (owner >= 0) & (ink.line >= 0) & (of_owner >= 0) & (of_owner != ink.line) & ~np.isin(ink.line, home)
    letters = np.bincount(ink.line[strange & ink.letter], minlength=len(ink.lines))
    strange[strange] = letters[ink.line[strange]] >= _LEAST  # one or two are indices and exponents
    if not strange.any():
        return owner
    zones = np.array([(line.top, line.base) for line in ink.lines])
    here, there = zones[ink.line[strange]], zones[of_owner[strange]]
    shared = np.minimum(here[:, 1], there[:, 1]) - np.maximum(here[:, 0], there[:, 0])
    apart = shared <= _BESIDE * (here[:, 1] - here[:, 0])
    owner = owner.copy()
    owner[np.flatnonzero(strange)[apart]] = -1
    return owner


def homes(ink: PageInk, text: Text) -> NDArray[np.int64]:
    """Return for each line of text the printed line with its box; -1: none."""
    home = np.full(len(text.lines), -1, dtype=np.int64)
    if not ink.lines:
        return home
    prints = np.array([(line.x0, line.y0, line.x1, line.y1) for line in ink.lines])
    for number in np.flatnonzero(text.placed).tolist():
        box = text.boxes[number]
        sides = np.minimum(prints[:, 2:], box[2:]) - np.maximum(prints[:, :2], box[:2])
        shared = np.maximum(sides, 0).prod(axis=1)
        both = (prints[:, 2:] - prints[:, :2]).prod(axis=1) + float((box[2:] - box[:2]).prod()) - shared
        best = int(np.argmax(shared / np.maximum(both, 1)))
        if shared[best] >= _HOME * both[best]:
            home[number] = best
    return home
