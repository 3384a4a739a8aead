"""Charts of a page that is read as text: found among its lines, put as figure and table where they stand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import ReadingProfile
from dsvl2.pipelines.charts import in_page
from dsvl2.pipelines.charts.in_page import ChartCut, is_sure, page_charts, with_charts
from dsvl2.pipelines.charts.types import Axis, ChartData, Point, Series, TextItem
from dsvl2.pipelines.documents import Block, Box, Line
from dsvl2.pipelines.layout import analyse

PROFILE = ReadingProfile(mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0)
SENTENCE = "Rain enters at the north window where the lead has cracked and the timber below it "


def page(middle) -> Image.Image:
    image = Image.new("RGB", (1000, 1100), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for top in (60, 860):
        for k in range(6):
            pen.text((80, top + 30 * k), SENTENCE[k : 75 + k], font=font, fill=0)
    middle(pen, font)
    return image


def bars(pen, font):
    pen.rectangle((250, 340, 750, 700), outline=0, width=2)
    for k, tall in enumerate((120, 300, 210)):
        x = 300 + 150 * k
        pen.rectangle((x, 700 - tall, x + 90, 700), fill=(51, 102, 153))
        pen.text((x + 10, 715), ("North", "South", "East")[k], font=font, fill=0)
        pen.text((200, 690 - 120 * k), str(10 * k), font=font, fill=0)


def ruled(pen, font):
    for y in range(340, 701, 60):
        pen.line((250, y, 750, y), fill=0, width=2)
    for x in (250, 420, 590, 750):
        pen.line((x, 340, x, 700), fill=0, width=2)
        for k in range(6):
            if x < 750:
                pen.text((x + 20, 358 + 60 * k), f"Bolt {k}", font=font, fill=0)
    pen.rectangle((250, 340, 750, 400), outline=0, fill=(200, 200, 200))


def cuts(image: Image.Image) -> tuple[ChartCut, ...]:
    return page_charts(analyse(np.asarray(image.convert("L")), PROFILE), image, PROFILE)


def test_bars_between_paragraphs_are_cut_out_with_their_labels_and_no_more():
    (cut,) = cuts(page(bars))
    assert 240 < cut.box.y0 < 330
    assert 740 < cut.box.y1 < 870
    assert cut.box.x0 < 200 and cut.box.x1 > 750
    assert cut.requests


@pytest.mark.parametrize("turn", [1.5, 90])
def test_bars_on_a_page_askew_are_cut_out_level(turn):
    level = page(bars)
    askew = level.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    (cut,), (as_drawn,) = cuts(askew), cuts(level)
    assert cut.box.x1 - cut.box.x0 == pytest.approx(as_drawn.box.x1 - as_drawn.box.x0, rel=0.1)
    assert cut.box.y1 - cut.box.y0 == pytest.approx(as_drawn.box.y1 - as_drawn.box.y0, rel=0.1)
    assert len(cut.requests) == len(as_drawn.requests)


@pytest.mark.parametrize("middle", [lambda pen, font: None, ruled], ids=["prose", "a table with a filled head"])
def test_pages_without_charts_ask_nothing(middle):
    assert cuts(page(middle)) == ()


def chart(*values: tuple[str, float], sure: float = 0.9) -> ChartData:
    points = tuple(Point(label, value, "printed", Box(0, 0, 9, 9), sure) for label, value in values)
    texts = (
        TextItem("North", Box(10, 80, 60, 95)),
        TextItem("Litres", Box(0, 20, 12, 90), 90),
        TextItem("12", Box(20, 20, 40, 35)),
    )
    return ChartData("bar", "Flow", Axis("Valve"), Axis("Litres"), (Series("", points),), texts=texts)  # fmt: skip


THREE = (("North", 12.0), ("South", 30.0), ("East", 22.0))


@pytest.mark.parametrize(
    ("data", "sure"),
    [
        (chart(*THREE), True),
        (chart(*THREE, sure=0.3), False),
        (chart(*THREE[:2]), False),
        (chart(("", 1.0), ("b", 2.0), ("c", 3.0)), False),
        (ChartData(), False),
    ],
    ids=["good", "unsure", "too few", "without a label", "none"],
)
def test_only_enough_and_sure_data_counts(data, sure):
    assert is_sure(data) is sure


def block(text: str, top: float, left: float = 0) -> Block:
    line = Line(text, Box(left, top, left + 80, top + 14))
    return Block("paragraph", text, line.box, 0, (line,))


def placed(data: ChartData, monkeypatch) -> tuple[Block, ...]:
    monkeypatch.setattr(in_page, "finish_chart", lambda prepared, answers, profile: data)
    letters = np.array([[125, 290], [135, 290], [145, 290], [155, 290]], dtype=np.float32)

    class Nothing:
        requests = ()

    cut = ChartCut(Box(100, 200, 300, 320), Nothing(), PROFILE, letters)
    blocks = [
        block("Before.", 100),
        Block("table", "30\t25", Box(110, 210, 290, 300), rows=(("30", "25"),)),
        block("10 -", 260, 110),
        block("After.", 400),
    ]
    return with_charts(blocks, [cut], [])


def test_figure_and_table_take_the_place_of_what_was_read_in_the_chart(monkeypatch):
    result = placed(chart(*THREE), monkeypatch)
    assert [b.kind for b in result] == ["paragraph", "figure", "table", "paragraph"]
    assert result[1].text == "Flow"
    assert result[2].rows == (("Valve", "Litres"), ("North", "12"), ("South", "30"), ("East", "22"))
    assert [line.text for line in result[2].lines] == ["North"]  # upright, and its letters are on the page


def test_without_data_the_page_stays_as_it_was_read(monkeypatch):
    assert [b.text for b in placed(ChartData(), monkeypatch)] == ["Before.", "30\t25", "10 -", "After."]
