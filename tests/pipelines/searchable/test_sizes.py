"""A searchable PDF is at most a tenth larger than what it was made of, small files included, and says the same."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import drawn_pages
import numpy as np
import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.formats import Rendered, RenderOptions, get_format, rendered
from dsvl2.pipelines.searchable import text_only_pdf
from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.fresh import new_pdf
from dsvl2.pipelines.searchable.images import ImageObject, image_object, jpeg_data
from dsvl2.pipelines.searchable.likeness import ALIKE, likeness
from dsvl2.pipelines.searchable.near import has_no_place, trimmed_jpeg
from dsvl2.pipelines.searchable.text import page_text
from dsvl2.pipelines.searchable.tiff_jpeg import joined_jpeg
from dsvl2.pipelines.searchable.write import THRIFT
from dsvl2.pipelines.sources import open_source


def searchable(data: bytes, page: PageResult, images: str = "fit") -> bytes:
    result = made_of(data, page, images).data
    assert isinstance(result, bytes)
    return result


def made_of(data: bytes, page: PageResult, images: str = "fit") -> Rendered:
    with open_source(data) as source:
        options = RenderOptions(pdf_images=images)
        return rendered(get_format("pdf"), Document("x", (page,)), source.original, options)


def scan_pdf(image: Image.Image, page: PageResult, **save: Any) -> bytes:
    with pymupdf.open() as pdf:
        leaf = pdf.new_page(width=page.width_px * 72 / page.dpi, height=page.height_px * 72 / page.dpi)
        leaf.insert_image(leaf.rect, stream=drawn_pages.saved(image, "PNG"))
        return bytes(pdf.tobytes(deflate=True, garbage=3, **save))


CASES: dict[str, tuple[int, int, Callable[[Image.Image, PageResult], bytes]]] = {
    "letter in black and white": (1200, 150, lambda image, _: drawn_pages.saved(drawn_pages.sharp(image), "PNG")),
    "dense page in grey": (3000, 150, lambda image, _: drawn_pages.saved(image, "PNG")),
    "fax": (1500, 200, lambda image, _: drawn_pages.saved(drawn_pages.sharp(image), "TIFF", compression="group4")),
    "fax of 2 KB": (
        300,
        75,
        lambda image, _: drawn_pages.saved(drawn_pages.sharp(image), "TIFF", compression="group4"),
    ),
    "four lines in black and white": (300, 100, lambda image, _: drawn_pages.saved(drawn_pages.sharp(image), "PNG")),
    "JPEG of 8 KB": (60, 75, lambda image, _: drawn_pages.saved(image, "JPEG", quality=30)),
    "PDF of 4 KB": (60, 75, lambda image, page: scan_pdf(drawn_pages.sharp(image), page)),
    "PDF of 8 KB with much text": (1200, 75, lambda image, page: scan_pdf(drawn_pages.sharp(image), page)),
    "one line of sixteen greys at 300 dpi": (
        60,
        300,
        lambda image, _: drawn_pages.saved(image.quantize(16), "PNG", optimize=True),
    ),
    "small JPEG": (1200, 100, lambda image, _: drawn_pages.saved(image, "JPEG", quality=30)),
    "JPEG in TIFF": (1200, 100, lambda image, _: drawn_pages.saved(image, "TIFF", compression="jpeg", quality=60)),
    "PDF of 8 KB": (300, 150, lambda image, page: scan_pdf(drawn_pages.sharp(image), page)),
    "scan as PDF": (1200, 150, lambda image, page: scan_pdf(drawn_pages.sharp(image), page)),
    "scan as PDF with object streams": (
        1200,
        150,
        lambda image, page: scan_pdf(drawn_pages.sharp(image), page, use_objstms=1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_small_files_grow_by_a_tenth_at_most(name: str) -> None:
    characters, dpi, make = CASES[name]
    image, page = drawn_pages.drawn_page(1, characters, dpi=dpi)
    data = make(image, page)
    result = searchable(data, page)
    assert len(data) < 130_000
    assert len(result) <= 1.1 * len(data)
    with pymupdf.open(stream=result) as pdf:
        assert [word[4] for word in pdf[0].get_text("words")] == [text for text, _ in drawn_pages.words_in(page)]


def test_packing_harder_changes_no_pixel() -> None:
    for image in (
        drawn_pages.drawn_page(2, 400, dpi=100)[0],
        drawn_pages.sharp(drawn_pages.drawn_page(2, 400, dpi=100)[0]),
    ):
        result = searchable(drawn_pages.saved(image, "PNG"), drawn_pages.drawn_page(2, 400, dpi=100)[1])
        with pymupdf.open(stream=result) as pdf:
            pixels = pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0])
        assert np.array_equal(np.frombuffer(pixels.samples, np.uint8), np.asarray(image.convert("L")).ravel())


@pytest.mark.parametrize("width", [413, 414])
@pytest.mark.parametrize("colours", [2, 3, 4, 16, 200])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_samples_without_filters_are_the_same_and_no_more(mode: str, colours: int, width: int) -> None:
    image, page = drawn_pages.drawn_page(2, 400, dpi=50)
    tinted = Image.merge("RGB", [image, image.point(lambda value: 255 - value // 2), image]) if mode == "RGB" else image
    drawn = tinted.resize((width, image.height)).quantize(colours)
    for data in (drawn_pages.saved(drawn, "PNG"), drawn_pages.saved(drawn.convert(mode), "PNG")):
        kept, packed = (image_object(data, "png", 0, harder=harder) for harder in (False, True))
        assert len(packed.data) + len(packed.entries) <= len(kept.data) + len(kept.entries)
        with pymupdf.open(stream=new_pdf([page], InvisibleFonts(), lambda _, found=packed: found)) as pdf:
            shown = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0]))
        assert shown.samples == drawn.convert(mode).convert("RGB").tobytes()


def test_white_paper_is_deflated_twice_and_programs_read_it(tmp_path: Path) -> None:
    image = drawn_pages.drawn_page(2, 60, dpi=200)[0]
    found = image_object(drawn_pages.saved(image, "PNG"), "png", 0, harder=True)
    assert "/Filter[/FlateDecode/FlateDecode]" in found.entries
    if shutil.which("pdfimages") is None:
        pytest.skip("no poppler")
    page = drawn_pages.drawn_page(2, 60, dpi=200)[1]
    (tmp_path / "a.pdf").write_bytes(new_pdf([page], InvisibleFonts(), lambda _: found))
    subprocess.run(["pdfimages", "-png", tmp_path / "a.pdf", tmp_path / "a"], check=True)
    with Image.open(tmp_path / "a-000.png") as read:
        assert np.array_equal(np.asarray(read.convert("L")), np.asarray(image))


def test_where_bytes_are_few_words_are_moved_within_their_line() -> None:
    """The text of a PDF that has little else is in one string a line, in one size, its font among the page's resources."""
    image, page = drawn_pages.drawn_page(5, 900, dpi=72)
    line = page.blocks[0].lines[0]
    words = [
        *line.words[:2],
        *(replace(w, box=replace(w.box, x0=w.box.x0 + 9, x1=w.box.x1 + 9)) for w in line.words[2:]),
    ]
    block = replace(page.blocks[0], lines=(replace(line, words=tuple(words)), *page.blocks[0].lines[1:]))
    page = replace(page, blocks=(block,))
    fonts = InvisibleFonts(bare=True, named=True)
    text = page_text(page, (1, 0, 0, -1, 0, image.height), fonts, {fonts.plain: "T", fonts.wide: "U"}, THRIFT[-1])
    assert b"]TJ" in text.split(b"\n")[1]
    with pymupdf.open(stream=new_pdf([page], fonts, thrift=THRIFT[-1])) as pdf:
        found = pdf[0].get_text("words")
    wanted = [(word.text, word.box) for word in words]
    assert [word[4] for word in found[: len(words)]] == [text for text, _ in wanted]
    assert all(abs(word[0] - box.x0) < 11 for word, (_, box) in zip(found, wanted, strict=False))


def test_a_signed_pdf_keeps_its_bytes_even_if_it_grows_more() -> None:
    image, page = drawn_pages.drawn_page(1, 1200, dpi=150)
    small = scan_pdf(drawn_pages.sharp(image), page)
    with pymupdf.open(stream=small) as pdf:
        catalog = pdf.pdf_catalog()
        pdf.xref_set_key(catalog, "AcroForm", "<</Fields[]/SigFlags 3>>")
        signed = pdf.tobytes(deflate=True)
    assert searchable(signed, page).startswith(signed)
    assert not searchable(small, page).startswith(small)


def test_the_same_pages_give_the_same_bytes() -> None:
    image, page = drawn_pages.drawn_page(6, 300, dpi=100)
    data = drawn_pages.saved(image, "PNG")
    assert searchable(data, page) == searchable(data, page)
    pages = tuple(
        drawn_pages.drawn_page(seed, 60, dpi=50)[1] for seed in range(130)
    )  # more than one object stream holds
    result = text_only_pdf(Document("x", pages))
    assert result == text_only_pdf(Document("x", pages))
    with pymupdf.open(stream=result) as pdf:
        assert not pdf.is_repaired
        assert [len(leaf.get_text("words")) for leaf in pdf] == [len(drawn_pages.words_in(page)) for page in pages]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_data_of_a_tiff_are_kept_to_the_last_coefficient(mode: str) -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(7, 1500)[0]).convert(mode)
    data = drawn_pages.saved(image, "TIFF", compression="jpeg", quality=60)
    with Image.open(io.BytesIO(data)) as tiff:
        assert len(tiff.tag_v2[273]) > 1, "several strips"  # type: ignore[attr-defined]
        joined = joined_jpeg(data, tiff.tag_v2)  # type: ignore[attr-defined]
        assert joined is not None
        with Image.open(io.BytesIO(joined.data)) as found:
            assert found.size == tiff.size
            off = np.abs(np.asarray(found).astype(int) - np.asarray(tiff.convert(found.mode)).astype(int))
    assert off.max() <= (0 if mode == "L" else 8)  # colours between strips are smoothed by some decoders only
    assert len(joined.data) <= 1.02 * len(data)


def test_what_is_no_jpeg_in_a_tiff_is_left_alone() -> None:
    image = drawn_pages.drawn_page(8, 200, dpi=50)[0]
    for how in ({}, {"compression": "tiff_lzw"}):
        data = drawn_pages.saved(image, "TIFF", **how)
        with Image.open(io.BytesIO(data)) as tiff:
            assert joined_jpeg(data, tiff.tag_v2) is None  # type: ignore[attr-defined]
    cut = drawn_pages.saved(image, "TIFF", compression="jpeg")
    with Image.open(io.BytesIO(cut)) as tiff:
        assert joined_jpeg(cut[:400], tiff.tag_v2) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("ink", [(0, 0, 0), (20, 40, 160)])
def test_transparent_pictures_of_one_ink_stay_as_small_as_they_were(ink: tuple[int, int, int]) -> None:
    image, page = drawn_pages.drawn_page(4, 1200, dpi=150)
    clear = Image.new("RGBA", image.size, ink)
    clear.putalpha(image.convert("L").point(lambda value: 255 - value))
    data = drawn_pages.saved(clear, "PNG")
    result = searchable(data, page)
    assert len(result) <= 1.1 * len(data)
    seen = Image.alpha_composite(Image.new("RGBA", image.size, "white"), clear).convert("RGB")
    with pymupdf.open(stream=result) as pdf:
        stored = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0]))
    assert np.array_equal(np.frombuffer(stored.samples, np.uint8).reshape(seen.height, seen.width, 3), np.asarray(seen))


@pytest.mark.parametrize(("kind", "how"), [("WEBP", {"quality": 75}), ("AVIF", {"quality": 70, "speed": 10})])
def test_lossy_pictures_without_a_place_in_pdf_look_the_same_in_no_more_bytes(kind: str, how: dict[str, int]) -> None:
    image, page = drawn_pages.drawn_page(9, 400, dpi=75)
    data = drawn_pages.saved(drawn_pages.scan_of(image).convert("RGB"), kind, **how)
    result = searchable(data, page)
    assert len(result) <= 1.1 * len(data)
    with Image.open(io.BytesIO(data)) as opened, pymupdf.open(stream=result) as pdf:
        wanted = np.asarray(opened.convert("L"), float)
        stored = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0]))
        assert [word[4] for word in pdf[0].get_text("words")] == [text for text, _ in drawn_pages.words_in(page)]
    off = (np.frombuffer(stored.samples, np.uint8).reshape(wanted.shape) - wanted) ** 2
    assert off.mean() <= 255**2 / 10 ** (ALIKE.decibels / 10)
    blocks = off[: off.shape[0] // 8 * 8, : off.shape[1] // 8 * 8].reshape(off.shape[0] // 8, 8, -1, 8).mean((1, 3))
    assert blocks.max() <= (ALIKE.worst + 1) ** 2  # decoders round


def test_lossless_webp_keeps_every_pixel_where_that_is_asked_for() -> None:
    image, page = drawn_pages.drawn_page(9, 200, dpi=75)
    data = drawn_pages.saved(image.convert("RGB"), "WEBP", lossless=True)
    assert not has_no_place(data, "webp")
    assert has_no_place(drawn_pages.saved(image.convert("RGB"), "WEBP"), "webp")
    with pymupdf.open(stream=searchable(data, page, images="exact")) as pdf:
        stored = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0]))
    assert np.array_equal(np.frombuffer(stored.samples, np.uint8), np.asarray(image).ravel())


def test_jpeg_data_of_paper_are_deflated_and_every_pixel_stays() -> None:
    image, page = drawn_pages.drawn_page(9, 60, dpi=100)
    data = drawn_pages.saved(image, "JPEG", quality=50, progressive=True)
    result = searchable(data, page)
    assert len(result) < 0.8 * len(data)
    with Image.open(io.BytesIO(data)) as opened, pymupdf.open(stream=result) as pdf:
        stored = pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0])
        off = np.frombuffer(stored.samples, np.uint8).astype(int) - np.asarray(opened).ravel()
    assert np.abs(off).max() <= 1  # of decoders


@pytest.mark.parametrize("how", [{"progressive": True}, {"restart_marker_rows": 1}, {}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_data_that_must_be_fewer_lose_only_what_is_hardly_seen(mode: str, how: dict[str, Any]) -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(11, 300, dpi=100, size=(3.15, 6), points=8)[0])
    data = drawn_pages.saved(image.convert(mode), "JPEG", quality=60, optimize=True, **how)
    kept = image_object(data, "jpeg", 0, harder=True)
    near = trimmed_jpeg(kept, kept.size * 85 // 100)
    assert near is not None
    assert isinstance(near.picture, ImageObject)
    assert near.picture.size <= kept.size * 85 // 100
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(jpeg_data(near.picture))) as after:
        assert before.size == after.size
        assert likeness(np.asarray(before), np.asarray(after)).holds(ALIKE)
    assert near.decibels > 40
    assert trimmed_jpeg(kept, kept.size // 5) is None, "then it would not look the same"


def test_changed_pictures_are_named_and_never_changed_where_that_is_asked_for() -> None:
    image, page = drawn_pages.drawn_page(11, 900, dpi=75, size=(3.15, 6), points=8)
    data = drawn_pages.saved(image.convert("RGB"), "WEBP", lossless=True)
    fit, exact = (made_of(data, page, images) for images in ("fit", "exact"))
    assert len(fit.data) <= 1.1 * len(data) < len(exact.data)
    assert [notice.code for notice in fit.notices] == ["pdf_pictures_changed"]
    assert "dB" in fit.notices[0].message
    assert "--pdf-images exact" in fit.notices[0].message
    assert [notice.code for notice in exact.notices] == ["pdf_larger"]
    assert f"{len(exact.data) / len(data):.2f} times" in exact.notices[0].message


def test_what_is_kept_to_the_pixel_within_a_tenth_needs_no_words() -> None:
    image, page = drawn_pages.drawn_page(2, 400, dpi=100)
    assert made_of(drawn_pages.saved(image, "PNG"), page).notices == ()


def test_a_file_that_is_too_small_for_a_page_of_pdf_is_named() -> None:
    image, page = drawn_pages.drawn_page(2, 20, dpi=50, size=(2, 1))
    made = made_of(drawn_pages.saved(drawn_pages.sharp(image), "PNG"), page)
    assert [notice.code for notice in made.notices] == ["pdf_larger"]
    assert "text alone takes" in made.notices[0].message


def test_what_only_fits_a_little_further_off_is_told_as_that() -> None:
    image, page = drawn_pages.drawn_page(11, 500, dpi=75, size=(3.15, 6), points=8)
    data = drawn_pages.saved(image.quantize(4), "PNG", optimize=True)
    made = made_of(data, page)
    assert len(made.data) <= 1.1 * len(data)
    assert [notice.code for notice in made.notices] == ["pdf_pictures_changed"]
    assert "edges of letters" in made.notices[0].message
