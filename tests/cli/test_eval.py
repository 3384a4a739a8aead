"""`dsvl2 eval`: reports, baselines and what can be wrong with them. The engine beside ours is a stand-in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.evaluation import TextEngine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the stand-in reads off every page; a test may change it."""
    told = ["hello world"]
    engine = TextEngine("stand-in", "reads what it is told", lambda page: told[0])
    monkeypatch.setattr("dsvl2.pipelines.evaluation.engine_named", lambda name: engine)
    return told


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    Image.new("L", (60, 40), 255).save(folder / "a.png")
    rows = [
        {"id": "1", "file": "a.png", "text": "hello world"},
        {"id": "2", "file": "a.png", "question": "Who?", "answer": "Ann"},
    ]
    (folder / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def test_a_report_is_made_a_baseline_and_never_replaced_unasked(
    dsvl2: Any, peer: list[str], pages: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    measure = ("eval", pages, "--no-model", "--against", "stand-in", "-o", report)
    done = dsvl2(*measure)
    assert done.code == 0 and "stand-in" in done.out and "cer" in done.out
    assert "stand-in: 1 item of the kind ask left out" in done.err
    assert json.loads(report.read_text())["figures"][0]["engine"] == "stand-in"
    again = dsvl2(*measure)
    assert again.code == 5 and "error[output_exists]" in again.err and again.out == ""
    assert dsvl2(*measure, "--force").code == 0
    compare = ("eval", pages, "--no-model", "--against", "stand-in", "--regress", report)
    assert dsvl2(*compare).code == 0
    peer[0] = "hallo wurld"
    worse = dsvl2(*compare)
    assert worse.code == 10 and "worse: stand-in ocr cer: 0.1818, was 0.0000" in worse.err


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no report of dsvl2 eval"),
        ('{"figures": [{"engine": "x"}]}', "is no report of dsvl2 eval"),
        ('{"figures": [{"engine": "x", "task": "ocr", "metric": "cer", "mean": 0, "low": 0, "high": 0}]}', "no figure"),
    ],
)
def test_a_baseline_that_cannot_be_compared_with_is_told(
    dsvl2: Any, peer: list[str], pages: Path, tmp_path: Path, content: str | None, fact: str
) -> None:
    baseline = tmp_path / "old.json"
    if content is not None:
        baseline.write_text(content, encoding="utf-8")
    done = dsvl2("eval", pages, "--no-model", "--against", "stand-in", "--regress", baseline)
    assert done.code == 2 and fact in done.err


def test_without_the_extra_it_says_what_to_install(dsvl2: Any, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2_cli.commands.eval.find_spec", lambda name: None)
    done = dsvl2("eval", pages)
    assert done.code == 2 and "error[library_missing]" in done.err and "pip install 'dsvl2[eval]'" in done.err


def test_bench_needs_nothing_of_the_extra() -> None:
    code = (
        "import sys\nsys.modules['rapidfuzz'] = None\n"
        "import dsvl2_cli.benching\nfrom dsvl2.pipelines.evaluation import engine_named\n"
        "from dsvl2.pipelines.evaluation.readers import TesseractReader\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_picture_that_is_not_there_is_bad_input(dsvl2: Any, peer: list[str], pages: Path) -> None:
    (pages / "a.png").unlink()
    done = dsvl2("eval", pages, "--no-model", "--against", "stand-in")
    assert done.code == 4 and "a.png does not exist" in done.err
    assert dsvl2("eval", pages, "--no-model").code != 0
