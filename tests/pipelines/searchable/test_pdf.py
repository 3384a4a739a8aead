"""Searchable PDF: the original stays what it is, and its text lies on it, invisible, in place, and copies right."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.documents import Block, Box, Document, Line, PageError, PageResult, TextLayerUse, Word
from dsvl2.pipelines.errors import OutputError, UnreadableFile
from dsvl2.pipelines.formats import get_format, render_output
from dsvl2.pipelines.searchable.glyphless import truetype
from dsvl2.pipelines.sources import SourceOptions, open_source

ROOT = Path(__file__).resolve().parents[3]
DPI = 144.0


def page_of(box: Box, text: str, *, number: int = 1, size: tuple[int, int] = (600, 400), **more: Any) -> PageResult:
    """A page of one line, without words of its own."""
    line = Line(text, box, 0.9)
    return PageResult(number, (Block("paragraph", text, box, lines=(line,)),), *size, DPI, **more)


def searchable(data: bytes, *pages: PageResult, password: str | None = None) -> bytes:
    with open_source(data, SourceOptions(password=password)) as source:
        result = render_output(get_format("pdf"), Document("x", pages), source.original)
    assert isinstance(result, bytes)
    return result


def words(data: bytes, page: int = 0) -> list[tuple[str, Box]]:
    """Words with boxes in pixels of the page as drawn."""
    with pymupdf.open(stream=data) as pdf:
        leaf = pdf[page]
        zoom = DPI / 72
        found = []
        for x0, y0, x1, y1, text, *_ in leaf.get_text("words"):
            box = pymupdf.Rect(x0, y0, x1, y1) * leaf.rotation_matrix
            found.append((text, Box(box.x0 * zoom, box.y0 * zoom, box.x1 * zoom, box.y1 * zoom)))
        return found


def padded(data: bytes, size: int = 30_000) -> bytes:
    """The same PDF with an attachment that cannot be packed: text is a small part of such a file."""
    with pymupdf.open(stream=data) as pdf:
        pdf.embfile_add("noise", np.random.default_rng(1).bytes(size))
        return bytes(pdf.tobytes())


def drawn(data: bytes) -> Any:
    with pymupdf.open(stream=data) as pdf:
        pixels = pdf[0].get_pixmap(dpi=100)
        return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, pixels.n)


def same_place(found: Box, wanted: Box, slack: float = 3.0) -> bool:
    sides = (found.x0 - wanted.x0, found.x1 - wanted.x1)
    return max(map(abs, sides)) <= slack and found.y0 <= wanted.y0 + slack and found.y1 >= wanted.y1 - slack


def test_the_original_is_kept_byte_for_byte_and_looks_the_same(make_pdf: Callable[..., bytes]) -> None:
    data = padded(make_pdf("drawn", size=(300, 200)))
    result = searchable(data, page_of(Box(100, 150, 300, 180), "Hello world"))
    assert result.startswith(data)
    assert np.array_equal(drawn(result), drawn(data))
    assert {"Hello", "world"} < {text for text, _ in words(result)}


def test_the_text_is_invisible(make_pdf: Callable[..., bytes]) -> None:
    result = searchable(make_pdf(""), page_of(Box(100, 50, 300, 80), "Hello"))
    with pymupdf.open(stream=result) as pdf:
        assert [span["type"] for span in pdf[0].get_texttrace()] == [3]
    assert (drawn(result) == 255).all()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [False, True])
def test_words_lie_on_their_places_on_turned_and_cropped_pages(rotate: int, crop: bool) -> None:
    pdf = pymupdf.open()
    leaf = pdf.new_page(width=300, height=200)
    if crop:
        leaf.set_cropbox(pymupdf.Rect(40, 30, 290, 180))
    leaf.set_rotation(rotate)
    width, height = (int(side * 2) for side in (leaf.rect.width, leaf.rect.height))
    box = Box(60, 100, 260, 128)
    result = searchable(pdf.tobytes(), page_of(box, "ab", size=(width, height)))
    ((text, found),) = words(result)
    assert text == "ab"
    assert same_place(found, box)


LEVEL, UPRIGHT = Box(100, 50, 400, 80), Box(50, 60, 80, 360)


@pytest.mark.parametrize(("rotation", "box"), [(0, LEVEL), (180, LEVEL), (90, UPRIGHT), (270, UPRIGHT)])
def test_text_runs_as_the_scan_does(rotation: int, box: Box, make_pdf: Callable[..., bytes]) -> None:
    result = searchable(make_pdf(""), page_of(box, "left right", rotation=rotation))
    with pymupdf.open(stream=result) as pdf:
        (line,) = [line for block in pdf[0].get_text("dict")["blocks"] for line in block["lines"]]
    assert [round(value) for value in line["dir"]] == {0: [1, 0], 180: [-1, 0], 90: [0, -1], 270: [0, 1]}[rotation]
    assert [text for text, _ in words(result)] == ["left", "right"]
    first = words(result)[0][1]
    assert first.x0 >= 40 and first.y0 >= 40 and first.x1 <= 410 and first.y1 <= 370


def test_words_that_a_line_carries_are_kept_in_place(make_pdf: Callable[..., bytes]) -> None:
    carried = (Word("one", Box(100, 50, 150, 80)), Word("two", Box(300, 50, 400, 80)))
    line = Line("one two", Box(100, 50, 400, 80), words=carried)
    result = searchable(make_pdf(""), PageResult(1, (Block("paragraph", "one two", lines=(line,)),), 600, 400, DPI))
    assert [text for text, _ in words(result)] == ["one", "two"]
    for (_, found), word in zip(words(result), carried, strict=True):
        assert same_place(found, word.box)


def test_every_character_of_the_model_survives_copying(make_pdf: Callable[..., bytes]) -> None:
    tokenizer = json.loads((ROOT / "model/embedded/nano/tokenizer.json").read_text(encoding="utf-8"))
    letters = sorted(letter for letter in tokenizer["model"]["vocab"] if len(letter) == 1 and letter.strip())
    letters += ["\U0001d400", "字", "ﬁ"]
    assert len(letters) > 370
    lines = tuple(Line("".join(letters[k : k + 20]), Box(20, 10 + k, 580, 28 + k)) for k in range(0, len(letters), 20))
    result = searchable(make_pdf(""), PageResult(1, (Block("paragraph", "", lines=lines),), 600, 400, DPI))
    with pymupdf.open(stream=result) as pdf:
        flags = pymupdf.TEXTFLAGS_TEXT & ~pymupdf.TEXT_PRESERVE_LIGATURES | pymupdf.TEXT_PRESERVE_LIGATURES
        copied = pdf[0].get_text("text", flags=flags)
    assert sorted(copied.replace("\n", "")) == sorted(letters)


def test_pages_that_failed_or_were_not_read_stay_as_they_are(make_pdf: Callable[..., bytes]) -> None:
    data = make_pdf("a", "b", "c", size=(300, 200))
    failed = PageResult(1, error=PageError("x", "y"))
    result = searchable(data, failed, page_of(Box(100, 150, 300, 180), "new", number=2))
    assert [[text for text, _ in words(result, page)] for page in range(3)] == [["a"], ["b", "new"], ["c"]]
    assert searchable(data, failed) == data


def test_resources_of_a_page_tree_and_open_graphics_states_do_no_harm() -> None:
    pdf = pymupdf.open()
    leaf = pdf.new_page(width=300, height=200)
    leaf.insert_text((20, 50), "old")
    resources = pdf.xref_get_key(leaf.xref, "Resources")
    parent = int(pdf.xref_get_key(leaf.xref, "Parent")[1].split()[0])
    value = pdf.xref_object(int(resources[1].split()[0])) if resources[0] == "xref" else resources[1]
    pdf.xref_set_key(parent, "Resources", value)
    pdf.xref_set_key(leaf.xref, "Resources", "null")
    content = leaf.get_contents()[0]
    pdf.update_stream(content, b"q 3 0 0 3 50 50 cm " + pdf.xref_stream(content))
    data = pdf.tobytes()
    result = searchable(data, page_of(Box(100, 50, 300, 80), "new"))
    assert np.array_equal(drawn(result), drawn(data))
    found = dict(words(result))
    assert same_place(found["new"], Box(100, 50, 300, 80))


def test_an_encrypted_pdf_stays_encrypted(make_pdf: Callable[..., bytes]) -> None:
    data = make_pdf("", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="owner")
    result = searchable(data, page_of(Box(100, 50, 300, 80), "Hello"), password="secret")
    with pymupdf.open(stream=result) as pdf:
        assert pdf.needs_pass
        assert pdf.authenticate("secret")
        assert pdf[0].get_text().strip() == "Hello"


def test_a_damaged_pdf_is_written_anew(make_pdf: Callable[..., bytes]) -> None:
    data = make_pdf("kept")
    cut = data[: data.rindex(b"startxref")].replace(b"xref\n", b"xxxx\n")
    result = searchable(cut, page_of(Box(100, 250, 300, 280), "Hello"))
    assert {text for text, _ in words(result)} == {"kept", "Hello"}


def picture(mode: str) -> Image.Image:
    image = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 200, 90), fill=(200, 30, 60))
    draw.ellipse((300, 150, 500, 380), fill="black")
    return image.convert(mode)


@pytest.mark.parametrize(
    ("kind", "modes", "worst"),
    [
        ("PNG", "1 L RGB P RGBA", 0.01),
        ("JPEG", "L RGB", 2),
        ("JPEG", "CMYK", 12),  # programs differ in how they turn ink into light
        ("TIFF", "1 RGB", 0.01),
        ("BMP", "RGB", 0.01),
        ("GIF", "P", 0.01),
        ("WEBP", "RGB", 2),
        ("AVIF", "RGB", 4),
        ("JPEG2000", "L", 2),
        ("JPEG2000", "RGB", 2),
    ],
)
def test_an_image_becomes_a_pdf_of_its_size_with_the_image_in_it(kind: str, modes: str, worst: float) -> None:
    for mode in modes.split():
        check_image(kind, mode, worst)


def check_image(kind: str, mode: str, worst: float) -> None:
    image = picture(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"compression": "group4"} if (kind, mode) == ("TIFF", "1") else {}))
    result = searchable(buffer.getvalue(), page_of(Box(100, 50, 300, 80), "Hello"))
    with pymupdf.open(stream=result) as pdf:
        assert [round(side) for side in pdf[0].rect] == [0, 0, 300, 200]
        pixels = pdf[0].get_pixmap(dpi=144)
        shown = np.frombuffer(pixels.samples, np.uint8).reshape(400, 600, 3).astype(int)
    wanted = np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")).astype(int)
    off = np.abs(shown - wanted)
    assert off.mean() < worst
    assert [text for text, _ in words(result)] == ["Hello"]
    if kind == "JPEG2000":
        # Not a byte is touched, but where the same pixels take fewer.
        assert buffer.getvalue() in result or len(result) < len(buffer.getvalue()) + 1500
    if kind in ("PNG", "JPEG", "TIFF") and mode not in ("RGBA", "CMYK"):
        assert len(result) < 1.1 * len(buffer.getvalue()) + 4000  # a small file's share of text and font


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_stand_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    picture("RGB").save(buffer, "JPEG", exif=exif, quality=95)
    with open_source(buffer.getvalue(), SourceOptions(color=True)) as source:
        upright = source.read_page(1).image
        page = page_of(Box(10, 10, 90, 30), "x", size=upright.size)
        result = render_output(get_format("pdf"), Document("x", (page,)), source.original)
    assert isinstance(result, bytes)
    with pymupdf.open(stream=result) as pdf:
        pixels = pdf[0].get_pixmap(dpi=144)
        shown = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3).astype(int)
    assert np.abs(shown - np.asarray(upright.convert("RGB")).astype(int)).mean() < 2


def test_every_page_of_a_tiff_is_there() -> None:
    buffer = io.BytesIO()
    picture("1").save(buffer, "TIFF", save_all=True, append_images=[picture("L").rotate(180)], compression="tiff_lzw")
    pages = [page_of(Box(100, 50, 300, 80), f"page{number}", number=number) for number in (1, 2)]
    result = searchable(buffer.getvalue(), *pages)
    assert [words(result, page)[0][0] for page in range(2)] == ["page1", "page2"]


def test_the_sample_grows_by_less_than_a_tenth_and_other_programs_agree(tmp_path: Path) -> None:
    data = (ROOT / "examples/data/scan.pdf").read_bytes()
    text = textwrap.wrap((ROOT / "examples/data/scan.txt").read_text(encoding="utf-8"), 90)
    lines = tuple(Line(line, Box(200, 200 + 40 * k, 1400, 235 + 40 * k)) for k, line in enumerate(text) if line)
    result = searchable(data, PageResult(1, (Block("paragraph", "", lines=lines),), 1654, 2339, 200.0))
    assert len(result) <= 1.1 * len(data)
    path = tmp_path / "out.pdf"
    path.write_bytes(result)
    if shutil.which("qpdf"):
        subprocess.run(["qpdf", "--check", path], check=True, capture_output=True)
    if shutil.which("pdftotext"):
        done = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True)
        assert done.stdout.split() == " ".join(text).split()
        assert done.stderr == ""


def test_a_page_without_boxes_can_still_be_searched(make_pdf: Callable[..., bytes]) -> None:
    page = PageResult(1, (Block("heading", "First"), Block("paragraph", "second line\nthird")), 600, 400, DPI)
    assert [text for text, _ in words(searchable(make_pdf(""), page))] == ["First", "second", "line", "third"]


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(OutputError, match="original file"):
        get_format("pdf").render(Document("x", ()))
    buffer = io.BytesIO()
    picture("L").save(buffer, "PNG")
    with pytest.raises(OutputError, match="no page"):
        searchable(buffer.getvalue(), PageResult(1, error=PageError("x", "y")))
    with open_source(buffer.getvalue()) as source:
        broken = type(source.original)("x.png", "png", type(source.original.blob)("x.png", None, b"\x89PNG"))
        with pytest.raises(UnreadableFile, match=r"x\.png cannot be made"):
            render_output(get_format("pdf"), Document("x", (page_of(Box(0, 0, 9, 9), "x"),)), broken)


@pytest.mark.parametrize("glyphs", [2, 3, 400])
def test_the_font_is_a_font(glyphs: int) -> None:
    font = pymupdf.Font(fontbuffer=truetype(glyphs))
    assert font.glyph_count == glyphs
    assert (round(font.ascender, 2), round(font.descender, 2)) == (0.77, -0.23)


@pytest.mark.parametrize("turn", [0, 90])
def test_words_that_a_form_has_already_are_not_laid_over_it_again(turn: int) -> None:
    with pymupdf.open() as pdf:
        leaf = pdf.new_page(width=300, height=300)
        leaf.insert_text((30, 50), "Name: Ada", fontsize=12)
        leaf.set_rotation(turn)
        data = padded(bytes(pdf.tobytes()))
    name, ada = (box for _, box in words(data))
    stamp = Box(320.0, 420.0, 400.0, 450.0)
    read = tuple(Line(text, box, 0.9) for text, box in (("name:", name), ("Ade", ada), ("PAID", stamp)))
    use = TextLayerUse("read", "notes", "the page has form fields or notes on it")
    page = PageResult(1, tuple(Block("paragraph", line.text, line.box, lines=(line,)) for line in read), 600, 600, DPI)
    both = [text for text, _ in words(searchable(data, replace(page, text_layer=use)))]
    assert both == ["Name:", "Ada", "PAID"]
    garbled = replace(page, text_layer=replace(use, reason="implausible"))
    assert len(words(searchable(data, garbled))) == 5
