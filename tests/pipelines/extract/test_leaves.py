"""Where values stand in JSON, what their tokens say of them, and printed dates and numbers."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.extract.leaves import leaves_of, probabilities, replaced, shown, value_at
from dsvl2.pipelines.extract.printed import dates_in, number_in
from dsvl2.pipelines.extract.task import parse_fields

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(ANY, st.sampled_from([None, 1, 3]))
def test_every_leaf_is_found_where_it_stands(data: Any, indent: int | None) -> None:
    text = json.dumps(data, indent=indent)
    for leaf in leaves_of(text):
        assert value_at(data, leaf.path) == leaf.value
        said = text[leaf.start : leaf.stop]
        assert json.loads(f'"{said}"' if isinstance(leaf.value, str) and leaf.value else said.strip('"') or '""') == (
            leaf.value
        )
        assert value_at(replaced(data, leaf.path, "new"), leaf.path) == "new"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from('{}[]",:01.-enultrsfa\\ '), max_size=30))
def test_what_is_no_json_has_no_leaves(text: str) -> None:
    found = leaves_of(text)
    try:
        json.loads(text)
    except ValueError:
        assert found == ()


MUTATED = 100_000 if os.environ.get("LONG_TESTS") else 500
OUTPUT = json.dumps({"no": "A-1", "date": None, "total": 88.17, "items": [{"t": 'é "q" \\', "n": -0.5}], "ok": True})


@settings(max_examples=MUTATED, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(OUTPUT)), st.integers(0, 3), st.text(max_size=2)), min_size=1, max_size=5))
def test_no_mutated_answer_is_an_error_and_what_is_dropped_is_told(changes: list[tuple[int, int, str]]) -> None:
    text = OUTPUT
    for at, gone, put in changes:
        text = text[:at] + put + text[at + gone :]
    parsed = parse_fields(text)
    leaves = leaves_of(text)
    probabilities(leaves, list(text), [-0.1] * len(text))
    assert (parsed.value is None) == bool(parsed.dropped) or text.strip() == "null"
    assert all(value_at(parsed.value, leaf.path) == leaf.value for leaf in leaves) or '"' in text


def test_only_the_tokens_of_the_value_count() -> None:
    text = '{"a":"xy","b":null,"c":[12]}'
    pieces = ['{"', 'a":"', "x", "y", '",', '"b":', "nu", "ll", ',"c"', ":[", "1", "2]", "}"]
    logprobs = [math.log(p) for p in (0.1, 0.2, 0.5, 0.5, 0.1, 0.1, 0.9, 1, 0.1, 0.1, 0.4, 0.5, 0.1)]
    leaves = leaves_of(text)
    assert [shown(leaf.path) for leaf in leaves] == ["a", "b", "c[0]"]
    assert probabilities(leaves, pieces, logprobs) == pytest.approx([0.25, 0.9, 0.2])
    assert probabilities(leaves, pieces, logprobs[1:]) == [None, None, None]


def test_deep_nesting_is_no_error() -> None:
    assert leaves_of("[" * 100_000) == ()
    assert shown(()) == "$" and shown(("x y", 2, "b")) == '"x y"[2].b'


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Date: 31 Jan 2020", "2020-01-31"),
        ("31. Januar 2020", "2020-01-31"),
        ("January 31st, 2020", "2020-01-31"),
        ("on the 3rd of May 1999.", "1999-05-03"),
        ("31-Jan-20", "2020-01-31"),
        ("2020-01-31", "2020-01-31"),
        ("31.01.2020", "2020-01-31"),
        ("01/31/2020", "2020-01-31"),
        ("2020/1/31", "2020-01-31"),
        ("1er août 2021", "2021-08-01"),
        ("May 4, '21", "2021-05-04"),
    ],
)
def test_printed_dates_are_read(text: str, iso: str) -> None:
    assert iso in {day for _, meant in dates_in(text) for day in meant}


def test_an_ambiguous_date_means_two_and_an_impossible_none() -> None:
    assert {meant for _, meant in dates_in("due 3/4/2020")} == {frozenset({"2020-04-03", "2020-03-04"})}
    assert not [
        meant for text in ("31 Feb 2020", "45.13.2020", "1.2.3.4", "room 12", "Mach 5 2020") for meant in dates_in(text)
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("88.17", 88.17), ("88,17 EUR", 88.17), ("1,234.50", 1234.5), ("1.234,50", 1234.5), ("1 234,5", 1234.5),
        ("$1,234", 1234.0), ("1,234,567", 1234567.0), ("0.125", 0.125), ("-5", -5.0), ("(12.00)", -12.0), ("12.00-", -12.0),
        ("EUR 7", 7.0), ("7 %", 7.0), ("none", None), ("1 of 2", None), ("", None),
    ],
)  # fmt: skip
def test_printed_numbers_are_read(text: str, value: float | None) -> None:
    assert number_in(text) == value


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("0123456789.,-/ '()JanMay€$%−"), max_size=25))
def test_nothing_printed_is_an_error(text: str) -> None:
    number_in(text)
    list(dates_in(text))
