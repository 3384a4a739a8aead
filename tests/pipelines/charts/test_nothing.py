"""Pictures that are no charts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.charts import ChartData, TextItem, understand
from dsvl2.pipelines.charts.ground import look
from dsvl2.pipelines.charts.letters import find_letters
from dsvl2.pipelines.charts.spots import find_spots
from dsvl2.pipelines.documents import Box


def understood(image: Image.Image, *texts: TextItem) -> ChartData:
    return understand(look(np.asarray(image.convert("RGB"))), texts)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (40, 40), (640, 480)])
@pytest.mark.parametrize("colour", ["white", "black", "red"])
def test_a_plain_picture_has_no_chart(size: tuple[int, int], colour: str) -> None:
    chart = understood(Image.new("RGB", size, colour))
    assert not chart.found
    assert [notice.code for notice in chart.notices] == ["no_chart"]


def test_noise_has_no_chart() -> None:
    noise = np.random.default_rng(5).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    assert not understood(Image.fromarray(noise)).found


def test_a_page_of_text_has_no_chart() -> None:
    page = Image.new("RGB", (600, 800), "white")
    lines = tuple(TextItem(f"line {k} of a letter", Box(60, 60 + 24 * k, 420, 74 + 24 * k), 0, 0.99) for k in range(25))
    assert not understood(page, *lines).found


def test_the_dots_of_a_picture_are_no_words() -> None:
    """More of them than a chart has letters: nothing is chained, which would take half a minute."""
    sheet = Image.new("RGB", (800, 800), "white")
    pen = ImageDraw.Draw(sheet)
    rng = np.random.default_rng(1)
    for y in range(20, 780, 14):
        for x in range(20, 780, 14):
            pen.ellipse((x, y, x + int(rng.integers(6, 10)), y + int(rng.integers(6, 10))), fill="black")
    ground = look(np.asarray(sheet))
    letters = find_letters(ground)
    assert letters is not None and int((~letters.small).sum()) > 2000
    assert find_spots(ground) == ()


def test_bars_without_a_label_or_a_scale_are_no_chart() -> None:
    """So are the lines of a table with figures beside them."""
    page = Image.new("RGB", (600, 400), "white")
    pen = ImageDraw.Draw(page)
    for k, long in enumerate((200, 320, 260)):
        pen.rectangle((100, 60 + 90 * k, 100 + long, 110 + 90 * k), fill=(70, 90, 160))
    values = [TextItem(str(v), Box(x, 75 + 90 * k, x + 40, 95 + 90 * k), 0, 0.99)
              for k, (v, x) in enumerate(((20, 310), (32, 430), (26, 370)))]  # fmt: skip
    names = [
        TextItem(name, Box(40, 75 + 90 * k, 90, 95 + 90 * k), 0, 0.99) for k, name in enumerate(("Oak", "Elm", "Ash"))
    ]
    assert understood(page, *values, *names).found
    assert not understood(page, *values).found
