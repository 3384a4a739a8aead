"""Columns that stand no further apart than words: found by the edges of their numbers, and nowhere in running text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.tables.aligned import Grid, grids
from dsvl2.pipelines.tables.tokens import token_lines


def page(*rows: str, skew: float = 0.0) -> PageResult:
    """A page in letters of one width: a blank is a word space, an empty row a gap."""
    lines = []
    for number, row in enumerate(rows):
        words, at = [], 0
        for text in row.split():
            at = row.index(text, at)
            words.append(Word(text, Box(100 + 10 * at, 50 + 30 * number, 99 + 10 * (at + len(text)), 66 + 30 * number)))
            at += len(text)
        if words:
            lines.append(Line(" ".join(row.split()), words[0].box.union(words[-1].box), 0.9, tuple(words)))
    return PageResult(1, (Block("paragraph", "", None, lines=tuple(lines)),), 1000, 1400, 150.0, skew=skew)


def texts(cells: Sequence[Sequence[object]]) -> list[str]:
    return [" ".join(token.text for token in cell) for cell in cells]  # type: ignore[attr-defined]


def found(*rows: str) -> list[Grid]:
    return grids(token_lines(page(*rows)))


GOODS = (
    "Item              Qty  Price   Amount",
    "Garden twine, blue 31 131.80 4,085.80",
    "Wool felt 12 mm     4  20.00    80.00",
    "Slate tile 12 mm   30   3.40   102.00",
    "Lamp wick           7   1.00     7.00",
)


def test_columns_a_word_space_apart_are_told_by_their_edges() -> None:
    (grid,) = found(*GOODS)
    assert [column.numbers for column in grid.columns] == [False, True, True, True]
    assert texts(grid.head) == ["Item", "Qty", "Price", "Amount"]
    assert [texts(row) for row in grid.cells] == [
        ["Garden twine, blue", "31", "131.80", "4,085.80"],
        ["Wool felt 12 mm", "4", "20.00", "80.00"],
        ["Slate tile 12 mm", "30", "3.40", "102.00"],
        ["Lamp wick", "7", "1.00", "7.00"],
    ]


def test_an_empty_cell_and_a_text_that_runs_over_stay_in_their_rows() -> None:
    rows = (*GOODS[:2], "and green", GOODS[2], f"{'Delivery':32}80.00", *GOODS[3:])
    (grid,) = found(*rows)
    assert texts(grid.cells[0]) == ["Garden twine, blue and green", "31", "131.80", "4,085.80"]
    assert texts(grid.cells[2]) == ["Delivery", "", "", "80.00"]


def test_two_columns_of_words_are_parted_where_both_begin_at_an_edge() -> None:
    (grid,) = found("Oak   brown 12", "Birch white  3", "Elm   brown 40", "Beech red    7")
    assert [texts(row)[:2] for row in grid.cells] == [
        ["Oak", "brown"],
        ["Birch", "white"],
        ["Elm", "brown"],
        ["Beech", "red"],
    ]


def test_sums_that_keep_one_edge_of_a_table_do_not_hide_the_others() -> None:
    sums = [
        f"{name:>20}{amount:>17}" for name, amount in (("Subtotal", "9.00"), ("VAT 20 %", "1.80"), ("Total", "10.80"))
    ]
    goods, below = found(*GOODS[:4], *sums)
    assert [len(goods.columns), len(goods.cells), len(below.cells)] == [4, 3, 3]


def test_words_of_a_typewriter_that_begin_at_one_place_are_no_columns() -> None:
    (grid,) = found("Brass elbow large 12", "Green slate tiles  3", "Steel plate (box) 40", "White chalk fine   7")
    assert texts(grid.cells[0]) == ["Brass elbow large", "12"]


@pytest.mark.parametrize(
    "rows",
    [
        (
            "The station was inspected on 3 days in 1987 and",
            "again on 14 more, when both of the 2 pumps ran",
            "for 6 hours at full load and gave 412 litres per",
            "second; the 8 readings were within 2 per cent of",
        ),
        ("12 apples", "and 3 pears", "with 140 plums or so"),
        ("Total 3.00", "Sum 44.00"),
    ],
)
def test_numbers_in_running_text_make_no_columns(rows: Sequence[str]) -> None:
    assert found(*rows) == []


def test_a_page_whose_words_nobody_looked_for_has_none() -> None:
    bare = PageResult(1, (Block("paragraph", "", None, lines=(Line("Oak 3", Box(0, 0, 50, 9)),)),), 100, 100)
    assert token_lines(bare) == [] and grids([]) == []
