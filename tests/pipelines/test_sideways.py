"""Lines that lie sideways beside the text are read, whichever way they run, and lie sideways in a searchable PDF."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.model import Engine, load_engine
from dsvl2.pipelines import open_source, read_document
from dsvl2.pipelines.documents import Box, Document
from dsvl2.pipelines.formats import get_format, render_output
from dsvl2.pipelines.words import Slant

UP, DOWN = "Copy for the archive", "Form 2217 of June 2019"
PROSE = (
    "Both pumps were run for six hours at full load,",
    "and the readings of the old gauges were compared",
    "with those",
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine("nano", threads=1)


@pytest.fixture(scope="module")
def scan() -> Image.Image:
    page, font = Image.new("L", (900, 560), 255), ImageFont.load_default(size=22)
    pen = ImageDraw.Draw(page)
    for row, text in enumerate(3 * PROSE):
        pen.text((150, 60 + 44 * row), text, font=font, fill=0)
    for text, turn, x in ((UP, 90, 40), (DOWN, 270, 820)):
        strip = Image.new("L", (int(font.getlength(text)) + 20, 40), 255)
        ImageDraw.Draw(strip).text((10, 20), text, font=font, fill=0, anchor="lm")
        page.paste(strip.rotate(turn, expand=True), (x, 120))
    return page


@pytest.fixture(scope="module")
def read(scan: Image.Image, engine: Engine) -> Document:
    return read_document(scan, engine)


def test_they_are_read_behind_the_text_and_nothing_is_said_to_be_missing(read: Document) -> None:
    page = read.pages[0]
    assert [block.text for block in page.blocks[-2:]] == [UP, DOWN]
    assert page.blocks[-2].box is not None and page.blocks[-2].box.x1 < 90
    assert page.coverage is not None and not page.coverage.unexplained and not page.coverage.unsupported
    assert (page.blocks[-1].confidence or 0) > 0.8


def test_their_words_follow_each_other_as_they_run(read: Document) -> None:
    slant = Slant(0, 0.0)
    for block, turn in zip(read.pages[0].blocks[-2:], (90, 270), strict=True):
        (line,) = block.lines
        assert slant.of_line(line).rotation == turn
        boxes: list[Box] = [word.box for word in line.words]
        tops = [box.y0 for box in boxes]
        assert tops == sorted(tops, reverse=turn == 90) and all(box.y1 - box.y0 < 120 for box in boxes)


def test_a_viewer_finds_them_sideways(read: Document, scan: Image.Image, tmp_path: Path) -> None:
    scan.save(tmp_path / "scan.png")
    with open_source(tmp_path / "scan.png") as source:
        data = render_output(get_format("pdf"), read, source.original)
    with pymupdf.open("pdf", data) as pdf:
        lines = [line for block in pdf[0].get_text("dict")["blocks"] for line in block.get("lines", ())]
    found = {"".join(span["text"] for span in line["spans"]).strip(): line["dir"] for line in lines}
    assert found[UP] == (0.0, -1.0) and found[DOWN] == (0.0, 1.0)
