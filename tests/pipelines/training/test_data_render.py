"""Bands say what they show: labels, characters and line starts agree, for any seed, size and stage."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageFont

from dsvl2.pipelines.training.canvas import TILE, Canvas
from dsvl2.pipelines.training.charset import CHARACTERS, INDEX
from dsvl2.pipelines.training.clutter import figure, scribble, stamp
from dsvl2.pipelines.training.fonts import Face, Resources
from dsvl2.pipelines.training.glyphs import Outline, SizedFont
from dsvl2.pipelines.training.layouts import BLOCKS
from dsvl2.pipelines.training.render import LINE_MARK, Sample, make_batch, render_band, shorten_runs, wordless_batch
from dsvl2.pipelines.training.sheet import contact_sheet
from dsvl2.pipelines.training.text import Corpus
from dsvl2.pipelines.training.typeset import Flow, Style
from dsvl2.pipelines.training.wordless import shape_between, wordless

SENTENCES = [
    "en\tThe quick brown fox jumps over the lazy dog, and five boxing wizards jump quickly; 42 did so twice.",
    "en\tA reader finds the office on the first floor, where efficient staff file affidavits of the affluent.",
    "en\tPage 7 of the report (see Section 4.2) says that the total came to $1,250,000.00 on 3 March 2021.",
    "lg\tThe Licensee shall indemnify the Licensor against all losses arising out of any breach of this Agreement.",
    "de\tFalsches Üben von Xylophonmusik quält jeden größeren Zwerg.",
    "fr\tVoix ambiguë d’un cœur qui au zéphyr préfère les jattes de kiwis.",
]


def _font_data() -> bytes:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    stream = font.font_bytes if getattr(font, "font_bytes", b"") else font.path.getvalue()  # type: ignore[union-attr]
    return bytes(stream)


@pytest.fixture(scope="module")
def resources() -> Resources:
    outline = Outline(_font_data(), frozenset(map(chr, range(32, 127))))
    faces = [
        Face("Default", outline),
        Face("Default", outline, bold=True),
        Face("Other", outline),
        Face("Mono", outline, mono=True),
    ]
    return Resources(Corpus(SENTENCES), faces)


RUNS = set("._-=*~#")  # long runs of these are labelled short


def _drawn(sample: Sample) -> Counter[str]:
    drawn = (CHARACTERS[int(kind) - 1] for kind in sample.chars[:, 2])
    return Counter(character for character in drawn if character not in RUNS)


def _labelled(sample: Sample) -> Counter[str]:
    """Characters that a picture must show: the marks of headings and bullets are notation."""
    found: Counter[str] = Counter()
    for line in sample.text.split("\n"):
        found.update(character for character in line.removeprefix("# ") if character not in RUNS | {" ", "\t"})
    return found


def test_every_labelled_character_is_drawn_and_every_drawn_one_labelled(resources: Resources) -> None:
    rng = Random(1)
    for seed in range(120):
        sample = render_band(Random(seed), resources, rng.randint(1, 3), 1.0)
        drawn, labelled = _drawn(sample), _labelled(sample)
        bullets = sum(line.startswith("- ") for line in sample.text.split("\n"))
        assert not labelled - drawn
        assert (drawn - labelled).total() <= bullets  # a bullet is written as a hyphen


def test_blanks_and_leaders_are_labelled_short_and_names_are_left_alone() -> None:
    assert shorten_runs("By: ____________ x") == "By: ____ x"
    assert shorten_runs("1. Terms . . . . . . . . 3") == "1. Terms .... 3"
    assert shorten_runs("-" * 30) == "-" * 8
    assert shorten_runs("wait... __init__ a..b") == "wait... __init__ a..b"


def test_a_band_has_one_mark_and_one_place_for_each_line(resources: Resources) -> None:
    for seed in range(40):
        sample = render_band(Random(seed), resources, 2, 1.0)
        lines = [line for line in sample.text.split("\n") if line]
        assert sample.tokens.count(LINE_MARK) == len(lines) == len(sample.lines)
        if lines:
            assert sample.lines[:, 1].min() >= 0
            assert sample.lines[:, 1].max() < TILE
            assert sample.tokens[0] == LINE_MARK


def test_tokens_spell_the_text(resources: Resources) -> None:
    sample = render_band(Random(8), resources, 3, 1.0)
    spelt = "".join("\n" if token == LINE_MARK else CHARACTERS[token - 1] for token in sample.tokens)
    assert spelt.removeprefix("\n") == sample.text


def test_characters_lie_on_the_band_and_on_ink(resources: Resources) -> None:
    for seed in range(60):
        sample = render_band(Random(seed), resources, 1, 1.0)
        if len(sample.chars):
            x, y = sample.chars[:, 0], sample.chars[:, 1]
            assert x.min() >= -1
            assert x.max() <= TILE + 1
            assert y.min() >= 0
            assert y.max() <= TILE
            assert sample.image.std() > 0


def test_the_same_seed_gives_the_same_band(resources: Resources) -> None:
    first, second = (render_band(Random(5), resources, 2, 0.6) for _ in range(2))
    assert first.text == second.text
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.chars, second.chars)


@pytest.mark.parametrize(("stage", "most"), [(0.0, 2), (0.03, 4), (0.07, 9)])
def test_early_stages_have_few_lines(resources: Resources, stage: float, most: int) -> None:
    counts = [len(render_band(Random(seed), resources, 1, stage).lines) for seed in range(25)]
    assert 1 <= max(counts) <= most


@pytest.mark.parametrize("m", [1, 2, 3])
def test_characters_stay_within_the_budget(resources: Resources, m: int) -> None:
    for seed in range(20):
        assert len(render_band(Random(seed), resources, m, 1.0).tokens) < 420 * m + 260


def test_batches_are_padded_and_sorted_by_length(resources: Resources) -> None:
    batches = make_batch(Random(3), resources, 2, 1.0, 5, at_once=4)
    assert len(batches) == 4
    for batch in batches:
        count = batch.images.shape[0]
        assert batch.images.shape == (5, 384, 768)
        assert batch.images.dtype == np.uint8
        assert batch.tokens.shape[0] == batch.lines.shape[0] == batch.chars.shape[0] == count
        assert batch.tokens.dtype == np.int16
        assert batch.tokens.min() >= 0
        assert batch.tokens.max() <= LINE_MARK
        marks = (batch.tokens == LINE_MARK).sum(1)
        assert np.array_equal(marks, (batch.lines[:, :, 0] >= 0).sum(1))
    spans = sorted(((batch.tokens > 0).sum(1).min(), (batch.tokens > 0).sum(1).max()) for batch in batches)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("block", [block for block, _ in BLOCKS], ids=lambda block: block.__name__)
def test_every_block_writes_lines(resources: Resources, block: object) -> None:
    family = resources.families[0]
    written = 0
    for seed in range(8):
        canvas = Canvas(2, 255, 0)
        body = resources.sized(family.plain[0], 22.0)
        style = Style(family, family.plain[0], body, 34.0, 8.0, 750.0)
        flow = Flow(Random(seed), resources, canvas, style, resources.corpus, 30.0, 800, 99)
        block(flow)  # type: ignore[operator]
        written += len(canvas.rows)
        assert all(character in INDEX for row in canvas.rows for character in row.text)
    assert written > 0


def test_ligatures_are_labelled_as_letters() -> None:
    outline = Outline(_font_data(), frozenset({*map(chr, range(32, 127)), "ﬁ"}))
    glyph = SizedFont(outline, 24.0).glyph("ﬁ")
    assert [CHARACTERS[kind - 1] for kind in glyph.classes] == ["f", "i"]


def test_figures_leave_no_text() -> None:
    for seed, draw in enumerate((figure, scribble, stamp, figure, figure)):
        canvas = Canvas(1, 255, 0)
        draw(Random(seed), canvas, (20.0, 30.0, 350.0, 300.0))
        assert not canvas.rows
        assert not canvas.chars
        assert canvas.image().min() < 255


def test_wordless_bands_of_any_width_hold_ink_and_no_text() -> None:
    inked = 0
    for seed in range(120):
        canvas = Canvas(1 + seed % 4, 255, 0)
        wordless(Random(seed), canvas)
        assert not canvas.rows and not canvas.chars
        inked += int(canvas.image().min() < 255)
    assert inked > 90
    batch = wordless_batch(Random(1), 2, 3)
    assert batch.images.shape == (3, TILE, 2 * TILE)
    assert not batch.tokens.any()


def test_a_shape_between_lines_takes_their_place_and_is_not_read(resources: Resources) -> None:
    plain = Style(
        resources.families[0], (face := resources.families[0].plain[0]), resources.sized(face, 24.0), 32.0, 4.0, 380.0
    )
    for seed in range(20):
        canvas = Canvas(1, 255, 0)
        flow = Flow(Random(seed), resources, canvas, plain, resources.corpus, 40.0, 400, 9)
        before = flow.y
        shape_between(flow)
        assert flow.y > before + 5 and not canvas.rows and not canvas.chars


def test_a_contact_sheet_shows_all_samples(resources: Resources) -> None:
    sheet = contact_sheet([render_band(Random(seed), resources, 1, 1.0) for seed in range(3)], columns=2)
    assert isinstance(sheet, Image.Image)
    assert sheet.width >= 2 * TILE
    assert sheet.height > 2 * TILE


def test_tucked_marks_move_and_nothing_else_does(resources: Resources) -> None:
    font = resources.sized(resources.family(Random(1)).plain[0], 20.0)
    plain, tucked = Canvas(1, 255, 0), Canvas(1, 255, 0)
    tucked.tuck = 1.5
    assert plain.put(20, 100, "x, y.", font) == tucked.put(20, 100, "x, y.", font)
    moved = [round(a[0] - b[0], 3) for a, b in zip(plain.chars, tucked.chars, strict=True)]
    assert moved == [0, 1.5, 0, 1.5] or moved == [0, 1.5, 0, 0, 1.5]
