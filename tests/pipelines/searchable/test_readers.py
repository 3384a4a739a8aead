"""What other programs find in a searchable PDF: the same words, on their places. Those that are not there are skipped."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import drawn_pages
import pymupdf
import pytest

from dsvl2.pipelines.documents import Box, Document, PageResult
from dsvl2.pipelines.formats import get_format, render_output
from dsvl2.pipelines.searchable import write
from dsvl2.pipelines.searchable.text import Thrift
from dsvl2.pipelines.sources import open_source

Found = list[tuple[str, Box]]
HERE = Path(__file__).parent


def by_pymupdf(path: Path) -> Found:
    with pymupdf.open(path) as pdf:
        return [(word[4], Box(*word[:4])) for word in pdf[0].get_text("words")]


def by_poppler(path: Path) -> Found:
    if not shutil.which("pdftotext"):
        pytest.skip("no poppler-utils")
    done = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    word = re.compile(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>')
    return [(html.unescape(m[5]), Box(*map(float, m.groups()[:4]))) for m in word.finditer(done.stdout)]


def by_pdfjs(path: Path) -> Found:
    """Items of text, divided into words as their letters usually are wide: a browser stretches them so."""
    folder = pdfjs_dist()
    if folder is None:
        pytest.skip("no node with pdfjs-dist (npm install -g pdfjs-dist, or PDFJS_DIST=its folder)")
    command = ["node", HERE / "pdfjs_boxes.mjs", folder, path]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Warning" not in done.stdout
    letters, found = pymupdf.Font("helv"), []
    for text, x0, y0, x1, y1 in json.loads(done.stdout)[0]:
        scale = (x1 - x0) / (letters.text_length(text, 1) or 1)
        for match in re.finditer(r"\S+", text):
            ends = [x0 + scale * letters.text_length(text[:place], 1) for place in match.span()]
            found.append((match[0], Box(ends[0], y0, ends[1], y1)))
    return found


def pdfjs_dist() -> Path | None:
    if not shutil.which("node"):
        return None
    folders = [Path(os.environ["PDFJS_DIST"])] if "PDFJS_DIST" in os.environ else []
    if shutil.which("npm"):
        root = subprocess.run(["npm", "root", "-g"], check=False, capture_output=True, text=True).stdout.strip()
        folders.append(Path(root) / "pdfjs-dist")
    return next((folder for folder in folders if (folder / "legacy/build/pdf.mjs").exists()), None)


def overlap(a: Box, b: Box) -> float:
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = max(width, 0) * max(height, 0)
    return shared / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - shared)


READERS = [by_pymupdf, by_poppler, pytest.param(by_pdfjs, marks=pytest.mark.slow)]


def overlaps_found(reader: Callable[[Path], Found], page: PageResult, made: object, path: Path) -> list[float]:
    """Write a searchable PDF to `path`, and hold each word that a reader finds in it against its place on the page."""
    assert isinstance(made, bytes)
    path.write_bytes(made)
    wanted, found = drawn_pages.words_in(page), reader(path)
    assert [text for text, _ in found] == [text for text, _ in wanted]
    return [overlap(a, b) for (_, a), (_, b) in zip(wanted, found, strict=True)]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_the_words_are_the_same_and_lie_on_their_ink(
    reader: Callable[[Path], Found], kind: str, tmp_path: Path
) -> None:
    image, page = drawn_pages.drawn_page(3, 1500)
    data = drawn_pages.saved(image, "PNG")
    if kind == "pdf":
        with pymupdf.open() as pdf:
            leaf = pdf.new_page(width=page.width_px * 72 / page.dpi, height=page.height_px * 72 / page.dpi)
            leaf.insert_image(leaf.rect, stream=data)
            data = pdf.tobytes(deflate=True)
    with open_source(data) as source:
        result = render_output(get_format("pdf"), Document("x", (page,)), source.original)
    path = tmp_path / "out.pdf"
    overlaps = overlaps_found(reader, page, result, path)
    assert statistics.median(overlaps) >= 0.6
    assert min(overlaps) > 0


@cache
def thrifty(thrift: Thrift) -> tuple[PageResult, object]:
    """A page, and its searchable PDF whose text is written so: made once for all who read it."""
    image, page = drawn_pages.drawn_page(3, 1500, dpi=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "THRIFT", (thrift,))
        patch.setattr(write, "MOST", 99)
        with open_source(drawn_pages.saved(drawn_pages.sharp(image), "TIFF", compression="group4")) as source:
            return page, render_output(get_format("pdf"), Document("x", (page,)), source.original)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("thrift", write.THRIFT[1:])
def test_words_lie_on_their_ink_where_bytes_are_saved_too(
    reader: Callable[[Path], Found], thrift: Thrift, tmp_path: Path
) -> None:
    page, result = thrifty(thrift)
    path = tmp_path / "out.pdf"
    overlaps = overlaps_found(reader, page, result, path)
    assert statistics.median(overlaps) >= 0.6
    with pymupdf.open(path) as pdf:
        assert [bool(font[1] != "n/a") for font in pdf[0].get_fonts()] == [not thrift.bare]
    if shutil.which("qpdf"):
        subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("qpdf"), reason="no qpdf")
@pytest.mark.parametrize("objects", ["table", "streams"])
def test_qpdf_finds_no_fault(objects: str, tmp_path: Path) -> None:
    image, page = drawn_pages.drawn_page(4, 600)
    with pymupdf.open() as pdf:
        leaf = pdf.new_page(width=page.width_px * 72 / page.dpi, height=page.height_px * 72 / page.dpi)
        leaf.insert_image(leaf.rect, stream=drawn_pages.saved(drawn_pages.sharp(image), "PNG"))
        small = pdf.tobytes(deflate=True, garbage=3, use_objstms=objects == "streams")
    big = drawn_pages.saved(drawn_pages.scan_of(image), "JPEG", quality=70)
    for data in (small, drawn_pages.saved(drawn_pages.sharp(image), "PNG"), big):
        with open_source(data) as source:
            result = render_output(get_format("pdf"), Document("x", (page,)), source.original)
        assert isinstance(result, bytes)
        path = tmp_path / "out.pdf"
        path.write_bytes(result)
        done = subprocess.run(["qpdf", "--check", path], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
