"""Ruled tables from ink to cells, with a reader that knows what stands where."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.types import BandText
from dsvl2.pipelines.tables.drawn import draw_tables, table_block
from dsvl2.pipelines.tables.ink import words_in


class Canvas:
    tile, max_columns, line_pitch, x_height, location_bins = 384, 4, 32.0, 12.0, 48


class Sheet:
    """A page on which texts are drawn at known places."""

    def __init__(self, size=(900, 700), paper=255):
        self.image = Image.new("L", size, paper)
        self.pen = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(size=18)
        self.texts = []

    def put(self, x, y, text, ink=0):
        self.pen.text((x, y), text, font=self.font, fill=ink)
        self.texts.append((x, y, text))

    def grid(self, xs, ys, width=1, ink=0):
        for x in xs:
            self.pen.line((x, ys[0], x, ys[-1]), fill=ink, width=width)
        for y in ys:
            self.pen.line((xs[0], y, xs[-1], y), fill=ink, width=width)

    def read(self, table):
        """Answer for every canvas what was drawn where its pieces were cut, as the model would print it."""
        answers = []
        for strip in table.strips:
            text = ""
            for line, number in zip(strip.band.lines, strip.members, strict=True):
                box = table.drawn.pieces[number].box
                inside = [t for x, y, t in self.texts if abs(x - box.x0) < 12 and abs(y - box.y0) < 14]
                text += f"<|y_{int((line.middle) // 8)}|>{inside[0] if inside else '?'}\n"
            answers.append(BandText(text))
        return answers

    def table(self):
        (table,) = draw_tables(np.asarray(self.image), 10.0, Canvas())
        return table_block(table, self.read(table), lambda box: box).table


def shape(table):
    return [[(cell.text, cell.rowspan, cell.colspan) for cell in row] for row in table.by_row()]


def test_grid_with_empty_cell():
    sheet = Sheet()
    sheet.grid((50, 300, 500, 700), (50, 90, 130, 170))
    for r, row in enumerate((("Name", "Price", "Left"), ("Bolts", "4.50", ""), ("Nuts", "3.20", "17"))):
        for c, text in enumerate(row):
            if text:
                sheet.put((60, 310, 510)[c], 58 + 40 * r, text)
    table = sheet.table()
    assert table.texts() == (("Name", "Price", "Left"), ("Bolts", "4.50", ""), ("Nuts", "3.20", "17"))
    assert table.header_rows == 1
    boxes = [cell.box for cell in table.cells]
    assert all(box is not None for box in boxes)
    assert boxes[0].x0 == pytest.approx(50, abs=3)


@pytest.mark.parametrize(("paper", "ink", "width"), [(255, 0, 1), (205, 0, 5), (255, 150, 2), (60, 255, 1)])
def test_rules_of_any_tone_and_thickness(paper, ink, width):
    sheet = Sheet(paper=paper)
    sheet.grid((50, 300, 500), (50, 90, 130), width, ink)
    print_in = 255 if paper < 100 else 0
    for r in range(2):
        for c in range(2):
            sheet.put((60, 310)[c], 60 + 40 * r, f"cell {r}{c}", print_in)
    assert sheet.table().texts() == (("cell 00", "cell 01"), ("cell 10", "cell 11"))


def test_white_print_on_a_dark_head():
    sheet = Sheet()
    sheet.pen.rectangle((50, 50, 500, 90), fill=90)
    sheet.grid((50, 300, 500), (50, 90, 130, 170))
    for r in range(3):
        for c in range(2):
            sheet.put((60, 310)[c], 60 + 40 * r, f"cell {r}{c}", 0 if r else 255)
    assert sheet.table().texts()[0] == ("cell 00", "cell 01")


def test_missing_walls_are_spans():
    sheet = Sheet()
    sheet.grid((50, 250, 450, 650), (50, 90, 130, 170))
    sheet.pen.line((450, 52, 450, 88), fill=255)  # a heading over two columns
    sheet.pen.line((52, 130, 248, 130), fill=255)  # a label over two rows
    for x, y, text in (
        (60, 60, "Kind"), (400, 60, "Both years"), (60, 120, "Label"),
        (260, 100, "a1"), (460, 100, "a2"), (260, 140, "b1"), (460, 140, "b2"),
    ):  # fmt: skip
        sheet.put(x, y, text)
    assert shape(sheet.table()) == [
        [("Kind", 1, 1), ("Both years", 1, 2)],
        [("Label", 2, 1), ("a1", 1, 1), ("a2", 1, 1)],
        [("b1", 1, 1), ("b2", 1, 1)],
    ]


def test_lines_of_a_walled_cell_are_one_cell():
    sheet = Sheet()
    sheet.grid((50, 300, 500), (50, 90, 160, 200, 240))
    sheet.put(60, 58, "Item")
    sheet.put(310, 58, "Price")
    sheet.put(60, 100, "A long description")
    sheet.put(60, 128, "of the item")
    sheet.put(310, 100, "17.00")
    for r, text in ((168, "Second"), (208, "Third")):
        sheet.put(60, r, text)
        sheet.put(310, r, "4.00")
    assert sheet.table().texts()[1] == ("A long description\nof the item", "17.00")


def test_rules_without_walls_get_columns_from_white_space():
    sheet = Sheet()
    for y in (50, 90, 130, 170, 210):
        sheet.pen.line((50, y, 700, y), fill=0)
    sheet.pen.line((50, 50, 50, 210), fill=0)  # one wall at the left
    for r in range(4):
        for c, x in enumerate((60, 310, 520)):
            sheet.put(x, 60 + 40 * r, f"cell {r}{c}")
    assert sheet.table().texts()[3] == ("cell 30", "cell 31", "cell 32")


def test_a_frame_around_a_paragraph_is_no_table():
    sheet = Sheet()
    sheet.grid((50, 800), (50, 400))
    for r in range(8):
        sheet.put(60, 60 + 30 * r, "words of a paragraph that goes on and on and on")
    assert draw_tables(np.asarray(sheet.image), 10.0, Canvas()) == []


def test_a_net_without_text_is_no_table():
    sheet = Sheet()
    sheet.grid(range(50, 800, 50), range(50, 600, 50))
    assert draw_tables(np.asarray(sheet.image), 10.0, Canvas()) == []


def test_an_empty_page_has_no_tables():
    assert draw_tables(np.full((300, 300), 255, np.uint8), 0.0, Canvas()) == []
    assert draw_tables(np.full((300, 300), 255, np.uint8), 10.0, Canvas()) == []


@pytest.mark.parametrize(("space", "words"), [(6, 1), (16, 2)])
def test_a_point_near_the_figures_on_both_sides_of_it_parts_no_word(space: int, words: int) -> None:
    flat = np.full((60, 200), 255, np.uint8)
    for x in (
        20,
        31,
        31 + 9 + 6 + 4 + space,
        31 + 9 + 6 + 4 + space + 11,
    ):  # figures 9 wide, 12 tall, as typewriters have them
        flat[20:32, x : x + 9] = 0
    flat[29:32, 46:49] = 0
    found = words_in(flat, Box(0, 0, 200, 60), 12.0)
    assert len(found) == words and (words == 2 or found[0] == Box(20, 20, 31 + 9 + 6 + 4 + space + 20, 32))
