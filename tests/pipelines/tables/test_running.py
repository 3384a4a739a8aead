"""Born-digital pages without rules: tables are found among prose, and contents, listings and columns of text are none."""

import pymupdf
import pytest

from dsvl2.pipelines.documents import TextLayerUse
from dsvl2.pipelines.sources.pdf_text import layer_page
from dsvl2.pipelines.tables.merge import tables_of
from dsvl2.pipelines.textlayer import layer_result

USED = TextLayerUse("used", "good", "")
PROSE = "We recommend that the following work be done before the autumn, and that the"


def tables(lines, size=11.0, leading=15.0):
    """Print lines of (x, text) pairs, or (x, text, y in lines), and return the tables that are found."""
    document = pymupdf.open()
    page = document.new_page()
    for number, line in enumerate(lines):
        for x, text, *row in line if isinstance(line, list) else [(72, line)]:
            page.insert_text((x, 80 + (row[0] if row else number) * leading), text, fontsize=size)
    return tables_of(layer_result(layer_page(pymupdf, page), 1, 150.0, USED))


def wrapped(*, middle):
    """Rows of a label of two lines beside cells of one, which stand at its top or at its middle."""
    rows = []
    for k, name in enumerate(
        ("Northern rainfall of", "Brass gauges and the", "Second valve of the", "Iron stairs with a")
    ):
        top = 4 + 3.2 * k
        label = [(72, name, top), (72, "engine house", top + 1)]
        rows.append([*label, *((x, f"{k + 1}{x}.5", top + 0.5 * middle) for x in (230, 310, 400))])
    return rows


@pytest.mark.parametrize("middle", [False, True])
def test_labels_of_two_lines_beside_figures_are_rows_of_a_table(middle):
    (table,) = tables([PROSE, PROSE, "", *wrapped(middle=middle)])
    assert (table.rows, table.columns) == (4, 4)
    assert table.texts()[1] == ("Brass gauges and the\nengine house", "2230.5", "2310.5", "2400.5")


def test_rows_set_far_apart_are_not_one_row():
    cells = [
        [(72, "Feature"), (240, "Sample of it"), (400, "Setting")],
        [(72, "Plain"), (240, "any text"), (400, "a=0")],
    ]
    cells += [[(72, "Round"), (240, "any text"), (400, "a=1")], [(72, "Tall"), (240, "any text"), (400, "a=2")]]
    (table,) = tables(cells, leading=27.0)
    assert (table.rows, table.columns) == (4, 3)


def test_names_beside_values_are_a_row_a_line():
    names = ("name:", "phone:", "enterprise:", "e-mail:", "web:")
    (table,) = tables([[(72, name), (160, f"value of {name[:-1]} in the book")] for name in names])
    assert (table.rows, table.columns) == (5, 2)


@pytest.mark.parametrize(
    "lines",
    [
        [[(72, f"{k} Of the pumps " + ". " * 60), (500, str(3 * k))] for k in range(1, 9)],
        [[(72, f"1.{k}"), (110, "On pumps and valves"), (500, str(3 * k))] for k in range(1, 9)],
        [
            [(72, str(k)), (100, f"for name_{k} in names:"), (300, "# every one")][: 2 + k % 3 // 2]
            for k in range(11, 22)
        ],
        [[(72, "the pumps were run for six hours at"), (320, "full load and readings of the old one")]] * 2
        + [[(72, "A short line."), (320, "Another one.")]] * 2
        + [[(72, "were compared with those of the new"), (320, "instrument that was set up beside it")]] * 3,
        [[(150, "f(x)"), (200, f"= {k} x + y")] for k in range(5)],
    ],
    ids=["leaders", "contents", "listing", "columns", "equation"],
)
def test_what_only_stands_in_columns_is_no_table(lines):
    assert tables(["A title of the page", "", *lines]) == []


def test_years_beside_figures_are_a_table_though_they_count_upwards():
    (table,) = tables([[(72, str(1990 + k)), (200, f"{k * 37 % 11}.5")] for k in range(8)])
    assert (table.rows, table.columns) == (8, 2)


def test_a_title_in_large_print_is_no_row():
    document = pymupdf.open()
    page = document.new_page()
    for k, line in enumerate(("5. Page Layout", "Finding the text", "of pages from it")):
        for n, word in enumerate(line.split()):
            page.insert_text((72 + 130 * n, 90 + 50 * k), word, fontsize=36)
    for k in range(30):
        page.insert_text((72, 300 + 12 * k), PROSE, fontsize=9)
    assert tables_of(layer_result(layer_page(pymupdf, page), 1, 150.0, USED)) == []
