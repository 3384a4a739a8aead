"""Figures are cut out where their blocks are, and stand upright."""

from __future__ import annotations

from PIL import Image

from dsvl2.pipelines.documents import Block, Box, PageResult
from dsvl2.pipelines.figures import cut_figures

PLACE = Box(10, 20, 40, 60)


def page(rotation: int = 0, box: Box | None = PLACE) -> tuple[Image.Image, PageResult]:
    image = Image.new("RGB", (200, 160), "white")
    image.paste((200, 0, 0), (20, 40, 80, 50))  # the top of the figure, at twice the size of the page as read
    image.paste((0, 0, 200), (20, 50, 80, 120))
    blocks = (Block("paragraph", "x"), Block("figure", "", box))
    return image, PageResult(1, blocks, 100, 80, 75.0, rotation=rotation)


def test_a_figure_is_cut_out_of_a_finer_picture_of_its_page() -> None:
    (found,) = cut_figures(*page()).items()
    assert found[0] == 2
    assert found[1].size == (60, 80)
    assert found[1].getpixel((0, 0)) == (200, 0, 0) and found[1].getpixel((59, 79)) == (0, 0, 200)


def test_it_is_turned_as_the_page_is() -> None:
    picture = cut_figures(*page(rotation=90))[2]  # the page has to be turned clockwise: its left goes to the top
    assert picture.size == (80, 60)
    assert picture.getpixel((79, 0)) == (200, 0, 0) and picture.getpixel((0, 0)) == (0, 0, 200)


def test_what_has_no_place_on_the_page_is_left_out() -> None:
    assert cut_figures(*page(box=None)) == {}
    assert cut_figures(*page(box=Box(300, 300, 400, 400))) == {}
    assert cut_figures(page()[0], PageResult(1, (Block("figure", "", Box(0, 0, 1, 1)),))) == {}
