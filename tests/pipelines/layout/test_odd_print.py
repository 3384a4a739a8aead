"""Print that is not dark rows on white: light on bars, within outlines, in rings, sideways. It is read, or told of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.confidence.accounting import coverage
from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.layout import BandText, analyse, assemble
from dsvl2.pipelines.layout.bars import find_bars
from dsvl2.pipelines.layout.components import components
from dsvl2.pipelines.layout.letters import sort_components
from dsvl2.pipelines.layout.lines import Rows, glued_rows
from dsvl2.pipelines.layout.types import InkLine


def lines_within(layout, box):
    """Return the lines whose middle lies in a box (x0, y0, x1, y1) of the page."""
    found = []
    for line in (line for band in layout.bands for line in band.lines):
        own = layout.to_page(line.box)
        x, y = (own.x0 + own.x1) / 2, (own.y0 + own.y1) / 2
        if box[0] < x < box[2] and box[1] < y < box[3]:
            found.append(line)
    return found


def on_bar(sheet, box, text, *, tone=40, size=30):
    sheet.pen.rectangle(box, fill=tone)
    place = (box[0] + 30, (box[1] + box[3]) / 2)
    sheet.pen.text(place, text, font=ImageFont.load_default(size=size), fill=255, anchor="lm")


@pytest.mark.parametrize(
    ("box", "tone"),
    [((0, 0, 1240, 70), 0), ((0, 400, 700, 460), 60), ((200, 400, 1000, 460), 110), ((0, 1680, 1240, 1754), 40)],
)
def test_light_print_on_a_bar_is_a_dark_line(sheet, canvas, box, tone):
    sheet.prose(120, 160, 1000, 6)
    sheet.prose(120, 560, 1000, 8)
    on_bar(sheet, box, "Quarterly Summary 1987", tone=tone)
    layout = analyse(sheet.gray, canvas)
    (line,) = lines_within(layout, box)
    assert line.x1 - line.x0 == pytest.approx(
        ImageFont.load_default(size=30).getlength("Quarterly Summary 1987"), abs=12
    )
    band = next(band for band in layout.bands if line in band.lines)
    assert np.median(np.asarray(band.image)) == 255


def test_a_skewed_bar_is_read_too(sheet, canvas):
    sheet.prose(120, 160, 1000, 30)
    on_bar(sheet, (100, 1300, 1100, 1360), "Delivery Note 4711")
    turned = sheet.image.rotate(1.5, Image.Resampling.BICUBIC, fillcolor=255)
    layout = analyse(np.asarray(turned), canvas)
    assert lines_within(layout, (100, 1290, 1100, 1370))


def test_bars_without_print_and_pictures_stay(sheet):
    sheet.pen.rectangle((100, 100, 900, 160), fill=0)
    noise = np.random.default_rng(0).integers(0, 120, (300, 400), dtype=np.uint8)
    sheet.image.paste(Image.fromarray(noise), (100, 300))
    assert find_bars(sheet.gray) == []


def test_bars_of_a_chart_with_their_values_stay(sheet):
    for k, long in enumerate((300, 520, 410, 700)):
        on_bar(sheet, (200, 200 + 100 * k, 200 + long, 260 + 100 * k), "1,234", size=24)
    assert find_bars(sheet.gray) == []


@pytest.mark.parametrize(("shape", "rings"), [("ellipse", 1), ("ellipse", 2), ("rounded_rectangle", 1)])
def test_print_within_an_outline_is_read_without_it(sheet, canvas, shape, rings):
    sheet.prose(120, 160, 1000, 8)
    sheet.prose(120, 1000, 1000, 8)
    box = (380, 560, 860, 800)
    for k in range(rings):
        inner = (box[0] + 12 * k, box[1] + 12 * k, box[2] - 12 * k, box[3] - 12 * k)
        getattr(sheet.pen, shape)(inner, outline=0, width=4)
    sheet.pen.text((620, 680), "PAID IN FULL", font=ImageFont.load_default(size=44), fill=0, anchor="mm")
    layout = analyse(sheet.gray, canvas)
    (line,) = lines_within(layout, box)
    band = next(band for band in layout.bands if line in band.lines)
    assert len(band.lines) == 1
    assert all(region.kind == "text" for region in layout.regions)


def ring_of_letters(sheet, text, middle, radius):
    font = ImageFont.load_default(size=30)
    sheet.pen.ellipse(
        [middle[0] - radius - 24, middle[1] - radius - 24, middle[0] + radius + 24, middle[1] + radius + 24],
        outline=0,
        width=4,
    )
    for k, letter in enumerate(text):
        turn = 2 * math.pi * k / len(text)
        tile = Image.new("L", (60, 60), 0)
        ImageDraw.Draw(tile).text((30, 30), letter, font=font, fill=255, anchor="mm")
        tile = tile.rotate(-math.degrees(turn) - 90, Image.Resampling.BICUBIC)
        place = (round(middle[0] + radius * math.cos(turn) - 30), round(middle[1] + radius * math.sin(turn) - 30))
        sheet.image.paste(0, place, tile)


def told(layout, box):
    """Say whether the report of a page that was read with nothing in `box` names a place there."""
    page = PageResult(1, (), *layout.page_size)
    places = coverage(page, layout).unexplained
    return any(p.x0 < box[2] and p.x1 > box[0] and p.y0 < box[3] and p.y1 > box[1] for p in places)


def test_letters_in_a_ring_are_told_of_and_not_read(sheet, canvas):
    sheet.prose(120, 160, 1000, 8)
    ring_of_letters(sheet, "CITY COUNCIL REGISTRY OFFICE ", (620, 800), 150)
    layout = analyse(sheet.gray, canvas)
    box = (440, 620, 800, 980)
    assert not lines_within(layout, box)
    assert told(layout, box)


def sideways(text, *, size=28):
    font = ImageFont.load_default(size=size)
    strip = Image.new("L", (int(font.getlength(text)) + 20, 2 * size), 255)
    ImageDraw.Draw(strip).text((10, size), text, font=font, fill=0, anchor="lm")
    return strip.rotate(90, expand=True)


def test_a_short_line_alone_lies_sideways(canvas):
    page = Image.new("L", (500, 600), 255)
    page.paste(sideways("Delivery Note"), (200, 150))
    layout = analyse(np.asarray(page), canvas)
    assert layout.rotation in (90, 270)
    assert layout.tied


def test_figures_below_each_other_stand_upright(sheet, canvas):
    for k, figure in enumerate("1234567"):
        sheet.line(300, 300 + 34 * k, figure, 24)
    assert analyse(sheet.gray, canvas).rotation == 0


def test_a_sideways_line_beside_the_text_is_told_of(sheet, canvas):
    sheet.prose(180, 160, 900, 20)
    strip = sideways("Order Copy")
    sheet.image.paste(strip, (60, 400))
    layout = analyse(sheet.gray, canvas)
    box = (60, 400, 60 + strip.width, 400 + strip.height)
    assert not lines_within(layout, box)
    assert told(layout, box)


def test_rows_too_long_for_a_canvas_are_cut_and_come_back_in_order(canvas):
    font = ImageFont.load_default(size=20)
    page = Image.new("L", (6000, 200), 255)
    said = []
    for row, start in enumerate((20, 20, 20)):
        words = []
        x = float(start)
        while x < (5800 if row < 2 else 3000):
            words.append(f"{row}{len(words):03}")
            ImageDraw.Draw(page).text((x, 40 + 50 * row), words[-1], font=font, fill=0)
            x += font.getlength(words[-1] + " ")
        said += words
    layout = analyse(np.asarray(page), canvas)
    assert min(band.scale for band in layout.bands) > 0.7
    assert [len(band.lines) for band in layout.bands][:2] == [3, 3]
    texts = []
    for band in layout.bands:
        parts = []
        for line in band.lines:
            row = round((line.y0 - 40) / 50)
            gaps = font.getlength("0000 ")
            first, last = round((line.x0 - 20) / gaps), round((line.x1 + gaps - font.getlength("0000") - 20) / gaps)
            place = int(((line.middle - band.box.y0) * band.scale + band.offset[1]) // 8)
            parts.append(f"<|y_{place}|>" + " ".join(f"{row}{k:03}" for k in range(first, last)))
        texts.append(BandText("".join(parts)))
    blocks = assemble(layout, texts)
    assert " ".join(block.text for block in blocks).split() == said


def rows_of_boxes(joined):
    """Return (rows, components) of a plain line and of one of 12 pairs of dashes one above the other, `joined` by stems."""
    mask = np.zeros((120, 400), dtype=np.bool_)
    for k in range(12):
        x = 20 + 30 * k
        mask[10:20, x : x + 20] = True
        mask[50:60, x : x + 20] = mask[80:90, x : x + 20] = True
        if k < joined:
            mask[60:80, x : x + 2] = True
    found = components(mask)
    lines = (InkLine(20, 10, 370, 20, 10, 20), InkLine(20, 10, 370, 20, 10, 20), InkLine(20, 50, 370, 90, 50, 90))
    return Rows(lines, (0, 0, 0), np.where(found.y0 < 30, 0, 2)), found


@pytest.mark.parametrize(("joined", "cuts"), [(1, 1), (5, 1), (12, 0)])
def test_rows_are_cut_between_lines_and_not_through_letters(joined, cuts):
    rows, found = rows_of_boxes(joined)
    seams = glued_rows(rows, found, 120)
    assert len(seams) == cuts
    assert all(60 <= y < 80 for _, _, y in seams)


@pytest.mark.parametrize("gap", [1, 8])
def test_small_print_is_of_letters_or_of_words_that_run_together(gap):
    mask = np.zeros((60, 600), dtype=np.bool_)
    x = 10
    for _ in range(5):
        for _ in range(4 if gap > 1 else 1):
            wide = 6 if gap > 1 else 30
            mask[20:28, x : x + wide] = True
            mask[22:26, x + 2 : x + wide - 2] = False
            x += wide + 2
        x += 5
    sort = sort_components(mask, mask, 20.0)
    assert sort.letter.all()
    lone = sort_components(mask[:, :42], mask[:, :42], 20.0)
    assert not lone.letter.any() or gap > 1
