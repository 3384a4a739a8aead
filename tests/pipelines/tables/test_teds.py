"""TEDS against cases worked by hand from the paper's definition."""

import pytest

from dsvl2.pipelines.distance import edit_distance
from dsvl2.pipelines.tables.teds import teds
from dsvl2.pipelines.tables.types import TableCell, table_of, table_of_rows

TRUTH = table_of_rows([["a", "bc"], ["d", "e"]])  # 2 rows and 4 cells: 6 nodes below the root


def test_the_same_table_scores_one():
    assert teds(TRUTH, TRUTH) == 1.0
    assert teds(TRUTH, TRUTH, structure_only=True) == 1.0


def test_no_table_scores_zero():
    assert teds(None, TRUTH) == 0.0


def test_wrong_text_costs_its_share_of_letters():
    other = table_of_rows([["a", "bx"], ["d", "e"]])
    assert teds(other, TRUTH) == pytest.approx(1 - 0.5 / 6)
    assert teds(other, TRUTH, structure_only=True) == 1.0


def test_a_missing_row_costs_its_nodes():
    other = table_of_rows([["a", "bc"]])
    assert teds(other, TRUTH) == pytest.approx(1 - 3 / 6)


def test_a_further_column_counts_over_the_larger_tree():
    other = table_of_rows([["a", "bc", "x"], ["d", "e", "y"]])
    assert teds(other, TRUTH) == pytest.approx(1 - 2 / 8)


def test_a_wrong_span_costs_a_whole_node_even_if_the_text_is_right():
    spanned = table_of([TableCell(0, 0, "a", colspan=2), TableCell(1, 0, "d"), TableCell(1, 1, "e")])
    flat = table_of([TableCell(0, 0, "a"), TableCell(0, 1, ""), TableCell(1, 0, "d"), TableCell(1, 1, "e")])
    # one cell changes its span, one is new: 2 edits, 6 nodes in the larger tree
    assert teds(flat, spanned) == pytest.approx(1 - 2 / 6)


def test_a_cell_in_the_wrong_row_is_taken_out_and_put_in():
    one = table_of([TableCell(0, 0, "a"), TableCell(1, 0, "b")])
    swapped = table_of([TableCell(0, 0, "b"), TableCell(1, 0, "a")])
    # renaming both cells costs 1 + 1; taking a row of two nodes out and in again costs 4
    assert teds(one, swapped) == pytest.approx(1 - 2 / 4)


def test_white_space_is_folded():
    assert teds(table_of_rows([["a b"]]), table_of_rows([["a\nb"]])) == 1.0


@pytest.mark.parametrize(("one", "other", "distance"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3)])
def test_edit_distance(one, other, distance):
    assert edit_distance(one, other) == distance
