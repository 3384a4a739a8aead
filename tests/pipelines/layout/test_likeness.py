"""Noise and screens are not cut into lines for a model to invent on; print is."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.layout import analyse


def test_noise_has_no_lines(canvas):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (200, 150)).astype(np.uint8)
    page = np.asarray(Image.fromarray(coarse).resize((900, 1200), Image.Resampling.BICUBIC))
    assert analyse(page, canvas).bands == ()


def test_screen_of_dots_has_no_lines(canvas):
    y, x = np.mgrid[:600, :600]
    page = np.full((900, 800), 255, dtype=np.uint8)
    page[100:700, 100:700] = np.where(np.hypot(x % 14 - 7, y % 14 - 7) < 4.5, 0, 255)
    assert analyse(page, canvas).bands == ()


def test_print_beside_noise_stays(sheet, canvas):
    sheet.prose(100, 100, 900, 12)
    lines = sum(len(band.lines) for band in analyse(sheet.gray, canvas).bands)
    page = sheet.gray.copy()
    rng = np.random.default_rng(1)
    page[1100:1500, 100:1000] = np.where(rng.random((400, 900)) < 0.1, 0, 255)
    found = analyse(page, canvas)
    assert lines == 12
    assert sum(len(band.lines) for band in found.bands if band.lines[0].y0 < 700) == 12


@pytest.mark.parametrize("bend", [0, 16])
def test_print_on_bent_paper_is_print(sheet, canvas, bend):
    sheet.prose(100, 200, 900, 10)
    shift = (bend * np.sin(np.arange(sheet.gray.shape[1]) / 180)).astype(int)
    page = np.stack([np.roll(column, by) for column, by in zip(sheet.gray.T, shift, strict=True)], axis=1)
    assert sum(len(band.lines) for band in analyse(np.ascontiguousarray(page), canvas).bands) >= 10


def test_picture_in_dots_is_no_table_either(canvas):
    """Dots of many sizes in rows and columns, with light lanes between some of them."""
    y, x = np.mgrid[:700, :700]
    radius = 2 + 4 * (np.sin(x / 90) * np.sin(y / 70) + 1) / 2
    page = np.full((900, 900), 255, dtype=np.uint8)
    page[100:800, 100:800] = np.where(np.hypot(x % 14 - 7, y % 14 - 7) < radius, 0, 255)
    assert sum(len(band.lines) for band in analyse(page, canvas).bands) < 12


def test_dots_of_any_size_are_no_lines(canvas):
    rng = np.random.default_rng(3)
    page = np.full((1000, 900), 245, dtype=np.uint8)
    y, x = np.mgrid[:1000, :900]
    for row in range(80, 920, 50):
        for column in range(80, 840, 50):
            page[np.hypot(x - column, y - row) < rng.uniform(4, 22)] = 0
    assert analyse(page, canvas).bands == ()


def test_pages_of_print_are_not_odd_and_drawings_are(sheet, canvas):
    sheet.prose(100, 100, 900, 12)
    assert not analyse(sheet.gray, canvas).odd
    rng = np.random.default_rng(4)
    scrawl = Image.new("L", (1000, 1400), 255)
    for y in range(120, 1300, 70):
        turn = np.arange(0, 300) * 0.5
        x = 80 + 2.6 * np.arange(300) + 9 * np.cos(2.1 * turn)
        line = y + 12 * np.sin(2.1 * turn) + rng.normal(0, 2, 300)
        for part in range(0, 300, 30):
            points = list(zip(x[part : part + 26].tolist(), line[part : part + 26].tolist(), strict=True))
            ImageDraw.Draw(scrawl).line(points, fill=20, width=3)
    found = analyse(np.asarray(scrawl), canvas)
    assert found.odd and found.bands


def test_a_page_that_is_hardly_lit_is_read_as_it_is(sheet, canvas):
    sheet.prose(100, 100, 900, 12)
    rng = np.random.default_rng(3)
    dim = (0.15 * sheet.gray + 8 + rng.normal(0, 3, sheet.gray.shape)).clip(0, 255).astype(np.uint8)
    assert sum(len(band.lines) for band in analyse(dim, canvas).bands) == 12
    night = rng.normal(15, 6, sheet.gray.shape).clip(0, 255).astype(np.uint8)
    assert analyse(night, canvas).blank
