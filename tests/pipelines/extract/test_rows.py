"""The items of a list as the rows of a table, whatever a model made of its columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.extract import pages_of, read_schema
from dsvl2.pipelines.extract.leaves import leaves_of
from dsvl2.pipelines.extract.roles import first_sum, is_sum, products, role_of
from dsvl2.pipelines.extract.rows import look_at_rows
from dsvl2.pipelines.extract.support import Finder
from dsvl2.pipelines.extract.types import FieldEvidence, Reading

HEAD = "Item              Qty  Price   Amount"
GOODS = (
    "Garden twine, blue 31 131.80 4,085.80",
    "Wool felt 12 mm     4  20.00    80.00",
    "Slate tile 12 mm   30   3.40   102.00",
)
SUMS = ("Subtotal                     4,267.80", "VAT                            853.56")
SCHEMA = "items[]: {text, qty: number, price: number, amount: number}"
RIGHT = [
    {"text": "Garden twine, blue", "qty": 31, "price": 131.8, "amount": 4085.8},
    {"text": "Wool felt 12 mm", "qty": 4, "price": 20, "amount": 80},
    {"text": "Slate tile 12 mm", "qty": 30, "price": 3.4, "amount": 102},
]


def page(*rows: str) -> PageResult:
    """A page in letters of one width."""
    lines = []
    for number, row in enumerate(rows):
        words, at = [], 0
        for text in row.split():
            at = row.index(text, at)
            words.append(Word(text, Box(100 + 10 * at, 50 + 30 * number, 99 + 10 * (at + len(text)), 66 + 30 * number)))
            at += len(text)
        lines.append(Line(" ".join(row.split()), words[0].box.union(words[-1].box), 0.9, tuple(words)))
    return PageResult(1, (Block("paragraph", "", None, lines=tuple(lines)),), 1000, 1400, 150.0)


def looked(rows: Sequence[str], said: Any, schema: str = SCHEMA) -> Reading:
    """What the look makes of an answer about a page."""
    form, (view,) = read_schema(schema), pages_of([page(*rows)], 3000)
    assert view.text is not None
    finder, evidence = Finder(view.text), {}
    for leaf in leaves_of(json.dumps(said)):
        place = finder.find(leaf.value, leaf.path)
        evidence[leaf.path] = FieldEvidence(1, place and place.box, place and place.quote, 0.3)
    (reading,) = look_at_rows(form, [view], [Reading(1, said, evidence)])
    return reading


SLIPPED = {"items": [{"text": "Wool felt 12 mm", "qty": 12, "price": 4, "amount": 20}]}


def test_items_are_the_rows_of_the_table_without_its_sums() -> None:
    reading = looked((HEAD, *GOODS, *SUMS), SLIPPED)
    assert reading.data == {"items": RIGHT}
    where = reading.evidence[("items", 2, "amount")]
    assert where.quote == "102.00" and where.box == Box(410, 140, 469, 156) and (where.confidence or 0) > 0.8
    assert [notice.code for notice in reading.notices] == ["from_table"] and len(reading.evidence) == 12


def test_arithmetic_tells_the_columns_that_have_no_headings() -> None:
    assert looked(GOODS, SLIPPED).data == {"items": RIGHT}


def test_a_sum_without_a_name_is_no_item() -> None:
    reading = looked((*GOODS, "Rubbish                      4,267.80"), SLIPPED)
    assert reading.data == {"items": RIGHT}


def test_a_field_that_no_column_tells_is_null() -> None:
    said = {"items": [{"text": "Wool felt 12 mm", "weight": 4, "colour": "blue"}]}
    reading = looked((HEAD, *GOODS), said, "items[]: {text, weight: number, colour}")
    assert [item["weight"] for item in reading.data["items"]] == [None, 4, None]  # the model's own stays in its row
    assert [item["colour"] for item in reading.data["items"]] == [None, None, None]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((HEAD, *GOODS), {"items": []}),
        (
            ("Alpha 12", "Be 3", "Gamma long 140"),
            {"items": [{"text": "Alpha", "qty": 12, "price": None, "amount": None}]},
        ),
    ],
)
def test_without_a_table_or_a_doubt_the_model_is_believed(rows: Sequence[str], said: dict[str, Any]) -> None:
    expected = {"items": RIGHT} if rows[0] == HEAD else said
    assert looked(rows, said).data == expected


def test_what_the_schema_does_not_allow_is_left_as_it_was() -> None:
    schema = json.dumps(
        {"type": "object", "required": ["items"],
         "properties": {"items": {"type": "array", "maxItems": 1, "items": {
             "type": "object", "required": ["text", "amount"], "additionalProperties": False,
             "properties": {"text": {"type": ["string", "null"]}, "amount": {"type": ["number", "null"]}}}}}}
    )  # fmt: skip
    said = {"items": [{"text": "Wool felt 12 mm", "amount": 20}]}
    assert looked((HEAD, *GOODS), said, schema).data == said


def test_words_that_name_a_column_or_a_sum() -> None:
    assert [role_of(name) for name in ("unit_price", "Total price", "Qty", "Bezeichnung", "colour", "lineTotal")] == [
        "price", "amount", "count", "what", None, "amount",
    ]  # fmt: skip
    assert is_sum("Amount due") and is_sum("Total EUR") and is_sum("VAT 19") and not is_sum("Total care soap")
    assert not is_sum("Service")
    assert products([[2, 3], [10.5, 4], [21, 12]], [True, False, False]) == {0: "count", 1: "price", 2: "amount"}
    assert products([[2, 3], [10, 4], [5, 6]], [True] * 3) == {}
    assert first_sum([2, 3, 5, 1], ["a", "b", "c", "d"]) == 2 and first_sum([2, None, 3], ["a", "b", "c"]) == 3
