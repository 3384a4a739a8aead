"""Questions about pages: which pages are asked, what counts as an answer, and where it stands."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from dsvl2.model import GenerationRequest, NotEmpty
from dsvl2.model.errors import ContextOverflow
from dsvl2.pipelines.ask import (
    READ_AT_MOST,
    SPEC,
    AskPage,
    ImageBudget,
    PageRef,
    ask_images,
    ask_text,
    check_question,
    check_reading,
    survey,
)
from dsvl2.pipelines.ask.answers import whole_sentences
from dsvl2.pipelines.ask.rank import rank, score
from dsvl2.pipelines.ask.text import parts_of
from dsvl2.pipelines.confidence.calibration import Calibration
from dsvl2.pipelines.confidence.evidence import FEATURES
from dsvl2.pipelines.confidence.scoring import uncalibrated
from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.errors import QuestionError, TooManyPages
from tests.pipelines.answering import Answering


def page(number: int, *lines: str, source: str = "a.pdf") -> AskPage:
    made = tuple(Line(text, Box(100, 100 + 40 * k, 100 + 12 * len(text), 130 + 40 * k)) for k, text in enumerate(lines))
    blocks = tuple(Block("paragraph", line.text, line.box, lines=(line,)) for line in made)
    result = PageResult(number, blocks, 1240, max(1754, 200 + 40 * len(lines)), 150.0)
    return AskPage(source, number, result, lambda: Image.new("L", (124, 175), 255))


BOOK = [
    page(1, "Contents", "Pumps 2", "Valves 3"),
    page(2, "The pump was installed in 1931.", "It delivers 412 litres per second."),
    page(3, "The valve costs 5,200 pounds.", "It is of type B, 250 mm."),
    page(4, "Signed by J. R. Whitcombe, Engineer."),
]


def test_an_answer_comes_with_page_quote_box_and_confidence() -> None:
    engine = Answering({"how much does the pump deliver?": "412 litres per second"})
    (result,) = ask_text(BOOK, ["how much does the pump deliver?"], engine)
    assert (result.answer, result.page, result.source) == ("412 litres per second", 2, "a.pdf")
    assert result.confidence == pytest.approx(0.9 * 0.99)
    evidence = result.evidence[0]
    assert evidence.quote == "It delivers 412 litres per second."
    assert evidence.match == 1.0 and evidence.page_size == (1240, 1754)
    assert 140 <= evidence.box.y0 < evidence.box.y1 <= 170 and evidence.box.x0 > 200


def test_no_page_knows_is_an_honest_result() -> None:
    (result,) = ask_text(BOOK, ["who is the king?"], Answering({"who is the king?": "Charles"}))
    assert (result.answer, result.found, result.page, result.evidence) == (None, False, None, ())
    assert result.confidence == pytest.approx(0.8)


def declining_above(limit: float) -> Calibration:
    return Calibration("0" * 64, 0.0, (0.0,) * len(FEATURES), ((0.0, 0.5),), 1.0, refuse=limit)


def test_an_answer_is_declined_where_none_was_too_likely_for_the_calibration() -> None:
    asked = "how much does the pump deliver?"
    engine = Answering({asked: "412 litres per second"})  # which gives an empty answer one percent
    for limit, found in ((0.02, True), (0.005, False)):
        with uncalibrated(engine.info, declining_above(limit)):
            (result,) = ask_text(BOOK, [asked], engine)
        assert (result.found, result.answer) == ((True, "412 litres per second") if found else (False, None))
        assert result.confidence is not None


def test_an_empty_answer_that_is_not_likely_enough_is_asked_for_what_else_it_would_be() -> None:
    def pressed(request: GenerationRequest) -> str:
        return "Whitcombe" if isinstance(request.sampling.constraint, NotEmpty) else ""

    for limit, answer, extra in ((0.9, "Whitcombe", 1), (0.7, None, 0)):  # empty answers get 80 percent here
        engine = Answering(pressed)
        with uncalibrated(engine.info, declining_above(limit)):
            results = ask_text(BOOK, ["who signed it?", "who is the king?"], engine)
        assert [result.answer for result in results] == [answer, answer]
        again = [r for r in engine.requests if r.sampling.constraint is not None]
        assert len(again) == 2 * extra  # once for each question, of the page that came nearest to an answer


def test_only_promising_pages_are_asked_and_all_are_accounted_for() -> None:
    engine = Answering({"what does the valve cost?": "5,200 pounds"})
    (result,) = ask_text(BOOK, ["what does the valve cost?"], engine, candidates=2, not_read=[PageRef("a.pdf", 5)])
    assert result.answer == "5,200 pounds"
    assert result.pages_asked[0] == PageRef("a.pdf", 3) and len(result.pages_asked) == 2 == len(engine.requests)
    assert len(result.pages_not_asked) == 2 and result.pages_not_read == (PageRef("a.pdf", 5),)


def test_questions_about_a_page_share_its_text() -> None:
    engine = Answering({})
    ask_text(BOOK[1:2], ["who?", "when?", "how many litres per second?"], engine)
    messages = [request.messages[0] for request in engine.requests]
    assert len({message.content[: message.shared] for message in messages}) == 1
    assert {message.content[message.shared :] for message in messages} == {
        "who?",
        "when?",
        "how many litres per second?",
    }


def test_an_answer_that_is_not_on_its_page_is_doubted() -> None:
    engine = Answering(lambda request: "seventeen elephants")
    (result,) = ask_text(BOOK[:1], ["what?"], engine)
    assert result.found and result.evidence == () and result.confidence < 0.5
    assert [notice.code for notice in result.notices] == ["not_on_page"]


def test_a_page_longer_than_the_context_is_asked_in_parts_that_overlap() -> None:
    long = page(7, *(f"line {number} holds the number {number * 37}" for number in range(160)))
    engine = Answering({"what is on line 151?": "line 151 holds the number 5587"}, context=2000)
    (result,) = ask_text([long], ["what is on line 151?"], engine)
    assert len(engine.requests) > 3 and result.answer is not None
    assert long.text is not None
    parts = parts_of(long.text, 1500)
    assert all(part.tokens <= 1500 for part in parts)
    texts = [[segment.text for segment in part.segments] for part in parts]
    assert list(dict.fromkeys(text for part in texts for text in part)) == [block.text for block in long.text.blocks]
    assert all(set(one) & set(other) for one, other in itertools.pairwise(texts))


def test_a_row_longer_than_the_limit_ends_the_parts() -> None:
    assert parts_of(PageResult(1, (Block("paragraph", "x" * 500, Box(0, 0, 9, 9)),), 10, 10), 100) == ()


def test_results_fit_the_published_schema() -> None:
    results = ask_text(BOOK, ["who signed?", "why?"], Answering({"who signed?": "J. R. Whitcombe"}))
    for result in results:
        Draft202012Validator(SPEC.json_schema()).validate(json.loads(json.dumps(SPEC.record(result))))


def test_ranking_knows_rare_words_and_keeps_order_among_equals() -> None:
    pages = ["the pump and the pump", "the valve", "payments of the valve are due", "nothing at all"]
    assert rank("valve payment?", pages)[:2] == [2, 1]
    assert rank("unrelated", pages) == [0, 1, 2, 3]
    assert score("what is the?", pages) == [0.0] * 4
    assert rank("x", []) == []


def test_500_pages_are_ranked_in_a_moment() -> None:
    pages = [f"page {number} tells of pump {number * 7} and other things " * 60 for number in range(500)]
    assert rank("pump 2800", pages)[0] == 400


@pytest.mark.parametrize("question", ["", "  ", "?", "... !", "x" * 601])
def test_a_question_that_is_none_is_refused(question: str) -> None:
    with pytest.raises(QuestionError, match="question 3"):
        check_question(question, 3)
    assert check_question("  total \n due? ") == "total due?"


def test_hundreds_of_scanned_pages_get_a_plan_unless_they_were_asked_for() -> None:
    many = range(1, 501)
    with pytest.raises(TooManyPages, match=r"500 of 510 pages have no text .* about 33 minutes") as caught:
        check_reading(many, 510, None, "scan.pdf")
    assert "--read-at-most 500" in caught.value.hint and "ocr FILE -o searchable.pdf" in caught.value.hint
    check_reading(many, 510, 20, "scan.pdf")
    check_reading(range(30), 30, None, "scan.pdf")


def test_a_survey_looks_at_few_pages_and_bounds_what_is_read() -> None:
    looked: list[int] = []

    def good(place: int) -> bool:
        looked.append(place)
        return place % 2 == 0

    texts = [f"page {n} of the book, herrings" if n in (100, 101, 301) else f"page {n} of the book" for n in range(525)]
    found = survey(["where are the herrings?"], texts, good, candidates=4, limit=None, name="b.pdf")
    assert found.unread == (101, 301) and 100 in found.ready and len(found.ready) == 2
    assert len(looked) < 20
    many = survey([f"page {n}" for n in range(1, 525, 2)], texts, good, candidates=6, limit=None, name="b.pdf")
    assert len(many.unread) == READ_AT_MOST
    asked_for = survey(["king?"], [""] * 525, lambda place: False, candidates=6, limit=50, name="b.pdf")
    assert asked_for.unread == tuple(range(50))
    with pytest.raises(TooManyPages, match="525 of 525"):
        survey(["king?"], texts, lambda place: False, candidates=6, limit=None, name="b.pdf")


def seen(*numbers: int, text: bool = False) -> list[AskPage]:
    return [
        AskPage("b.png", n, BOOK[n - 1].text if text else None, lambda: Image.new("L", (100, 100), 255))
        for n in numbers
    ]


def test_a_whole_page_model_sees_each_page_alone_at_full_tiling() -> None:
    engine = Answering({"how old?": "since 1931"}, mode="page")
    (result,) = ask_images(seen(1, 2, text=True), ["how old?"], engine)
    assert [len(request.messages[0].images) for request in engine.requests] == [1, 1]
    assert all(request.messages[0].shared == len("<image>") for request in engine.requests)
    assert result.answer == "since 1931"


def test_evidence_is_looked_for_in_the_text_layer() -> None:
    engine = Answering({"how much?": "412 litres per second"}, mode="page")
    (result,) = ask_images(seen(1, 2, 3, text=True), ["how much?"], engine)
    assert (result.page, result.evidence[0].quote) == (2, "It delivers 412 litres per second.")


def test_declining_is_not_finding() -> None:
    engine = Answering(lambda request: "Not in the document.", mode="page")
    (result,) = ask_images(seen(1), ["how much?"], engine)
    assert not result.found and result.answer is None


def budgets(results: Any, engine: Any) -> tuple[list[int | None], list[str]]:
    return [request.tiles for request in engine.requests], [n.code for result in results for n in result.notices]


def together(numbers: Sequence[int], **more: Any) -> tuple[list[int | None], list[str]]:
    engine = Answering({}, mode="page", tile_tokens=200)
    results = ask_images(seen(*numbers), ["which is older?"], engine, together=True, **more)
    assert all(len(request.messages[0].images) == len(numbers) for request in engine.requests)
    return budgets(results, engine)


def test_together_the_tiles_are_divided_and_the_reduction_is_told() -> None:
    assert together([1]) == ([64], [])
    assert together([1, 2]) == ([64], [])
    assert together([1, 2, 3]) == ([6], ["reduced"])
    assert together([1, 2, 3, 4]) == ([4], ["reduced"])
    assert together([1, 2], budget=ImageBudget(tiles=2)) == ([2], ["reduced"])
    assert together([1, 2], budget=ImageBudget(tokens=700)) == ([3], ["reduced"])


def test_pages_that_cannot_fit_together_are_refused() -> None:
    engine = Answering({}, mode="page", tile_tokens=2000)
    with pytest.raises(ContextOverflow):
        ask_images(seen(1, 2), ["x y"], engine, together=True)


def test_an_answer_that_was_cut_off_ends_with_its_last_whole_sentence() -> None:
    assert whole_sentences("after the frost had left the ground. Both pumps were run for si") == (
        "after the frost had left the ground."
    )
    assert whole_sentences('He said "yes." And No. 4 is broke') == 'He said "yes."'
    assert [whole_sentences(text) for text in ("J. R. Whitcombe, eng", "a b c", None)] == [
        "J. R. Whitcombe, eng", "a b c", None,
    ]  # fmt: skip
