"""Formats with coordinates: TSV, hOCR, ALTO and HTML say the same of a page, in valid files."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageError, PageResult, Word
from dsvl2.pipelines.formats import RenderOptions, document_record, get_format
from dsvl2.pipelines.formats.places import clean, placed_blocks

XHTML = "{http://www.w3.org/1999/xhtml}"
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


def document() -> Document:
    """One page of every kind of block, with and without boxes, and two that have none."""
    words = (Word("one", Box(11, 41, 70, 58), 0.4), Word("two", Box(80, 41, 160, 58)))
    blocks = (
        Block("heading", 'Nuts & "bolts"', Box(10, 10, 200, 30), 2, (Line('Nuts & "bolts"', Box(10, 10, 200, 30), 0.97),)),
        Block(
            "paragraph",
            "one two three",
            Box(10.4, 40.2, 200, 80),
            lines=(
                Line("one two", Box(10.4, 40.2, 200, 58), 0.5, words),
                Line("three", Box(10, 60, 90, 80), 1.0),
            ),
        ),
        Block("list_item", "a <b>", level=0),
        Block("list_item", "deep\x0b er", level=1),
        Block("list_item", "(a) own label"),
        Block("figure", "", Box(-3, 90, 999, 130)),
        Block("table", "a\tb\nc\td", rows=(("a", "b"), ("c", "d"))),
        Block("code", "x < 1\n  y"),
        Block("formula", "a^2"),
    )  # fmt: skip
    page = PageResult(3, blocks, 240, 320, 150.0, skew=0.5, confidence=0.9)
    blank, bad = PageResult(4, width_px=5, height_px=6, blank=True), PageResult(5, error=PageError("x", "is <bad>"))
    return Document('in/ä "x"; y.pdf', (page, blank, bad))


@pytest.mark.parametrize("name", ["hocr", "alto"])
def test_xml_is_well_formed_and_carries_the_ids_of_the_json(name: str) -> None:
    tree = ElementTree.fromstring(get_format(name).render(document()))
    ids = [value for element in tree.iter() if (value := element.get("id") or element.get("ID"))]
    assert len(ids) == len(set(ids))
    for page in document_record(document())["pages"]:
        for block in page["blocks"]:
            assert block["id"] in ids
            assert all(line["id"] in ids for line in block["lines"])


def test_hocr_has_pages_areas_paragraphs_lines_and_words_inside_each_other() -> None:
    tree = ElementTree.fromstring(get_format("hocr").render(document()))
    pages = tree.findall(f".//{XHTML}div[@class='ocr_page']")
    assert [page.get("id") for page in pages] == ["page_3", "page_4", "page_5"]
    assert pages[0].get("title") == "image \"in/ä 'x', y.pdf\"; bbox 0 0 240 320; ppageno 2; scan_res 150 150"
    words = pages[0].findall(
        f"{XHTML}div[@class='ocr_carea']/{XHTML}p[@class='ocr_par']/{XHTML}span[@class='ocr_line']/{XHTML}span"
    )
    assert [word.text for word in words][:6] == ["Nuts", "&", '"bolts"', "one", "two", "three"]
    assert words[3].get("title") == "bbox 11 41 70 58; x_wconf 40"
    assert words[4].get("title") == "bbox 80 41 160 58"
    assert pages[0].find(f"{XHTML}div[@class='ocr_photo']").get("title") == "bbox 0 90 240 130"  # type: ignore[union-attr]


def test_alto_keeps_to_its_element_order_and_counts_in_pixels() -> None:
    tree = ElementTree.fromstring(get_format("alto").render(document()))
    assert [child.tag for child in tree] == [ALTO + "Description", ALTO + "Layout"]
    assert tree.findtext(f".//{ALTO}MeasurementUnit") == "pixel"
    page = tree.find(f".//{ALTO}Page")
    assert page is not None
    assert (page.get("WIDTH"), page.get("PHYSICAL_IMG_NR"), page.get("PC")) == ("240", "3", "0.900")
    for line in page.iter(ALTO + "TextLine"):
        kinds = [child.tag.removeprefix(ALTO) for child in line]
        assert kinds[0] == kinds[-1] == "String"
        assert all(a != b for a, b in itertools.pairwise(kinds)), "strings and spaces take turns"
    string = next(s for s in page.iter(ALTO + "String") if s.get("CONTENT") == "one")
    assert [string.get(key) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT", "WC")] == ["11", "41", "59", "17", "0.400"]


def test_tsv_has_tesseracts_columns_and_levels() -> None:
    rows = [line.split("\t") for line in get_format("tsv").render(document()).splitlines()]
    assert rows[0] == [
        "level",
        "page_num",
        "block_num",
        "par_num",
        "line_num",
        "word_num",
        "left",
        "top",
        "width",
        "height",
        "conf",
        "text",
    ]
    assert all(len(row) == 12 for row in rows)
    assert rows[1][:11] == ["1", "3", "0", "0", "0", "0", "0", "0", "240", "320", "-1"]
    words = [row for row in rows[1:] if row[0] == "5"]
    assert [row[11] for row in words][:5] == ["Nuts", "&", '"bolts"', "one", "two"]
    assert words[3][1:11] == ["3", "2", "1", "1", "1", "11", "41", "59", "17", "40"]
    assert words[4][10] == "-1"
    assert [row[1] for row in rows[1:] if row[0] == "1"] == ["3", "4", "5"]
    assert get_format("tsv").render(Document("x", ())).count("\n") == 1


def test_html_is_semantic_and_balanced() -> None:
    text = get_format("html").render(document(), RenderOptions(page_markers=True, front_matter=True))
    assert "<title>Nuts &amp; &quot;bolts&quot;</title>" in text
    assert '<h2 id="block_3_1">Nuts &amp; &quot;bolts&quot;</h2>' in text
    assert "<td>a</td><td>b</td>" in text
    assert re.search(r'<li id="block_3_3">a &lt;b&gt;\n<ul>\n<li id="block_3_4">deep er</li>\n</ul>\n</li>', text)
    assert '<pre id="block_3_8">x &lt; 1\n  y</pre>' in text
    assert "page 5 could not be read: is &lt;bad&gt;" in text
    assert "<!-- page 3 -->" in text
    assert 'name="dsvl2:pages" content="3-5"' in text
    for tag in ("ul", "li", "p", "section", "table", "figure"):
        assert len(re.findall(f"<{tag}[ >]", text)) == text.count(f"</{tag}>")


def test_boxes_lie_on_the_page_and_words_in_their_lines() -> None:
    for block in placed_blocks(document().pages[0]):
        for line in block.lines:
            for word in line.words:
                assert 0 <= word.box[0] <= word.box[2] <= 240
                assert 0 <= word.box[1] <= word.box[3] <= 320
                assert line.box[0] <= word.box[0] and word.box[2] <= line.box[2]


def test_a_page_without_boxes_still_gives_its_text() -> None:
    page = replace(document().pages[0], blocks=(Block("paragraph", "first line\nsecond"),), width_px=0, height_px=0)
    for name in ("tsv", "hocr", "alto", "html"):
        assert "second" in get_format(name).render(Document("x", (page,)))


def test_characters_that_xml_forbids_are_left_out() -> None:
    assert clean("a\x00\x0b\ud800\ufffe\x85b\U0001f600é") == "ab\U0001f600é"
