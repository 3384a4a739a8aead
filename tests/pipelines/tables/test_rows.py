"""Which lines are rows: wrapped cells, cells placed at the top, in the middle or at the bottom, columns and their borders."""

import pytest

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.columns import find_borders
from dsvl2.pipelines.tables.row_groups import group_rows
from dsvl2.pipelines.tables.wrapping import Printed, TextLine, is_number

UNIT, LEADING = 10.0, 24.0


def line(y, *cells):
    """A text line at height y: (column, text) pairs; columns are 200 wide, letters 8."""
    pieces = {}
    for column, text in cells:
        words = text.split()
        box = Box(200.0 * column, y, 200.0 * column + 8 * len(text), y + 14)
        pieces[column] = Printed(text, box, column, column, 8.0 * len(words[0]), 180.0)
    return TextLine(pieces)


def rows(*lines):
    return group_rows(lines, UNIT, LEADING)


def test_single_lines_are_rows():
    assert rows(*(line(24 * k, (0, f"Item {k}"), (1, f"{k}.5")) for k in range(5))) == [0, 1, 2, 3, 4]


def test_a_cell_that_runs_over_stays_in_its_row():
    assert rows(
        line(0, (0, "Total engines of the"), (1, "4.5")),
        line(24, (0, "northern railways")),
        line(48, (0, "Miles"), (1, "7.0")),
    ) == [0, 2]


def test_figures_beside_the_middle_of_a_taller_cell():
    assert rows(
        line(0, (0, "Total engines of the")),
        line(12, (1, "4.5")),
        line(24, (0, "northern railways")),
        line(52, (0, "Miles of track on the")),
        line(64, (1, "7.0")),
        line(76, (0, "southern lines")),
    ) == [0, 3]


def test_a_label_without_figures_is_a_row():
    assert rows(
        line(0, (0, "North"), (1, "1.0")),
        line(24, (0, "South:")),
        line(48, (0, "East"), (1, "2.0")),
        line(72, (0, "West"), (1, "3.0")),
    ) == [0, 1, 2, 3]


def test_walls_keep_lines_together():
    lines = [line(0, (0, "One two three"), (1, "Four five")), line(24, (0, "Six seven"), (1, "Eight"))]
    assert group_rows(lines, UNIT, LEADING) == [0, 1]
    assert group_rows(lines, UNIT, LEADING, walled=True) == [0]


def test_no_lines_no_rows():
    assert group_rows([], UNIT, LEADING) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.5", True),
        ("(45)", True),
        ("\u2212 3 %", True),
        ("\u2013", True),
        ("12*", True),
        ("n.a.", True),
        ("2.28b", True),
        ("x", False),
        ("", False),
    ],
)
def test_figures_are_told_from_words(text, number):
    assert is_number(text) is number


def words(*ends):
    return [Box(x0, 0, x1, 14) for x0, x1 in ends]


def test_borders_lie_in_the_white_between_columns():
    lines = [words((0, 40), (100, 140), (200 + 5 * k, 250)) for k in range(5)]
    first, second = find_borders(lines, UNIT)
    assert 40 < first < 100
    assert 140 < second < 200


def test_a_heading_over_two_columns_does_not_close_the_border():
    lines = [words((110, 230)), *(words((0, 40), (100, 140), (200, 250)) for _ in range(8))]
    assert len(find_borders(lines, UNIT)) == 2


def test_a_heading_wider_than_its_figures_belongs_to_one_column():
    lines = [words((0, 40), (80, 160), (170, 260)), *(words((0, 40), (110, 130), (200, 230)) for _ in range(9))]
    assert len(find_borders(lines, UNIT)) == 2


def test_word_spaces_are_no_borders():
    assert find_borders([words((0, 40), (46, 90), (96, 150)) for _ in range(6)], UNIT) == []
    assert find_borders([], UNIT) == []
