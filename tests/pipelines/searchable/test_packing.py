"""What is packed harder is the same: black and white pixels, JPEG coefficients, the objects of a PDF."""

from __future__ import annotations

import io
import itertools
import shutil
import subprocess
from pathlib import Path

import drawn_pages
import numpy as np
import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.searchable.fresh import new_pdf
from dsvl2.pipelines.searchable.images import image_object
from dsvl2.pipelines.searchable.jbig2 import jbig2
from dsvl2.pipelines.searchable.jpeg2000 import without_comments
from dsvl2.pipelines.searchable.jpeg_codes import code_lengths, fitted_codes
from dsvl2.pipelines.searchable.jpeg_notes import without_notes
from dsvl2.pipelines.searchable.objects import NewPdf
from dsvl2.pipelines.searchable.repack import repacked
from dsvl2.pipelines.searchable.syntax import entries_of, joined
from dsvl2.pipelines.searchable.text import Thrift
from dsvl2.pipelines.searchable.ways import THRIFT, document_fonts


def stored(entries: str, data: bytes) -> np.ndarray:
    """Return the samples of an image object as PyMuPDF decodes them."""
    objects = NewPdf()
    number = objects.put_stream(data, entries, pack=False)
    with pymupdf.open(stream=objects.to_bytes(number)) as pdf:
        pixels = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.Pixmap(pdf, number))
    rows = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)
    return rows[:, : 3 * pixels.width].reshape(pixels.height, pixels.width, 3)


def page_with(ink: np.ndarray) -> str:
    height, width = ink.shape
    return f"/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/JBIG2Decode"


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (40, 65), (90, 16), (1300, 1201)])
@pytest.mark.parametrize("share", [0, 0.03, 0.5, 1])
def test_every_pixel_comes_back_from_jbig2(size: tuple[int, int], share: float) -> None:
    ink = np.random.default_rng(1).random(size) < share
    ink[size[0] // 2 :] = ink[size[0] // 2]  # rows that are alike
    if ink.size > 10_000:
        ink[:, 200:] = False
    assert np.array_equal(stored(page_with(ink), jbig2(ink))[:, :, 0] == 0, ink)


def test_a_page_is_half_as_large_as_by_fax_and_poppler_reads_it(tmp_path: Path) -> None:
    image = drawn_pages.sharp(drawn_pages.drawn_page(3, 1200, dpi=100)[0])
    data = drawn_pages.saved(image, "TIFF", compression="group4")
    plain, packed = (image_object(data, "tiff", 0, harder=harder) for harder in (False, True))
    assert len(packed.data) < 0.5 * len(plain.data)
    assert np.array_equal(stored(plain.entries, plain.data), stored(packed.entries, packed.data))
    if not shutil.which("pdftoppm"):
        return
    path = tmp_path / "a.pdf"
    for one in (plain, packed):
        objects = NewPdf()
        picture, content = (
            objects.put_stream(one.data, one.entries, pack=False),
            objects.put_stream(b"100 0 0 140 0 0 cm/I Do"),
        )
        leaf, tree, root = (objects.reserve() for _ in range(3))
        objects.put(root, f"<</Type/Catalog/Pages {tree} 0 R>>")
        objects.put(tree, f"<</Type/Pages/Count 1/Kids[{leaf} 0 R]>>")
        objects.put(
            leaf,
            f"<</Type/Page/Parent {tree} 0 R/MediaBox[0 0 100 140]/Contents {content} 0 R/Resources"
            f"<</XObject<</I {picture} 0 R>>>>>>",
        )
        path.write_bytes(objects.to_bytes(root))
        done = subprocess.run(
            ["pdftoppm", "-r", "72", path, tmp_path / one.entries[-9:]], check=True, capture_output=True
        )
        assert done.stderr == b""
    first, second = sorted(tmp_path.glob("*.ppm"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("colours", [((255, 255, 255), (10, 20, 200)), ((0, 0, 0), (255, 255, 255)), ((9, 9, 9),)])
def test_two_colours_stay_what_they_are(colours: tuple[tuple[int, int, int], ...]) -> None:
    image = Image.new("RGB", (50, 40), colours[0])
    image.paste(colours[-1], (5, 5, 20, 9))
    found = image_object(drawn_pages.saved(image, "PNG"), "png", 0, harder=True)
    assert np.array_equal(stored(found.entries, found.data), np.asarray(image))


def test_ink_painted_as_a_mask_is_the_same_page() -> None:
    image, page = drawn_pages.drawn_page(4, 200, dpi=72)
    drawn = []
    for kind, how in (("PNG", {}), ("TIFF", {"compression": "group4"})):
        data = drawn_pages.saved(drawn_pages.sharp(image), kind, **how)
        for thrift in (THRIFT[4], THRIFT[-1]):
            picture = image_object(data, kind.lower(), 0, harder=kind == "PNG")
            made = new_pdf((page,), document_fonts((page,), thrift), lambda _, picture=picture: picture, thrift)
            assert (b"/ImageMask true" in made) == thrift.named
            with pymupdf.open(stream=made) as pdf:
                drawn.append(np.frombuffer(pdf[0].get_pixmap(dpi=72, colorspace="gray").samples, np.uint8) > 128)
    assert all(np.array_equal(one, drawn[0]) for one in drawn)
    assert not drawn[0].all()


def test_sixteen_bits_stay_sixteen() -> None:
    values = np.linspace(0, 65535, 90 * 70).astype(np.uint16).reshape(70, 90)
    data = drawn_pages.saved(Image.fromarray(values), "PNG")
    for harder in (False, True):
        found = image_object(data, "png", 0, harder=harder)
        assert "/BitsPerComponent 16" in found.entries
        assert np.array_equal(stored(found.entries, found.data)[:, :, 0], values >> 8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_2000_goes_in_as_it_is_but_for_a_bare_code_stream(mode: str) -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(5, 900, dpi=60)[0]).convert(mode)
    data = drawn_pages.saved(image, "JPEG2000", quality_mode="rates", quality_layers=[30], irreversible=True)
    found = image_object(data, "jp2", 0)
    assert found.data == data
    with Image.open(io.BytesIO(data)) as seen:
        off = np.abs(stored(found.entries, found.data).astype(int) - np.asarray(seen.convert("RGB")).astype(int))
    assert off.max() <= 1
    shorter = image_object(data, "jp2", 0, harder=True)
    assert shorter.size < found.size
    assert np.array_equal(stored(shorter.entries, shorter.data), stored(found.entries, found.data))
    bare = drawn_pages.saved(image, "JPEG2000", no_jp2=True)
    assert "JPXDecode" not in image_object(bare, "jp2", 0).entries


def test_comments_go_from_jpeg_2000_and_what_is_not_understood_stays() -> None:
    image = drawn_pages.drawn_page(5, 100, dpi=40)[0]
    data = drawn_pages.saved(image, "JPEG2000", comment="a scanner said this")
    found = without_comments(data)
    assert b"a scanner said this" in data
    assert len(data) - len(found) == len("a scanner said this") + 6
    extra = data + b"\0\0\0\x0cxml <x/>"
    assert without_comments(extra) == found
    for odd in (
        b"",
        data[:20],
        data[:-5],
        data[:40] + data[44:],
        b"\0\0\0\1jP  ",
        bytes(64),
        data[:4] + b"x" + data[5:],
    ):
        assert without_comments(odd) == odd
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(found)) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "how", [{"quality": 40}, {"quality": 95, "subsampling": 0}, {"quality": 60, "restart_marker_rows": 1}]
)
def test_a_jpeg_with_codes_of_its_own_is_smaller_and_the_same(mode: str, how: dict[str, int]) -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(5, 100, dpi=40)[0]).convert(mode)
    data = drawn_pages.saved(image, "JPEG", **how)
    found = fitted_codes(data)
    assert found is not None
    assert len(found) < len(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(found)) as after:
        assert before.info.keys() == after.info.keys()
        assert np.array_equal(np.asarray(before), np.asarray(after))


def test_other_and_damaged_jpegs_are_left_alone() -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(5, 100, dpi=40)[0]).convert("RGB")
    data = drawn_pages.saved(image, "JPEG", quality=60)
    assert fitted_codes(drawn_pages.saved(image, "JPEG", quality=60, progressive=True)) is None
    for damaged in (
        b"",
        b"\xff\xd8",
        data[:400],
        data[:2000],
        data[:2000] + b"\xff\xd9",
        data[:2000] + data[2100:-400] + b"\xff\xd9",
    ):
        found = fitted_codes(damaged)
        assert found is None or found.startswith(b"\xff\xd8")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_notes_shows_the_same(mode: str, progressive: bool) -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(5, 100, dpi=40)[0]).convert(mode)
    exif = Image.Exif()
    exif[270] = "a description " * 20
    how = {"exif": exif, "comment": b"a comment", "icc_profile": bytes(300), "progressive": progressive}
    data = drawn_pages.saved(image, "JPEG", quality=60, **how)
    found = without_notes(data)
    assert len(found) < len(data) - 600
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(found)) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))
        assert not {"exif", "comment", "icc_profile"} & after.info.keys()
    colours = 3 if mode == "RGB" else 1
    odd = data.replace(bytes([colours, 1, 0x22 if mode == "RGB" else 0x11]), bytes([colours, 82, 0x22]), 1)
    assert (b"JFIF" in without_notes(odd)) == (mode == "RGB")
    for wrong in (b"", b"\xff\xd8", data[:30], data[:2] + b"x" + data[3:]):
        assert without_notes(wrong) == wrong


def test_codes_are_at_most_sixteen_bits_and_none_is_of_ones_alone() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(sum(fibonacci[-2:]))
    for counts in ({7: 3}, {1: 1, 2: 1}, dict(enumerate(fibonacci)), dict.fromkeys(range(256), 1)):
        lengths = code_lengths(counts)
        assert lengths.keys() == counts.keys()
        assert max(lengths.values()) <= 16
        assert sum(2.0**-length for length in lengths.values()) < 1


def test_dictionaries_are_taken_apart_and_put_together() -> None:
    text = r"<</A/B/C(x>>/D (y\)))/E<</F 1/G[/H<4A>]>>/I 3 0 R/J true/K/L>>"
    found = entries_of(text)
    assert found == {"A": "/B", "C": r"(x>>/D (y\)))", "E": "<</F 1/G[/H<4A>]>>", "I": "3 0 R", "J": "true", "K": "/L"}
    assert entries_of(f"<<{joined(found)}>>") == found
    assert entries_of("<< >>") == {}
    for wrong in ("", "[1 2]", "<</A(", "<</A 1", "12"):
        with pytest.raises(ValueError, match=r"dictionary|string"):
            entries_of(wrong)


def test_a_pdf_written_anew_has_all_it_had() -> None:
    image = drawn_pages.drawn_page(6, 300, dpi=75)[0]
    with pymupdf.open() as pdf:
        for stream in (
            drawn_pages.saved(drawn_pages.sharp(image), "PNG"),
            drawn_pages.saved(image.convert("RGB"), "JPEG"),
            drawn_pages.saved(image, "PNG"),
        ):
            leaf = pdf.new_page(width=300, height=420)
            leaf.insert_image(leaf.rect, stream=stream)
        leaf.insert_text((50, 50), "Seen (too) \u00e9")
        leaf.add_text_annot((10, 10), "\u017b\u00f3\u0142w \u4e00")
        leaf.insert_link(
            {"kind": pymupdf.LINK_URI, "from": pymupdf.Rect(0, 0, 9, 9), "uri": "https://example.org/a(b)"}
        )
        pdf.set_toc([[1, "\u041e\u0434\u0438\u043d (1)", 1], [2, "two", 3]])
        pdf.set_metadata({"title": "\u017b\u00f3\u0142w \\ (x)", "author": "A > B"})
        pdf.set_xml_metadata("<x:xmpmeta>plain</x:xmpmeta>")
        pdf.embfile_add("note.txt", bytes(range(256)))
        data = pdf.tobytes()
    found = repacked(data)
    assert len(found) < len(data)
    assert b"<x:xmpmeta>plain" in found
    assert repacked(data) == found
    with pymupdf.open(stream=data) as before, pymupdf.open(stream=found) as after:
        assert not after.is_repaired
        assert after.get_toc() == before.get_toc()
        assert {**after.metadata, "format": ""} == {**before.metadata, "format": ""}
        assert after.embfile_get("note.txt") == bytes(range(256))
        for old, new in zip(before, after, strict=True):
            assert new.get_text() == old.get_text()
            assert [link.get("uri") for link in new.get_links()] == [link.get("uri") for link in old.get_links()]
            assert [note.info["content"] for note in new.annots()] == [note.info["content"] for note in old.annots()]
            assert new.get_pixmap(dpi=72).samples == old.get_pixmap(dpi=72).samples


def words_of(data: bytes, path: Path) -> list[list[str]]:
    """Return the words of a file as readers see them that are there."""
    with pymupdf.open(stream=data) as pdf:
        found = [[word[4] for word in pdf[0].get_text("words")]]
    if shutil.which("pdftotext"):
        path.write_bytes(data)
        done = subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True, text=True)
        assert done.stderr == ""
        found.append(done.stdout.split())
    return found


@pytest.mark.parametrize("thrift", THRIFT)
@pytest.mark.parametrize(
    "text",
    [
        "if a><b and )( or <<x>>",
        "\u201cx\u201d \u2013 it's \u2018so\u2019 `a` \u2014 \xa75 \u2022 \xa33 \u2026",
        "Za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105 ja\u017a\u0144 50 \u20ac",
        "\u0421\u044a\u0435\u0448\u044c \u0435\u0449\u0451 (\u043c\u044f\u0433\u043a\u0438\u0445) b\u0142",
        "\u4e00\u4e8c \U0001d400 \u03b1\u03b2",
    ],
)
def test_letters_of_other_languages_come_back_however_few_bytes_there_are(
    thrift: Thrift, text: str, tmp_path: Path
) -> None:
    line = Line(text, Box(20, 20, 20 + 16 * len(text), 50), 0.9)
    page = PageResult(1, (Block("paragraph", text, lines=(line,)),), 900, 200, 100.0)
    pages = (page,)
    result = new_pdf(pages, document_fonts(pages, thrift), thrift=thrift)
    for found in words_of(result, tmp_path / "a.pdf"):
        assert found == text.split()


def test_a_document_of_more_letters_than_a_byte_has_codes_keeps_them_all(tmp_path: Path) -> None:
    letters = [
        chr(code)
        for code in itertools.chain(range(0x100, 0x180), range(0x391, 0x3A2), range(0x410, 0x450), range(0x531, 0x557))
    ]
    words = ["".join(letters[start : start + 10]) for start in range(0, len(letters), 10)]
    lines = tuple(Line(word, Box(20, 20 + 30 * row, 200, 45 + 30 * row), 0.9) for row, word in enumerate(words))
    page = PageResult(1, (Block("paragraph", " ".join(words), lines=lines),), 900, 1200, 100.0)
    thrift = THRIFT[-1]
    result = new_pdf((page,), document_fonts((page,), thrift), thrift=thrift)
    for found in words_of(result, tmp_path / "a.pdf"):
        assert found == words
