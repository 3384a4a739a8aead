"""`dsvl2 ground`: places printed and drawn, mistakes explained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from dsvl2.model.reading import ReadingProfile
from dsvl2_cli import engines

TEXT = [
    "Invoice of the Mill Lane office.",
    *(f"Row {n} has a good line of text in it." for n in range(12)),
    "Total due 88.17",
]


@pytest.fixture
def invoice(tmp_path: Path) -> Callable[..., Path]:
    def make(pages: int = 1) -> Path:
        document = pymupdf.open()
        for _ in range(pages):
            document.new_page().insert_text((72, 100), TEXT, fontsize=11)
        document.save(tmp_path / "invoice.pdf")
        return tmp_path / "invoice.pdf"

    return make


@pytest.fixture(autouse=True)
def reads_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is needed for a good text layer, so none is to be loaded."""
    monkeypatch.setattr(engines, "make_engine", lambda settings: pytest.fail("a model was loaded"))


def test_a_phrase_is_found_and_drawn(dsvl2: Any, invoice: Any, tmp_path: Path) -> None:
    done = dsvl2("ground", invoice(), "total due", "--draw", tmp_path / "out.png")
    assert done.code == 0
    assert done.out.startswith("page 1  1  ") and done.out.endswith("100%  Total due\n") and " px  " in done.out
    assert "wrote" in done.err
    drawn = Image.open(tmp_path / "out.png").convert("RGB")
    assert (214, 39, 40) in {colour for _, colour in drawn.getcolors(1 << 20)}
    again = dsvl2("ground", invoice(), "total due", "--draw", tmp_path / "out.png")
    assert again.code == 5 and "output_exists" in again.err


def test_json_is_one_object_a_page(dsvl2: Any, invoice: Any) -> None:
    records = [json.loads(line) for line in dsvl2("ground", invoice(2), "88.17", "--json").out.splitlines()]
    assert [record["page"] for record in records] == [1, 2]
    for record in records:
        Draft202012Validator(json.loads(dsvl2("schema", "ground").out)).validate(record)
        (one,) = record["boxes"]
        assert one["label"] == "88.17" and len(one["box"]) == len(one["grid"]) == 4


def test_every_page_with_a_hit_is_drawn(dsvl2: Any, invoice: Any, tmp_path: Path) -> None:
    assert dsvl2("ground", invoice(2), "Mill Lane", "--draw", tmp_path / "x.jpg").code == 0
    assert sorted(path.name for path in tmp_path.glob("x*")) == ["x-1.jpg", "x-2.jpg"]


def test_what_is_not_there_is_not_found(dsvl2: Any, invoice: Any) -> None:
    done = dsvl2("ground", invoice(), "giraffe")
    assert (done.code, done.out) == (0, "not found\n")


def test_a_page_is_described(dsvl2: Any, invoice: Any) -> None:
    out = dsvl2("ground", invoice(), "--describe").out
    assert "Invoice of the Mill Lane office." in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "say what to look for, or --describe"),
        (["x", "--describe"], 2, "one of them"),
        ([""], 2, "error[bad_question]: the phrase is empty"),
        (["x", "--region", "1,2,3"], 2, "not LEFT,TOP,RIGHT,BOTTOM"),
        (["x", "--region", "9,9,3,3"], 4, "error[box_outside]"),
        (["Total", "--region", "9000,9000,9900,9900"], 4, "error[box_outside]"),
        (["x", "--draw", "out.pdf"], 2, "--draw writes an image"),
    ],
)
def test_mistakes_are_explained(dsvl2: Any, invoice: Any, words: list[str], code: int, said: str) -> None:
    done = dsvl2("ground", invoice(), *words)
    assert done.code == code
    assert said in done.err


def test_a_region_outside_a_scan_is_refused_before_a_model_is_loaded(dsvl2: Any, png: Any) -> None:
    done = dsvl2("ground", png(), "pump", "--region", "9000,9000,9900,9900")
    assert done.code == 4
    assert "error[box_outside]" in done.err


def test_a_whole_page_model_is_shown_every_page(
    dsvl2: Any, scripted: Any, pdf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "make_engine", scripted.make_engine)
    monkeypatch.setattr(engines, "reading_profile", lambda settings: ReadingProfile())
    done = dsvl2("ground", pdf(widths=(100, 110)), "cup", "--dpi", "72", "--json")
    assert [json.loads(line)["boxes"] for line in done.out.splitlines()] == [[], []]
