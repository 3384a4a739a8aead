"""JSON output keeps to its published schema, byte for byte as recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from dsvl2.model import Usage
from dsvl2.pipelines.documents import (
    Block,
    Box,
    Coverage,
    Document,
    Line,
    ModelStamp,
    Notice,
    PageError,
    PageResult,
    TextLayerUse,
    Word,
)
from dsvl2.pipelines.formats import RenderOptions, fingerprint, get_format, published_schema
from dsvl2.pipelines.tables.types import table_of_rows

GOLDEN = Path(__file__).parent / "golden"


def document() -> Document:
    """Something of everything."""
    words = (Word("Hello,", Box(10.04, 20, 150, 40), 0.99), Word("wörld", Box(160, 20, 300.123, 40), 0.5))
    line = Line("Hello, wörld", Box(10.04, 20, 300.123, 40), 0.98765, words)
    return Document(
        source="scan.pdf",
        pages=(
            PageResult(
                number=1,
                blocks=(
                    Block("heading", "Title", Box(10, 5, 200, 18), 1, (Line("Title"),), 0.5),
                    Block("paragraph", "Hello, wörld", Box(10, 20, 300, 40), 0, (line,), 0.98765),
                    Block("list_item", "item", level=1),
                    Block(
                        "table",
                        "a\tb\nc\td",
                        rows=(("a", "b"), ("c", "d")),
                        table=table_of_rows((("a", "b"), ("c", "d"))),
                    ),
                    Block("figure", "", Box(0, 50, 100, 100)),
                    Block("formula", "x^2"),
                    Block("code", "print()"),
                ),
                width_px=1240,
                height_px=1754,
                dpi=150.0,
                rotation=90,
                skew=-0.0001,
                warnings=(Notice("truncated", "text may be missing"),),
                usage=Usage(prompt_tokens=10, image_tokens=144, completion_tokens=25, tiles=2),
                confidence=1.0,
                coverage=Coverage(0.9, (Box(1, 2, 3, 4),), ((2, 1),)),
            ),
            PageResult(
                2,
                width_px=5,
                height_px=6,
                dpi=150.0,
                blank=True,
                text_layer=TextLayerUse("used", "blank", "nothing is drawn on the page"),
            ),
            PageResult(4, error=PageError("file_unreadable", "page 4 is damaged", "save it anew")),
        ),
        page_count=9,
        sha256="0123456789abcdef" * 4,
        model=ModelStamp("nano", "fedcba9876543210" * 4, "int8", "float32", "cpu"),
        options=(("task", "ocr"), ("dpi", None), ("color", False), ("max_megapixels", 150.0)),
        notices=(Notice("pdf_repaired", "it was damaged"),),
    )


@pytest.mark.parametrize(("name", "golden"), [("json", "ocr-v1.json"), ("jsonl", "ocr-v1.jsonl")])
def test_output_is_as_recorded(name: str, golden: str) -> None:
    assert get_format(name).render(document()) == (GOLDEN / golden).read_text(encoding="utf-8")


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(published_schema())


@pytest.mark.parametrize("doc", [document(), Document("x", ()), replace(document(), model=None, sha256=None)])
def test_documents_keep_to_the_schema(doc: Document) -> None:
    Draft202012Validator(published_schema()).validate(json.loads(get_format("json").render(doc)))


def test_records_keep_to_the_schema() -> None:
    schema = published_schema()
    record = Draft202012Validator({"$ref": "#/$defs/page_record", "$defs": schema["$defs"]})
    lines = get_format("jsonl").render(document()).splitlines()
    assert len(lines) == 3
    for line in lines:
        record.validate(json.loads(line))


def test_the_schema_is_strict_enough_to_notice() -> None:
    broken = json.loads(get_format("json").render(document()))
    broken["pages"][0]["blocks"][0]["box"] = [1, 2, 3]
    with pytest.raises(ValidationError):
        Draft202012Validator(published_schema()).validate(broken)


def test_every_key_is_described_in_the_schema() -> None:
    """What is written and what is published do not drift apart."""
    defs = published_schema()["$defs"]
    record = json.loads(get_format("json").render(document()))
    page = record["pages"][0]
    assert set(record) == set(published_schema()["properties"])
    assert set(page) == set(defs["page"]["properties"])
    optional = {"image", "edges"}  # with --figures, and of tables drawn with rules
    assert {*page["blocks"][3], *optional} == set(defs["block"]["properties"])
    assert set(page["blocks"][3]["cells"][0]) == set(defs["cell"]["properties"])
    line = page["blocks"][1]["lines"][0]
    assert {*line, "doubtful"} == set(defs["line"]["properties"])
    assert {*line["words"][0], "doubtful"} == set(defs["word"]["properties"])
    assert set(page["coverage"]) == set(defs["coverage"]["properties"])
    assert set(record["pages"][1]["text_layer"]) == set(defs["text_layer"]["properties"])
    assert set(record["model"]) == set(defs["model"]["properties"])
    assert set(record["usage"]) == set(defs["usage"]["properties"])


def test_what_is_less_sure_than_asked_for_is_flagged() -> None:
    text = get_format("json").render(document(), RenderOptions(min_confidence=0.9))
    Draft202012Validator(published_schema()).validate(json.loads(text))
    line = json.loads(text)["pages"][0]["blocks"][1]["lines"][0]
    assert "doubtful" not in line
    assert [word.get("doubtful", False) for word in line["words"]] == [False, True]
    assert "doubtful" not in get_format("jsonl").render(document())


def test_not_a_number_is_never_written() -> None:
    page = PageResult(1, confidence=float("nan"))
    assert json.loads(get_format("json").render(Document("x", (page,))))["pages"][0]["confidence"] is None


def test_records_stay_on_one_line_whatever_the_text() -> None:
    page = PageResult(1, (Block("paragraph", "a\nb\u2028c\u2029d\ud800"),))
    text = get_format("jsonl").render(Document("x", (page,)))
    assert len(text.splitlines()) == 1
    text.encode("utf-8")


def test_the_fingerprint_changes_with_model_and_options_only() -> None:
    doc = document()
    assert doc.model is not None
    same = replace(doc, pages=(), source="other", sha256=None, model=replace(doc.model, device="cuda", name="x"))
    assert fingerprint(same) == fingerprint(doc)
    assert fingerprint(replace(doc, options=(*doc.options, ("pages", "1-3")))) == fingerprint(doc)
    assert fingerprint(replace(doc, options=(("task", "ocr"),))) != fingerprint(doc)
    assert fingerprint(replace(doc, model=replace(doc.model, scheme="int4"))) != fingerprint(doc)
