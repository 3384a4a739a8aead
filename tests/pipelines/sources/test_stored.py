"""A stored reading as a source: its pages as they were read, its images from the scan behind it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.batch.decoder import Decoder
from dsvl2.pipelines.documents import Block, Box, Document, ModelStamp, PageImage, PageResult, ReadPage
from dsvl2.pipelines.errors import FileMissing, PageMissing, UnreadableFile
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.run import document_head
from dsvl2.pipelines.sources import SourceOptions, open_source
from dsvl2.pipelines.sources.base import Blob

AUTO = SourceOptions(text_layer="auto")


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TIFF of three pages with a black square at another place of each."""
    monkeypatch.chdir(tmp_path)
    pages = [Image.new("L", (60, 40), 255) for _ in range(3)]
    for number, page in enumerate(pages):
        ImageDraw.Draw(page).rectangle((20 * number, 0, 20 * number + 9, 9), fill=0)
    path = tmp_path / "scan.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], dpi=(72, 72))
    return path


@pytest.fixture
def reading(scan: Path) -> Path:
    """The JSON of its first and last page, beside it."""
    pages = tuple(
        PageResult(number, (Block("paragraph", f"text {number}", Box(1, 2, 3, 4)),), 60, 40, 72.0) for number in (1, 3)
    )
    facts = (("task", "ocr"), ("pages", "1,3"), ("dpi", None))
    document = Document(scan.name, pages, 3, Blob("", scan).sha256(), ModelStamp("nano", "f" * 64), facts)
    path = scan.with_suffix(".json")
    path.write_text(get_format("json").render(document))
    return path


def test_its_pages_come_as_they_were_read_and_need_no_model(reading: Path) -> None:
    with open_source(reading, AUTO) as source:
        pages = list(source)
        assert [page.result.text for page in pages if isinstance(page, ReadPage)] == ["text 1", "text 3"]
        assert (source.kind, source.page_count, source.selected, source.needs_model()) == ("reading", 3, (1, 3), False)
        assert (source.raw_text(3), source.notices) == ("text 3", [])
        assert [info.text_characters for info in source.page_infos()] == [5, 5]


def test_what_is_made_of_it_names_the_scan_the_model_and_the_options_of_then(reading: Path) -> None:
    with open_source(reading, AUTO) as source:
        head = document_head(source, None)
        pages = tuple(page.result for page in source if isinstance(page, ReadPage))
    assert get_format("json").render(replace(head, pages=pages)) == reading.read_text()


def test_pages_are_chosen_among_those_that_were_read(reading: Path) -> None:
    with open_source(reading, replace(AUTO, pages="z")) as source:
        assert source.selected == (3,)
        assert dict(document_head(source, None).options)["pages"] == "z"
    with pytest.raises(PageMissing, match="page 2 was not read") as caught:
        open_source(reading, replace(AUTO, pages="1-2"))
    assert "1,3" in caught.value.hint


def test_a_page_can_be_drawn_as_large_as_it_was(reading: Path) -> None:
    with open_source(reading, AUTO) as source:
        image = source.read_page(3).image
    assert (image.size, image.getpixel((45, 5)), image.getpixel((5, 5))) == ((60, 40), 0, 255)


def test_the_scan_is_found_where_it_was_or_beside_the_reading(
    reading: Path, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    with open_source(reading, AUTO) as source:
        assert source.original.kind == "tiff"
        assert source.original.read() == scan.read_bytes()
    moved = shutil.move(reading, tmp_path / "else")
    with open_source(moved, AUTO) as source, pytest.raises(FileMissing, match=r"scan\.tif, which is not there"):
        source.original.read()
    shutil.move(scan, tmp_path / "else")
    with open_source(moved, AUTO) as source:
        assert source.read_page(1).number == 1


def test_a_scan_that_has_changed_is_not_taken(reading: Path, scan: Path) -> None:
    with scan.open("ab") as file:
        file.write(b"more")
    with open_source(reading, AUTO) as source:
        assert isinstance(source.page(1), ReadPage)
        with pytest.raises(FileMissing, match="has changed since it was read"):
            source.read_page(1)


def test_without_text_the_scan_takes_its_place(reading: Path) -> None:
    with open_source(reading) as source:
        assert (source.kind, source.selected, source.stored) == ("tiff", (1, 2, 3), None)
        assert isinstance(source.page(1), PageImage)


def test_json_lines_and_bytes_are_readings_too(reading: Path, tmp_path: Path) -> None:
    document = json.loads(reading.read_text())
    lines = [
        {"schema": "dsvl2/ocr-page/v1", "source": document["source"], "fingerprint": "", "page": page}
        for page in document["pages"]
    ]
    text = "\n".join(map(json.dumps, lines)).encode()
    with open_source(text, AUTO) as source:
        assert [source.raw_text(number) for number in source.selected] == ["text 1", "text 3"]


def test_a_batch_reads_itself(reading: Path) -> None:
    told = {"path": str(reading), "name": "a.json", "sha256": None, "spooled": False, "url": None}
    error = Decoder(AUTO).open(told)["error"]
    assert error[:2] == ["file_unsupported", "a.json was read already, and a batch keeps what it read itself"]


def test_a_reading_without_a_page_is_an_error() -> None:
    with pytest.raises(UnreadableFile, match="holds no page"):
        open_source(get_format("json").render(Document("a.pdf", ())).encode(), AUTO)
