"""Bands of receipts and forms say what they show, whatever printed them and whatever lies on the paper."""

from __future__ import annotations

import random
from collections import Counter
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from dsvl2.pipelines.training.answers.draw import Vocabulary
from dsvl2.pipelines.training.canvas import TILE
from dsvl2.pipelines.training.charset import CHARACTERS
from dsvl2.pipelines.training.degrade import isolate
from dsvl2.pipelines.training.documents import Documents
from dsvl2.pipelines.training.fonts import Face, Resources
from dsvl2.pipelines.training.glyphs import Outline, SizedFont
from dsvl2.pipelines.training.printers import TYPE, Look, matrix, stretched, thermal, typewriter
from dsvl2.pipelines.training.render import LINE_MARK, make_batch
from dsvl2.pipelines.training.text import Corpus

LISTS = (
    "first last street city company job word common foreign country region currency language sentence legal strange adjective"
    " act animal artifact attribute cognition event food group person plant possession state substance"
)
RUNS = set("._-=*~#")  # long runs of these are labelled short


def _outline() -> Outline:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    stream = font.font_bytes if getattr(font, "font_bytes", b"") else font.path.getvalue()  # type: ignore[union-attr]
    return Outline(bytes(stream), frozenset(map(chr, range(32, 127))))


@pytest.fixture(scope="module")
def resources() -> Resources:
    outline = _outline()
    faces = [Face("Default", outline), Face("Default", outline, bold=True), Face("Mono", outline, mono=True)]
    return Resources(Corpus(["en\tThe quick brown fox jumps over the lazy dog; 42 did so twice."]), faces)


@pytest.fixture(scope="module")
def documents() -> Documents:
    rng = random.Random(5)

    def word() -> str:
        return "".join(rng.choice(c) for c in ("bcdfglmnprst", "aeiou", "lmnrst", "aeiou", "nrst"))

    lists = {key: [word() for _ in range(300)] for key in LISTS.split()}
    lists["number"] = [str(number) for number in range(300)]
    return Documents(Vocabulary.split(lists)[0])


def test_every_labelled_character_is_drawn_and_every_drawn_one_labelled(
    resources: Resources, documents: Documents
) -> None:
    empty = 0
    for seed in range(90):
        canvas = documents.canvas(Random(seed), resources, 1 + seed % 3)
        drawn = Counter(c for _, _, kind in canvas.chars if (c := CHARACTERS[kind - 1]) not in RUNS)
        labelled = Counter(c for row in canvas.rows for c in row.text if c not in RUNS | {" ", "\t"})
        assert drawn == labelled
        empty += not canvas.rows
        assert all(-1 <= row.x <= canvas.width and 0 <= row.y < TILE for row in canvas.rows)
    assert empty < 18


def test_lines_are_written_from_top_to_bottom_and_cells_from_the_left(
    resources: Resources, documents: Documents
) -> None:
    for seed in range(40):
        canvas = documents.canvas(Random(seed), resources, 2)
        heights = [row.y for row in canvas.rows]
        assert heights == sorted(heights)
        assert all(cell for row in canvas.rows for cell in row.text.split("\t"))


def test_a_share_of_a_batch_is_documents(resources: Resources, documents: Documents) -> None:
    whole, *_ = make_batch(Random(2), resources, 1, 1.0, 4, documents, 1.0)
    assert whole.images.shape == (4, TILE, TILE)
    assert (whole.tokens == LINE_MARK).sum() >= 4
    none, *_ = make_batch(Random(2), resources, 1, 0.01, 2, documents, 1.0)  # not before the curriculum is through
    assert (none.tokens == LINE_MARK).sum() <= 4


@pytest.mark.parametrize("maker", [thermal, matrix, typewriter, stretched])
def test_looks_keep_letters_where_type_has_them(maker) -> None:  # type: ignore[no-untyped-def]
    outline = _outline()
    plain = SizedFont(outline, 24.0)
    for seed in range(12):
        look: Look = maker(Random(seed))
        font = SizedFont(outline, 24.0, look)
        assert font.advance("H") == pytest.approx(plain.advance("H") * look.wide)
        assert font.width("HiH") == pytest.approx(plain.width("HiH") * look.wide)
        found, usual = font.glyph("H").bitmap(0, font.scale), plain.glyph("H").bitmap(0, plain.scale)
        assert found is not None and usual is not None
        assert np.asarray(found[0]).max() > 100  # something is printed
        assert abs(found[2] - usual[2]) <= 4  # its top stays where type has it
        assert found[0].shape[1] <= usual[0].shape[1] * look.wide + 5


def test_dots_are_apart_and_squares_are_not() -> None:
    cells = Image.fromarray(np.full((3, 3), 255, np.uint8))
    dots, _ = Look(12, dots=True).draw(cells, (0, 0), 8.0)
    squares, _ = Look(12).draw(cells, (0, 0), 8.0)
    assert np.asarray(squares).min() == 255
    assert 0.5 < (np.asarray(dots)[4:-4, 4:-4] > 0).mean() < 1.0
    assert Look() == TYPE


def test_isolated_text_keeps_its_ground_and_loses_the_rest() -> None:
    torch.manual_seed(1)
    images = torch.full((40, 100, 200), 0.5)
    points = torch.tensor([[60.0, 50.0], [120.0, 55.0], [-1.0, -1.0]]).expand(40, -1, -1).clone()
    points[20:] = -1.0  # pictures without text stay
    found = isolate(images, points, 1.0)
    changed = (found != images).flatten(1).any(1)
    assert 4 <= changed[:20].sum() <= 14 and not changed[20:].any()
    picture = found[:20][changed[:20]][0]
    assert picture[50, 60:121].max() == 0.5 and picture[0].min() == 1.0 and picture[:, -1].min() == 1.0
