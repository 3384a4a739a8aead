"""What only looks like a table is read as lines of text."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.layout import analyse
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.tables.ink import without_rules


class Canvas:
    tile, max_columns, line_pitch, x_height, location_bins = 384, 4, 32.0, 12.0, 48


def page(draw_on, size=(1000, 1200)):
    image = Image.new("L", size, 255)
    draw_on(ImageDraw.Draw(image), ImageFont.load_default(size=20))
    return analyse(np.asarray(image), Canvas())


def kinds(layout):
    return [region.kind for region in layout.regions]


def rows(pen, font, top, *, across=True, wall=True, shift=0):
    for k in range(6):
        y = top + 44 * k
        pen.text((100, y + 12), f"Item number {k}", font=font, fill=0)
        pen.text((480, y + 12), f"{k}.50 and more", font=font, fill=0)
        if across:
            pen.line((80, y, 900, y), fill=0, width=2)
    pen.line((80, top + 264, 900, top + 264), fill=0, width=2)
    if wall:
        for x in (80, 460, 900):
            pen.line((x + shift, top, x + shift, top + 264), fill=0, width=2)


def test_ruled_table_stays_one():
    assert kinds(page(lambda pen, font: rows(pen, font, 200))) == ["table"]


def test_print_that_runs_out_of_a_frame_makes_it_no_table():
    def draw(pen, font):
        rows(pen, font, 200)
        pen.rectangle((860, 190, 990, 480), fill=255)
        for k in range(6):
            pen.text((700, 212 + 44 * k), "goes on beyond the wall", font=font, fill=0)
        pen.line((900, 200, 900, 464), fill=0, width=2)

    assert "table" not in kinds(page(draw))


def test_lines_to_write_on_are_no_table():
    def draw(pen, font):
        for k, (name, value) in enumerate(
            (("Name", "Ada King"), ("Town", "Torquay"), ("Date", "10 June"), ("Trade", "Mill")) * 2
        ):
            base = 200 + 60 * k
            pen.text((80, base), name, font=font, fill=0, anchor="ls")
            pen.text((320, base - 1), value, font=font, fill=0, anchor="ls")
            pen.text((560, base - 1), "of this", font=font, fill=0, anchor="ls")
            pen.line((300, base, 800, base), fill=0, width=2)

    layout = page(draw)
    assert "table" not in kinds(layout)
    assert sum(len(band.lines) for band in layout.bands) == 8


@pytest.mark.parametrize("tipped", [False, True])
def test_letters_keep_their_strokes_where_a_rule_crosses_them(tipped):
    flat = np.full((40, 200), 255, dtype=np.uint8)
    flat[20:22] = 0
    flat[10:30, 50:53] = 0
    rule = Rule(0, 20, 200, 22)
    if tipped:
        flat, rule = np.ascontiguousarray(flat.T), Rule(20, 0, 22, 200)
    bare = without_rules(flat, [rule])
    bare = bare.T if tipped else bare
    assert (bare[20:22, 50:53] == 0).all()
    assert (bare[20:22, :50] == 255).all()
    assert (bare[20:22, 53:] == 255).all()
