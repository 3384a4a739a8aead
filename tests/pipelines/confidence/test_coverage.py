"""Text that was missed and text that was made up are found by the ink alone, on pages with things that are no text."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFilter

from dsvl2.pipelines.confidence import coverage, coverage_notices
from dsvl2.pipelines.documents import Block, Box, Coverage, Line, PageError, PageResult
from dsvl2.pipelines.evaluation.coverage import (
    INVENTED,
    clutter,
    correct_reading,
    with_line,
    without_line,
)
from dsvl2.pipelines.evaluation.scan_simulation import scan
from dsvl2.pipelines.evaluation.standin import PROFILE
from dsvl2.pipelines.layout import PageLayout, analyse

TEXT = (
    "The station was inspected on three days in February, after the frost had left the ground. Both pumps were run "
    "for six hours at full load, and the readings of the old brass gauges were compared with those of a calibrated "
    "instrument. The larger pump delivered 412 litres per second, which is within two per cent of the figure given. "
)
DPI = 110
TRIALS = 25


@cache
def page(kind: str) -> tuple[PageResult, PageLayout]:
    """A correct reading of a page of two paragraphs, a heading and a page number, marred as `kind` says."""
    document = pymupdf.open()
    leaf = document.new_page(width=420, height=400)
    leaf.insert_text((40, 50), "A report on the pumps", fontsize=17)
    leaf.insert_textbox((40, 70, 380, 180), TEXT, fontsize=10, fontname="tiro" if kind == "scan" else "helv")
    leaf.insert_textbox((60, 190, 380, 280), TEXT, fontsize=9, lineheight=1.2)
    leaf.insert_text((205, 380), "17", fontsize=10)
    pixels = leaf.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    image = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    zoom = DPI / 72
    words = [((w[0] + w[2]) / 2 * zoom, (w[1] + w[3]) / 2 * zoom, w[4]) for w in leaf.get_text("words")]
    if kind == "drawing":
        clutter(image, words, random.Random(4))
        ImageDraw.Draw(image).line((20, image.height - 20, image.width - 20, image.height - 24), fill=0, width=2)
    if kind == "scan":
        image = scan(image, seed=3, profile=replace(scan.__kwdefaults__["profile"], skew=0.0))
    reading = correct_reading(image, words, DPI)
    assert reading is not None
    return reading


KINDS = ("plain", "drawing", "scan")


@pytest.mark.parametrize("kind", KINDS)
def test_a_correct_reading_raises_no_alarm(kind: str) -> None:
    found = coverage(*page(kind))
    assert found.clean
    assert found.explained == 1.0
    assert coverage_notices(found) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_line_is_always_seen_and_placed(kind: str) -> None:
    reading, layout = page(kind)
    rng = random.Random(kind)
    for _ in range(TRIALS):
        less = without_line(reading, rng)
        (gone,) = lines(reading) - lines(less)
        found = coverage(less, layout)
        assert found.explained < 1
        middle = (gone.box.y0 + gone.box.y1) / 2
        assert any(place.y0 < middle < place.y1 for place in found.unexplained), gone


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", INVENTED)
def test_an_invented_line_is_always_seen_and_named(kind: str, way: str) -> None:
    reading, layout = page(kind)
    rng = random.Random(kind + way)
    for _ in range(TRIALS):
        more = with_line(reading, layout, way, rng)
        found = coverage(more, layout)
        assert found.unsupported
        assert [notice.code for notice in coverage_notices(found)] == ["text_unsupported"]


def test_text_that_is_too_long_for_its_ink_is_seen() -> None:
    reading, layout = page("plain")
    block = reading.blocks[1]
    long = replace(block.lines[1], text=block.lines[1].text + " " + TEXT[:80])
    blocks = (reading.blocks[0], replace(block, lines=(block.lines[0], long, *block.lines[2:])), *reading.blocks[2:])
    assert coverage(replace(reading, blocks=blocks), layout).unsupported == ((2, 2),)


def test_text_that_is_too_long_is_seen_on_a_page_of_which_some_lines_run_together() -> None:
    """Ink spread joins the letters of half the lines: there, letters to pieces of ink say nothing."""
    reading, layout = page("plain")
    assert layout.ink is not None
    boxes = layout.ink.boxes.copy()
    joined = np.isin(layout.ink.line, np.arange(2, 6))
    for row in range(2, 6):
        mine = np.flatnonzero((layout.ink.line == row) & layout.ink.letter)
        mine = mine[np.argsort(boxes[mine, 0])]
        for first, second in zip(mine[::2], mine[1::2], strict=False):
            boxes[first, 2] = boxes[second, 2]
    keep = ~joined | ~layout.ink.letter | (np.arange(len(boxes)) % 2 == 0)
    ink = replace(layout.ink, boxes=boxes, letter=keep & layout.ink.letter)
    block = reading.blocks[1]
    for number in range(len(block.lines) - 1):
        line = block.lines[number]
        long = replace(line, text=f"{line.text} {line.text[::-1]}")
        more = replace(block, lines=(*block.lines[:number], long, *block.lines[number + 1 :]))
        found = coverage(
            replace(reading, blocks=(reading.blocks[0], more, *reading.blocks[2:])), replace(layout, ink=ink)
        )
        assert (2, number + 1) in found.unsupported


@pytest.mark.parametrize("word", ["trees.", '"HEAD"', "Tips", "ages?"])
@pytest.mark.parametrize("size", [10, 16])
def test_a_line_of_one_word_that_is_missing_is_seen_even_if_its_letters_run_together(word: str, size: float) -> None:
    document = pymupdf.open()
    leaf = document.new_page(width=420, height=300)
    leaf.insert_textbox((40, 30, 380, 160), TEXT, fontsize=10, fontname="tiro")
    leaf.insert_text((40, 200), word, fontsize=size, fontname="tibo")
    pixels = leaf.get_pixmap(dpi=150, colorspace=pymupdf.csGRAY)
    image = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    image = image.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(0.8))  # ink that spread
    words = [((w[0] + w[2]) / 2 * 150 / 72, (w[1] + w[3]) / 2 * 150 / 72, w[4]) for w in leaf.get_text("words")]
    found = correct_reading(image, words, 150)
    assert found is not None
    reading, layout = found
    assert coverage(reading, layout).clean
    assert reading.blocks[-1].text == word
    assert not coverage(replace(reading, blocks=reading.blocks[:-1]), layout).clean


@pytest.mark.parametrize("word", ["entities.", "so; or", "umask.", "int x,", "Date:", "8", "1"])
def test_a_short_line_that_is_missing_is_seen_where_the_whole_page_ran_together(word: str) -> None:
    """Letters of 100 dpi that the ink fills and joins are like no letter, but like the words that were read."""
    document = pymupdf.open()
    leaf = document.new_page(width=420, height=300)
    leaf.insert_textbox((40, 30, 380, 160), TEXT, fontsize=10, fontname="tibo")
    leaf.insert_text((40, 200), word, fontsize=10, fontname="tibo")
    pixels = leaf.get_pixmap(dpi=300, colorspace=pymupdf.csGRAY)
    large = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples).filter(ImageFilter.MinFilter(3))
    image = large.resize((pixels.width // 3, pixels.height // 3), Image.Resampling.BOX)
    image = image.filter(ImageFilter.GaussianBlur(0.8))
    words = [((w[0] + w[2]) / 2 * 100 / 72, (w[1] + w[3]) / 2 * 100 / 72, w[4]) for w in leaf.get_text("words")]
    found = correct_reading(image, words, 100)
    assert found is not None
    reading, layout = found
    assert coverage(reading, layout).clean
    assert not coverage(replace(reading, blocks=reading.blocks[:-1]), layout).clean


def test_a_hole_is_unlike_the_letters_of_its_page() -> None:
    reading, layout = page("plain")
    ink = layout.ink
    assert ink is not None
    side, foot = 1.4 * ink.unit, layout.size[1] - 150.0
    hole = np.array([[300.0, foot - side, 300 + side, foot]], dtype=np.float32)
    more = replace(
        ink,
        boxes=np.concatenate([ink.boxes, hole]),
        area=np.append(ink.area, 0.78 * side * side).astype(np.float32),
        letter=np.append(ink.letter, True),
        line=np.append(ink.line, -1).astype(np.int32),
        strokes=np.append(ink.strokes, 1.0).astype(np.float32),
    )
    assert coverage(reading, replace(layout, ink=more)).clean


@pytest.mark.parametrize(("low", "seen"), [(0.87, True), (0.6, False)])
def test_a_small_letter_beside_a_word_that_ran_together_may_be_lower_than_one_alone(low: float, seen: bool) -> None:
    """A scan's "New": "Ne" is one piece with tall strokes, "w" another as low as the line's small letters."""
    reading, layout = page("plain")
    ink = layout.ink
    assert ink is not None
    foot, unit = layout.size[1] - 150.0, ink.unit
    sides = [(300.0, 1.2 * unit, 300 + 2 * unit), (302 + 2 * unit, low * unit, 302 + 3.1 * unit)]
    pieces = np.array([[x0, foot - tall, x1, foot] for x0, tall, x1 in sides], dtype=np.float32)
    area = 0.62 * (pieces[:, 2] - pieces[:, 0]) * (pieces[:, 3] - pieces[:, 1])
    more = replace(
        ink,
        boxes=np.concatenate([ink.boxes, pieces]),
        area=np.append(ink.area, area).astype(np.float32),
        letter=np.append(ink.letter, [True] * 2),
        line=np.append(ink.line, [-1] * 2).astype(np.int32),
        strokes=np.append(ink.strokes, [2.7, 2.1]).astype(np.float32),
    )
    assert len(coverage(reading, replace(layout, ink=more)).unexplained) == seen


def test_a_line_made_up_over_the_crumbs_of_a_rule_is_seen() -> None:
    """Noise breaks a rule into pieces as high as small letters; they stand in no printed line."""
    reading, layout = page("plain")
    ink = layout.ink
    assert ink is not None
    y, tall = layout.size[1] - 150.0, 0.6 * ink.unit
    crumbs = np.array([[x, y, x + 24, y + tall] for x in (300, 330, 360)], dtype=np.float32)
    more = replace(
        ink,
        boxes=np.concatenate([ink.boxes, crumbs]),
        area=np.append(ink.area, [50, 50, 50]).astype(np.float32),
        letter=np.append(ink.letter, [True] * 3),
        line=np.append(ink.line, [-1] * 3).astype(np.int32),
        strokes=np.append(ink.strokes, [4, 4, 4]).astype(np.float32),
    )
    made_up = Line("Certain information has been left out", Box(60, y - 8, 500, y + 8))
    blocks = (*reading.blocks, Block("paragraph", made_up.text, made_up.box, lines=(made_up,)))
    assert coverage(replace(reading, blocks=blocks), replace(layout, ink=more)).unsupported == ((len(blocks), 1),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_line_is_seen_on_a_page_that_was_taken_for_a_drawing(kind: str) -> None:
    """Faded print and letters that touch may be unlike print; what was read of it tells that it is some."""
    reading, layout = page(kind)
    rng = random.Random(kind)
    for _ in range(9):
        assert not coverage(without_line(reading, rng), replace(layout, odd=True)).clean


def test_noise_is_held_against_its_text_in_seconds() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (180, 130), dtype=np.uint8)
    sheet = np.asarray(Image.fromarray(noise).resize((900, 1270), Image.Resampling.BICUBIC))
    start = time.process_time()
    layout = analyse(sheet, PROFILE)
    coverage(PageResult(1, (), 900, 1270, 110), layout)
    assert time.process_time() - start < 6  # some two; forty when every piece was held against every other


@pytest.mark.parametrize("kind", ["dots", "grey", "grey noise"])
def test_the_ink_of_pictures_is_no_text_that_was_missed(kind: str) -> None:
    rng = np.random.default_rng(5)
    few = Image.fromarray(rng.integers(0, 256, (5, 6), dtype=np.uint8)).resize((600, 500), Image.Resampling.BICUBIC)
    tone = np.asarray(few, dtype=np.float64) / 255
    y, x = np.mgrid[:500, :600]
    if kind == "dots":
        tone = (tone > (np.sin(x * 0.9) * np.sin(y * 0.9) + 1) / 2).astype(np.float64)
    elif kind == "grey noise":
        tone += rng.normal(0, 0.05, tone.shape)
    sheet = np.full((1000, 900), 255, dtype=np.uint8)
    sheet[300:800, 150:750] = (255 * tone).clip(0, 255)
    layout = analyse(sheet, PROFILE)
    assert coverage(PageResult(1, (), 900, 1000, 110), layout).clean


def test_text_that_is_too_short_for_its_ink_is_seen() -> None:
    reading, layout = page("plain")
    block = reading.blocks[1]
    short = replace(block.lines[1], text=block.lines[1].text[:9])
    blocks = (reading.blocks[0], replace(block, lines=(block.lines[0], short, *block.lines[2:])), *reading.blocks[2:])
    assert coverage(replace(reading, blocks=blocks), layout).unexplained == (short.box,)


def test_a_line_whose_place_is_not_known_may_stand_on_ink_that_is_left() -> None:
    reading, layout = page("plain")
    blocks = tuple(
        replace(block, lines=tuple(replace(line, box=None) if number == 0 else line for line in block.lines))
        for number, block in enumerate(reading.blocks)
    )
    assert coverage(replace(reading, blocks=blocks), layout).clean


@pytest.mark.parametrize("text", ["", "...........", "________", "-"])
def test_what_is_drawn_or_empty_needs_no_letters(text: str) -> None:
    reading, layout = page("plain")
    extra = Block("paragraph", text, Box(10, 500, 200, 510), lines=(Line(text, Box(10, 500, 200, 510)),))
    assert coverage(replace(reading, blocks=(*reading.blocks, extra)), layout).clean


def test_pages_without_ink_or_without_text() -> None:
    reading, layout = page("plain")
    assert coverage(replace(reading, blocks=(), error=PageError("x", "y")), layout) == Coverage(1.0)
    nothing = coverage(replace(reading, blocks=()), layout)
    assert nothing.explained < 0.05
    assert [notice.code for notice in coverage_notices(nothing)] == ["ink_unexplained"]
    assert coverage(reading, replace(layout, ink=None)) == Coverage(1.0)


def lines(result: PageResult) -> set[Line]:
    return {line for block in result.blocks for line in block.lines}
