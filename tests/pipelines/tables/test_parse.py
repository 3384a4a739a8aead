"""Parsing tables from model output: nothing raises, nothing goes silently."""

import random
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.tables.parse import parse_tables

PIECES = (
    "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "<td rowspan=2>", '<td colspan="99999999">', "<br>",
    "<td rowspan='x'", "<thead>", "</thead>", "<!--", "-->", "&amp;", "&#x110000;", "| a | b |\n", "|---|---|\n", "```html\n",
    "```", "text", "\n", "<", ">", "<![CDATA[", "\x00", "\ud800", "<tablet>", "</TABLE >",
)  # fmt: skip


def texts(output):
    tables, _ = parse_tables(output)
    return [table.texts() for table in tables]


def codes(output):
    return [notice.code for notice in parse_tables(output)[1]]


def test_html_with_spans():
    ((table,), notices) = parse_tables(
        "<table><thead><tr><th rowspan=2>a</th><th colspan=2>b</th></tr><tr><th>c</th><th>d</th></tr></thead>"
        "<tbody><tr><td>1</td><td>2<br>3</td><td></td></tr></tbody></table>"
    )
    assert not notices
    assert table.texts(repeat=True) == (("a", "b", "b"), ("a", "c", "d"), ("1", "2\n3", ""))
    assert table.header_rows == 2


def test_pipe_tables_and_html_in_one_answer():
    assert texts("| a | b |\n|---|---|\n| 1 | 2 |") == [(("a", "b"), ("1", "2"))]
    assert len(texts("<table><tr><td>x</td></tr></table>\n\n| a | b |\n|---|---|\n| 1 | 2 |")) == 2


def test_a_fenced_table_is_a_table():
    assert texts("```html\n<table><tr><td>x</td></tr></table>\n```") == [(("x",),)]


def test_what_is_dropped_is_told():
    assert codes("Here it is: <table><tr><td>x</td></tr></table>") == ["text_outside_tables"]
    assert codes("<table><tr>stray<td>x</td></tr></table>") == ["text_outside_cells"]
    assert codes("<table><tr><td>x") == ["table_unfinished"]
    assert codes("<table></table>") == ["table_empty"]
    assert codes("<table><tr><td><table><tr><td>in</td></tr></table></td></tr></table>") == ["table_nested"]
    assert codes('<table><tr><td rowspan="0">x</td></tr></table>') == ["table_span"]
    assert codes("| a | b |\n|---|---|\n| 1 |") == ["table_rows_uneven"]


def test_text_of_an_unfinished_table_is_kept():
    assert texts("<table><tr><td>a</td><td>b</td></tr><tr><td>c") == [(("a", "b"), ("c", ""))]


def test_a_nested_table_leaves_its_text():
    assert texts("<table><tr><td>x<table><tr><td>in</td></tr></table></td></tr></table>") == [(("x in",),)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=40).map("".join))
def test_any_output_gives_rectangular_tables(output):
    tables, _ = parse_tables(output)
    for table in tables:
        places = sorted(place for cell in table.cells for place in cell.places)
        assert places == [(r, c) for r in range(table.rows) for c in range(table.columns)]


def test_mutated_answers_never_raise():
    good = "<table><tr><th>a</th><th colspan=2>b</th></tr><tr><td>1</td><td>2</td><td>3</td></tr></table>\n| a | b |\n|---|---|\n"
    rng = random.Random(3)
    for _ in range(1500):
        letters = list(good)
        for _ in range(rng.randint(1, 8)):
            place = rng.randrange(len(letters))
            letters[place : place + rng.randint(0, 3)] = rng.choice(string.printable) * rng.randint(0, 2)
            letters = letters or [" "]
        parse_tables("".join(letters))
