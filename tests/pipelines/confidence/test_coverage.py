"""Text that was missed and text that was made up are found by the ink alone, on pages with things that are no text."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import pymupdf
import pytest
from PIL import Image, ImageDraw

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
from dsvl2.pipelines.layout import PageLayout

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
