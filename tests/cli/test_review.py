"""`dsvl2 review apply`: corrections in, document out."""

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
def corrections(dsvl2: Any, pdf: Make, scripted: Any, tmp_path: Path) -> Path:
    """What a review page of a scripted reading saves after one block was corrected."""
    assert dsvl2("ocr", pdf(), "--dpi", "72", "-o", tmp_path / "a.md", "--review", tmp_path / "a.html").code == 0
    found = re.search(r'id="data">(.*?)</script>', (tmp_path / "a.html").read_text(), re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    (heading,) = data["pages"][0]["blocks"][0]["lines"]
    change = {"id": heading["id"], "before": heading["text"], "after": "A better page"}
    path = tmp_path / data["file"]
    saved = {"schema": data["schema"], "document": data["document"], "corrections": [change], "added": []}
    path.write_text(json.dumps(saved))
    return path


def test_the_corrected_document_goes_to_standard_output(dsvl2: Any, corrections: Path) -> None:
    done = dsvl2("review", "apply", corrections)
    assert done.code == 0
    assert done.out == "# A better page\n\nIt is 100 by 90 pixels.\n"
    assert "1 line corrected" in done.err


@pytest.mark.parametrize(("name", "begin"), [("b.json", "{"), ("b.hocr", "<?xml"), ("b.txt", "A better page")])
def test_every_text_format_can_be_written(name: str, begin: str, dsvl2: Any, corrections: Path, tmp_path: Path) -> None:
    assert dsvl2("review", "apply", corrections, "-o", tmp_path / name).code == 0
    assert (tmp_path / name).read_text().startswith(begin)


def test_nothing_is_replaced_unasked(dsvl2: Any, corrections: Path, tmp_path: Path) -> None:
    done = dsvl2("review", "apply", corrections, "-o", tmp_path / "a.md")
    assert (done.code, "exists already" in done.err) == (5, True)
    assert dsvl2("review", "apply", corrections, "-o", tmp_path / "a.md", "--force").code == 0
    assert (tmp_path / "a.md").read_text().startswith("# A better page")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nowhere.json",), 4, "cannot be read"),
        (("{page}",), 4, "no file of corrections"),
        (("{corrections}", "-o", "b.md", "--scan", "scan.pdf"), 2, "made of the corrections alone"),
        (("{corrections}", "-o", "b.pdf", "--scan", "gone.pdf"), 4, "--scan scan.pdf"),
        (("{corrections}", "-o", "b.pdf", "--scan", "{page}"), 4, "supported"),
        (("{corrections}", "-f", "wav"), 2, "unknown format"),
    ],
)
def test_mistakes_get_an_answer(
    words: tuple[str, ...], code: int, message: str, dsvl2: Any, corrections: Path, tmp_path: Path
) -> None:
    filled = [word.format(page=tmp_path / "a.html", corrections=corrections) for word in words]
    done = dsvl2("review", "apply", *filled)
    assert done.code == code
    assert message in done.err


def test_a_searchable_pdf_is_made_of_the_scan_where_it_was_or_was_moved_to(
    dsvl2: Any, corrections: Path, tmp_path: Path
) -> None:
    assert dsvl2("review", "apply", corrections, "-o", tmp_path / "b.pdf").code == 0
    moved = (tmp_path / "scan.pdf").rename(tmp_path / "moved.pdf")
    assert dsvl2("review", "apply", corrections, "-o", tmp_path / "c.pdf").code == 4
    assert dsvl2("review", "apply", corrections, "-f", "pdf", "--scan", moved, "-o", tmp_path / "c.pdf").code == 0
    assert (tmp_path / "b.pdf").read_bytes()[:900] == (tmp_path / "c.pdf").read_bytes()[:900]
    with pymupdf.open(tmp_path / "c.pdf") as pdf:
        assert pdf[0].get_text().split()[:3] == ["A", "better", "page"]


def test_a_scan_that_changed_since_is_not_written_over(dsvl2: Any, corrections: Path, tmp_path: Path) -> None:
    with (tmp_path / "scan.pdf").open("ab") as file:
        file.write(b"%")
    done = dsvl2("review", "apply", corrections, "-o", tmp_path / "b.pdf")
    assert (done.code, "is not the file that was read" in done.err) == (4, True)
    assert not (tmp_path / "b.pdf").exists()
