"""Extraction with an engine that says what it is told to: evidence, second looks, merging, rules."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, ReadingProfile, Usage
from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.errors import SchemaError
from dsvl2.pipelines.extract import (
    Extraction,
    Options,
    View,
    csv_text,
    extract,
    extraction_record,
    json_text,
    pages_of,
    read_schema,
    rules_of,
)

SCHEMA = "no, date: date, total: number, items[]: {text, amount: number}"


class Scripted:
    """Answers `JSON:` by `fields` and `Q:` by `questions`; both see the prompt. A number is the answer's probability."""

    def __init__(
        self, fields: Callable[[str], Any], questions: dict[str, str] | None = None, sure: float = 0.99
    ) -> None:
        self.fields, self.questions, self.sure = fields, questions or {}, sure
        self.asked: list[str] = []
        self.info = ModelInfo(
            name="scripted", path="", parameters=0, weight_bytes=0, scheme="none", dtype="float32", device="cpu",
            context_length=4096, vocab_size=512, fingerprint="0", reading=ReadingProfile(mode="bands"),
        )  # fmt: skip

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        return [self._answer(request.messages[0].content) for request in requests]

    def _answer(self, prompt: str) -> GenerationResult:
        if "\nQ: " in prompt:
            question = prompt.rsplit("\nQ: ", 1)[1]
            self.asked.append(question)
            text = self.questions.get(question, "")
        else:
            answer = self.fields(prompt)
            text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
        count = len(text)
        logs = tuple(math.log(self.sure) if char in "0123456789" else 0.0 for char in text)
        return GenerationResult(text, (1,) * count, tuple(text), logs, "stop", Usage(9, 0, count, 0))


def page(number: int, *rows: str) -> PageResult:
    lines = tuple(
        Line(cell, Box(100 + 300 * k, 50 * n, 100 + 300 * k + 10 * len(cell), 50 * n + 20), 0.9)
        for n, row in enumerate(rows, 1)
        for k, cell in enumerate(row.split("|"))
    )
    return PageResult(number, (Block("paragraph", "", None, lines=lines),), 1000, 1000, 100.0)


ONE = page(1, "Invoice A-1031|of 3 May 2021", "Widget|12.00", "Gadget|76.17", "To pay|88.17")
GOOD = {"no": "A-1031", "date": "2021-05-03", "total": 88.17,
        "items": [{"text": "Widget", "amount": 12}, {"text": "Gadget", "amount": 76.17}]}  # fmt: skip


def run(
    engine: Scripted, *pages: PageResult, rules: Sequence[str] = (), schema: str = SCHEMA, **options: Any
) -> Extraction:
    form = read_schema(schema)
    views = pages_of(list(pages), 3000)
    return extract("x.pdf", views, engine, form, rules=rules_of(form, rules), options=Options(**options))


def codes(extraction: Extraction) -> list[str]:
    return [notice.code for notice in extraction.notices]


def test_every_field_has_its_page_box_and_quote() -> None:
    engine = Scripted(lambda _: GOOD)
    result = run(engine, ONE, rules=["sum(items.amount) == total"])
    assert result.data == GOOD and engine.asked == [] and result.notices == ()
    assert {path: field.quote for path, field in result.fields.items()} == {
        "no": "A-1031", "date": "3 May 2021", "total": "88.17", "items[0].text": "Widget", "items[0].amount": "12.00",
        "items[1].text": "Gadget", "items[1].amount": "76.17",
    }  # fmt: skip
    total = result.fields["total"]
    assert total.page == 1 and total.box is not None and total.box.y0 == 200
    assert total.confidence == pytest.approx(0.99**4 * 0.9)
    assert result.rules[0].holds is True


def test_what_is_not_on_the_page_is_null_not_a_guess() -> None:
    wrong = {**GOOD, "no": "B-77", "items": [{"text": "Sprocket", "amount": 12}]}
    engine = Scripted(lambda _: wrong)
    result = run(engine, ONE)
    assert engine.asked == ["no?"]
    assert result.data == {**GOOD, "no": None, "items": [{"text": None, "amount": 12}]}
    assert codes(result) == ["second_look", "not_on_page"]


def test_what_may_not_be_null_stays_and_is_told() -> None:
    result = run(Scripted(lambda _: {"no": "B-77"}), ONE, schema="no!")
    assert result.data == {"no": "B-77"} and codes(result) == ["unsupported"]


@pytest.mark.parametrize(
    ("seats", "said", "kept"),
    [
        ({"type": "integer"}, 144444444444444, 0),
        ({"type": "number"}, 14.444444, 0),
        ({"type": "integer", "minimum": 3}, 444444444444, 3),
        ({"type": "integer", "exclusiveMaximum": -10}, -44444444444, -11),
        ({"enum": [0, 250]}, 250, 250),
        ({"type": "integer"}, 12, 12),
    ],
)
def test_a_number_that_may_not_be_null_and_stands_nowhere_is_a_short_one(
    seats: dict[str, Any], said: float, kept: float
) -> None:
    schema = {"type": "object", "required": ["seats"], "properties": {"seats": seats}, "additionalProperties": False}
    result = run(Scripted(lambda _: {"seats": said}), ONE, schema=json.dumps(schema))
    assert result.data == {"seats": kept}
    supported = kept == 12
    assert codes(result) == ([] if supported else ["unsupported"])
    assert supported or repr(said) in result.notices[0].message


def test_a_demanded_number_is_taken_from_the_page_that_has_it() -> None:
    result = run(
        Scripted(lambda prompt: {"seats": 41 if "Seats" in prompt else 444444444}),
        ONE,
        page(2, "Seats|41"),
        schema="seats: integer!",
    )
    assert result.data == {"seats": 41} and result.fields["seats"].page == 2


def test_a_field_in_doubt_is_asked_for_alone() -> None:
    engine = Scripted(lambda _: {**GOOD, "total": 99.5, "date": None}, {"total?": "88.17", "date?": "3 May 2021"})
    result = run(engine, ONE)
    assert result.data["total"] == 88.17 and result.data["date"] is None  # nothing said null was unsure
    assert "second_look" in codes(result)
    unsure = Scripted(lambda _: {**GOOD, "total": 12.0}, {"total?": "88.17 EUR"}, sure=0.5)
    assert run(unsure, ONE, least=0.0).data["total"] == 12.0  # both stand there, neither is surer


def test_an_enum_need_not_stand_on_the_page() -> None:
    result = run(Scripted(lambda _: {"kind": "invoice"}), page(1, "Rechnung"), schema="kind: invoice|letter")
    assert result.data == {"kind": "invoice"}


def test_values_of_several_pages_are_merged_and_conflicts_told() -> None:
    two = page(2, "Carried over|76.17", "Sprocket|1.00", "To pay|89.17")
    said = {
        "Widget": {**GOOD, "total": 76.17, "items": GOOD["items"]},
        "Sprocket": {"no": None, "date": None, "total": 89.17, "items": [{"text": "Sprocket", "amount": 1}]},
    }
    engine = Scripted(lambda prompt: next(value for word, value in said.items() if word in prompt))
    result = run(engine, ONE, two, rules=["sum(items.amount) == total"])
    assert result.data["total"] == 89.17 and result.data["no"] == "A-1031"
    assert [item["text"] for item in result.data["items"]] == ["Widget", "Gadget", "Sprocket"]
    assert result.fields["items[2].text"].page == 2 and result.fields["no"].page == 1
    assert "total is 89.17 on page 2 and 76.17 on page 1" in next(
        n.message for n in result.notices if n.code == "conflict"
    )
    assert result.rules[0].holds is True and result.pages == (1, 2)


def test_an_item_cut_by_the_end_of_a_page_is_joined() -> None:
    first, second = page(1, "Widget"), page(2, "12.00")
    halves = {"Widget": [{"text": "Widget", "amount": None}], "12.00": [{"text": None, "amount": 12}]}
    engine = Scripted(lambda prompt: {"items": next(v for k, v in halves.items() if k in prompt)})
    result = run(engine, first, second, schema="items[]: {text, amount: number}")
    assert result.data == {"items": [{"text": "Widget", "amount": 12}]}
    assert [field.page for field in result.fields.values()] == [1, 2]


def test_what_two_parts_of_a_long_page_share_is_there_once() -> None:
    form = read_schema("items[]: {text, amount: number}")
    part = pages_of([ONE], 3000)[0]
    engine = Scripted(lambda _: {"items": GOOD["items"]})
    assert extract("x", [part, part], engine, form).data == {"items": GOOD["items"]}


def test_a_list_that_becomes_too_long_stays_valid() -> None:
    schema = json.dumps({"type": "object", "properties": {"t": {"type": "array", "items": {"type": "string"}, "maxItems": 2,
                                                                "uniqueItems": True}}, "required": ["t"]})  # fmt: skip
    engine = Scripted(lambda prompt: {"t": ["Widget", "Gadget"] if "Widget" in prompt else ["Gadget", "Sprocket"]})
    result = run(engine, ONE, page(2, "Gadget", "Sprocket"), schema=schema)
    assert len(result.data["t"]) == 2 and "repaired" in codes(result)


def test_pages_that_exclude_each_other_are_not_mixed() -> None:
    branch = {"type": "object", "additionalProperties": False}
    schema = {"anyOf": [{**branch, "properties": {"a": {"const": "Widget"}}, "required": ["a"]},
                        {**branch, "properties": {"b": {"const": "Sprocket"}}, "required": ["b"]}]}  # fmt: skip
    engine = Scripted(lambda prompt: {"a": "Widget"} if "Gadget" in prompt else {"b": "Sprocket"})
    result = run(engine, ONE, page(2, "Sprocket"), schema=json.dumps(schema))
    assert result.data == {"a": "Widget"} and codes(result) == ["not_merged"]


def test_a_failed_rule_gets_a_closer_look() -> None:
    engine = Scripted(lambda _: {**GOOD, "total": 76.17}, {"total?": "88.17"})
    result = run(engine, ONE, rules=["sum(items.amount) == total"])
    assert result.data["total"] == 88.17 and result.rules[0].holds is True
    assert "closer_look" in codes(result) and result.fields["total"].quote == "88.17"
    stubborn = run(Scripted(lambda _: {**GOOD, "total": 76.17}), ONE, rules=["sum(items.amount) == total"])
    assert stubborn.data["total"] == 76.17 and stubborn.rules[0].holds is False
    assert "sum(items.amount) is 88.17, total is 76.17" in stubborn.notices[-1].message


def test_a_list_of_a_failed_rule_is_read_alone() -> None:
    wrong = {**GOOD, "items": [{"text": "Widget", "amount": 12}, {"text": "Gadget", "amount": 88.17}]}
    engine = Scripted(lambda prompt: wrong if "JSON: no" in prompt else {"items": GOOD["items"]})
    result = run(engine, ONE, rules=["sum(items.amount) == total"])
    assert result.data == GOOD and result.rules[0].holds is True
    assert "closer_look" in codes(result) and result.fields["items[1].amount"].quote == "76.17"
    assert list(result.fields)[-1] == "items[1].amount" and len(result.fields) == 7


def unsure(value: Any, of: str, sure: float) -> Scripted:
    """An engine that says this, and gives the digits of one value that probability each."""

    class Doubting(Scripted):
        def _answer(self, prompt: str) -> GenerationResult:
            told = super()._answer(prompt)
            at = told.text.find(of)
            logs = tuple(math.log(sure) if at >= 0 and at <= k < at + len(of) else 0.0 for k in range(len(told.text)))
            return GenerationResult(told.text, told.token_ids, told.pieces, logs, "stop", told.usage)

    return Doubting(lambda _: value)


def test_a_value_less_than_half_sure_is_null_and_a_candidate() -> None:
    result = run(unsure(GOOD, "88.17", 0.8), ONE, rules=["total > 5"])
    assert result.data == {**GOOD, "total": None} and codes(result) == ["unsure", "rule_open"]
    field = result.fields["total"]
    assert field.candidate == 88.17 and (field.page, field.quote) == (1, "88.17") and field.box is not None
    assert field.confidence == pytest.approx(0.8**5 * 0.9) and result.fields["no"].candidate is None
    assert result.notices[0].message == "total: null; 88.17 was likeliest at 29 %, page 1"
    assert result.rules[0].holds is None and result.demanded == ()
    assert run(unsure(GOOD, "88.17", 0.8), ONE, least=0.0).data == GOOD
    assert run(Scripted(lambda _: GOOD, {"total?": "88.17"}, sure=0.9), ONE, least=0.7).data["no"] is None


def test_an_item_that_says_nothing_surely_is_left_out_and_its_values_are_kept_beside() -> None:
    said = {**GOOD, "items": [{"text": "Widget", "amount": None}, *GOOD["items"]]}  # type: ignore[misc]
    engine = unsure(said, '"Widget","amount":null', 0.8)
    result = run(engine, ONE, rules=["sum(items.amount) == total", "len(items) == 2", "total > 5"])
    assert result.data == GOOD and list(result.fields)[-1] == "items[1].amount"
    (left,) = result.left_out
    assert (left.items, left.place) == ("items", 0)
    assert left.fields["text"].candidate == "Widget" and left.fields["amount"].candidate is None
    assert [outcome.holds for outcome in result.rules] == [None, None, True]
    assert "items: an item was left out; Widget was likeliest at 23 %, page 1" in result.notices[0].message


def test_an_unsure_cell_is_null_and_its_row_stays() -> None:
    result = run(unsure(GOOD, "76.17", 0.8), ONE)
    assert result.data["items"] == [{"text": "Widget", "amount": 12}, {"text": "Gadget", "amount": None}]
    assert result.fields["items[1].amount"].candidate == 76.17 and result.left_out == ()


def test_items_of_a_list_that_must_not_be_empty_stay_as_far_as_it_demands() -> None:
    words = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    schema = json.dumps({"type": "object", "properties": {"t": words}, "required": ["t"]})
    result = run(unsure({"t": ["Widget", "Gadget"]}, 'Widget","Gadget', 0.9), ONE, schema=schema)
    assert (
        len(result.data["t"]) == 1
        and len(result.left_out) == 1
        and result.demanded == ("t[0]",) == tuple(result.fields)
    )


@pytest.mark.parametrize(
    ("field", "data", "demanded"),
    [
        ({"no": {"type": "string"}}, {"no": "A-1031"}, ("no",)),
        ({"no": {"type": ["string", "null"]}}, {"no": None}, ()),
        ({"no": {"const": "A-1031"}}, {"no": "A-1031"}, ()),
    ],
)
def test_what_the_schema_demands_stays_and_is_named(
    field: dict[str, Any], data: dict[str, Any], demanded: tuple[str, ...]
) -> None:
    schema = json.dumps({"type": "object", "properties": field, "required": ["no"], "additionalProperties": False})
    result = run(unsure({"no": "A-1031"}, "A-1031", 0.8), ONE, schema=schema)
    assert result.data == data and result.demanded == demanded
    left_away = run(
        unsure({"no": "A-1031"}, "A-1031", 0.8), ONE, schema=json.dumps({"type": "object", "properties": field})
    )
    assert left_away.demanded == ()
    assert left_away.data == ({} if field == {"no": {"type": "string"}} else data)
    assert ("no" in left_away.data) or left_away.fields["no"].candidate == "A-1031"


@pytest.mark.parametrize("answer", ["", "no JSON", '{"no":1}', "[1,2", "NaN", '{"no":"A-1031"}'])
def test_an_answer_without_the_form_becomes_the_least_there_is(answer: str) -> None:
    result = run(Scripted(lambda _: answer), ONE)
    assert result.data == {"no": None, "date": None, "total": None, "items": []}
    assert codes(result)[0] == "bad_answer"


def test_a_document_without_text_gives_an_honest_empty_result() -> None:
    result = run(Scripted(lambda _: GOOD))
    assert result.data == {"no": None, "date": None, "total": None, "items": []} and codes(result) == ["empty"]


def test_what_the_schema_demands_of_a_document_without_text_is_told() -> None:
    schema = {
        "type": "object",
        "required": ["customer", "seats", "kind", "note"],
        "additionalProperties": False,
        "properties": {
            "customer": {"type": "string"},
            "seats": {"type": "integer"},
            "kind": {"const": "invoice"},
            "note": {"type": ["string", "null"]},
        },
    }
    result = run(Scripted(lambda _: GOOD), schema=json.dumps(schema))
    assert result.data == {"customer": "", "seats": 0, "kind": "invoice", "note": None}
    assert codes(result) == ["empty", "unsupported", "unsupported"]
    assert "customer" in result.notices[1].message and "seats" in result.notices[2].message


def test_results_as_text() -> None:
    result = run(Scripted(lambda _: GOOD), ONE)
    form = read_schema(SCHEMA)
    record = json.loads(json_text(result))
    assert record["schema"] == "dsvl2/extract/v1" and record["data"] == GOOD and record["token_limit"] == 1024
    assert json.loads(json_text(result, data_only=True, lines=True)) == GOOD
    assert json_text(result, lines=True).count("\n") == 1
    assert csv_text([result], form).splitlines() == [
        "source,no,date,total,items.text,items.amount",
        "x.pdf,A-1031,2021-05-03,88.17,Widget,12",
        "x.pdf,A-1031,2021-05-03,88.17,Gadget,76.17",
    ]
    with pytest.raises(SchemaError, match="flat"):
        csv_text([result], read_schema("a: {b}"))


def test_the_record_is_valid_for_the_published_schema() -> None:
    import jsonschema

    from dsvl2.pipelines.tasks import task_spec

    wide = {**GOOD, "total": 88.17001, "items": [{"text": "Widget", "amount": None}, *GOOD["items"]]}  # type: ignore[misc]
    two = page(1, "Invoice A-1031|of 3 May 2021", "Widget|12.00", "Gadget|76.17", "To pay|88.17001")
    record = json.loads(json.dumps(extraction_record(run(Scripted(lambda _: wide, sure=0.8), two, least=0.999))))
    jsonschema.Draft202012Validator(task_spec("extract").json_schema()).validate(record)
    assert record["fields"]["total"]["candidate"] == 88.17001 and len(record["left_out"]) == 3


def test_a_model_that_sees_gets_the_image_and_the_text_is_the_evidence() -> None:
    from PIL import Image

    engine = Scripted(lambda prompt: GOOD if prompt.startswith("<image>\nExtract") else "")
    engine.info = ModelInfo(
        **{name: getattr(engine.info, name) for name in engine.info.__slots__} | {"reading": ReadingProfile()}
    )
    text = pages_of([ONE], 3000)[0].text
    form = read_schema(SCHEMA)
    view = View(1, text, lambda: Image.new("L", (50, 50)))
    result = extract("x.png", [view], engine, form)
    assert result.data == GOOD and result.fields["total"].quote == "88.17"
    wrong = Scripted(lambda _: {**GOOD, "no": "handwritten"})
    wrong.info = engine.info
    kept = extract("x.png", [view], wrong, form)
    assert kept.data["no"] == "handwritten" and kept.fields["no"].quote is None  # it may see what was not read
    unseen = extract("x.png", [View(1, None, view.draw)], engine, form)
    assert unseen.data == GOOD and unseen.fields["total"].quote is None and unseen.fields["total"].page == 1


def test_how_surely_letters_were_read_is_no_probability_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def calibrated(info: object, kind: str, raw: float | None) -> float | None:
        asked.append((kind, raw))
        return None if raw is None else raw / 2

    monkeypatch.setattr("dsvl2.pipelines.extract.run.answer_confidence", calibrated)
    result = run(unsure({"total": 88.17}, "88.17", 0.99), ONE, schema="total: number", least=0.0)
    assert asked == [("field", pytest.approx(0.99**5))]
    assert result.fields["total"].reading == 0.9
    assert result.fields["total"].confidence == pytest.approx(0.99**5 / 2 * 0.9)


def test_a_value_that_stands_at_its_label_is_as_sure_as_the_label_makes_it() -> None:
    two = page(1, "Total: 88.17", "Rest: 12.00")
    result = run(unsure({"total": 88.17}, "88.17", 0.8), two, schema="total: number")
    assert result.data == {"total": 88.17} and (result.fields["total"].confidence or 0) > 0.8
