"""Labels that were read as one text although there are several."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dsvl2.model import GenerationResult, ReadingProfile, Usage
from dsvl2.pipelines.charts.ground import look
from dsvl2.pipelines.charts.spots import Spot
from dsvl2.pipelines.charts.strips import Canvas, collect
from dsvl2.pipelines.documents import Box

PROFILE = ReadingProfile(mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0)


def collected(text: str) -> list[tuple[str, float]]:
    """What one text over 600 pixels becomes: texts and the middles of their places."""
    spot = Spot(Box(100, 50, 700, 70), 0, (400, 60), 600, 20, 9)
    canvas = Canvas(Image.new("L", (384, 384), 255), (0,), (16.0,))
    pieces = ("<|y_1|>", text)
    answer = GenerationResult("".join(pieces), (1, 2), pieces, (-0.1, -0.1), "stop", Usage(1, 0, 2, 1))
    ground = look(np.full((100, 800, 3), 255, dtype=np.uint8))
    return [
        (item.text, (item.box.x0 + item.box.x1) / 2) for item in collect(ground, [spot], [canvas], [answer], PROFILE)
    ]


@pytest.mark.parametrize("more", ["", " Year"])
def test_the_numbers_of_a_scale_that_stand_close_are_parted(more: str) -> None:
    found = collected("2015 2016 2017 2018" + more)
    assert [text for text, _ in found] == ["2015", "2016", "2017", "2018"]
    assert np.diff([middle for _, middle in found]) == pytest.approx([165, 165, 165], abs=12)


@pytest.mark.parametrize("text", ["4 567", "Sales in 2015 and 2016", "12 340 tons a year", "Oslo Riga Ghent"])
def test_other_texts_stay_whole(text: str) -> None:
    assert collected(text) == [(text, 400)]
