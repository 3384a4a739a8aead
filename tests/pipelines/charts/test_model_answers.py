"""Tables that whole-page checkpoints print: anything is taken, nothing raises, what is left out is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.charts import parse_chart, to_csv

TABLE = "# Sales\n\n| Year | North | South |\n| --- | ---: | ---: |\n| 2019 | 1,200 | 3 |\n| 2020 | n/a | 4.5 |\n"
RECORDS = '```json\n[{"Year": "2019", "North": 1200, "South": 3}, {"Year": "2020", "North": null, "South": 4.5}]\n```'
COLUMNS = '{"Year": ["2019", "2020"], "North": [1200, null], "South": [3, 4.5]}'
PLAIN = "Year,North,South\n2019,1200,3\n2020,,4.5\n"


@pytest.mark.parametrize("answer", [TABLE, RECORDS, COLUMNS, PLAIN], ids=["markdown", "records", "columns", "csv"])
def test_the_usual_forms_of_a_table_are_read(answer: str) -> None:
    chart = parse_chart(answer).value
    assert chart.kind == "table"
    assert to_csv(chart) == "Year,North,South\n2019,1200,3\n2020,,4.5\n"


def test_what_is_left_out_is_told() -> None:
    parsed = parse_chart(TABLE + "\nAs you can see, sales grew.\n")
    assert parsed.value.title == "Sales"
    assert [notice.code for notice in parsed.dropped] == ["text_dropped", "cells_dropped"]


@pytest.mark.parametrize("answer", ["", "I cannot see a chart.", "{}", "[]", "| a |\n| b |", '{"a": {"b": []}}'])
def test_no_table_is_an_empty_chart_and_a_notice(answer: str) -> None:
    parsed = parse_chart(answer)
    assert not parsed.value.found
    assert "no_table" in [notice.code for notice in parsed.dropped]


def test_an_object_of_single_values_is_one_series() -> None:
    chart = parse_chart('Here it is: {"Oats": 3, "Rice": "4 %"}').value
    assert [(point.label, point.value) for _, point in chart.points()] == [("Oats", 3), ("Rice", 4)]


def mutated() -> st.SearchStrategy[str]:
    """Good answers with pieces cut out, doubled, or replaced."""

    def change(parts: tuple[str, int, int, str]) -> str:
        text, start, length, insert = parts
        start %= max(1, len(text))
        return text[:start] + insert + text[start + length :]

    good = st.sampled_from([TABLE, RECORDS, COLUMNS, PLAIN])
    return st.tuples(good, st.integers(0, 200), st.integers(0, 40), st.text(max_size=12)).map(change)


@settings(max_examples=300, deadline=None)
@given(st.one_of(mutated(), st.text(max_size=200)))
def test_no_answer_raises(answer: str) -> None:
    parsed = parse_chart(answer)
    to_csv(parsed.value)
    assert parsed.value.found or parsed.dropped


def test_deep_and_huge_answers_are_cut() -> None:
    parse_chart("[" * 100_000)
    rows = json.dumps([{"a": str(k), "b": k} for k in range(5000)])
    parsed = parse_chart(rows)
    assert "table_cut" in [notice.code for notice in parsed.dropped]
