"""The passage around a question's words is asked beside the page, and answers from it are believed before others."""

from __future__ import annotations

from typing import Any

from PIL import Image

from dsvl2.pipelines.ask import AskPage, ask_text
from dsvl2.pipelines.ask.focus import passage
from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.spatial import Segment
from tests.pipelines.answering import Answering

LETTER = (
    "14 March 1987",
    "Report on the pumping station",
    "The building is sound.",
    "Rain enters at the north window.",
    "The larger pump delivered 412 litres per second.",
    "It was installed in 1931.",
    "The iron stairs are rusty.",
    "Yours faithfully,",
    "J. R. Whitcombe",
)


def segments(lines: tuple[str, ...]) -> tuple[Segment, ...]:
    return tuple(Segment(text, Box(100, 40 * k, 100 + 12 * len(text), 30 + 40 * k)) for k, text in enumerate(lines))


def letter() -> AskPage:
    lines = tuple(Line(segment.text, segment.box) for segment in segments(LETTER))
    blocks = tuple(Block("paragraph", line.text, line.box, lines=(line,)) for line in lines)
    return AskPage("a.pdf", 1, PageResult(1, blocks, 1240, 1754, 150.0), lambda: Image.new("L", (124, 175), 255))


def test_the_passage_is_the_lines_around_the_questions_words() -> None:
    near = passage("what did the larger pump deliver?", segments(LETTER))
    assert near is not None
    assert [segment.text for segment in near] == list(LETTER[2:7])


def test_on_a_turned_page_lines_follow_each_other_along_x() -> None:
    turned = [Segment(s.text, Box(900 - s.box.y1, s.box.x0, 900 - s.box.y0, s.box.x1)) for s in segments(LETTER)]
    near = passage("what did the larger pump deliver?", turned, turned=True)
    assert near is not None
    assert [segment.text for segment in near] == list(LETTER[2:7])


def test_no_line_and_too_few_lines_are_told_apart() -> None:
    assert passage("which telephone?", segments(LETTER)) == ()
    assert passage("which pump?", segments(LETTER[:4])) is None


def test_an_answer_by_the_questions_words_wins_over_a_surer_one_elsewhere() -> None:
    def say(request: Any) -> str:
        return "14 March 1987" if "14 March" in request.messages[0].content else "412 litres per second"

    engine = Answering(say)
    (result,) = ask_text([letter()], ["what did the larger pump deliver?"], engine)
    assert result.answer == "412 litres per second" and len(engine.requests) == 2


def test_an_answer_without_any_word_of_the_question_near_it_is_doubted() -> None:
    engine = Answering(lambda request: "14 March 1987", sure=0.95)
    (date,) = ask_text([letter()], ["which telephone number?"], engine)
    assert date.answer == "14 March 1987" and date.confidence is not None and date.confidence < 0.6
    assert len(engine.requests) == 1, "there is no passage to ask"
