"""Which pages lose their text: only calibrated ones on which next to nothing can be right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsvl2.pipelines.confidence import believable
from dsvl2.pipelines.documents import Block, Box, Line, Notice, PageResult
from dsvl2.pipelines.tables.types import TableCell, TableResult

LOOP = Notice("loop_recovered", "the model began to repeat itself")


def page(sure: float | None, *notices: Notice, calibrated: bool = True) -> PageResult:
    blocks = (Block("paragraph", "the second state of the second state"), Block("figure", "", Box(0, 0, 9, 9)))
    return PageResult(1, blocks, 900, 1270, 110.0, confidence=sure, calibrated=calibrated, warnings=notices)


@pytest.mark.parametrize("nonsense", [page(0.02), page(0.11, LOOP)])
def test_nonsense_is_let_go_and_told(nonsense: PageResult) -> None:
    left = believable(nonsense)
    assert [block.kind for block in left.blocks] == ["figure"] and left.confidence is None
    assert [notice.code for notice in left.warnings if notice not in nonsense.warnings] == ["unreadable"]


@pytest.mark.parametrize("text", [page(0.16), page(0.3, LOOP), page(0.02, calibrated=False), page(None), page(0.97)])
def test_doubtful_text_stays(text: PageResult) -> None:
    assert believable(text) is text


def test_cells_of_which_three_quarters_are_wrong_are_let_go_where_prose_would_stay() -> None:
    lines = tuple(Line(text, Box(0, 10 * k, 90, 10 * k + 9)) for k, text in enumerate(("2 PC", "J 2", "AQ/Q")))
    table = Block("table", "2 PC J 2 AQ/Q", lines=lines, table=TableResult(1, 1, (TableCell(0, 0, "2 PC"),)))
    cells = replace(page(0.26), blocks=(table, Block("paragraph", "the second", lines=lines[:1])))
    assert believable(cells).blocks == ()
    assert believable(replace(cells, confidence=0.31)).blocks == cells.blocks
    prose = replace(cells, blocks=(replace(table, lines=lines[:1]), Block("paragraph", "the second", lines=lines)))
    assert believable(prose) is prose


def test_a_page_unlike_print_has_to_be_surer_but_a_few_words_may_stay() -> None:
    lines = tuple(Line("amount emption", Box(0, 10 * k, 90, 10 * k + 9)) for k in range(4))
    block = Block("paragraph", "amount emption", lines=lines, confidence=0.27)
    scrawl = replace(page(0.27), blocks=(block,))
    assert believable(scrawl) is scrawl
    assert believable(scrawl, odd=True).let_go
    stamp = replace(scrawl, blocks=(replace(block, lines=lines[:2]),))
    assert believable(stamp, odd=True) is stamp


def test_of_a_drawing_the_labels_stay() -> None:
    lines = (Line("46.9 %", Box(0, 0, 90, 9)),)
    label = Block("paragraph", "46.9 %", lines=lines, confidence=0.97)
    shape, board = replace(label, text="VVV", confidence=0.18), replace(label, text="O O", confidence=0.45)
    board = replace(board, kind="table", table=TableResult(1, 1, (TableCell(0, 0, "O O"),)))
    drawing = replace(page(0.8), blocks=(label, shape, board))
    left = believable(drawing, odd=True)
    assert left.blocks == (label,)
    assert [notice.code for notice in left.warnings] == ["part_unreadable"]
    assert believable(drawing) is drawing


def circles(*texts: str) -> PageResult:
    lines = tuple(Line(text, Box(0, 10 * k, 90, 10 * k + 9)) for k, text in enumerate(texts))
    return replace(page(0.9), blocks=(Block("table", " ".join(texts), lines=lines, confidence=0.9),))


def test_a_board_of_circles_is_let_go_and_figures_that_look_like_them_stay() -> None:
    assert believable(circles("_", "O", "0000", "_ |", "0")).let_go
    for real in (circles("0000"), circles("OO", "0"), circles("0", "10", "000", "0"), circles("Oo", "No", "0", "00")):
        assert believable(real) is real
