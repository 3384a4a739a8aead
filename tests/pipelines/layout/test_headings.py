"""Headings' levels: the same for the same letter, however finely it was scanned."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.layout import analyse, assemble
from dsvl2.pipelines.layout.headings import letter_size, levels
from dsvl2.pipelines.layout.placing import PlacedLine
from dsvl2.pipelines.layout.types import BandText, InkLine


@pytest.mark.parametrize("title", [11.5, 13.0, 15.4, 15.6, 22.0])
def test_the_largest_heading_of_a_first_page_is_its_title(title):
    assert levels([title, 10.0, 10.0], 10.0, opening=True) == [1, 3, 3]


def test_sizes_that_measuring_cannot_tell_apart_are_one_level():
    assert levels([16.0, 15.2, 12.5], 10.0, opening=True) == [1, 1, 2]


def test_a_large_section_stands_below_a_larger_title():
    assert levels([24.0, 16.0], 10.0, opening=True) == [1, 2]


def test_later_pages_and_sections_of_body_size_have_no_title():
    assert levels([15.0, 10.0], 10.0, opening=False) == [2, 3]
    assert levels([10.0, 10.4], 10.0, opening=True) == [3, 3]
    assert levels([], 10.0, opening=True) == []


def test_capitals_are_measured_as_what_they_are():
    def line(text: str, tall: float) -> PlacedLine:
        return PlacedLine(text, False, None, InkLine(0, 0, 100, 20, 20 - tall, 20), 0, 0, 0, 100)

    assert letter_size([line("# TERMS OF 2026", 14)], measured=True) == pytest.approx(10.1, abs=0.1)
    assert letter_size([line("# TERMS OF 2026", 14)], measured=False) == 14
    assert letter_size([line("# Terms", 10)], measured=True) == 10


@pytest.mark.parametrize("size", [28, 31, 34])
def test_a_title_of_any_size_has_the_same_level_on_a_page(sheet, canvas, size):
    sheet.line(120, 120, "Moderate heading", size)
    sheet.prose(120, 200, 1000, 10)
    layout = analyse(sheet.gray, canvas)
    rows = iter(["# Moderate heading", *["body text"] * 10])
    texts = []
    for band in layout.bands:
        middles = [int(((line.middle - band.box.y0) * band.scale + band.offset[1]) // 8) for line in band.lines]
        texts.append(BandText("".join(f"<|y_{middle}|>{next(rows)}" for middle in middles)))
    title = assemble(layout, texts, opening=True)[0]
    assert (title.kind, title.level) == ("heading", 1)


@pytest.mark.parametrize("ratio", [1.14, 1.17, 1.2, 1.29])
def test_sections_a_sixth_larger_than_the_body_are_of_one_level(ratio):
    assert levels([ratio * 10, 11.2], 10.0, opening=False) == [2, 3]
