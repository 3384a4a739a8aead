"""A page becomes bands: upright, in reading order, every printed line once."""

from __future__ import annotations

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.layout import analyse
from dsvl2.pipelines.layout.lines import Rows


def texts_in_order(layout, rows):
    """Return for each ink line, in reading order, the index of the written row it covers."""
    order = []
    for band in layout.bands:
        for line in band.lines:
            box = layout.to_page(line.box)
            near = [
                k
                for k, (x0, base, x1) in enumerate(rows)
                if box.y0 < base - 3 < box.y1 and min(box.x1, x1) - max(box.x0, x0) > 0.8 * (x1 - x0)
            ]
            order.append(near)
    return order


def test_every_line_is_in_exactly_one_band(sheet, canvas):
    sheet.prose(120, 160, 1000, 42)
    layout = analyse(sheet.gray, canvas)
    assert texts_in_order(layout, sheet.rows) == [[k] for k in range(42)]


def test_bands_have_the_canvas_size_and_a_white_rim(sheet, canvas):
    sheet.prose(120, 160, 1000, 42)
    for band in analyse(sheet.gray, canvas).bands:
        assert band.image.height == 384
        assert band.image.width in (384, 768, 1152)
        assert band.image.mode == "L"
        pixels = np.asarray(band.image)
        assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) > 200


def test_bands_are_balanced(sheet, canvas):
    sheet.prose(120, 160, 1000, 37)
    sizes = [len(band.lines) for band in analyse(sheet.gray, canvas).bands]
    assert max(sizes) - min(sizes) <= 2
    assert 4 <= len(sizes) <= 6


def test_dense_text_gets_the_profiles_pitch(sheet, canvas):
    sheet.prose(120, 160, 700, 40, size=14)
    layout = analyse(sheet.gray, canvas)
    assert layout.line_pitch == pytest.approx(20, abs=1)
    for band in layout.bands:
        assert band.scale * layout.line_pitch == pytest.approx(32, rel=0.1)


def test_canvas_rows_lead_back_to_page_rows(sheet, canvas):
    sheet.prose(120, 160, 1000, 12)
    for band in analyse(sheet.gray, canvas).bands:
        ink_rows = np.flatnonzero(np.asarray(band.image).min(axis=1) < 128)
        assert band.row(float(ink_rows[0])) == pytest.approx(band.lines[0].y0, abs=2)
        assert band.row(float(ink_rows[-1]) + 1) == pytest.approx(band.lines[-1].y1, abs=2)


@pytest.mark.parametrize("angle", [-11.5, -8.0, 7.2, 10.0])
def test_a_page_that_lies_far_askew_is_levelled_and_not_called_blank(sheet, canvas, angle):
    sheet.prose(260, 420, 700, 24)
    turned = sheet.image.rotate(-angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    layout = analyse(np.asarray(turned), canvas)
    assert not layout.blank
    assert layout.skew == pytest.approx(angle, abs=0.1)
    assert sum(len(band.lines) for band in layout.bands) == 24


@pytest.mark.parametrize("seed", range(6))
def test_drawings_and_screens_are_not_turned_far(canvas, seed):
    rng = np.random.default_rng(seed)
    gray = np.full((900, 700), 255, dtype=np.uint8)
    slope = np.tan(np.radians(rng.uniform(7, 19)))
    y, x = np.mgrid[0:900, 0:700]
    gray[((y - slope * x) % rng.integers(30, 60)) < 3] = 0  # hatching
    assert abs(analyse(gray, canvas).skew) <= 6


@pytest.mark.parametrize("angle", [-4.3, -0.7, 0.35, 2.6])
def test_skew_is_found_within_a_tenth_of_a_degree(sheet, canvas, angle):
    sheet.prose(160, 220, 900, 36)
    turned = sheet.image.rotate(-angle, Image.Resampling.BICUBIC, fillcolor=255)
    layout = analyse(np.asarray(turned), canvas)
    assert layout.skew == pytest.approx(angle, abs=0.1)
    assert sum(len(band.lines) for band in layout.bands) == 36


def test_level_page_is_not_touched(sheet, canvas):
    sheet.prose(120, 160, 1000, 30)
    layout = analyse(sheet.gray, canvas)
    assert (layout.skew, layout.rotation, layout.matrix) == (0.0, 0, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_turned_page_is_stood_upright(sheet, canvas, clockwise):
    sheet.prose(120, 160, 1000, 36)
    lying = np.ascontiguousarray(np.rot90(sheet.gray, clockwise // 90))
    layout = analyse(lying, canvas)
    assert layout.rotation == clockwise
    first = layout.to_page(layout.bands[0].lines[0].box)
    inside = lying[int(first.y0) : int(first.y1), int(first.x0) : int(first.x1)]
    assert inside.min() < 100
    assert sum(len(band.lines) for band in layout.bands) == 36


def test_two_columns_under_a_title_are_read_one_after_the_other(sheet, canvas):
    sheet.line(330, 150, "A Title Across Both Columns", 44)
    sheet.prose(100, 260, 490, 40, seed=1)
    sheet.prose(650, 272, 490, 40, seed=2)
    sheet.line(600, 1640, "17")
    layout = analyse(sheet.gray, canvas)
    assert texts_in_order(layout, sheet.rows) == [[k] for k in range(82)]


def test_a_page_number_in_the_middle_of_the_gutter_does_not_part_it(sheet, canvas):
    sheet.prose(100, 260, 490, 40, seed=1)
    sheet.prose(660, 260, 490, 40, seed=2)
    sheet.line(619, 1640, "5")
    layout = analyse(sheet.gray, canvas)
    assert texts_in_order(layout, sheet.rows) == [[k] for k in range(81)]


def test_heading_across_columns_splits_them(sheet, canvas):
    for part, top in enumerate((150, 900)):
        sheet.line(240, top, "A heading that reaches over both of the columns", 34)
        sheet.prose(100, top + 60, 490, 18, seed=2 * part)
        sheet.prose(650, top + 60, 490, 18, seed=2 * part + 1)
    layout = analyse(sheet.gray, canvas)
    assert texts_in_order(layout, sheet.rows) == [[k] for k in range(74)]


def test_table_is_not_torn(sheet, canvas):
    for k in range(24):
        for x, text in ((120, f"Item number {k}"), (620, f"{k * 7}.50"), (900, "in stock" if k % 3 else "sold out")):
            sheet.line(x, 200 + 40 * k, text)
    (region,) = analyse(sheet.gray, canvas).regions
    assert region.table is not None
    pieces = region.table.drawn.pieces
    assert [piece.first for piece in pieces] == [0, 1, 2] * 24
    assert all(abs(a.box.y1 - b.box.y1) < 12 for a, b in zip(pieces[::3], pieces[1::3], strict=True))


def test_key_value_form_stays_in_rows(sheet, canvas):
    for k, key in enumerate(("Name", "Street", "Town", "Country", "Telephone", "Date of birth", "Account")):
        sheet.line(120, 200 + 60 * k, key + ":")
        sheet.line(700, 200 + 60 * k, f"value {k}")
    (region,) = analyse(sheet.gray, canvas).regions
    assert region.table is not None
    assert [piece.first for piece in region.table.drawn.pieces] == [0, 1] * 7


def test_what_a_table_at_the_edge_of_the_page_holds_is_not_read_twice(canvas):
    document = pymupdf.open()
    page = document.new_page(width=595, height=285)
    for k in range(16):
        for x, text in (
            (72 if k % 4 == 0 else 100, f"{k}. Chapter of {37 * k}"),
            (400, f"{11 + k}"),
            (500, f"{277 + k}"),
        ):
            page.insert_text((x, 6 + 18 * k), text, fontsize=9)
    drawn = page.get_pixmap(dpi=150, colorspace=pymupdf.csGRAY)
    layout = analyse(np.frombuffer(drawn.samples, dtype=np.uint8).reshape(drawn.height, drawn.width), canvas)
    assert [region.kind for region in layout.regions] == ["table"]


def test_ruled_table_keeps_its_rows(sheet, canvas):
    for k in range(12):
        sheet.pen.line((100, 210 + 44 * k, 1140, 210 + 44 * k), fill=0, width=2)
        sheet.line(120, 196 + 44 * k, f"first cell {k}")
        sheet.line(760, 196 + 44 * k, f"second {k}")
    sheet.pen.line((640, 170, 640, 700), fill=0, width=2)
    layout = analyse(sheet.gray, canvas)
    (region,) = layout.regions
    assert region.kind == "table"
    assert region.table is not None
    pieces = [(piece.first, round(piece.box.y0, -1)) for piece in region.table.drawn.pieces]
    assert [column for column, _ in pieces] == [0, 1] * 12
    assert all(abs(left[1] - right[1]) <= 10 for left, right in zip(pieces[::2], pieces[1::2], strict=True))


def test_no_slivers_of_neighbour_lines_in_tight_text(sheet, canvas):
    for k in range(30):  # descenders reach into the next line's ascenders
        sheet.line(120, 200 + 23 * k, "gypsy jumping lofty highly typed judged boldly flying happily", 24)
    layout = analyse(sheet.gray, canvas)
    assert sum(len(band.lines) for band in layout.bands) == 30
    for band in layout.bands:
        rows = np.asarray(band.image).min(axis=1) < 160
        runs = np.flatnonzero(np.diff(np.concatenate([[0], rows.astype(int), [0]])))
        heights = runs[1::2] - runs[::2]
        assert heights.min() > 0.5 * 12


@pytest.mark.parametrize("height", [30, 44, 60])
def test_one_line_image_without_margins(new_sheet, canvas, height):
    line = new_sheet(900, height)
    line.line(2, height * 0.75, "A single cropped line of text, no margin", height * 0.8)
    layout = analyse(line.gray, canvas)
    assert len(layout.bands) == 1
    assert len(layout.bands[0].lines) == 1
    assert not layout.blank


def test_page_of_one_character(new_sheet, canvas):
    page = new_sheet(300, 200)
    page.line(140, 100, "7", 30)
    layout = analyse(page.gray, canvas)
    assert [len(band.lines) for band in layout.bands] == [1]


def test_tiny_image_does_not_fail(canvas):
    assert analyse(np.full((1, 1), 255, dtype=np.uint8), canvas).blank
    assert analyse(np.full((3, 500), 255, dtype=np.uint8), canvas).blank


def test_huge_title_fits_the_canvas(new_sheet, canvas):
    page = new_sheet(3000, 1500)
    page.line(100, 1000, "HUGE Type", 560)
    layout = analyse(page.gray, canvas)
    assert len(layout.bands) == 1
    assert np.asarray(layout.bands[0].image).min() < 60


def test_blank_page_with_dust_is_blank(sheet, canvas):
    random = np.random.default_rng(3)
    for x, y in random.integers(20, 1200, (150, 2)):
        sheet.pen.point((int(x), int(y)), fill=0)
    assert analyse(sheet.gray, canvas).blank


def test_white_and_black_pages_are_blank(canvas):
    assert analyse(np.full((400, 300), 255, dtype=np.uint8), canvas).blank
    assert analyse(np.zeros((400, 300), dtype=np.uint8), canvas).blank


def test_dark_scan_border_is_no_text(sheet, canvas):
    sheet.prose(160, 200, 900, 30)
    gray = sheet.gray.copy()
    gray[:, :70] = 25
    gray[:50] = 40
    layout = analyse(gray, canvas)
    assert texts_in_order(layout, sheet.rows) == [[k] for k in range(30)]
    assert all(region.kind == "text" for region in layout.regions)


@pytest.mark.parametrize("clockwise", [90, 270])
def test_a_turned_page_of_few_lines_is_stood_upright_too(canvas, clockwise):
    image = Image.new("L", (1000, 500), 255)
    font = ImageFont.load_default(26)
    for row, text in enumerate(("The harbour master keeps a book of all", "that pass the light; it has no faults.")):
        ImageDraw.Draw(image).text((80, 80 + 44 * row), text, 0, font)
    page = np.asarray(image.rotate(clockwise, expand=True))
    assert analyse(page, canvas).rotation == clockwise


def test_light_text_on_dark_is_turned_to_dark_on_white(sheet, canvas):
    sheet.prose(120, 160, 1000, 20)
    layout = analyse(255 - sheet.gray, canvas)
    assert sum(len(band.lines) for band in layout.bands) == 20
    assert np.median(np.asarray(layout.bands[0].image)) > 240


def test_uneven_paper_becomes_white(sheet, canvas):
    sheet.prose(120, 160, 1000, 20)
    shade = np.linspace(0.55, 0.95, sheet.width)[None] * np.ones((sheet.height, 1))
    layout = analyse((sheet.gray * shade).astype(np.uint8), canvas)
    assert sum(len(band.lines) for band in layout.bands) == 20
    for band in layout.bands:
        assert np.percentile(np.asarray(band.image), 40) > 235


def test_figure_becomes_a_region_without_bands(sheet, canvas):
    sheet.prose(120, 160, 1000, 10)
    sheet.pen.ellipse((300, 560, 900, 960), fill=60)
    sheet.prose(120, 1060, 1000, 10, seed=1)
    layout = analyse(sheet.gray, canvas)
    assert [region.kind for region in layout.regions].count("figure") == 1
    assert texts_in_order(layout, sheet.rows) == [[k] for k in range(20)]


def test_wide_gap_between_blocks_of_other_size_changes_the_scale(sheet, canvas):
    sheet.prose(120, 160, 1000, 14, size=30)
    sheet.prose(120, 1200, 700, 14, size=13)
    scales = [band.scale for band in analyse(sheet.gray, canvas).bands]
    assert max(scales) > 1.6 * min(scales)


def test_two_runs_give_the_same_bands(sheet, canvas):
    sheet.prose(120, 160, 1000, 20)
    first, second = analyse(sheet.gray, canvas), analyse(sheet.gray, canvas)
    assert [b.image.tobytes() for b in first.bands] == [b.image.tobytes() for b in second.bands]


def test_wrong_arrays_are_refused(canvas):
    with pytest.raises(ValueError, match="grey uint8"):
        analyse(np.zeros((10, 10, 3), dtype=np.uint8), canvas)
    with pytest.raises(ValueError, match="grey uint8"):
        analyse(np.zeros((10, 10), dtype=np.float32), canvas)


def test_few_lines_leave_a_tie_and_can_be_stood_on_the_other_end(sheet, canvas):
    sheet.line(120, 160, "Date: 12 May 2024")
    layout, other = analyse(sheet.gray, canvas), analyse(sheet.gray, canvas, over=True)
    assert layout.tied and other.tied
    assert (layout.rotation, other.rotation) == (0, 180)
    (line,) = other.bands[0].lines
    assert other.to_page(line.box).y0 == pytest.approx(layout.bands[0].lines[0].y0, abs=2)


def test_a_page_of_prose_says_which_way_up_it_stands(sheet, canvas):
    sheet.prose(120, 160, 1000, 30)
    assert not analyse(sheet.gray, canvas).tied
    assert not analyse(np.ascontiguousarray(sheet.gray[::-1, ::-1]), canvas).tied


def test_a_few_lines_that_lean_one_way_leave_it_to_the_reading():
    from dsvl2.pipelines.layout import rotation

    def leaning(standing: int, hanging: int) -> tuple[bool, bool]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rotation, "ascender_balance", lambda *_: (0.04, 0.065, standing, hanging))
            return rotation.is_upside_down(None, Rows((None,) * 8, (), None))

    assert leaning(1, 4) == (True, False)
    assert leaning(0, 8) == (True, True)
    assert leaning(8, 1) == (False, True)
    assert leaning(4, 0) == (False, False)
