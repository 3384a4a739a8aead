"""Phrases found among words, boxes read from what a checkpoint says, and how they get back to the page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.errors import BoxOutside, QuestionError
from dsvl2.pipelines.grounding import (
    SPEC,
    describe_image,
    describe_read,
    draw_boxes,
    find_phrase,
    ground_image,
    ground_read,
    parse_grounding,
    parse_region,
    scaled,
)
from dsvl2.pipelines.grounding.boxes import to_grid, to_pixels
from dsvl2.pipelines.grounding.ground import check_phrase
from tests.pipelines.answering import Answering


def page(*lines: str) -> PageResult:
    """Words of ten pixels a letter, lines 20 pixels high every 30."""
    blocks = []
    for row, text in enumerate(lines):
        x, words = 0.0, []
        for word in text.split():
            words.append(Word(word, Box(x, 30.0 * row, x + 10 * len(word), 30.0 * row + 20)))
            x += 10 * (len(word) + 1)
        line = Line(text, Box(0, 30.0 * row, x - 10, 30.0 * row + 20), 0.9, tuple(words))
        blocks.append(Block("paragraph", text, line.box, lines=(line,), confidence=0.9))
    return PageResult(1, tuple(blocks), 1000, 500, 100.0)


LETTER = page(
    "The pump delivers 412 litres.", "Subtotal 4120 pounds, Sub-total", "of J. R. Whit-", "combe, Engineer Whitconbe"
)


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ("412", ["412"]),
        ("PUMP delivers", ["pump delivers"]),
        ("sub total", ["Subtotal", "Sub-total"]),
        ("litres, of", []),
        ("J.R.Whitcombe", ["J. R. Whit- combe,"]),
        ("Whitcombes", ["Whit- combe,", "Whitconbe"]),
        ("deliver", ["delivers"]),
        ("41", []),
        ("giraffe", []),
    ],
)
def test_a_phrase_is_found_as_written_then_inside_words_then_nearly(phrase: str, found: list[str]) -> None:
    assert [hit.text for hit in find_phrase(LETTER, phrase)] == found


def test_a_phrase_over_two_lines_has_two_boxes() -> None:
    (hit,) = find_phrase(page("the annual", "report of 1931"), "annual report")
    assert hit.boxes == (Box(40, 0, 100, 20), Box(0, 30, 60, 50))


def test_places_are_given_in_pixels_and_on_the_grid() -> None:
    result = ground_read("a.pdf", LETTER, " delivers ")
    (one,) = result.boxes
    assert one.box == Box(90, 0, 170, 20) and one.grid == (90, 0, 170, 40)
    assert one.confidence == 1.0 and result.page_size == (1000, 500)
    Draft202012Validator(SPEC.json_schema()).validate(json.loads(json.dumps(SPEC.record(result))))


def test_a_region_limits_the_search() -> None:
    twice = page("pump here", "", "pump there")
    assert len(ground_read("a", twice, "pump").boxes) == 2
    assert len(ground_read("a", twice, "pump", parse_region("0,50,1000,500")).boxes) == 1
    with pytest.raises(BoxOutside, match="1000 x 500 pixels"):
        ground_read("a", twice, "pump", parse_region("1200,0,1300,20"))


@pytest.mark.parametrize(("text", "kind"), [("5,5,5,9", BoxOutside), ("9,9,1,1", BoxOutside)])
def test_a_region_without_area_is_refused(text: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        parse_region(text)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "1,2,3,4,5", "nan,0,1,1", "0,0,inf,1"])
def test_a_region_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(QuestionError, match="LEFT,TOP,RIGHT,BOTTOM"):
        parse_region(text)


def test_grid_and_pixels_are_each_others_inverse() -> None:
    assert to_pixels((0, 0, 999, 999), 640, 480) == Box(0, 0, 640, 480)
    for grid in [(0, 1, 2, 3), (500, 499, 998, 999), (17, 33, 900, 901)]:
        assert to_grid(to_pixels(grid, 1653, 2339), 1653, 2339) == grid
    assert to_grid(Box(-5, -5, 9999, 9999), 100, 100) == (0, 0, 999, 999)


def mentions(text: str) -> list[tuple[str, list[tuple[int, ...]]]]:
    return [(m.label, [box.sides for box in m.boxes]) for m in parse_grounding(text).value.mentions]


def codes(text: str) -> list[str]:
    return [notice.code for notice in parse_grounding(text).dropped]


def test_what_the_released_models_write_is_read() -> None:
    text = "<|ref|>The giraffe at the back.<|/ref|><|det|>[[580, 270, 999, 900]]<|/det|>"
    assert mentions(text) == [("The giraffe at the back.", [(580, 270, 999, 900)])]
    assert codes(text) == []
    several = "<|ref|>cups<|/ref|><|det|>[[1,2,3,4],[5, 6, 7, 8]]<|/det|>"
    assert mentions(several) == [("cups", [(1, 2, 3, 4), (5, 6, 7, 8)])]


def test_a_grounded_description_keeps_its_text() -> None:
    text = (
        "Throw it into <|ref|>the bin<|/ref|><|det|>[[1, 2, 30, 40]]<|/det|>, beside"
        " <|ref|>the door<|/ref|><|det|>[[50, 2, 70, 40]]<|/det|>."
    )
    parsed = parse_grounding(text)
    assert parsed.value.text == "Throw it into the bin, beside the door."
    assert [m.label for m in parsed.value.mentions] == ["the bin", "the door"]
    assert parsed.dropped == ()


@pytest.mark.parametrize(
    ("text", "boxes", "said"),
    [
        ("<|ref|>a<|/ref|><|det|>[[-5, 0, 1200, 99]]<|/det|>", [(0, 0, 999, 99)], ["box_clamped"]),
        ("<|ref|>a<|/ref|><|det|>[[9, 9, 1, 99]]<|/det|>", [], ["box_inside_out"]),
        ("<|ref|>a<|/ref|><|det|>[[9, 9, 9, 99]]<|/det|>", [], ["box_inside_out"]),
        ("<|ref|>a<|/ref|><|det|>[[1200, 0, 1300, 99]]<|/det|>", [], ["box_inside_out"]),
        ("<|ref|>a<|/ref|><|det|>[[1, 2, 3]]<|/det|>", [], ["box_malformed"]),
        ("<|ref|>a<|/ref|><|det|>[[1, 2, 3, x]]<|/det|>", [], ["box_malformed"]),
        ("<|ref|>a<|/ref|><|det|>[[9555549, 1, 2, 3]]<|/det|>", [], ["box_inside_out"]),
        ("<|ref|>a<|/ref|><|det|>[[1.4, 2, 3.6, 4.5]]<|/det|>", [(1, 2, 4, 4)], []),
        ("<|ref|>a<|/ref|><|det|>[[1, 2, 3, 4]", [(1, 2, 3, 4)], []),
        ("<|ref|>a<|det|>[[1, 2, 3, 4]]", [(1, 2, 3, 4)], []),
        ("<|det|>[[1, 2, 3, 4]]<|/det|>", [(1, 2, 3, 4)], ["box_nameless"]),
        ("<|ref|>a<|/ref|><|det|>1, 2, 3, 4<|/det|>", [(1, 2, 3, 4)], []),
        ("<|ref|>a<|/ref|><|det|>[[1,2,3,4],[1,2,3,4]]<|/det|>", [(1, 2, 3, 4)], ["box_repeated"]),
        ("<|ref|>a<|/ref|>", [], []),
    ],
)
def test_faulty_boxes_are_mended_or_dropped_and_told(text: str, boxes: list[Any], said: list[str]) -> None:
    assert [box for _, found in mentions(text) for box in found] == boxes
    assert codes(text) == said


def test_a_flood_of_boxes_ends() -> None:
    text = (
        "<|ref|>a<|/ref|><|det|>["
        + ",".join(f"[{n % 900},{n // 900},{n % 900 + 5},99]" for n in range(3000))
        + "]<|/det|>"
    )
    assert len(mentions(text)[0][1]) == 500
    assert "box_too_many" in codes(text)


def test_nothing_is_nothing() -> None:
    assert mentions("") == [] and parse_grounding("no boxes here").value.text == "no boxes here"


def seeing(text: str) -> Any:
    return Answering(lambda request: text, mode="page")


def test_a_checkpoint_is_asked_in_the_form_it_was_trained_on() -> None:
    engine = seeing("<|ref|>cup<|/ref|><|det|>[[0, 0, 999, 500]]<|/det|>")
    result = ground_image("a.png", 1, Image.new("L", (640, 480)), "the <|det|> cup", engine)
    message = engine.requests[0].messages[0]
    assert message.content == "<image>\n<|ref|>the cup<|/ref|>."
    assert result.phrase == "the cup"
    assert result.boxes[0].box.x1 == 640 and result.boxes[0].box.y1 == pytest.approx(480 * 500 / 999)


def test_boxes_in_a_region_come_back_to_the_page() -> None:
    engine = seeing("<|ref|>cup<|/ref|><|det|>[[0, 0, 999, 999]]<|/det|>")
    result = ground_image("a.png", 1, Image.new("L", (640, 480)), "cup", engine, parse_region("100,50,200,150"))
    assert engine.requests[0].messages[0].images[0].size == (100, 100)
    assert result.boxes[0].box == Box(100, 50, 200, 150)
    assert result.boxes[0].grid == to_grid(Box(100, 50, 200, 150), 640, 480)


def test_descriptions_place_what_they_name() -> None:
    engine = seeing("There is <|ref|>a cup<|/ref|><|det|>[[1, 1, 5, 5]]<|/det|>.")
    seen = describe_image("a.png", 1, Image.new("L", (99, 99)), engine)
    assert (seen.description, seen.phrase, seen.boxes[0].label) == ("There is a cup.", None, "a cup")
    read = describe_read("a.pdf", LETTER)
    assert read.description is not None and read.description.startswith("paragraph: The pump delivers")
    assert len(read.boxes) == 4


@pytest.mark.parametrize("phrase", ["", " ", "<|ref|>", "?!"])
def test_an_empty_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(QuestionError, match="phrase is empty"):
        check_phrase(phrase)


def test_boxes_are_drawn_where_they_are() -> None:
    image = Image.new("L", (1000, 500), 255)
    result = ground_read("a.pdf", LETTER, "delivers")
    drawn = draw_boxes(image, result.boxes)
    assert drawn.getpixel((130, 10)) == (255, 255, 255) and drawn.getpixel((130, 21)) == (214, 39, 40)
    assert image.getpixel((130, 21)) == 255
    assert scaled(result.boxes, 2.0)[0].box == Box(180, 0, 340, 40)
