"""Displayed formulas of a page that is read as text: found in the middle of a column, put where their lines stood."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import GenerationResult, ReadingProfile
from dsvl2.model.request import Usage
from dsvl2.pipelines.documents import Block, Box, Line
from dsvl2.pipelines.formats.latex_math import compiles
from dsvl2.pipelines.formulas.in_page import PageFormula, formula_requests, is_sentence, page_formulas, with_formulas
from dsvl2.pipelines.layout import analyse

PROFILE = ReadingProfile(mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0)
SENTENCE = "Rain enters at the north window where the lead has cracked and the timber below"
NOTHING = Image.new("L", (384, 384), 255)


def answer(text: str, sure: float = 0.999, reason: str = "stop") -> GenerationResult:
    return GenerationResult(text, (1,) * 4, tuple(text), (log(sure),) * len(text), reason, Usage(9, 5, 4, 1))


def paragraph(*texts: str, top: float = 0, kind: str = "paragraph") -> Block:
    lines = tuple(Line(text, Box(0, top + 20 * k, 9 * len(text), top + 20 * k + 14)) for k, text in enumerate(texts))
    return Block(kind, " ".join(texts), Box(0, top, 400, top + 20 * len(texts)), 0, lines)


def page(middle, number: bool = False) -> Image.Image:
    """Two paragraphs with what `middle` draws between them, and perhaps a number at the right."""
    image = Image.new("L", (1000, 700), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for top in (60, 400):
        for k in range(5):
            pen.text((80, top + 30 * k), SENTENCE[k:], font=font, fill=0)
    middle(pen, font)
    if number:
        pen.text((850, 290), "(12)", font=font, fill=0)
    return image


def equation(pen, font, left=420):
    pen.text((left, 290), "a", font=font, fill=0)
    for y in (300, 307):
        pen.rectangle((left + 30, y, left + 47, y + 1), fill=0)
    pen.text((left + 65, 290), "b + c", font=font, fill=0)


def found(image: Image.Image):
    return page_formulas(analyse(np.asarray(image), PROFILE), image, PROFILE)


def test_an_equation_in_the_middle_of_a_column_is_found_and_its_number_asked_for():
    (plain,) = found(page(equation))
    assert plain.number is None
    assert plain.box.x0 < 425 < 530 < plain.box.x1
    (numbered,) = found(page(equation, number=True))
    assert numbered.number is not None
    assert numbered.box.x1 < 700
    assert len(formula_requests([plain, numbered])) == 3


@pytest.mark.parametrize(
    "middle",
    [
        lambda pen, font: None,
        lambda pen, font: equation(pen, font, left=100),
        lambda pen, font: (pen.text((380, 290), "THE SCREEN", font=font, fill=0), pen.line((380, 318, 530, 318), fill=0)),
        lambda pen, font: pen.rectangle((300, 260, 700, 340), outline=0),
    ],
    ids=["nothing", "code at the left", "underlined heading", "frame"],
)  # fmt: skip
def test_what_is_no_equation_asks_nothing(middle):
    assert found(page(middle)) == ()


@pytest.mark.parametrize("turn", [1.5, -2.0, 90, 180])
def test_an_equation_on_a_page_askew_is_cut_out_level_and_put_in_its_place(turn):
    askew = page(equation, number=True).rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    layout = analyse(np.asarray(askew), PROFILE)
    (formula,) = page_formulas(layout, askew, PROFILE)
    assert formula.number is not None
    box = formula.box
    inner = Box(box.x0 + 5, box.y0 + 5, box.x1 - 5, box.y1 - 5)
    line, other = Line("a = b + c", layout.to_page(inner)), Line("a word", layout.to_page(Box(100, 420, 300, 440)))
    blocks = [Block("paragraph", "a = b + c a word", None, 0, (line, other))]
    (placed, rest), _ = with_formulas(blocks, [formula], [answer("a=b+c"), answer("(12)")], layout)
    assert (placed.kind, placed.text, placed.box) == ("formula", "a=b+c \\tag{12}", layout.to_page(box))
    assert rest.text == "a word"


def test_a_sure_formula_takes_the_place_of_its_lines():
    blocks = [paragraph("Before it.", "a = b2 (7)", "and after."), paragraph("Below.", top=200)]
    formula = PageFormula(Box(0, 15, 80, 36), NOTHING, NOTHING)
    result, notices = with_formulas(blocks, [formula], [answer("a=b^2"), answer("(7)")])
    assert [(b.kind, b.text) for b in result] == [
        ("paragraph", "Before it."),
        ("formula", r"a=b^2 \tag{7}"),
        ("paragraph", "and after."),
        ("paragraph", "Below."),
    ]
    assert result[1].lines == (blocks[0].lines[1],)
    assert notices == ()


@pytest.mark.parametrize(
    ("given", "reason"),
    [(answer("a=b^2", 0.6), "unsure"), (answer(r"\frac{a}"), "not LaTeX"), (answer("a=b", reason="length"), "cut off")],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_was_not_read_surely_stays_text_and_is_told(given, reason):
    blocks = [paragraph("a = b2")]
    result, (notice,) = with_formulas(blocks, [PageFormula(Box(-2, -5, 80, 20), NOTHING)], [given])
    assert result == tuple(blocks)
    assert notice.code == "formula_unsure"


def test_a_sentence_stays_one_whatever_the_model_made_of_it():
    blocks = [paragraph("the result = factor of the cut")]
    assert with_formulas(blocks, [PageFormula(Box(-2, -5, 400, 20), NOTHING)], [answer("r=f")]) == (tuple(blocks), ())


def test_a_formula_of_which_no_line_was_read_stands_before_what_is_below_it():
    blocks = [paragraph("so that", top=0), paragraph("holds for all", top=80)]
    result, notices = with_formulas(blocks, [PageFormula(Box(300, 30, 400, 60), NOTHING)], [answer("r=f")])
    assert [(block.kind, block.text) for block in result] == [
        ("paragraph", "so that"), ("formula", "r=f"), ("paragraph", "holds for all")
    ]  # fmt: skip
    assert notices == ()


def test_text_beside_a_formula_keeps_it_a_line_of_text():
    blocks = [paragraph("a = b2 + c3 + d4 + e5")]
    result, (notice,) = with_formulas(blocks, [PageFormula(Box(-2, -5, 60, 20), NOTHING)], [answer("a=b^2")])
    assert result == tuple(blocks)
    assert notice.code == "formula_unsure"


def test_a_number_that_cannot_be_read_is_told_and_one_in_the_text_is_taken():
    formula = PageFormula(Box(-2, -5, 80, 20), NOTHING, NOTHING)
    result, (notice,) = with_formulas([paragraph("a = b2")], [formula], [answer("a=b^2"), answer(r"\alpha")])
    assert (result[0].text, notice.code) == ("a=b^2", "formula_number")
    result, notices = with_formulas([paragraph("a = b2 (A.3)")], [formula], [answer("a=b^2"), answer("")])
    assert (result[0].text, notices) == (r"a=b^2 \tag{A.3}", ())


def test_lines_without_a_place_that_were_read_in_a_formula_go_with_it():
    block = paragraph("J0 z", "The pump runs.", "It is old.")
    block = Block(block.kind, block.text, block.box, 0, (block.lines[0], Line("Time: 10", None), *block.lines[1:]))
    result, _ = with_formulas([block], [PageFormula(Box(-2, -5, 80, 18), NOTHING)], [answer("a=b")])
    assert [b.text for b in result] == ["a=b", "The pump runs. It is old."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("x = 3 for x > 0", False), ("sin x + cos y", False), ("E = mc2", False), ("", False),
     ("if (isreal (x)) a = sign (x)", True), ("COVENANT NOT TO COMPETE", True), ("gvc = gvContext();", True)],
)  # fmt: skip
def test_sentences_and_code_are_told_from_formulas(text, sentence):
    assert is_sentence(text) is sentence


def test_a_numbered_formula_compiles():
    assert compiles(r"E=mc^2 \tag{1}")
    assert not compiles(r"E=mc^2 \tag{\input{x}}")
    assert not compiles(r"\tag{1} E")
