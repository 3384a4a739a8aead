"""Formulas read: answers taken apart, pictures brought to size, pages searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile
from dsvl2.model.request import Usage
from dsvl2.pipelines.documents import Box, PageImage
from dsvl2.pipelines.formulas import (
    SPEC,
    FormulaReport,
    FormulaTask,
    canvas,
    formula_boxes,
    look,
    parse_formula,
    read_formulas,
)
from dsvl2.pipelines.formulas.likely import is_likely
from dsvl2.pipelines.run import run

BANDS = replace(
    ReadingProfile(), mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0
)


class Scripted:
    """Gives the answers in turn, with a probability each; remembers what it was asked."""

    def __init__(self, *answers: tuple[str, float], profile: ReadingProfile = BANDS) -> None:
        self.answers = list(answers)
        self.asked: list[GenerationRequest] = []
        self.info = ModelInfo(
            name="scripted", path="", parameters=0, weight_bytes=0, scheme="none", dtype="float32", device="cpu",
            context_length=4096, vocab_size=512, fingerprint="0" * 64, reading=profile,
        )  # fmt: skip

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        self.asked += requests
        return [self._next() for _ in requests]

    def _next(self) -> GenerationResult:
        text, sure = self.answers.pop(0)
        count = len(text)
        return GenerationResult(text, (1,) * count, tuple(text), (log(sure),) * count, "stop", Usage(9, 5, count, 1))


def equation(scale: float = 1.0, ink: int = 0, paper: int = 255) -> Image.Image:
    """`x = y` with an x of 20 px times `scale` in a wide margin."""
    unit = 20 * scale
    image = Image.new("L", (round(unit * 14), round(unit * 7)), paper)
    pen = ImageDraw.Draw(image)
    pen.rectangle((2 * unit, 3 * unit, 2.7 * unit, 4 * unit), fill=ink)
    for y in (3.3, 3.8):
        pen.rectangle((4 * unit, y * unit, 5.525 * unit, (y + 0.1) * unit), fill=ink)
    pen.rectangle((7 * unit, 3 * unit, 7.7 * unit, 4 * unit), fill=ink)
    return image


def page(image: Image.Image, number: int = 1) -> PageImage:
    return PageImage(number, image, 150.0)


@pytest.mark.parametrize(
    ("answer", "latex"),
    [
        ("x^{2}+α", r"x^2+\alpha"), ("$$x^2$$", "x^2"), (r"\[ x^2 \]", "x^2"), ("```latex\n\\frac{a}{b}\n```", r"\frac{a}{b}"),
        ("The formula in the image is: $a+b$.", "a+b"), (r"\begin{equation}a\end{equation}", "a"), ("", ""), ("  ", ""),
        ("Here is the LaTeX code: x=y", "x=y"), ("<|ref|>x<|/ref|>", "x"), (r"\(a\)", "a"),
    ],
)  # fmt: skip
def test_answers_are_taken_out_of_their_wrapping(answer: str, latex: str) -> None:
    parsed = parse_formula(answer)
    assert parsed.value == latex
    assert parsed.dropped == ()


def test_what_is_wrong_with_an_answer_is_told() -> None:
    parsed = parse_formula(r"\frac{a}{b")
    assert parsed.value == r"\frac{a}{b}"
    assert [notice.message for notice in parsed.dropped] == ["unbalanced {"]


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_pictures_come_to_one_size(scale: float) -> None:
    seen = look(equation(scale))
    assert seen is not None
    assert seen.x_height == pytest.approx(20 * scale, rel=0.12)
    shown = np.asarray(canvas(seen, 384, 4))
    assert shown.shape == (384, 384)
    rows, columns = np.nonzero(shown < 128)
    assert rows.max() - rows.min() + 1 == pytest.approx(13, abs=2)
    assert abs(rows.max() + rows.min() - 383) <= 3
    assert abs(columns.max() + columns.min() - 383) <= 3


def test_dark_and_transparent_pictures_become_dark_on_white() -> None:
    for image in (equation(ink=255, paper=0), equation(ink=60, paper=190)):
        seen = look(image)
        assert seen is not None
        shown = np.asarray(canvas(seen, 384, 4))
        assert shown[0, 0] == 255
        assert np.median(shown) == 255
        assert (shown < 140).any()
    clear = Image.new("RGBA", (280, 140), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((100, 50, 140, 90), fill=(0, 0, 0, 255))
    assert look(clear) is not None


def test_wide_formulas_take_more_tiles_and_then_shrink() -> None:
    widths = []
    for width in (600, 1400, 4000, 12000):
        image = Image.new("L", (width + 100, 200), 255)
        pen = ImageDraw.Draw(image)
        for x in range(50, 50 + width, 40):
            pen.rectangle((x, 90, x + 12, 110), fill=0)
        seen = look(image)
        assert seen is not None
        widths.append(canvas(seen, 384, 4).width // 384)
    assert widths[0] < widths[1] <= widths[2] == widths[3] == 4


def test_pictures_without_ink_are_no_formula() -> None:
    assert look(Image.new("L", (300, 100), 255)) is None
    assert look(Image.new("L", (1, 1), 0)) is None
    engine = Scripted()
    assert read_formulas([page(Image.new("L", (300, 100), 255))], engine) == []
    assert engine.asked == []


def test_a_picture_is_read_as_one_formula() -> None:
    engine = Scripted((r"x=\frac{1}{2}α", 0.995))
    (result,) = read_formulas([page(equation())], engine)
    assert result.latex == r"x=\frac{1}{2}\alpha"
    assert result.valid
    assert result.confidence == pytest.approx(0.995)
    assert result.page == 1
    assert result.box is not None
    assert (result.box.x0, result.box.y1) == pytest.approx((38, 83), abs=3)
    (request,) = engine.asked
    assert request.messages[0].content == "<image>\nFormula."
    assert request.messages[0].images[0].size == (384, 384)


def test_a_whole_page_model_sees_the_picture_as_it_is() -> None:
    engine = Scripted(("$$x=y$$", 0.8), profile=ReadingProfile())
    (result,) = read_formulas([page(equation())], engine, whole=True)
    assert result.latex == "x=y"
    assert engine.asked[0].messages[0].images[0].size == equation().size


def test_of_several_looks_the_surest_sound_answer_is_kept() -> None:
    engine = Scripted(("x=1", 0.5), (r"x=\frac{1}", 0.99), ("x=2", 0.7))
    (result,) = read_formulas([page(equation())], engine, whole=True, looks=3)
    assert result.latex == "x=2"
    assert len(engine.asked) == 3


def test_one_look_is_enough_when_the_model_is_sure() -> None:
    engine = Scripted(("x=1", 0.999))
    (result,) = read_formulas([page(equation())], engine, whole=True, looks=3)
    assert result.latex == "x=1"
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    ("latex", "sure", "likely"),
    [
        (r"E=mc^2", 0.86, True),
        (r"F_{\mathrm{drag}}=\frac{1}{2}\rho v^2", 0.9, True),
        (r"\mathrm{velocity}=\mathrm{distance}", 0.98, True),
        (r"\begin{aligned}keys&==\\\\&sorted(e)\end{aligned}", 0.77, False),
        (r"1.\mathrm{CovenantNot}\top\mathrm{Compete}.", 0.88, False),
        ("3-1708032", 0.91, False),
        ("x=1", None, True),
        ("", 1.0, False),
    ],
)
def test_what_hardly_is_a_formula_is_known_by_doubt_and_words(latex: str, sure: float | None, likely: bool) -> None:
    assert is_likely(latex, sure) is likely


def test_what_was_not_named_a_formula_and_hardly_is_one_is_left_out_and_told() -> None:
    answer = ("total=x", 0.6)
    task = FormulaTask(looks=1)
    (result,) = run(task, [page(equation())], Scripted(answer))
    assert (task.results, result.blocks) == ([], ())
    assert [notice.message for notice in result.warnings] == [
        "1 place looks like a formula and could not be read as one; left out"
    ]
    (named,) = read_formulas([page(equation())], Scripted(answer), whole=True, looks=1)
    assert named.confidence == pytest.approx(0.6)


def test_invalid_and_empty_answers_are_marked_not_raised() -> None:
    engine = Scripted((r"\frac{x}{", 0.4), ("", 0.9))
    task = FormulaTask(whole=True, looks=1)
    pages = list(run(task, [page(equation()), page(equation(), 2)], engine, batch_size=2))
    assert [len(result.blocks) for result in pages] == [1, 0]
    assert pages[0].blocks[0].kind == "formula"
    assert pages[0].warnings[0].code == "formula_invalid"
    assert [result.valid for result in task.results] == [False]


def text_page(*, formula: bool) -> Image.Image:
    image = Image.new("L", (1000, 1000), 255)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    words = "the inspection of the station was made on three days in February after the frost had left"
    y = 80
    for row in range(18):
        if row == 9:
            if formula:
                pen.text((400, y + 30), "f(x)", fill=0, font=font)
                for step in (44, 51):
                    pen.rectangle((460, y + step, 477, y + step + 2), fill=0)
                pen.text((495, y + 30), "ax + b", fill=0, font=font)
                pen.text((880, y + 30), "(12)", fill=0, font=font)
            else:
                pen.text((400, y + 30), "A Heading Here", fill=0, font=font)
            y += 90
        shift = row % 3
        pen.text((80, y), words[shift:], fill=0, font=font)
        y += 34
    return image


def test_displayed_formulas_are_found_between_lines_of_text() -> None:
    boxes = formula_boxes(text_page(formula=True))
    assert boxes is not None
    (box,) = boxes
    assert box.x0 == pytest.approx(395, abs=12)
    assert 540 < box.x1 < 600  # without the number
    assert 400 < box.y0 < box.y1 < 460


def page_with_both() -> Image.Image:
    """A page with a displayed formula, and letters with a lowered sign in a line above it and one below."""
    image = text_page(formula=True)
    pen, font, small = ImageDraw.Draw(image), ImageFont.load_default(22), ImageFont.load_default(16)
    for row, top in ((4, 80 + 34 * 4), (13, 80 + 34 * 13 + 90)):
        pen.rectangle((500, top - 6, 960, top + 30), fill=255)
        pen.text((620, top), "x", font=font, fill=0)
        pen.text((632, top + 12), "2" if row == 4 else "n", font=small, fill=0)
    return image


def test_formulas_inside_lines_come_in_reading_order_with_displayed_ones() -> None:
    engine = Scripted(("x_2", 0.99), ("f(x)=ax+b", 0.999), ("x_n", 0.98))
    report = FormulaReport("a.png", tuple(read_formulas([page(page_with_both())], engine)))
    assert [result.written for result in report.formulas] == ["\\(x_2\\)", "f(x)=ax+b", "\\(x_n\\)"]
    first, middle, last = report.formulas
    assert first.box and middle.box and last.box
    assert 610 < first.box.x0 < first.box.x1 < 650
    assert first.box.y1 < middle.box.y0 < middle.box.y1 < last.box.y0
    assert (first.valid, first.confidence) == (True, pytest.approx(0.99))
    record = SPEC.record(report)
    Draft202012Validator(SPEC.json_schema()).validate(record)
    assert [one["inline"] for one in record["formulas"]] == [True, False, True]


def test_what_the_model_is_not_sure_of_in_a_line_is_no_formula() -> None:
    engine = Scripted(("x_2", 0.9), ("f(x)=ax+b", 0.999), ("x_{", 0.99))
    assert [result.latex for result in read_formulas([page(page_with_both())], engine)] == ["f(x)=ax+b"]


def test_a_whole_page_model_is_asked_for_displayed_formulas_alone() -> None:
    engine = Scripted(("$$f(x)=ax+b$$", 0.9), profile=ReadingProfile())
    assert [result.inline for result in read_formulas([page(page_with_both())], engine)] == [False]


def test_text_and_headings_are_no_formulas() -> None:
    image = text_page(formula=False)
    assert formula_boxes(image) == ()
    assert read_formulas([page(image)], Scripted()) == []


def test_a_few_lines_with_formulas_between_them_are_a_page() -> None:
    image = Image.new("L", (1000, 700), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    for top, text in (
        (80, "The mean of the sample is known to be this sum of two terms"),
        (160, "and by the same way it is seen that for the variance"),
        (240, "so that the sum of both is then always given as"),
    ):
        pen.text((80, top), text, fill=0, font=font)
        pen.text((454, top + 38), "y", fill=0, font=font)
        pen.text((520, top + 38), "ax + b", fill=0, font=font)
        for step in (52, 59):
            pen.rectangle((480, top + step, 497, top + step + 2), fill=0)
    boxes = formula_boxes(image)
    assert boxes is not None and len(boxes) == 3
    assert all(430 < box.x0 < 460 and 570 < box.x1 < 620 for box in boxes)


def test_a_small_picture_is_no_page() -> None:
    assert formula_boxes(equation()) is None
    assert read_formulas([page(equation())], Scripted(), whole=False) == []


def test_results_fit_their_schema() -> None:
    engine = Scripted((r"x=\foo", 0.9))
    report = FormulaReport("a.png", tuple(read_formulas([page(equation())], engine, looks=1)))
    record = SPEC.record(report)
    Draft202012Validator(SPEC.json_schema()).validate(record)
    assert record["formulas"][0]["problems"] == [r"unknown command \foo"]
    assert isinstance(report.formulas[0].box, Box)
