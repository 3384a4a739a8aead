"""`dsvl2 formula`: LaTeX printed, mistakes explained."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image, ImageDraw, ImageFont

Answer = Callable[..., None]


@pytest.fixture
def answers(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Let the model give these answers, one after the other."""

    def put(*texts: str, logprob: float = -0.1) -> None:
        left = list(texts)
        whole = scripted.ScriptedEngine._answer

        def answer(self: Any, request: Any) -> Any:
            text = left.pop(0)
            made = whole(self, request)
            return replace(
                made, text=text, pieces=tuple(text), logprobs=(logprob,) * len(text), token_ids=(1,) * len(text)
            )

        monkeypatch.setattr(scripted.ScriptedEngine, "_answer", answer)

    return put


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = Image.new("L", (300, 90), 255)
    pen = ImageDraw.Draw(image)
    for box in ((40, 40, 56, 60), (80, 44, 110, 46), (80, 54, 110, 56), (140, 40, 156, 60)):
        pen.rectangle(box, fill=0)
    image.save(tmp_path / "equation.png")
    return tmp_path / "equation.png"


def test_latex_goes_to_standard_output(dsvl2: Any, picture: Path, answers: Answer) -> None:
    answers(r"$$E = m c^{2}$$")
    done = dsvl2("formula", picture)
    assert (done.code, done.out) == (0, "E=mc^2\n")


def test_json_follows_the_schema(dsvl2: Any, picture: Path, answers: Answer) -> None:
    answers(r"\frac{1}{2", "x")
    done = dsvl2("formula", picture, picture, "--json")
    record = json.loads(done.out.splitlines()[0])
    Draft202012Validator(json.loads(dsvl2("schema", "formula").out)).validate(record)
    assert record["formulas"][0]["valid"] is False
    assert record["formulas"][0]["problems"] == ["unbalanced {"]
    assert record["formulas"][0]["page"] == 1


def test_what_cannot_be_typeset_is_told(dsvl2: Any, picture: Path, answers: Answer) -> None:
    answers(r"\wrong x", r"\wrong x")
    done = dsvl2("formula", picture)
    assert done.code == 0
    assert r"formula 1 cannot be typeset: unknown command \wrong" in done.err
    assert dsvl2("formula", picture, "--strict").code == 10


def test_a_formula_inside_a_line_is_told_from_a_displayed_one(
    dsvl2: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: Answer
) -> None:
    bands = replace(scripted.ReadingProfile(), mode="bands", tile=384, max_columns=4, location_bins=48)
    monkeypatch.setattr(scripted, "ReadingProfile", lambda: bands)
    image = Image.new("L", (1000, 400), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for row in range(8):
        text = "the inspection of the station was made on three days in February after the frost"
        pen.text((60, 40 + 36 * row), text[row:] if row != 2 else text[:30], font=font, fill=0)
    pen.text((500, 112), "x", font=font, fill=0)
    pen.text((512, 124), "2", font=ImageFont.load_default(size=16), fill=0)
    image.save(tmp_path / "page.png")
    answers("x_{2}", "x_2", logprob=-0.001)
    done = dsvl2("formula", tmp_path / "page.png", "--strict")
    assert (done.code, done.out) == (0, "\\(x_2\\)\n")
    (record,) = json.loads(dsvl2("formula", tmp_path / "page.png", "--json").out)["formulas"]
    assert (record["latex"], record["inline"], record["valid"]) == ("x_2", True, True)
    assert 490 < record["box"][0] < record["box"][2] < 540


def test_no_formula_is_an_empty_result(dsvl2: Any, tmp_path: Path, answers: Answer) -> None:
    Image.new("L", (200, 80), 255).save(tmp_path / "blank.png")
    done = dsvl2("formula", tmp_path / "blank.png")
    assert (done.code, done.out) == (0, "")
    assert "no formula found" in done.err


def test_several_files_are_named_and_written(dsvl2: Any, picture: Path, answers: Answer, tmp_path: Path) -> None:
    other = picture.with_name("second.png")
    other.write_bytes(picture.read_bytes())
    answers("a=b", "c=d")
    done = dsvl2("formula", picture, other, "-o", tmp_path / "out.txt")
    assert done.code == 0
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert lines[1::2] == ["a=b", "c=d"]
    assert lines[0].startswith("% ")
    assert dsvl2("formula", picture, "-o", tmp_path / "out.txt").code == 5


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        ((), "no document was named"),
        (("--shows", "photo"), "--shows photo is not known"),
        (("nowhere.png",), "nowhere.png"),
    ],
)
def test_mistakes_are_explained(
    dsvl2: Any, scripted: Any, picture: Path, arguments: tuple[str, ...], fact: str
) -> None:
    words = (picture, *arguments) if "--shows" in arguments else arguments
    done = dsvl2("formula", *words)
    assert done.code in (2, 4)
    assert fact in done.err
