"""Born-digital pages: tables from the file's words and lines alone, held against drawn tables with known cells."""

from random import Random

import pymupdf
import pytest

from dsvl2.pipelines.documents import TextLayerUse
from dsvl2.pipelines.sources.pdf_text import layer_page
from dsvl2.pipelines.tables.merge import tables_of
from dsvl2.pipelines.tables.teds import teds
from dsvl2.pipelines.textlayer import layer_result
from dsvl2.pipelines.training.tables_synthetic import STYLES, draw

USED = TextLayerUse("used", "good", "")


def result(document):
    page = pymupdf.open("pdf", document.tobytes())[0]
    return layer_result(layer_page(pymupdf, page), 1, 150.0, USED)


@pytest.mark.parametrize("style", STYLES)
def test_drawn_tables_come_back(style):
    scores = []
    for number in range(3):
        drawn = draw(Random(f"{style} {number}"), style)
        found = tables_of(result(drawn.document))
        best = max(found, key=lambda table: table.rows * table.columns, default=None)
        scores.append(teds(best, drawn.truth))
    assert sum(scores) / len(scores) > (0.6 if style == "none" else 0.85)


def test_a_table_stands_between_its_paragraphs():
    drawn = draw(Random(4), "grid", around=True)
    kinds = [block.kind for block in result(drawn.document).blocks]
    assert kinds.count("table") == 1
    assert kinds[0] != "table" != kinds[-1]


def test_every_word_of_the_page_is_kept():
    drawn = draw(Random(9), "booktabs", around=True)
    page = pymupdf.open("pdf", drawn.document.tobytes())[0]
    read = " ".join(block.text for block in result(drawn.document).blocks)
    assert sorted(read.split()) == sorted(page.get_text().split())


def test_cells_have_boxes_around_their_words():
    (table,) = tables_of(result(draw(Random(5), "grid").document))
    for cell in table.cells:
        assert cell.box is not None
        assert table.box.x0 - 1 <= cell.box.x0 < cell.box.x1 <= table.box.x1 + 1


def letter(lines, size=11.0, leading=15.0):
    document = pymupdf.open()
    page = document.new_page()
    for number, line in enumerate(lines):
        for x, text in line if isinstance(line, list) else [(72, line)]:
            page.insert_text((x, 80 + number * leading), text, fontsize=size)
    return document


def test_running_text_is_no_table():
    text = "We recommend that the following work be done before the autumn of the present year."
    assert tables_of(result(letter([text] * 20))) == []


def test_two_columns_of_text_are_no_table():
    left, right = "words that fill the left of two columns", "and the words of the column on the right"
    assert tables_of(result(letter([[(72, left), (320, right)]] * 20))) == []


def test_numbered_items_are_no_table():
    lines = [[(72, f"{n}."), (110, "an item of a list that says what is to be done by whom")] for n in range(1, 12)]
    assert tables_of(result(letter(lines))) == []


def test_three_columns_without_any_rule_are_a_table():
    lines = [[(72, f"Part {n}"), (220, f"{n * 7}.50"), (330, "in stock" if n % 3 else "sold out")] for n in range(9)]
    (table,) = tables_of(result(letter(["A list of parts follows.", "", *lines])))
    assert (table.rows, table.columns) == (9, 3)
    assert table.texts()[4] == ("Part 4", "28.50", "in stock")
