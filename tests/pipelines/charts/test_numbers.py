"""Numbers as charts print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsvl2.pipelines.charts.numbers import format_number, numbers_in, only_numbers, parse_number, split_apart


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("43 568", 43568, ""),
        ("1,234.5", 1234.5, ""),
        ("12.3%", 12.3, "%"),
        ("\u221217%", -17, "%"),
        ("$5", 5, "$"),
        ("-$1,200", -1200, "$"),
        ("\u20ac 3 000", 3000, "\u20ac"),
        ("2.5M", 2.5e6, ""),
        ("12 bn", 12e9, ""),
        ("(45)", -45, ""),
        ("0,8", 0.8, ""),
        ("1.234.567", 1234567, ""),
        ("1e3", 1000, ""),
        ("2020*", 2020, ""),
        (".5", 0.5, ""),
    ],
)
def test_a_printed_number_is_understood(text: str, value: float, unit: str) -> None:
    number = parse_number(text)
    assert number is not None
    assert (number.value, number.unit) == (pytest.approx(value), unit)


@pytest.mark.parametrize("text", ["", "Norway", "Q1 2020", "12 apples", "1 2 3", "75.1 70.97", "-", "%"])
def test_what_is_no_single_number_is_none(text: str) -> None:
    assert parse_number(text) is None


def test_numbers_that_run_together_come_apart() -> None:
    assert [n.value for n in only_numbers("28.3%26.3%")] == [28.3, 26.3]
    assert [n.value for n in only_numbers("75.1 70.97")] == [75.1, 70.97]
    assert [n.value for n in split_apart("90 100")] == [90, 100]
    assert only_numbers("Q1 08") == ()


def test_numbers_inside_words_are_left_alone() -> None:
    assert [n.value for n in numbers_in("COVID19 in 2020: 7 cases, 3rd wave")] == [2020, 7]


@given(st.text(max_size=60))
def test_any_text_is_taken(text: str) -> None:
    parse_number(text)
    numbers_in(text)
    only_numbers(text)
    split_apart(text)


@given(st.floats(-1e9, 1e9).map(lambda value: round(value, 3)))
def test_a_number_survives_being_written(value: float) -> None:
    number = parse_number(format_number(value))
    assert number is not None
    assert number.value == pytest.approx(value, abs=1e-3)
