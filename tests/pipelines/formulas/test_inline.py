"""Formulas inside lines of text: found by their ink, put in place when they are sure, written by each format."""

from math import log

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import GenerationResult, ReadingProfile
from dsvl2.model.request import Usage
from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult, Word
from dsvl2.pipelines.formats.base import RenderOptions
from dsvl2.pipelines.formats.html import HtmlFormat
from dsvl2.pipelines.formats.inline_math import with_math
from dsvl2.pipelines.formats.latex import LatexFormat
from dsvl2.pipelines.formats.markdown import blocks_markdown
from dsvl2.pipelines.formulas.inline import InlineFormula, inline_formulas, latex_of, with_inline
from dsvl2.pipelines.layout import InkLine, PageLayout, analyse

PROFILE = ReadingProfile(mode="bands", tile=384, max_columns=4, location_bins=48, x_height=12.0, line_pitch=32.0)
SENTENCE = "Rain enters at the north window where the lead has cracked and the timber below"
LEVEL = PageLayout(0, 0.0, False, (), 30.0, 10.0, (900, 200), (900, 200), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))


def answer(text: str, sure: float = 0.999, reason: str = "stop") -> GenerationResult:
    return GenerationResult(text, (1,) * 4, tuple(text), (log(sure),) * len(text), reason, Usage(9, 5, 4, 1))


def page(script: str = "", dy: int = 0, base: str = "x", size: int = 16) -> Image.Image:
    """Running text with a letter in its third line, and perhaps a smaller sign right behind it."""
    image = Image.new("L", (1000, 400), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for k in range(8):
        pen.text((60, 40 + 36 * k), SENTENCE[k : 70 + k] if k != 2 else SENTENCE[:30], font=font, fill=0)
    pen.text((500, 112), base, font=font, fill=0)
    wide = int(font.getlength(base))
    pen.text((501 + wide, 112 + dy), script, font=ImageFont.load_default(size=size), fill=0)
    return image


def found(image: Image.Image):
    return inline_formulas(analyse(np.asarray(image), PROFILE), image, PROFILE)


@pytest.mark.parametrize(("script", "dy"), [("2", 12), ("n", 15), ("2", -5)])
def test_a_lowered_or_raised_sign_is_cut_out_with_what_it_stands_at(script, dy):
    (formula,) = found(page(script, dy))
    assert formula.box.x0 < 505 < 515 < formula.box.x1
    assert formula.box.x1 < 560


@pytest.mark.parametrize("script", ["", ",", "'", ".", "\u201d"])
def test_plain_text_and_its_marks_ask_nothing(script):
    assert found(page(script, 0, size=22)) == ()


def rooted(length: int, hook: bool = True) -> Image.Image:
    """Running text with `x2 + y2` in its third line under a bar of this length that the sign of a root begins."""
    image = page("2", -5)
    pen, font, small = ImageDraw.Draw(image), ImageFont.load_default(size=22), ImageFont.load_default(size=16)
    for x, y, sign, kind in ((540, 112, "y", font), (553, 107, "2", small)):
        pen.text((x, y), sign, font=kind, fill=0)
    pen.rectangle((523, 125, 537, 126), fill=0)
    pen.rectangle((529, 119, 530, 132), fill=0)
    if hook:
        pen.line([(484, 124), (490, 136), (496, 103)], fill=0, width=2)
    pen.rectangle((496, 103, 496 + length, 104), fill=0)
    return image


@pytest.mark.parametrize("length", [70, 190])
def test_what_stands_under_the_bar_of_a_root_is_one_formula_with_it(length):
    (formula,) = found(rooted(length))
    assert formula.box.x0 < 488 < 565 < formula.box.x1
    assert formula.box.y0 < 106


def test_a_line_under_the_words_above_is_no_root():
    assert all(formula.box.y0 > 104 for formula in found(rooted(190, hook=False)))


def test_a_plus_joins_what_stands_beside_it_and_a_capital_does_not():
    image = page("2", -5)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    pen.rectangle((528, 125, 547, 126), fill=0)
    pen.rectangle((537, 116, 538, 135), fill=0)
    pen.text((556, 112), "y", font=font, fill=0)
    assert [formula.box.x1 > 560 for formula in found(image)] == [True]
    image = page("2", -5)
    ImageDraw.Draw(image).text((532, 112), "A  y", font=font, fill=0)
    assert [formula.box.x1 < 530 for formula in found(image)] == [True]


@pytest.mark.parametrize("text", ["word,", "comma, and", "Yes; no", "a, b"])
def test_commas_after_words_ask_nothing(text):
    assert found(page("", 0, base=text, size=22)) == ()


def test_a_minus_among_raised_signs_and_a_short_lowered_one_are_seen():
    image = page("1", -5)
    assert len(found(image)) == 1
    image = page("")
    pen, small = ImageDraw.Draw(image), ImageFont.load_default(size=16)
    pen.rectangle((514, 118, 523, 118), fill=0)
    pen.text((527, 107), "1", font=small, fill=0)
    assert [formula.box.x0 < 505 < 530 < formula.box.x1 for formula in found(image)] == [True]


def test_a_root_in_one_piece_is_seen():
    image = page("", base=" x")
    pen = ImageDraw.Draw(image)
    pen.line([(494, 122), (498, 134), (503, 108), (524, 108)], fill=0, width=2)
    assert len(found(image)) == 1


def test_a_page_without_ink_asks_nothing():
    assert found(Image.new("L", (600, 400), 255)) == ()


@pytest.mark.parametrize("text", ["x_1", "a^2+b^2", r"\frac{1}{n}", r"\sqrt{n}", "10^{-3}", r"\alpha_i=0", "2^n"])
def test_what_a_line_cannot_say_counts(text):
    assert latex_of(answer(text))


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a=b",
        "1^{st}",
        "report^1",
        "x^1",
        r"8^\circ",
        "50\\%",
        r"\mathrm{as}^2",
        r"\frac{21}{96}",
        "(x_1",
        "",
        "2020^3",
    ],
)
def test_words_ordinals_notes_degrees_and_halves_do_not(text):
    assert latex_of(answer(text)) == ""


@pytest.mark.parametrize("given", [answer("x_1", sure=0.8), answer("x_1", reason="length"), answer("x_{")])
def test_what_is_unsure_cut_or_broken_does_not(given):
    assert latex_of(given) == ""


def line(text: str, y: float = 0.0) -> Line:
    words, x = [], 0.0
    for word in text.split():
        words.append(Word(word, Box(x, y, x + 10 * len(word), y + 14)))
        x += 10 * len(word) + 8
    return Line(text, Box(0, y, x - 8, y + 14), words=tuple(words))


def placed(text: str, number: int, *answers: str, kind: str = "paragraph") -> Block:
    """Put answers in place of words number, number + 1, ... of the first of two lines."""
    lines = (line(text), line("and the second line", 30))
    ink = InkLine(lines[0].box.x0, 0.0, lines[0].box.x1, 14.0, 4.0, 11.0)
    boxes = [lines[0].words[number + k].box for k in range(len(answers))]
    asked = [InlineFormula(ink, box, Image.new("L", (8, 8))) for box in boxes]
    block = Block(kind, f"{text} and the second line", None, 0, lines)
    (result,) = with_inline([block], asked, [answer(text) for text in answers], LEVEL)
    return result


def test_a_formula_takes_the_place_of_its_word_and_the_marks_around_it_stay():
    block = placed("we see (x1), that it holds", 2, "x_1")
    assert block.text == "we see (\\(x_1\\)), that it holds and the second line"
    assert block.lines[0].text == "we see (x1), that it holds"
    assert placed("for x2 and y3 it holds", 1, "x^2", "").text.startswith("for \\(x^2\\) and y3 it")


def test_two_formulas_of_a_line_both_stand():
    assert placed("for x2 y3 it holds", 1, "x^2", "y_3").text.startswith("for \\(x^2\\) \\(y_3\\) it holds")


def test_headings_and_tables_stay():
    assert "\\(" not in placed("for x2 it holds", 1, "x^2", kind="heading").text


def test_formats_write_it_each_in_their_way():
    block = Block("paragraph", "if \\(x_1^*\\) costs $5 and a_b_c \\(is no", None)
    text = blocks_markdown((block,))
    assert "if $x_1^*$ costs" in text
    assert "\\(is no" in text.replace("\\\\", "\\")
    document = Document("a.pdf", (PageResult(1, (block,), 10, 10, 72),))
    html = HtmlFormat().render(document, RenderOptions())
    latex = LatexFormat().render(document, RenderOptions())
    assert '<code class="math">x_1^*</code>' in html
    assert "\\(x_1^*\\) costs \\$5" in latex


def test_what_is_no_sound_formula_is_text():
    assert with_math("a \\(\\unknown{x}\\) b", str.upper, "${}$".format) == "A \\(\\UNKNOWN{X}\\) B"
    assert with_math("a \\(x_1\\) b \\(y\\)", str.upper, "${}$".format) == "A $x_1$ B $y$"
