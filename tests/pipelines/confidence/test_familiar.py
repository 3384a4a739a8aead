"""Ink is held against the letters of its page that were read, and against the printed lines that texts were read from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pymupdf
from PIL import Image

from dsvl2.pipelines.confidence import coverage
from dsvl2.pipelines.confidence.familiar import Familiar
from dsvl2.pipelines.documents import Box, Line, PageResult
from dsvl2.pipelines.evaluation.coverage import correct_reading
from dsvl2.pipelines.layout import PageInk, PageLayout

ROWS = (
    "The station was inspected on three days in February, after the frost",
    "had left the ground. Both pumps were run for six hours at full load,",
    "and the readings of the old brass gauges were compared with those of",
    "Exhibit 10.5 of the report that the engineer sent to the council, as",
    "the larger pump delivered less water than its maker had said that it",
    "would, and the smaller one hardly any in the hot months of that year",
)


@cache
def page() -> tuple[PageResult, PageLayout, PageInk]:
    document = pymupdf.open()
    leaf = document.new_page(width=420, height=260)
    for number, row in enumerate(ROWS):
        leaf.insert_text((40, 50 + 14 * number), row, fontsize=10, fontname="tiro")
    pixels = leaf.get_pixmap(dpi=150, colorspace=pymupdf.csGRAY)
    image = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    zoom = 150 / 72
    words = [((w[0] + w[2]) / 2 * zoom, (w[1] + w[3]) / 2 * zoom, w[4]) for w in leaf.get_text("words")]
    reading = correct_reading(image, words, 150)
    assert reading is not None
    result, layout = reading
    assert layout.ink is not None
    assert len(layout.ink.lines) == len(ROWS)
    return result, layout, layout.ink


def without(result: PageResult, number: int) -> PageResult:
    """The page without one line of its only block, counted from 0."""
    (block,) = result.blocks
    return replace(result, blocks=(replace(block, lines=(*block.lines[:number], *block.lines[number + 1 :])),))


def test_a_missing_line_is_seen_though_the_next_ones_box_reaches_over_it() -> None:
    """A stroke that belongs to a line makes its box as high as two."""
    result, layout, ink = page()
    lines = list(ink.lines)
    lines[3] = replace(lines[3], y0=lines[2].y0)
    (block,) = result.blocks
    tall = layout.to_page(lines[3].box)
    more = replace(block, lines=(*block.lines[:3], replace(block.lines[3], box=tall), *block.lines[4:]))
    marred = replace(result, blocks=(more,))
    seen = replace(layout, ink=replace(ink, lines=tuple(lines)))
    assert coverage(marred, seen).clean
    assert not coverage(without(marred, 2), seen).clean


def test_strokes_beside_a_short_line_are_no_text_that_was_missed() -> None:
    result, layout, ink = page()
    lines = list(ink.lines)
    mine = np.flatnonzero((ink.line == 3) & (ink.boxes[:, 2] < lines[3].x0 + 8 * ink.unit))
    places = np.arange(400.0, 780.0, 27)
    strokes = np.array([[x, lines[3].y0, x + 24, lines[3].y1] for x in places], dtype=np.float32)
    rest = np.flatnonzero((ink.line != 3) | np.isin(np.arange(len(ink)), mine))
    room = float(strokes[0, 3] - strokes[0, 1]) * 24
    drawn = replace(
        ink,
        boxes=np.concatenate([ink.boxes[rest], strokes]),
        area=np.append(ink.area[rest], [0.18 * room] * len(places)).astype(np.float32),
        letter=np.append(ink.letter[rest], [True] * len(places)),
        line=np.append(ink.line[rest], [3] * len(places)).astype(np.int32),
        strokes=np.append(ink.strokes[rest], [1.3] * len(places)).astype(np.float32),
    )
    (block,) = result.blocks
    short = replace(block.lines[3], text="Exhibit 10.5")
    marred = replace(result, blocks=(replace(block, lines=(*block.lines[:3], short, *block.lines[4:])),))
    assert coverage(marred, replace(layout, ink=drawn)).clean


def test_a_line_made_up_over_a_blot_is_seen_by_its_place() -> None:
    """The blot is as long as the text, but the place is that of a longer line."""
    result, layout, ink = page()
    line = ink.lines[3]
    foot, left = layout.size[1] - 60.0, 300.0
    blot = np.array([[left, foot - 1.4 * ink.unit, left + 120, foot]], dtype=np.float32)
    more = replace(
        ink,
        boxes=np.concatenate([ink.boxes, blot]),
        area=np.append(ink.area, 0.7 * 1.4 * ink.unit * 120).astype(np.float32),
        letter=np.append(ink.letter, True),
        line=np.append(ink.line, len(ink.lines)).astype(np.int32),
        strokes=np.append(ink.strokes, 3.0).astype(np.float32),
        lines=(*ink.lines, replace(line, x0=left, x1=left + 120, y0=foot - 14, y1=foot, top=foot - 10, base=foot)),
    )
    (block,) = result.blocks
    made_up = Line("the smaller one", layout.to_page(Box(60, foot - 14, 700, foot)))
    marred = replace(result, blocks=(replace(block, lines=(*block.lines, made_up)),))
    assert coverage(marred, replace(layout, ink=more)).unsupported == ((1, len(ROWS) + 1),)


def test_a_missing_line_is_seen_though_all_its_letters_were_cut_in_two() -> None:
    result, layout, ink = page()
    line = ink.lines[3]
    middle = round((line.top + line.base) / 2)
    mine = (ink.line == 3) & (ink.boxes[:, 1] < middle - 1) & (ink.boxes[:, 3] > middle + 1)
    upper, lower = ink.boxes[mine].copy(), ink.boxes[mine].copy()
    upper[:, 3], lower[:, 1] = middle, middle + 1
    half = ink.area[mine] / 2
    cut = replace(
        ink,
        boxes=np.concatenate([ink.boxes[~mine], upper, lower]),
        area=np.concatenate([ink.area[~mine], half, half]),
        letter=np.concatenate([ink.letter[~mine], np.zeros(2 * len(half), dtype=np.bool_)]),
        line=np.concatenate([ink.line[~mine], np.full(2 * len(half), 3, dtype=np.int32)]),
        strokes=np.concatenate([ink.strokes[~mine], np.ones(2 * len(half), dtype=np.float32)]),
    )
    small = np.flatnonzero((cut.line == 3) & cut.letter)
    letter = cut.letter.copy()
    letter[small] = False
    cut = replace(cut, letter=letter)
    assert not coverage(without(result, 3), replace(layout, ink=cut)).clean


def test_few_letters_that_were_read_say_nothing_of_others() -> None:
    _, _, ink = page()
    free = np.ones(len(ink), dtype=np.bool_)
    free[np.flatnonzero(ink.letter)[:10]] = False
    piece = np.flatnonzero(ink.letter)[20:21]
    assert not Familiar.of(ink, free).likes(piece)
    assert Familiar.of(ink, np.zeros(len(ink), dtype=np.bool_)).likes(piece)
