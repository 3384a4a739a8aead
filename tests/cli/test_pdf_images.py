"""--pdf-images: pictures of searchable PDFs may change to fit, never unasked where a person says exact, and it is always told."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.batch import RunFolder
from dsvl2.pipelines.batch.manifest import Manifest

Run = Callable[..., Any]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of letters in many greys, in a file of half the bytes that PDF has for its pixels."""
    image = Image.new("L", (400, 300), 255)
    font = ImageFont.load_default(15)
    choice = random.Random(1)
    for row in range(9):
        line = "".join(choice.choice("abcdefghijklmnopqrstuvwxyz   ") for _ in range(44))
        ImageDraw.Draw(image).text((10 + row / 3, 8 + 32.3 * row), line, 30, font)
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "scan.webp"
    image.convert("RGB").save(path, lossless=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    return path


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with pymupdf.open(path) as pdf:
        drawn = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.Pixmap(pdf, pdf[0].get_images()[0][0]))
    return np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.width)


def test_the_report_says_what_was_changed_and_how_to_avoid_it(dsvl2: Run, scan: Path) -> None:
    done = dsvl2("ocr", scan, "-o", "a.pdf", "--json")
    (notice,) = json.loads(done.out)["documents"][0]["notices"]
    assert Path("a.pdf").stat().st_size <= 1.1 * scan.stat().st_size
    assert notice["code"] == "pdf_pictures_changed"
    assert done.err.count(notice["message"]) == 1
    assert "dB" in notice["message"]
    assert "--pdf-images exact" in notice["message"]


@pytest.mark.parametrize("way", ["flag", "variable", "file"])
def test_no_pixel_is_changed_where_a_person_says_so(
    way: str, dsvl2: Run, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "variable":
        monkeypatch.setenv("DSVL2_PDF_IMAGES", "exact")
    elif way == "file":
        Path("dsvl2.toml").write_text('pdf_images = "exact"\n')
    done = dsvl2("ocr", scan, "-o", "a.pdf", *(["--pdf-images", "exact"] if way == "flag" else []))
    with Image.open(io.BytesIO(scan.read_bytes())) as image:
        assert np.array_equal(pixels(Path("a.pdf")), np.asarray(image.convert("L")))
    assert "times the size of the original" in done.err


def test_other_words_are_refused(dsvl2: Run, scan: Path) -> None:
    done = dsvl2("ocr", scan, "-o", "a.pdf", "--pdf-images", "small")
    assert done.code == 2
    assert "choose fit, exact" in done.err


def test_a_batch_tells_it_once_and_keeps_it_in_its_manifest(dsvl2: Run, scripted: Any, scan: Path) -> None:
    words = ("batch", "in", "-o", "out", "-f", "pdf", "--jobs", "1", "--progress", "json")
    told = [json.loads(line) for line in dsvl2(*words).err.splitlines() if line.startswith("{")]
    assert [one["code"] for one in told if one["event"] == "notice"] == ["pdf_pictures_changed"]
    assert "pdf_pictures_changed" not in dsvl2(*words).err, "nothing is made anew"
    assert json.loads(dsvl2("batch", "status", "out", "--json").out)["notices"] == {"pdf_pictures_changed": 1}
    dsvl2(*words, "--pdf-images", "exact")
    with RunFolder.look(Path("out/.dsvl2-run")) as folder:
        ((notices,),) = folder.manifest.db.execute("SELECT notices FROM outputs").fetchall()
    assert [code for code, _ in json.loads(notices)] == ["pdf_larger"]


def test_watch_puts_it_into_the_line_of_the_document(dsvl2: Run, scripted: Any, scan: Path) -> None:
    done = dsvl2("watch", "in", "-o", "out", "-f", "pdf", "--once", "--settle", "0", "--json")
    (line,) = done.out.splitlines()
    assert [notice["code"] for notice in json.loads(line)["notices"]] == ["pdf_pictures_changed"]


def test_a_run_folder_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "manifest.sqlite")
    manifest.db.execute("ALTER TABLE outputs DROP COLUMN notices")
    manifest.db.execute("PRAGMA user_version = 2")
    manifest.close()
    Manifest(tmp_path / "manifest.sqlite", read_only=True).close()
    again = Manifest(tmp_path / "manifest.sqlite")
    assert again.db.execute("SELECT count(notices) FROM outputs").fetchone() == (0,)
    again.close()
