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


@pytest.mark.parametrize("text", [page(0.11), page(0.3, LOOP), page(0.02, calibrated=False), page(None), page(0.97)])
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
