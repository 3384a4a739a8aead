"""Commands on a reading that `dsvl2 ocr` stored: nothing is read twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest

Make = Callable[..., Path]


@pytest.fixture
def reading(dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path) -> Path:
    """What the scripted engine read of two pages; from here on it must not be asked again."""
    path = tmp_path / "scan.json"
    assert dsvl2("ocr", pdf(widths=(100, 120)), "--dpi", "72", "-o", path, "--review", tmp_path / "r.html").code == 0
    scripted.ScriptedEngine.calls = scripted.ScriptedEngine.loaded = 0
    return path


def test_ocr_writes_it_in_another_form(dsvl2: Any, reading: Path, scripted: Any) -> None:
    done = dsvl2("ocr", reading, "--page-markers")
    assert done.code == 0
    assert "<!-- page 2 -->\n\n# A page\n\nIt is 120 by 90 pixels." in done.out
    assert dsvl2("ocr", reading, "-f", "json").out == reading.read_text()
    assert scripted.ScriptedEngine.calls == 0


def test_the_searchable_pdf_is_made_of_the_scan_behind_it(dsvl2: Any, reading: Path, tmp_path: Path) -> None:
    assert dsvl2("ocr", reading, "-o", tmp_path / "out.pdf").code == 0
    with pymupdf.open(tmp_path / "out.pdf") as made:
        assert "120 by 90" in made[1].get_text()
    (tmp_path / "scan.pdf").unlink()
    done = dsvl2("ocr", reading, "-o", tmp_path / "again.pdf")
    assert (done.code, "scan.pdf, which is not there" in done.err) == (4, True)
    assert dsvl2("ocr", reading, "-o", tmp_path / "out.md").code == 0


def test_its_review_page_shows_the_scan(dsvl2: Any, reading: Path, tmp_path: Path) -> None:
    assert dsvl2("ocr", reading, "-o", tmp_path / "o.md", "--review", tmp_path / "again.html").code == 0
    assert (tmp_path / "again.html").read_text().count("data:image/webp") == 2


def test_corrections_are_a_reading_too(dsvl2: Any, reading: Path, tmp_path: Path, scripted: Any) -> None:
    found = re.search(r'id="data">(.*?)</script>', (tmp_path / "r.html").read_text(), re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    line = data["pages"][1]["blocks"][0]["lines"][0]
    change = {"id": line["id"], "before": line["text"], "after": "A better page"}
    saved = {"schema": data["schema"], "document": data["document"], "corrections": [change], "added": []}
    path = tmp_path / "scan.corrections.json"
    path.write_text(json.dumps(saved))
    assert "# A better page" in dsvl2("ocr", path).out
    done = dsvl2("compare", reading, path)
    assert (done.code, "[-page-]" in done.out or "better" in done.out) == (10, True)
    assert scripted.ScriptedEngine.calls == 0


def test_tables_come_from_it_as_from_the_scan(dsvl2: Any, reading: Path, scripted: Any) -> None:
    done = dsvl2("table", reading)
    assert (done.code, done.out, "no table found on 2 pages" in done.err) == (0, "", True)
    assert scripted.ScriptedEngine.calls == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("ocr", "{dir}/r.html"), 4, "an HTML, XML or SVG file"),
        (("ocr", "{dir}/scan.json", "--pages", "3"), 4, "the document has 2 pages"),
        (("ask", "{dir}/gone.json", "who?"), 4, "gone.json does not exist"),
        (("ocr", "{dir}/only"), 6, "readings are named one by one"),
    ],
)
def test_mistakes_get_an_answer(
    words: tuple[str, ...], code: int, message: str, dsvl2: Any, reading: Path, tmp_path: Path
) -> None:
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "scan.json").write_text(reading.read_text())
    done = dsvl2(*(word.format(dir=tmp_path) for word in words))
    assert (done.code, message in done.err) == (code, True), done.err
