"""Line art is told from letters, so that drawings are neither read nor measured by."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from dsvl2.pipelines.evaluation.wordless_unseen import labelled_page, unseen_page
from dsvl2.pipelines.layout import analyse
from dsvl2.pipelines.layout.components import components
from dsvl2.pipelines.layout.strokes import drawn, print_like, stroke_width


def piece(draw) -> np.ndarray:
    image = Image.new("L", (300, 240), 255)
    draw(ImageDraw.Draw(image))
    return np.asarray(image)


SHAPES = {
    "hairline ellipse": lambda pen: pen.ellipse((20, 20, 280, 220), outline=0, width=4),
    "frame": lambda pen: pen.rectangle((20, 20, 80, 200), outline=0, width=8),
    "stroke": lambda pen: pen.line((20, 20, 280, 220), fill=0, width=5),
    "bar": lambda pen: pen.rectangle((20, 20, 60, 200), fill=0),
}


@pytest.mark.parametrize("name", SHAPES)
def test_line_art_is_drawn(name):
    assert drawn(components(piece(SHAPES[name]) < 128)).all()


@pytest.mark.parametrize("text", ["a", "8", "W", "H", "&", "g"])
@pytest.mark.parametrize("size", [12, 48, 200])
def test_letters_are_not(text, size):
    page = piece(lambda pen: pen.text((40, 10), text, font=ImageFont.load_default(size), fill=0))
    found = components(page < 128)
    assert print_like(found, page).all()


def test_blurred_letters_have_edges_and_shades_have_none():
    letter = Image.fromarray(piece(lambda pen: pen.text((40, 10), "8", font=ImageFont.load_default(200), fill=0)))
    blurred = np.asarray(letter.filter(ImageFilter.GaussianBlur(4)))
    assert print_like(components(blurred < 128), blurred).all()
    x, y = np.meshgrid(np.linspace(-1, 1, 300), np.linspace(-1, 1, 240))
    shade = (255 * np.clip(np.hypot(x, y), 0, 1)).astype(np.uint8)
    assert not print_like(components(shade < 128), shade).any()


@pytest.mark.parametrize("width", [2, 5, 9])
def test_strokes_are_as_thick_as_they_were_drawn(width):
    page = piece(lambda pen: pen.ellipse((20, 20, 280, 220), outline=0, width=width))
    assert stroke_width(components(page < 128))[0] == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize("number", [0, 2, 4, 8, 24])
def test_drawings_have_no_lines_but_are_figures(number, canvas):
    kind, image = unseen_page(number)
    layout = analyse(np.asarray(image), canvas)
    assert layout.bands == (), kind
    assert [region.kind for region in layout.regions] == ["figure"] * len(layout.regions)
    assert bool(layout.regions) is not layout.blank


def test_labels_of_a_drawing_are_lines(canvas):
    labels, image = labelled_page(11)
    lines = [line for band in analyse(np.asarray(image), canvas).bands for line in band.lines]
    assert len(labels) - 1 <= len(lines) <= len(labels) + 1


def test_a_lone_large_figure_is_a_line(canvas):
    page = Image.new("L", (900, 1270), 255)
    ImageDraw.Draw(page).text((400, 500), "7", font=ImageFont.load_default(160), fill=0)
    (band,) = analyse(np.asarray(page), canvas).bands
    assert len(band.lines) == 1


def test_a_page_of_figures_is_no_screen(canvas):
    """Digits are as much alike as the dots of a picture, but are strokes."""
    page = Image.new("L", (900, 1270), 255)
    for row in range(20):
        text = " ".join(str(5038 + 1961 * row * k % 89999) for k in range(1, 8))
        ImageDraw.Draw(page).text((60, 60 + 40 * row), text, font=ImageFont.load_default(18), fill=0)
    assert len(analyse(np.asarray(page), canvas).regions) >= 1
    assert not analyse(np.asarray(page), canvas).blank
