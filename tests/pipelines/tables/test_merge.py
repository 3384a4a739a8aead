"""Tables over page breaks: joined where columns and head agree, kept apart otherwise."""

from dataclasses import replace

import pytest

from dsvl2.pipelines.documents import Block, Box, PageResult
from dsvl2.pipelines.tables.drawn import block_of
from dsvl2.pipelines.tables.merge import document_tables
from dsvl2.pipelines.tables.types import TableCell, table_of

EDGES = (100.0, 400.0, 700.0)
HEAD = ("Part", "Price")


def table(rows, head=HEAD, edges=EDGES, y=(100, 900)):
    cells = [TableCell(0, c, text, header=True) for c, text in enumerate(head or ())]
    start = 1 if head else 0
    cells += [TableCell(start + r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row)]
    return block_of(replace(table_of(cells), edges=edges, box=Box(edges[0], y[0], edges[-1], y[1])))


def page(number, *blocks):
    return PageResult(number, tuple(blocks), 1000, 1000, 100)


def rows(found):
    return [one.texts() for one in found]


FIRST = page(1, table([("bolt", "1")]))


def test_a_repeated_head_is_left_out():
    (found,) = document_tables([FIRST, page(2, table([("nut", "2")]))])
    assert found.texts() == (HEAD, ("bolt", "1"), ("nut", "2"))
    assert found.pages == (1, 2)
    assert [cell.page for cell in found.cells] == [1, 1, 1, 1, 2, 2]
    assert [notice.code for notice in found.notices] == ["table_joined"]


def test_a_part_without_head_goes_on():
    (found,) = document_tables([FIRST, page(2, table([("nut", "2"), ("pin", "3")], head=None))])
    assert found.texts()[1:] == (("bolt", "1"), ("nut", "2"), ("pin", "3"))


def test_three_pages_are_one_table():
    parts = [FIRST, page(2, table([("nut", "2")])), page(3, table([("pin", "3")], head=None))]
    (found,) = document_tables(parts)
    assert found.pages == (1, 2, 3)
    assert found.rows == 4


def test_kept_apart_on_demand():
    assert len(document_tables([FIRST, page(2, table([("nut", "2")]))], merge=False)) == 2


def test_another_head_is_another_table():
    assert len(document_tables([FIRST, page(2, table([("nut", "2")], head=("Name", "Town")))])) == 2


def test_other_columns_are_another_table():
    assert len(document_tables([FIRST, page(2, table([("nut", "2")], edges=(100.0, 250.0, 700.0)))])) == 2
    wider = table([("nut", "2", "x")], head=(*HEAD, "More"), edges=(100.0, 300.0, 500.0, 700.0))
    assert len(document_tables([FIRST, page(2, wider)])) == 2


def test_text_between_keeps_them_apart_but_a_running_head_does_not():
    words = Block("paragraph", "A new section begins.", Box(100, 200, 700, 220))
    head = Block("paragraph", "Annual report", Box(100, 30, 700, 50))
    assert len(document_tables([FIRST, page(2, words, table([("nut", "2")], y=(300, 900)))])) == 2
    assert len(document_tables([FIRST, page(2, head, table([("nut", "2")]))])) == 1


@pytest.mark.parametrize(
    "note", ["continued", "Table 3 (cont\u2019d)", "Fortsetzung auf der n\u00e4chsten Seite", "\u2026 suite"]
)
def test_a_line_that_says_so_does_not_keep_parts_apart(note):
    line = Block("paragraph", note, Box(100, 200, 400, 220))
    upper = page(1, table([("bolt", "1")], y=(100, 500)), replace(line, box=Box(100, 520, 400, 540)))
    (found,) = document_tables([upper, page(2, line, table([("nut", "2")], y=(230, 900)))])
    assert found.rows == 3


def test_a_caption_keeps_tables_of_one_form_apart():
    caption = Block("paragraph", "Table 4. Containers in June", Box(100, 200, 400, 220))
    assert len(document_tables([FIRST, page(2, caption, table([("nut", "2")], y=(230, 900)))])) == 2


def test_pages_that_do_not_follow_are_not_joined():
    assert len(document_tables([FIRST, page(3, table([("nut", "2")]))])) == 2


def test_tables_of_tab_rows_come_along():
    block = Block("table", "a\tb\nc\td", rows=(("a", "b"), ("c", "d")))
    assert rows(document_tables([page(1, block)])) == [(("a", "b"), ("c", "d"))]


def test_no_pages_no_tables():
    assert document_tables([]) == []
    assert document_tables([page(1), page(2)]) == []
