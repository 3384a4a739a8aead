"""What was written as JSON is read back: the same document, and of what is damaged an error and nothing worse."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageResult
from dsvl2.pipelines.errors import InputError, UnreadableFile, UnsupportedFile
from dsvl2.pipelines.formats import FORMATS, OriginalFormat, get_format
from dsvl2.pipelines.formats.stored import parse_document
from dsvl2.pipelines.tables.types import TableCell, table_of


def written() -> Document:
    """Something of everything: what the tests of the format write."""
    spec = spec_from_file_location("json_test", Path(__file__).with_name("test_json.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    document: Document = module.document()
    return document


def with_table() -> Document:
    box = Box(10, 10, 90, 50)
    cells = [
        TableCell(0, 0, "head", colspan=2, header=True, box=box, page=1, lines=(1,)),
        TableCell(1, 0, "a\nb", confidence=0.5, page=1, lines=(0, 2)),
        TableCell(1, 1, page=1),
    ]
    table = replace(table_of(cells), box=box, pages=(1,), edges=(10.0, 40.5, 90.0), confidence=0.75)
    lines = (Line("a"), Line("head"), Line("b"))
    block = Block("table", "head\t\na b\t", box, 0, lines, 0.75, table.texts(), table)
    figure = Block("figure", "", box, image="pics/one.png")
    return Document("a.png", (PageResult(1, (block, figure), 100, 60, 72.0),), 1, "0" * 64)


@pytest.mark.parametrize("document", [written(), with_table()], ids=["everything", "table"])
def test_a_document_renders_to_the_bytes_it_was_read_from(document: Document) -> None:
    text = get_format("json").render(document)
    assert get_format("json").render(parse_document(text, "a.json")) == text


def test_a_table_keeps_spans_places_lines_and_borders() -> None:
    read = parse_document(get_format("json").render(with_table()), "a.json")
    assert read.pages[0].blocks == with_table().pages[0].blocks


def test_lines_say_all_but_the_model_and_the_options() -> None:
    document = written()
    read = parse_document(get_format("jsonl").render(document), "a.jsonl")
    assert (read.model, read.options) == (None, ())
    assert [page.number for page in read.pages] == [1, 2, 4]
    assert get_format("markdown").render(read) == get_format("markdown").render(document)


def test_the_report_of_a_run_holds_its_document() -> None:
    text = get_format("json").render(with_table())
    report = json.dumps({"schema": "dsvl2/run/v1", "documents": [{"status": "ok", "document": json.loads(text)}]})
    assert get_format("json").render(parse_document(report, "run.json")) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "it names no schema of ours"),
        ('{"schema": "dsvl2/extract/v1"}', "its schema is 'dsvl2/extract/v1'"),
        ('{"schema": "dsvl2/run/v1", "documents": []}', "holds 0 documents"),
        (get_format("jsonl").render(with_table()) + get_format("jsonl").render(written()), "several documents"),
    ],
)
def test_json_of_another_kind_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnsupportedFile, match=message):
        parse_document(text, "a.json")


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("pages", 0, "number"), 0, "not numbered"),
        (("pages", 1, "number"), 1, "not numbered"),
        (("pages", 0, "blocks", 0, "text"), 5, "stands where text belongs"),
        (("pages", 0, "blocks", 0, "box"), [1, 2, 3], "values to unpack"),
        (("pages", 0, "blocks", 0, "box"), [1, 2, 3, float("nan")], "where a number belongs"),
        (("pages", 0, "blocks", 3, "cells", 0, "row"), 10**9, "more than any page holds"),
        (("pages", 0, "blocks", 2, "level"), 10**8, "where a count belongs"),
        (("pages", 0, "rotation"), 45, "is none of 0, 90"),
        (("pages", 0, "blocks"), None, "no whole reading"),
    ],
)
def test_what_no_reading_has_is_an_error(where: tuple[Any, ...], value: Any, message: str) -> None:
    record = json.loads(get_format("json").render(written()))
    place = record
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    with pytest.raises(UnreadableFile, match=message):
        parse_document(json.dumps(record), "a.json")


def test_a_file_cut_short_is_an_error() -> None:
    text = get_format("json").render(written())
    for end in range(2, len(text) - 2, 97):
        with pytest.raises(InputError):
            parse_document(text[:end], "a.json")


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def test_whatever_was_changed_is_refused_or_can_be_written_in_every_format() -> None:
    chance = random.Random(8)
    record = json.loads(get_format("json").render(written()))
    odd: list[Any] = [
        None,
        True,
        -1,
        3,
        2.5,
        1e300,
        "",
        "x\ud800\0\x1b",
        [],
        {},
        [1, 2, 3, 4],
        "line_1_2_3",
        float("inf"),
    ]
    read = 0
    for _ in range(600):
        changed = copy.deepcopy(record)
        for _ in range(chance.choice((1, 1, 2, 5))):
            holder, key = chance.choice(_places(changed))
            if isinstance(holder, dict) and chance.random() < 0.3:
                del holder[key]
            else:
                holder[key] = copy.deepcopy(chance.choice(odd))
        try:
            document = parse_document(json.dumps(changed), "a.json")
        except InputError:
            continue
        read += 1
        for form in FORMATS:
            if not isinstance(form, OriginalFormat):
                form.render(document).encode("utf-8")
    assert 60 < read < 540
