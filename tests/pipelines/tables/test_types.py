"""A table is rectangular whatever its cells say."""

from hypothesis import given
from hypothesis import strategies as st

from dsvl2.pipelines.tables.types import TableCell, table_of, table_of_rows

CELLS = st.lists(
    st.builds(
        TableCell,
        row=st.integers(-1, 6),
        column=st.integers(-1, 6),
        text=st.text(max_size=3),
        rowspan=st.integers(-1, 9),
        colspan=st.integers(-1, 9),
    ),
    max_size=12,
)


@given(CELLS)
def test_every_place_is_covered_once_and_no_text_goes_silently(cells):
    table = table_of(cells)
    places = [place for cell in table.cells for place in cell.places]
    assert sorted(places) == [(r, c) for r in range(table.rows) for c in range(table.columns)]
    given_texts = sorted(c.text for c in cells if c.text and c.row >= 0 and c.column >= 0)
    kept = [c.text for c in table.cells if c.text]
    assert len(given_texts) == len(kept) + sum(n.code == "table_cell_dropped" for n in table.notices)


def test_spans_repeat_their_text_only_on_demand():
    table = table_of([TableCell(0, 0, "a", colspan=2), TableCell(1, 0, "b"), TableCell(1, 1, "c")])
    assert table.texts() == (("a", ""), ("b", "c"))
    assert table.texts(repeat=True) == (("a", "a"), ("b", "c"))


def test_a_span_stops_before_text_of_another_cell():
    table = table_of([TableCell(0, 0, "wide", colspan=3), TableCell(0, 2, "own")])
    assert table.texts() == (("wide", "", "own"),)
    assert not table.notices


def test_a_second_cell_on_one_place_is_told():
    table = table_of([TableCell(0, 0, "one"), TableCell(0, 0, "two")])
    assert [notice.code for notice in table.notices] == ["table_cell_dropped"]
    assert "two" in table.notices[0].message


def test_short_rows_are_filled_up():
    assert table_of_rows([["a"], ["b", "c"]]).texts() == (("a", ""), ("b", "c"))


def test_head_rows_are_those_of_nothing_but_headings():
    table = table_of([TableCell(0, 0, "h", colspan=2, header=True), TableCell(1, 0, "h", header=True), TableCell(1, 1)])
    assert table.header_rows == 1
