"""`dsvl2 ocr --figures`: pictures of figures beside the text that links to them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFilter

from dsvl2.pipelines.documents import Block, Box, Document, PageResult
from dsvl2.pipelines.formats import document_record, get_format
from dsvl2.pipelines.sources import SourceOptions, open_source
from dsvl2_cli.figures import FigureFiles


@pytest.fixture
def photo_page(tmp_path: Path) -> Path:
    """Lines of text around a photograph, in colour."""
    image = Image.new("RGB", (1000, 800), "white")
    draw = ImageDraw.Draw(image)
    for row in (80, 120, 640, 680):
        for x in range(80, 900, 14):
            draw.rectangle((x, row, x + 8, row + 14), fill="black")
    photo = Image.effect_noise((500, 320), 80).filter(ImageFilter.GaussianBlur(6)).convert("RGB")
    image.paste(Image.blend(photo, Image.new("RGB", photo.size, (180, 60, 20)), 0.5), (220, 240))
    path = tmp_path / "Fig Seite ä.png"
    image.save(path, dpi=(150, 150))
    return path


def files_of(scan: Path, folder: Path, beside: Path | None, written: dict[Path, bytes]) -> FigureFiles:
    options = SourceOptions(color=True)
    return FigureFiles(
        folder, scan.name, beside, again=lambda: open_source(scan, options), write=written.__setitem__
    )  # fmt: skip


def test_figures_are_written_in_colour_and_linked_relative_to_the_text(photo_page: Path, tmp_path: Path) -> None:
    blocks = (Block("paragraph", "x"), Block("figure", "", Box(220, 240, 720, 560)))
    written: dict[Path, bytes] = {}
    with files_of(photo_page, tmp_path / "out" / "pics", tmp_path / "out", written) as files:
        page = files.with_links(PageResult(1, blocks, 1000, 800, 150.0))
        assert files.with_links(PageResult(2, blocks[:1])).blocks == blocks[:1]
    assert files.written == 1
    ((path, data),) = written.items()
    assert path == tmp_path / "out" / "pics" / "Fig_Seite-1-1.png"
    with Image.open(io.BytesIO(data)) as shown:
        assert shown.size == (500, 320)
        red, _, blue = shown.convert("RGB").getpixel((250, 160))  # type: ignore[misc]
        assert red > blue + 20
    document = Document("x", (page,))
    assert "![figure](<pics/Fig_Seite-1-1.png>)" in get_format("markdown").render(document)
    assert '<img src="pics/Fig_Seite-1-1.png" alt="figure">' in get_format("html").render(document)
    assert "{pics/Fig_Seite-1-1.png}" in get_format("latex").render(document)
    assert document_record(document)["pages"][0]["blocks"][1]["image"] == "pics/Fig_Seite-1-1.png"


def test_links_are_escaped_and_tex_gets_only_names_that_it_can_take(photo_page: Path, tmp_path: Path) -> None:
    figure = Block("figure", "", Box(220, 240, 720, 560), image="a b/ä <1>%.png")
    document = Document("x", (PageResult(1, (figure,), 1000, 800, 150.0),))
    assert "(<a%20b/%C3%A4%20%3C1%3E%25.png>)" in get_format("markdown").render(document)
    assert "includegraphics[" not in get_format("latex").render(document)


def test_no_folder_is_made_where_there_is_no_figure(dsvl2: Any, scripted: Any, png: Any, tmp_path: Path) -> None:
    assert dsvl2("ocr", png(), "--figures", tmp_path / "pics").code == 0
    assert not (tmp_path / "pics").exists()


def test_figures_need_a_folder(dsvl2: Any, png: Any, photo_page: Path) -> None:
    for place in ("-", photo_page):
        done = dsvl2("ocr", png(), "--figures", place)
        assert done.code == 2
        assert "--figures pictures/" in done.err


def test_names_of_pictures_are_plain(tmp_path: Path) -> None:
    files = FigureFiles(tmp_path, "in/ä b (1).pdf", None, again=pytest.fail, write=lambda path, data: None)
    assert files._stem == "b_1"
