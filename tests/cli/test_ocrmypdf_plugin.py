"""dsvl2 as the engine of OCRmyPDF; skipped where that (the extra `ocrmypdf`) or one of its programs is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("ocrmypdf")

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., Path]


@pytest.fixture
def plugin(scripted: Any) -> Any:
    """The plugin with the scripted engine."""
    from dsvl2_cli import ocrmypdf_plugin

    ocrmypdf_plugin.engine.cache_clear()
    yield ocrmypdf_plugin
    ocrmypdf_plugin.engine.cache_clear()


def test_a_page_image_becomes_hocr_and_text(plugin: Any, png: Make, tmp_path: Path) -> None:
    plugin.Dsvl2Engine.generate_hocr(png(), tmp_path / "a.hocr", tmp_path / "a.txt", None)
    assert 'class="ocr_page"' in (tmp_path / "a.hocr").read_text()
    assert (tmp_path / "a.txt").read_text() == "A page\n\nIt is 120 by 80 pixels.\n"


def test_a_page_image_becomes_a_pdf_of_its_size_with_invisible_text(plugin: Any, png: Make, tmp_path: Path) -> None:
    import pymupdf

    plugin.Dsvl2Engine.generate_pdf(png(), tmp_path / "a.pdf", tmp_path / "a.txt", None)
    with pymupdf.open(tmp_path / "a.pdf") as pdf:
        (page,) = pdf
        assert "It is 120 by 80 pixels." in " ".join(page.get_text().split())
        assert page.get_images() == []
        shown = page.get_pixmap()
        assert set(shown.samples) == {255}


def test_another_engine_can_be_asked_for(plugin: Any) -> None:
    class Options:
        ocr_engine = "tesseract"

    assert plugin.get_ocr_engine(Options()) is None
    assert str(plugin.get_ocr_engine(None)).startswith("dsvl2 ")


def test_a_wrong_setting_ends_ocrmypdf_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from ocrmypdf.exceptions import BadArgsError

    from dsvl2_cli import ocrmypdf_plugin

    monkeypatch.setenv("DSVL2_MODEL", "nosuch")
    with pytest.raises(BadArgsError, match="no model is called 'nosuch'; here: nano"):
        ocrmypdf_plugin.check_options(None)


@pytest.mark.parametrize("lies", [0, 90, 180, 270])
def test_how_a_page_lies_is_counted_as_ocrmypdf_counts(
    lies: int, plugin: Any, sample_scan: Path, tmp_path: Path
) -> None:
    with Image.open(sample_scan.with_suffix(".png")) as scan:
        page = scan.convert("L").resize((620, 877)).rotate(-lies, expand=True, fillcolor=255)
    page.save(tmp_path / "page.png")
    found = plugin.Dsvl2Engine.get_orientation(tmp_path / "page.png", None)
    assert (found.angle, found.confidence > 10) == (lies, True)  # as Tesseract's "Orientation in degrees"


def test_deskew_turns_the_page_back(plugin: Any, sample_scan: Path, tmp_path: Path) -> None:
    found = []
    for angle in (-1.5, 1.5):  # counter-clockwise, as Pillow counts and OCRmyPDF turns
        with Image.open(sample_scan.with_suffix(".png")) as scan:
            scan.convert("L").resize((620, 877)).rotate(angle, fillcolor=255).save(tmp_path / "page.png")
        found.append(plugin.Dsvl2Engine.get_deskew(tmp_path / "page.png", None))
    assert found[0] - found[1] == pytest.approx(3.0, abs=0.4)


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, ("tesseract", "gs"))), reason="OCRmyPDF's programs are missing")
def test_ocrmypdf_runs_with_it(pdf: Make, tmp_path: Path) -> None:
    """With the embedded model on a page with three words."""
    import pymupdf

    with pymupdf.open() as document:
        page = document.new_page(width=300, height=80)
        page.insert_text((30, 45), "The larger pump", fontsize=20)
        image = page.get_pixmap(dpi=150)
        image.save(tmp_path / "page.png")
    with pymupdf.open() as document:
        document.new_page(width=300, height=80).insert_image((0, 0, 300, 80), filename=tmp_path / "page.png")
        document.save(tmp_path / "in.pdf")
    links = [str(ROOT / ".types"), str(ROOT)] if os.environ.get("PYTHONPATH") else []
    done = subprocess.run(
        [sys.executable, "-m", "ocrmypdf", "--plugin", "dsvl2_cli.ocrmypdf_plugin", "--output-type", "pdf",
         "--jobs", "1", tmp_path / "in.pdf", tmp_path / "out.pdf"],
        env={**os.environ, **({"PYTHONPATH": ":".join(links)} if links else {})},
        capture_output=True,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    with pymupdf.open(tmp_path / "out.pdf") as result:
        assert "The larger pump" in " ".join(result[0].get_text().split())
