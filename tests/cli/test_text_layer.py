"""`dsvl2 ocr` on PDFs that carry their text: no model where it is good, and the reason is told."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymupdf
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROSE = "The station was inspected on three days in February, after the frost had left the ground and the pumps. " * 3


@pytest.fixture
def digital(tmp_path: Path) -> Path:
    """Two pages: one of text, one with a drawing and no text."""
    path = tmp_path / "digital.pdf"
    with pymupdf.open() as pdf:
        pdf.new_page().insert_textbox(pymupdf.Rect(60, 60, 500, 500), PROSE)
        pdf.new_page(width=100, height=90).draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
        pdf.save(path)
    return path


def test_good_text_is_used_and_the_rest_is_read(dsvl2: Any, digital: Path, scripted: Any) -> None:
    before = scripted.ScriptedEngine.calls
    done = dsvl2("ocr", digital, "-f", "json", "-v")
    assert done.code == 0
    assert scripted.ScriptedEngine.calls == before + 1
    record = json.loads(done.out)
    assert [page["text_layer"]["decision"] for page in record["pages"]] == ["used", "read"]
    assert [page["text_layer"]["reason"] for page in record["pages"]] == ["good", "none"]
    assert record["model"]["name"] == "scripted"
    assert "page 1: text layer used: the text layer is good" in done.err
    assert "page 2: read by the model: the page has no text layer" in done.err


@pytest.mark.parametrize(("mode", "calls"), [("ignore", 2), ("auto", 1), ("force", 1)])
def test_the_mode_can_be_chosen(mode: str, calls: int, dsvl2: Any, digital: Path, scripted: Any) -> None:
    before = scripted.ScriptedEngine.calls
    assert dsvl2("ocr", digital, "--text-layer", mode).code == 0
    assert scripted.ScriptedEngine.calls == before + calls


def test_no_engine_is_made_for_pages_that_do_not_need_it(dsvl2: Any, digital: Path, scripted: Any) -> None:
    before = scripted.ScriptedEngine.loaded
    done = dsvl2("ocr", digital, "--pages", "1", "-f", "json")
    assert scripted.ScriptedEngine.loaded == before
    assert json.loads(done.out)["model"] is None


def test_a_wrong_mode_is_a_usage_error(dsvl2: Any, digital: Path) -> None:
    done = dsvl2("ocr", digital, "--text-layer", "never")
    assert done.code == 2
    assert "auto, force, ignore" in done.err


def test_a_digital_document_is_fast_and_loads_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "book.pdf"
    with pymupdf.open() as pdf:
        for _ in range(40):
            pdf.new_page().insert_textbox(pymupdf.Rect(60, 60, 540, 780), PROSE * 8)
        pdf.save(path)
    code = (
        "import sys; from dsvl2_cli.app import run; code = run(sys.argv[1:]);"
        " assert 'torch' not in sys.modules; sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "ocr", str(path), "-o", str(tmp_path / "book.md")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "DSVL2_PROGRESS": "never"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # not the clock: this machine may be busy with other things
    assert after.ru_utime - before.ru_utime < 12, "40 pages; 2 seconds where nothing else runs"
    assert (tmp_path / "book.md").read_text().count("three days in February") == 960
