"""The way between the page and the upright page, and the page image made upright."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dsvl2.model import ReadingProfile
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout import analyse, straightened
from dsvl2.pipelines.layout.types import PageLayout
from dsvl2.pipelines.layout.upright import upright

PROFILE = ReadingProfile(mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0)


def layout(turn, skew, size=(600, 400)):
    up = upright(np.full(size[::-1], 255, dtype=np.uint8), 1.0, turn, skew)
    shape = (up.gray.shape[1], up.gray.shape[0])
    return PageLayout(up.rotation, skew, False, (), 10.0, 5.0, shape, size, up.matrix)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("skew", [0.0, 1.3, -2.5])
def test_boxes_come_back_from_the_page(turn, skew):
    place = layout(turn, skew)
    box = Box(150.0, 170.0, 230.0, 190.0)
    back = place.to_upright(place.to_page(box))
    assert [back.x0, back.y0, back.x1, back.y1] == pytest.approx([box.x0, box.y0, box.x1, box.y1], abs=1e-6)


def test_a_level_page_is_the_image_itself():
    image = Image.new("RGB", (60, 40), "white")
    assert straightened(image, layout(0, 0.0, (60, 40))) is image


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1"])
def test_a_turned_page_stands_up_in_its_colours_on_its_paper(mode):
    image = Image.new("RGB", (600, 400), (240, 230, 220))
    ImageDraw.Draw(image).rectangle((280, 150, 320, 250), fill=(200, 20, 20))
    place = layout(1, 2.0)
    result = straightened(image.convert(mode), place)
    assert result.size == place.size
    box = place.to_upright(Box(280, 150, 320, 250))
    middle = (int((box.x0 + box.x1) / 2), int((box.y0 + box.y1) / 2))
    pixel, corner = result.convert("RGB").getpixel(middle), result.convert("RGB").getpixel((1, 1))
    assert max(pixel) - min(pixel) > 100 if mode.startswith("RGB") else pixel != corner
    assert min(corner) > 200


def test_nothing_is_lost_of_a_page_that_was_analysed_askew():
    image = Image.new("L", (900, 700), 255)
    pen = ImageDraw.Draw(image)
    for row in range(16):
        for k in range(40):
            pen.rectangle((80 + 18 * k, 60 + 36 * row, 90 + 18 * k, 74 + 36 * row), fill=0)
    askew = image.rotate(-2, Image.Resampling.BICUBIC, fillcolor=255)
    found = analyse(np.asarray(askew), PROFILE)
    ink = np.asarray(straightened(askew, found)) < 128
    assert found.skew
    assert ink.any(axis=1).sum() < 0.55 * (ink.any(axis=1).nonzero()[0][-1] - ink.any(axis=1).nonzero()[0][0])
