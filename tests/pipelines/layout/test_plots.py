"""Charts among text: cut out by their scales, with all their labels; tables, whose rows and columns are as even, are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import ReadingProfile
from dsvl2.pipelines.layout import PageLayout, analyse

PROFILE = ReadingProfile(mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0)
SENTENCE = "Rain enters at the north window where the lead has cracked and the timber below it "
YEARS = ("2011", "2012", "2013", "2014", "2015")


def layout_of(middle) -> PageLayout:
    image = Image.new("L", (1000, 1100), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for top in (60, 860):
        for k in range(6):
            pen.text((80, top + 30 * k), SENTENCE[k : 75 + k], font=font, fill=0)
    middle(pen, font)
    return analyse(np.asarray(image), PROFILE)


def scales(pen, font):
    for k in range(6):
        pen.text((236, 700 - 70 * k), str(20 * k), font=font, fill=0, anchor="rm")
    for k, year in enumerate(YEARS):
        pen.text((300 + 110 * k, 742), year, font=font, fill=0, anchor="mm")


def on_grey(pen, font):
    pen.rectangle((250, 320, 800, 720), fill=229)
    for k in range(6):
        pen.line((250, 700 - 70 * k, 800, 700 - 70 * k), fill=255, width=2)
    pen.line([(300 + 110 * k, 650 - 60 * (k * 7 % 5)) for k in range(5)], fill=90, width=4)
    scales(pen, font)


def in_a_frame(pen, font):
    pen.rectangle((250, 320, 800, 720), outline=0, width=2)
    for k in range(40):
        x, y = 270 + k * 173 % 510, 340 + k * 257 % 360
        pen.ellipse((x, y, x + 9, y + 9), fill=60)
    scales(pen, font)


def filled(pen, font):
    pen.polygon([(300, 700), *((300 + 110 * k, 600 - 50 * (k * 3 % 5)) for k in range(5)), (740, 700)], fill=120)
    pen.line((250, 720, 800, 720), fill=0, width=2)
    scales(pen, font)


@pytest.mark.parametrize("drawing", [on_grey, in_a_frame, filled])
def test_a_chart_is_one_figure_and_no_part_of_it_is_a_line_or_a_table(drawing):
    layout = layout_of(drawing)
    (figure,) = (region.box for region in layout.regions if region.kind == "figure")
    assert figure.x0 < 205 and figure.x1 > 760 and figure.y0 < 345 and figure.y1 > 748
    assert [region.kind for region in layout.regions] == ["text", "figure", "text"]
    assert sum(len(band.lines) for band in layout.bands) == 12


def test_a_table_of_even_rows_and_columns_is_no_chart():
    def table(pen, font):
        for row in range(7):
            for column in range(6):
                text = YEARS[column - 1] if row == 6 and column else str(37 * (row + 2) * (column + 3) % 900 + 100)
                pen.text((236 + 110 * column, 330 + 62 * row), text, font=font, fill=0, anchor="rm")
        for row in range(8):
            pen.line((170, 299 + 62 * row, 800, 299 + 62 * row), fill=0, width=2)

    assert "figure" not in [region.kind for region in layout_of(table).regions]
