"""Numbered formulas and loosely set lines between them are no table, though wide gaps part them."""

from __future__ import annotations

from dsvl2.pipelines.documents import Block, Box, Line
from dsvl2.pipelines.tables.columns import is_spaced_evenly
from dsvl2.pipelines.tables.open_tables import flow_boxes
from dsvl2.pipelines.textlayer.blocks import _apart_lines

UNIT = 10.0


def row(y: float, *ends: tuple[float, float]) -> list[Box]:
    return [Box(x0, y - 6, x1, y + 6) for x0, x1 in ends]


def spread(y: float, gap: float, *, words: int = 9, width: float = 500.0) -> list[Box]:
    long = (width - (words - 1) * gap) / words
    return row(y, *((k * (long + gap), k * (long + gap) + long) for k in range(words)))


def test_justified_lines_are_spaced_evenly_however_loose_they_are() -> None:
    assert is_spaced_evenly(spread(0, 14), 500, UNIT)
    assert not is_spaced_evenly(spread(0, 30), 500, UNIT)  # so wide are gaps between columns
    assert not is_spaced_evenly([*spread(0, 8, words=5, width=240), *row(0, (270, 380), (388, 500))], 500, UNIT)
    assert not is_spaced_evenly(spread(0, 14, width=400), 500, UNIT)


def test_the_parts_of_a_fraction_are_no_rows() -> None:
    def formula(step: float) -> list[list[Box]]:
        return [row(100 + k * step, (100, 160), (260, 330), (420, 470)) for k in range(4)]

    for step, found in ((14.0, 0), (26.0, 1)):
        lines = formula(step)
        flow = [Box(100, line[0].y0, 470, line[0].y1) for line in lines]
        assert len(flow_boxes(flow, [word for line in lines for word in line], UNIT)) == found


def test_cells_in_the_middle_of_rows_of_two_lines_make_a_table() -> None:
    lines = [
        line
        for k in range(4)
        for line in (
            row(100 + 50 * k, (100, 160), (260, 330)),
            row(110 + 50 * k, (420, 470), (520, 560)),
            row(120 + 50 * k, (100, 150), (260, 300)),
        )
    ]
    flow = [Box(100, line[0].y0, 560, line[0].y1) for line in lines]

    (found,) = flow_boxes(flow, [word for line in lines for word in line], UNIT)

    assert found.y0 < 100 and found.y1 > 270


def test_a_numbered_formula_in_a_text_layer_is_lines_of_text() -> None:
    def table(*texts: str) -> Block:
        return Block("table", "\n".join(texts), lines=tuple(Line(text, Box(0, 0, 9, 9)) for text in texts))

    parted = _apart_lines(table("forces,\t\ufffd", "T = H2 + w2s2,\t(1)"))
    assert [(block.kind, block.text) for block in parted] == [
        ("paragraph", "forces, \ufffd"),
        ("paragraph", "T = H2 + w2s2, (1)"),
    ]
    for losses in (("Wharf\t(12)", "Mill\t(31)", "Lane\t(7)"), ("Wharf\t(1)", "Mill\t(2)", "Lane\t(3)")):
        assert _apart_lines(table(*losses)) == [table(*losses)]
