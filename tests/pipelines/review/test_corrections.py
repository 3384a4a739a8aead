"""Corrections are put where they belong, and what does not fit is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.documents import Block, Box, Coverage, Document, Line, ModelStamp, PageImage, PageResult, Word
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.review import (
    BadCorrections,
    ScanKeeper,
    apply_corrections,
    data_uri,
    parse_corrections,
    review_page,
)
from dsvl2.pipelines.tables.types import TableCell, table_of


def box(row: int) -> Box:
    return Box(10, 20 * row, 190, 20 * row + 15)


def document() -> Document:
    words = (Word("Helo", Box(10, 20, 80, 35), 0.4), Word("</script>", Box(90, 20, 190, 35), 0.99))
    lines = (Line("Helo </script>", box(1), 0.4, words), Line("a bro-", box(2), 0.99), Line("ken word", box(3), 0.99))
    grid = Block("table", "a\tb\nc\td", box(5), lines=(Line("a\tb", box(5)), Line("c\td", box(6))),
                 rows=(("a", "b"), ("c", "d")))  # fmt: skip
    cells = table_of([TableCell(0, 0, "x", lines=(0,)), TableCell(0, 1, "y", lines=(1,))])
    drawn = Block(
        "table", "x\ty", box(7), lines=(Line("x", box(7)), Line("y", box(7))), rows=(("x", "y"),), table=cells
    )
    page = PageResult(
        3,
        (
            Block("paragraph", "Helo </script> a broken word", box(1), lines=lines),
            Block("figure", "", Box(0, 90, 200, 95)),
            grid,
            drawn,
            Block("heading", "No lines", level=2),
        ),
        200,
        300,
        72.0,
        coverage=Coverage(0.8, (Box(10, 200, 100, 215),), ((1, 2),)),
        calibrated=True,
        confidence=0.9,
    )
    return Document("a<b>.pdf", (page,), 4, "0" * 64, ModelStamp("nano", "f" * 64), (("task", "ocr"),))


def record(html: str) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def saved(*changes: tuple[str, str, str], added: tuple[dict[str, Any], ...] = ()) -> str:
    """What the page would save."""
    data = record(review_page(document(), {}))
    corrections = [{"id": name, "before": before, "after": after} for name, before, after in changes]
    return json.dumps(
        {"schema": data["schema"], "document": data["document"], "corrections": corrections, "added": list(added)}
    )


def corrected(*changes: tuple[str, str, str], added: tuple[dict[str, Any], ...] = ()) -> tuple[Block, ...]:
    return apply_corrections(parse_corrections(saved(*changes, added=added))).pages[0].blocks


def test_a_page_without_corrections_is_the_document() -> None:
    kept = apply_corrections(parse_corrections(saved()))
    assert kept == document()
    assert get_format("json").render(kept) == get_format("json").render(document())


def test_a_corrected_line_is_certain_and_its_paragraph_made_anew() -> None:
    block = corrected(("line_3_1_1", "Helo </script>", "Hello there"))[0]
    assert block.text == "Hello there a broken word"
    assert block.lines[0] == Line("Hello there", box(1), 1.0)
    assert block.lines[1].text == "a bro-"


def test_an_emptied_line_is_gone_and_an_emptied_block_too() -> None:
    assert corrected(("line_3_1_1", "Helo </script>", ""))[0].text == "a broken word"
    blocks = corrected(*[(f"line_3_3_{k}", text, "") for k, text in ((1, "a\tb"), (2, "c\td"))])
    assert [block.kind for block in blocks] == ["paragraph", "figure", "table", "heading"]


def test_rows_and_cells_follow_their_lines() -> None:
    plain, drawn = corrected(("line_3_3_2", "c\td", "c\te\tf"), ("line_3_4_2", "y", "why"))[2:4]
    assert plain.rows == (("a", "b", ""), ("c", "e", "f"))
    assert drawn.rows == (("x", "why"),)
    assert drawn.table is not None
    assert drawn.table.cells[1].text == "why"


def test_a_block_without_lines_is_corrected_as_a_whole() -> None:
    assert corrected(("block_3_5", "No lines", "Some lines"))[4].text == "Some lines"


def test_added_text_stands_where_it_was_seen() -> None:
    place = {"id": "missed_3_1", "page": 3, "box": [10, 60, 100, 80], "text": "  seen\nby a person "}
    blocks = corrected(added=(place,))
    assert blocks[1].text == "seen by a person"
    last = corrected(added=({**place, "box": [10, 280, 100, 295]},))
    assert last[-1].text == "seen by a person"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no file of corrections"),
        ("[]", "no file of corrections"),
        ('{"schema": "x"}', "it is 'x'"),
        ('{"schema": "dsvl2/corrections/v1"}', "KeyError"),
        (saved().replace('"pages": ["', '"pages": ["AAAA'), "no file of corrections"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadCorrections, match=message):
        parse_corrections(text)


@pytest.mark.parametrize(
    "change", [("line_3_9_1", "x", "y"), ("line_3_1_1", "something else", "y"), ("nonsense", "x", "y")]
)
def test_a_change_that_does_not_fit_the_reading_is_refused(change: tuple[str, str, str]) -> None:
    with pytest.raises(BadCorrections):
        apply_corrections(parse_corrections(saved(change)))


def test_the_page_holds_all_it_needs_and_asks_for_nothing() -> None:
    html = review_page(document(), {3: data_uri(Image.new("L", (40, 60), 255))}, min_confidence=0.5)
    assert "default-src 'none'" in html
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)
    assert html.count("</script>") == 2  # text of the document cannot end the data
    assert "<title>a&lt;b&gt;.pdf - review</title>" in html
    data = record(html)
    assert data["least"] == 0.5
    assert data["pages"][0]["image"].startswith("data:image/webp;base64,")
    assert data["pages"][0]["missed"] == [[10, 200, 100, 215]]
    assert [line.get("bad", False) for line in data["pages"][0]["blocks"][0]["lines"]] == [False, True, False]


def test_scans_are_kept_small_and_passed_on_whole() -> None:
    big = PageImage(2, Image.new("RGB", (3000, 2000), "white"), 300.0)
    keeper = ScanKeeper([big])
    assert list(keeper) == [big]
    assert set(keeper.images) == {2}
    assert len(keeper.images[2]) < 20_000
    assert replace(big).image.size == (3000, 2000)
