"""Tables without a rule: found where cells stand in rows, and only there; prose and signatures stay text."""

import textwrap

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout import analyse
from dsvl2.pipelines.tables.columns import find_borders, is_justified
from dsvl2.pipelines.tables.headings import heading_lines
from dsvl2.pipelines.tables.parted import beside_each_other, parted_boxes
from dsvl2.pipelines.tables.wrapping import Printed, TextLine

SENTENCE = "the pumps were run for six hours at full load and the readings of old brass gauges were compared"
CELLS = [
    ("Brass gauge, the older of the two", "read wrong by one per cent in the cold", "Mill Lane", "replace it"),
    ("Screen", "half closed by leaves since the storm of last autumn", "river side", "clean before the spring"),
    ("North window and the lead above it", "lead is cracked", "upper floor of the hall", "renew"),
    ("Second valve", "sticks when it is opened fast or in frost", "pump house", "order a new one of type B"),
    ("Iron stairs", "rust", "yard", "paint them again when it is dry"),
]


class Canvas:
    tile, max_columns, line_pitch, x_height, location_bins = 384, 4, 32.0, 12.0, 48


class Paper:
    def __init__(self, size=(1000, 1200)):
        self.image = Image.new("L", size, 255)
        self.pen = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(size=20)

    def text(self, x, y, text, wide=0, step=24):
        """Print a text, wrapped at `wide` letters; return where the next line would stand."""
        for line in textwrap.wrap(text, wide) if wide else [text]:
            self.pen.text((x, y), line, font=self.font, fill=0)
            y += step
        return y

    def row(self, y, cells, xs=(60, 290, 540, 760), wide=18, middle=False):
        tall = [len(textwrap.wrap(cell, wide)) for cell in cells]
        for x, cell, lines in zip(xs, cells, tall, strict=True):
            self.text(x, y + 12 * (max(tall) - lines) * middle, cell, wide)
        return y + 24 * max(tall) + 20

    def regions(self):
        return analyse(np.asarray(self.image), Canvas()).regions

    @property
    def kinds(self):
        return [region.kind for region in self.regions()]


def prose(paper, x, y, lines, wide):
    every = SENTENCE.split()
    for k in range(lines):
        words = [every[(3 * k + n) % len(every)] for n in range(12)]
        paper.text(x, y + 24 * k, " ".join(words)[:wide])
    return y + 24 * lines


@pytest.mark.parametrize("middle", [False, True])
def test_wrapped_cells_side_by_side_are_one_table_between_its_paragraphs(middle):
    paper = Paper()
    y = prose(paper, 60, 60, 4, 80) + 60
    for cells in CELLS:
        y = paper.row(y, cells, middle=middle)
    prose(paper, 60, y + 50, 4, 80)
    regions = paper.regions()
    assert [region.kind for region in regions] == ["text", "table", "text"]
    assert len(regions[1].table.drawn.xs) - 1 == 4


def test_two_columns_of_running_text_are_none():
    paper = Paper()
    for x, y in ((60, 60), (530, 66)):
        for lines in (7, 9, 6):
            y = prose(paper, x, y, lines, 38) + 14 + x // 20
    assert "table" not in paper.kinds


def test_columns_of_text_on_one_grid_with_common_breaks_are_none():
    paper = Paper()
    y = 60
    for lines in (7, 9, 8, 6):
        prose(paper, 60, y, lines, 38)
        y = prose(paper, 530, y, lines, 38) + 30
    assert "table" not in paper.kinds


def test_signatures_side_by_side_are_none():
    paper = Paper()
    prose(paper, 60, 60, 5, 80)
    for x in (60, 560):
        for k, line in enumerate(("THE MILL COMPANY", "By: Ada King", "Name: Ada King", "Title: Engineer")):
            paper.text(x, 260 + 40 * k + 20 * (k > 0), line)
    assert "table" not in paper.kinds


def test_light_print_on_a_dark_head_is_read_with_its_table():
    paper = Paper()
    paper.pen.rectangle((60, 60, 900, 120), fill=60)
    for k, (x, head) in enumerate(((80, "Name of the part"), (400, "How many are left"), (680, "Price of one"))):
        paper.pen.text((x, 80), head, font=paper.font, fill=255)
        for row in range(5):
            paper.text(x, 136 + 48 * row, ("Bolts of iron", "17 and 5", "4.50")[k])
    for x in (60, 380, 660, 900):
        paper.pen.line((x, 60, x, 360), fill=100, width=4)
    for row in range(6):
        paper.pen.line((60, 120 + 48 * row, 900, 120 + 48 * row), fill=100, width=4)
    assert paper.kinds == ["table"]


def test_leaves_that_break_off_at_their_own_heights_are_not_beside_each_other():
    left = [Box(0, 24 * k, 200, 24 * k + 18) for k in range(20)]
    right = [Box(260, 24 * k + 12, 460, 24 * k + 30) for k in range(20)]
    assert beside_each_other([left, right], 10) == []


def test_leaves_with_white_through_both_are():
    left = [Box(0, y, 200, y + 14) for y in (0, 24, 72, 120, 144, 192)]
    right = [Box(260, y, 460, y + 14) for y in (0, 72, 96, 120, 192)]
    assert beside_each_other([left, right], 10) == [Box(0, 0, 460, 206)]
    assert beside_each_other([left], 10) == []
    assert beside_each_other([], 10) == []


def test_nothing_to_look_at_is_no_table():
    assert parted_boxes([Box(0, 0, 100, 100)], [], 10) == []


def test_cells_of_one_two_and_three_lines_centred_beside_each_other_show_their_border():
    lines = []
    for top in range(0, 400, 80):
        lines += [[Box(0, top, 150, top + 14)], [Box(165, top + 12, 200, top + 26)], [Box(0, top + 24, 148, top + 38)]]
    assert len(find_borders(lines, 10)) == 1


def test_only_even_lines_are_running_text():
    even = [Box(0, 24 * k, 300, 24 * k + 14) for k in range(5)]
    assert is_justified([*even, Box(0, 120, 90, 134)], 10)
    assert not is_justified([Box(0, 24 * k, 300 - 40 * (k % 3), 24 * k + 14) for k in range(6)], 10)
    assert not is_justified([Box(0, 24 * k, 60, 24 * k + 14) for k in range(6)], 10)


def table(*rows):
    lines = []
    for y, texts in rows:
        pieces = {c: Printed(t, Box(200 * c, y, 200 * c + 90, y + 14), c, c, 40, 180) for c, t in texts.items()}
        lines.append(TextLine(pieces))
    return lines


class Unruled:
    """As much of a sketch as the head is judged by."""

    unit = 10.0

    class lattice:
        ys, ruled_y = (0, 500), (False, False)


BODY = [(72 + 24 * k, {0: f"Item {k}", 1: f"{k}.5", 2: f"{k}7"}) for k in range(4)]


def test_years_beside_words_are_headings():
    lines = table((0, {0: "Town", 1: "1984", 2: "Mean"}), *BODY)
    assert heading_lines(Unruled, lines, [len(lines)], 24) == 1


def test_a_row_of_years_alone_is_not_taken_for_more_than_it_shows():
    lines = table((0, {0: "Town", 1: "1984", 2: "1985"}), *BODY)
    assert heading_lines(Unruled, lines, [len(lines)], 24) == 0


def test_the_title_of_a_group_of_rows_is_no_heading():
    lines = table((0, {0: "Town", 1: "Rain", 2: "Snow"}), (36, {0: "North"}), *BODY)
    assert heading_lines(Unruled, lines, [len(lines)], 24) == 1
