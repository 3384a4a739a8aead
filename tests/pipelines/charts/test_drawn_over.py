"""What is drawn over marks does not part them: grid lines, numbers; and what looks like a letter but is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.charts import TextItem, understand
from dsvl2.pipelines.charts.gridlines import bridged, find_grid, hatching
from dsvl2.pipelines.charts.ground import look
from dsvl2.pipelines.charts.numbers import Number
from dsvl2.pipelines.charts.rings import sectors_on
from dsvl2.pipelines.charts.scales import Tick, ValueScale, calibrated, find_scales, in_thousands
from dsvl2.pipelines.charts.spots import find_spots
from dsvl2.pipelines.charts.values import mended
from dsvl2.pipelines.documents import Box

_HEIGHTS = (180, 60, 130)


def _bars(dash: int) -> Image.Image:
    """Three bars on a foot at row 250, 1 pixel a unit, with grid lines over them every 50; `dash` pixels on and off."""
    image = Image.new("RGB", (420, 300), "white")
    pen = ImageDraw.Draw(image)
    for k, high in enumerate(_HEIGHTS):
        pen.rectangle((90 + 100 * k, 250 - high, 149 + 100 * k, 249), fill=(30, 110, 180))
    for row in range(50, 250, 50):
        for x in range(60, 400, 2 * dash):
            pen.line((x, row, min(399, x + dash - 1), row), fill=(170, 170, 170))
    return image


def _words() -> list[TextItem]:
    found = [TextItem(str(50 * k), Box(30, 250 - 50 * k - 5, 52, 250 - 50 * k + 5), 0, 1.0) for k in range(5)]
    names = zip("ABC", range(3), strict=True)
    return found + [TextItem(name * 3, Box(105 + 100 * k, 258, 135 + 100 * k, 268), 0, 1.0) for name, k in names]


@pytest.mark.parametrize("dash", [400, 3, 2])
def test_bars_under_grid_lines_stay_whole(dash: int) -> None:
    chart = understand(look(np.asarray(_bars(dash))), _words())
    assert chart.kind == "bar" and not chart.stacked
    values = {point.label: point.value for _, point in chart.points()}
    assert values == pytest.approx({"AAA": 180, "BBB": 60, "CCC": 130}, abs=1.5)


def test_a_gap_between_bars_is_no_grid_line() -> None:
    image = np.full((120, 300, 3), 255, dtype=np.uint8)
    image[20:59, 40:200] = image[61:100, 40:200] = (200, 40, 40)  # two level bars, a white gap of two pixels
    ground = look(image)
    grid = find_grid(image, ground.under, ground.grounds)
    mask = (image[..., 1] == 40).astype(bool)
    assert np.array_equal(bridged(mask, grid), mask)


def test_thin_sectors_keep_their_angle() -> None:
    image = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(image)
    parts = ((0, 200, (200, 60, 60)), (200, 207, (60, 160, 60)), (207, 360, (60, 60, 200)))
    for begin, end, colour in parts:
        pen.pieslice((30, 30, 270, 270), begin, end, fill=colour, outline="white")
    ground = look(np.asarray(image))
    colours = ground.palette.colours
    strong = {int(np.abs(colours.astype(int) - fill).sum(axis=1).argmin()) for _, _, fill in (parts[0], parts[2])}
    found = sectors_on(ground.palette.labels, (150, 150), 120.0, strong, ())
    assert sorted(round(360 * sector.share) for sector in found) == pytest.approx([7, 153, 200], abs=1.5)


def test_neighbours_of_one_colour_are_two_sectors() -> None:
    image = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(image)
    for begin, end, colour in ((0, 120, "red"), (120, 240, "blue"), (240, 360, "red")):
        pen.pieslice((30, 30, 270, 270), begin, end, fill=colour, outline="white", width=3)
    ground = look(np.asarray(image))
    strong = set(np.unique(ground.under)) - {ground.paper}
    assert len(sectors_on(ground.palette.labels, (150, 150), 120.0, strong, ())) == 3


def _scale() -> ValueScale:
    item = TextItem("0", Box(0, 0, 5, 5), 0, 1.0)
    ticks = tuple(Tick(float(p), 0.0, 0.0, 5.0, Number(float(p), "", 0, 1), item) for p in (0, 100, 200))
    return ValueScale(10.0, 0.0, False, ticks, 0.0, False)


def test_printed_values_set_the_scale_right() -> None:
    better = calibrated(_scale(), [(10.0, 120.0), (50.0, 520.0), (90.0, 920.0), (70.0, 850.0)])
    assert better is not None and better.value(30.0) == pytest.approx(320.0, abs=1.0)


@pytest.mark.parametrize("known", [[(10.0, 100.0), (20.0, 200.0)], [(10.0, 300.0), (50.0, 100.0), (90.0, 2000.0)]])
def test_values_that_disagree_set_nothing_right(known: list[tuple[float, float]]) -> None:
    assert calibrated(_scale(), known) is None


def test_a_digit_taken_for_its_like_is_mended_only_by_sharp_marks() -> None:
    read = Number(8328.0, "", 0, 4)
    sharp = mended(read, 8930.0, 100.0, "", sharp=True)
    assert sharp is not None and sharp.value == 8928.0
    assert mended(read, 8930.0, 100.0, "") == read


def test_hatching_is_filled_and_outlines_are_not() -> None:
    strokes = np.zeros((40, 40), dtype=np.bool_)
    for k in range(5, 35):
        strokes[k, k : k + 2] = True
    strokes[20, 2:38] = strokes[2:38, 20] = True
    kept = hatching(strokes)
    assert kept[10, 10] and kept[30, 31] and not kept[20, 5] and not kept[5, 20]


@pytest.mark.parametrize("angle", [25, 40, 60, -35])
def test_slanted_labels_of_few_letters_are_found_in_their_direction(angle: int) -> None:
    image = Image.new("RGB", (520, 160), "white")
    font = ImageFont.load_default(15)
    ImageDraw.Draw(image).text((40, 10), "A title of the usual height", fill="black", font=font)
    for k, text in enumerate(("Jan", "Febr", "March", "Apr", "June")):
        word = Image.new("L", (90, 90), 0)
        ImageDraw.Draw(word).text((45, 45), text, fill=255, font=font, anchor="rm" if angle > 0 else "lm")
        word = word.rotate(angle, Image.Resampling.BICUBIC)
        image.paste("black", (20 + 90 * k, 40), word)
    spots = find_spots(look(np.asarray(image)))
    assert sum(abs(spot.angle - angle) <= 6 for spot in spots) >= 4


def test_points_that_small_letters_grew_do_not_make_another_axis() -> None:
    texts = ["70%", "6.0%", "5.0%", "40%", "3.0%", "2.0%", "1.0%", "0%"]
    items = [TextItem(text, Box(10, 40 * k, 40, 40 * k + 10), 0, 0.9) for k, text in enumerate(texts)]
    best = find_scales(items, 10.0, upright=True)[0]
    assert best.value(5.0) == pytest.approx(70) and best.value(285.0) == pytest.approx(0, abs=0.1)
    plain = [replace(item, text=f"{3.5 - 0.5 * k:.1f}") for k, item in enumerate(items)]
    assert find_scales(plain, 10.0, upright=True)[0].value(5.0) == pytest.approx(3.5)


def test_an_axis_of_thousands_read_as_ones_is_set_right() -> None:
    known = [(10.0, 100_000.0), (50.0, 503_000.0), (90.0, 899_000.0)]
    assert in_thousands(_scale(), known).value(20.0) == pytest.approx(200_000)
    assert in_thousands(_scale(), [(10.0, 100.0), (50.0, 503.0), (90.0, 899_000.0)]) == _scale()


def test_grey_bars_of_like_heights_are_no_panel() -> None:
    image = Image.new("RGB", (420, 300), "white")
    pen = ImageDraw.Draw(image)
    for k, high in enumerate((180, 190, 185)):
        pen.rectangle((65 + 110 * k, 250 - high, 155 + 110 * k, 249), fill=(106, 106, 106))
    chart = understand(look(np.asarray(image)), _words())
    values = [point.value for _, point in chart.points()]
    assert chart.kind == "bar" and values == pytest.approx([180, 190, 185], abs=1.5)
