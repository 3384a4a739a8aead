"""Text layers become the blocks that reading would give: headings, paragraphs, lists, tables, columns, boxes."""

from __future__ import annotations

import pymupdf
import pytest

from dsvl2.pipelines.documents import Document, PageResult, ReadPage
from dsvl2.pipelines.formats import get_format, render_output
from dsvl2.pipelines.run import document_head, run
from dsvl2.pipelines.sources import SourceOptions, open_source
from dsvl2.pipelines.tasks import OcrTask

LEFT = "Left column text that goes on for some lines and holds a hyphenated exam- ple of the usual kind in it. "
RIGHT = "Right column words follow after all of the left ones, whatever their order in the file may have been. "


def read(pdf: pymupdf.Document) -> PageResult:
    with open_source(pdf.tobytes(), SourceOptions(text_layer="force")) as source:
        (page,) = source
    assert isinstance(page, ReadPage)
    return page.result


def test_headings_paragraphs_and_lists() -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    page.insert_text((60, 80), "A large title", fontsize=22)
    page.insert_text((60, 120), "A bold heading", fontname="hebo")
    page.insert_textbox(pymupdf.Rect(60, 130, 400, 230), LEFT * 3)
    page.insert_text((60, 260), "1. the first item")
    page.insert_text((60, 276), "2. the second item")
    page.insert_text((60, 310), "- a bullet")
    blocks = read(pdf).blocks
    assert [block.kind for block in blocks] == [
        "heading",
        "heading",
        "paragraph",
        "list_item",
        "list_item",
        "list_item",
    ]
    assert (blocks[0].text, blocks[0].level) == ("A large title", 1)
    assert blocks[1].level > 1
    assert blocks[5].text == "a bullet"
    assert "goes on for some lines" in blocks[2].text


def test_headings_of_two_sizes_are_two() -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    page.insert_text((60, 80), "Title", fontsize=22)
    page.insert_text((60, 100), "Subtitle", fontsize=15)
    page.insert_textbox(pymupdf.Rect(60, 120, 400, 330), LEFT * 5)
    assert [block.text for block in read(pdf).blocks][:2] == ["Title", "Subtitle"]


@pytest.mark.parametrize("swapped", [False, True])
def test_columns_are_read_one_after_the_other(swapped: bool) -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    page.insert_text((60, 60), "A title that runs over both of the columns of this page", fontsize=16)
    columns = [(pymupdf.Rect(60, 80, 285, 500), LEFT * 6), (pymupdf.Rect(310, 80, 535, 500), RIGHT * 6)]
    for box, text in reversed(columns) if swapped else columns:
        page.insert_textbox(box, text)
    text = read(pdf).text
    assert text.startswith("A title that runs over both")
    assert text.index("Left column") < text.rindex("Left column") < text.index("Right column")


def test_rows_with_wide_gaps_are_a_table() -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    for row, cells in enumerate([("Part", "Price"), ("Seal", "12.50"), ("Gauge", "88.00")]):
        for column, cell in enumerate(cells):
            page.insert_text((60 + 200 * column, 100 + 16 * row), cell)
    (table,) = read(pdf).blocks
    assert table.rows == (("Part", "Price"), ("Seal", "12.50"), ("Gauge", "88.00"))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_boxes_are_on_the_page_as_shown(turn: int) -> None:
    pdf = pymupdf.open()
    page = pdf.new_page(width=400, height=600)
    page.insert_text((60, 100), "first second", fontsize=20)
    page.set_rotation(turn)
    (shown,) = (pymupdf.Rect(box) * page.rotation_matrix for box in [page.search_for("second")[0]])
    result = read(pdf)
    assert result.rotation == (360 - turn) % 360
    assert (result.width_px, result.height_px) == ((834, 1250) if turn in (0, 180) else (1250, 834))
    (line,) = result.blocks[0].lines
    assert [word.text for word in line.words] == ["first", "second"]
    zoom = result.dpi / 72
    word = line.words[1].box
    for found, wanted in zip((word.x0, word.y0, word.x1, word.y1), shown, strict=True):
        assert abs(found / zoom - wanted) < 2
    assert line.box is not None
    middle = ((line.box.x0 + line.box.x1) / 2 / zoom, (line.box.y0 + line.box.y1) / 2 / zoom)
    first = pymupdf.Rect(page.search_for("first second")[0]) * page.rotation_matrix
    assert pymupdf.Point(*middle) in first


def test_text_across_the_page_comes_last() -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    page.insert_text((30, 400), "stamp in the margin", rotate=90)
    page.insert_textbox(pymupdf.Rect(60, 80, 400, 330), LEFT * 3)
    result = read(pdf)
    assert result.rotation == 0
    assert result.blocks[-1].text == "stamp in the margin"


def test_a_digital_document_needs_no_engine_and_names_none() -> None:
    pdf = pymupdf.open()
    pdf.new_page().insert_textbox(pymupdf.Rect(60, 80, 400, 330), LEFT * 3)
    pdf.new_page()
    data = pdf.tobytes()
    with open_source(data, SourceOptions(text_layer="auto")) as source:
        head = document_head(source, None)
        pages = tuple(run(OcrTask(), source, None))
        assert head.model is None
        assert dict(head.options)["text_layer"] == "auto"
        assert [page.blank for page in pages] == [False, True]
        assert all(page.error is None for page in pages)
        assert render_output(get_format("pdf"), Document("x", pages), source.original) == data, (
            "the text is there already"
        )
    with open_source(data) as source:
        assert [page.error is not None for page in run(OcrTask(), source, None)] == [True, True]
