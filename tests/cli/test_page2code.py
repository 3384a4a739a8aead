"""`dsvl2 page2code` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dsvl2.model.reading import ReadingProfile
from dsvl2_cli import engines


@pytest.fixture
def text_pdf(tmp_path: Path) -> Path:
    import pymupdf

    document = pymupdf.open()
    for _ in range(2):
        lines = [f"Row {number} has a good line of text in it." for number in range(12)]
        document.new_page().insert_text((72, 100), lines, fontsize=11)
    document.save(tmp_path / "a.pdf")
    return tmp_path / "a.pdf"


@pytest.fixture
def whole_page(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "reading_profile", lambda settings: ReadingProfile())


def test_pages_with_text_become_one_file_without_a_model(
    dsvl2: Any, text_pdf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "make_engine", lambda settings: pytest.fail("a model was loaded"))
    out = tmp_path / "a.html"
    done = dsvl2("page2code", text_pdf, "-o", out)
    assert (done.code, done.out) == (0, "") and f"wrote {out}" in done.err
    assert out.read_text().count("<main ") == 2 and ">Row 11 has a good line" in out.read_text()
    assert dsvl2("page2code", text_pdf, "-o", out).code == 5


def test_json_fits_its_schema(dsvl2: Any, text_pdf: Path) -> None:
    record = json.loads(dsvl2("page2code", text_pdf, "--pages", "1", "--json").out)
    Draft202012Validator(json.loads(dsvl2("schema", "page2code").out)).validate(record)
    assert record["html"].startswith("<!doctype html>")


def test_a_whole_page_model_writes_it(dsvl2: Any, whole_page: None, png: Any) -> None:
    done = dsvl2("page2code", png())
    assert done.code == 0 and "# A page" in done.out and "warning" in done.err


def test_several_pages_are_too_many_for_it(dsvl2: Any, whole_page: None, pdf: Any) -> None:
    done = dsvl2("page2code", pdf(widths=(100, 110)), "--dpi", "72")
    assert done.code == 2 and "--pages 1" in done.err
