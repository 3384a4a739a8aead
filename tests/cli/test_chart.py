"""`dsvl2 chart` with the embedded model, from a drawn picture to data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.training.charts_pillow import draw_chart
from dsvl2.pipelines.training.charts_specs import make_spec


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("charts") / "chart.png"
    draw_chart(make_spec(3, "bar", printed=True)).image.save(path)
    return path


def test_a_bar_chart_becomes_csv(dsvl2: Any, picture: Path, tmp_path: Path) -> None:
    spec = make_spec(3, "bar", printed=True)
    done = dsvl2("chart", picture, "--plot", tmp_path / "plot.png", "-f", "long")
    assert done.code == 0, done.err
    rows = [line.split(",") for line in done.out.splitlines()[1:]]
    assert [(row[1], float(row[2]), row[3]) for row in rows] == [
        (label, value, "printed") for label, value in zip(spec.labels, spec.values[0], strict=True)
    ]
    with Image.open(tmp_path / "plot.png") as plot, Image.open(picture) as image:
        assert plot.width > 2 * image.width


def test_json_follows_the_published_schema(dsvl2: Any, picture: Path) -> None:
    from jsonschema import Draft202012Validator

    done = dsvl2("chart", picture, "--json")
    schema = json.loads(dsvl2("schema", "chart").out)
    Draft202012Validator(schema).validate(json.loads(done.out))


def test_a_picture_without_a_chart_is_an_honest_nothing(dsvl2: Any, tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("RGB", (300, 200), "white").save(path)
    done = dsvl2("chart", path)
    assert (done.code, done.out) == (10, "")
    assert "no chart was found" in done.err


@pytest.mark.parametrize(
    ("extra", "word"),
    [(("-f", "xlsx"), "csv, long, json, md"), (("--code", "--json"), "--code"), (("--pages", "7"), "page")],
)
def test_mistakes_are_told_before_anything_is_read(
    dsvl2: Any, picture: Path, extra: tuple[str, ...], word: str
) -> None:
    done = dsvl2("chart", picture, *extra)
    assert done.code in (2, 4)
    assert word in done.err + done.out


def test_a_page_that_breaks_is_told_and_not_the_end(dsvl2: Any, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dsvl2.pipelines.charts as charts

    def broken(*_: object) -> None:
        raise ValueError("the sectors do not add up")

    monkeypatch.setattr(charts, "read_page", broken)
    done = dsvl2("chart", picture, "-f", "long")
    assert done.code == 1
    assert "the sectors do not add up" in done.err
