"""Multiple choice and chart data as sets hand them out: pictures in the tables, several pictures, open questions."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.evaluation import Prediction, SetError, check_pictures, load_items, score
from dsvl2.pipelines.evaluation.choices import read_mmmu
from dsvl2.pipelines.evaluation.engines import pages_of


def png(shade: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (40, 30), shade).save(stream, "PNG")
    return stream.getvalue()


def test_mmbench_with_its_pictures_in_the_table(tmp_path: Path) -> None:
    head = "index\tquestion\thint\tA\tB\tC\tanswer\timage\n"
    picture = base64.b64encode(png()).decode()
    rows = [
        f"7\tWhich?\tLook.\tred\tblue\t\tB\t{picture}",
        "1000007\tWhich?\t\tblue\tred\t\tA\t7",
        f"8\tTest?\t\tx\ty\t\t\t{picture}",
    ]
    (tmp_path / "MMBench_DEV_EN.tsv").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    first, second = load_items(tmp_path)
    assert (first.prompt, first.options, first.truth) == ("Look.\nWhich?", ("red", "blue"), 1)
    assert first.file == second.file and first.file.read_bytes() == png()
    check_pictures([first, second])


def test_mmmu_rows_with_one_picture_several_and_an_open_question(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "val_1", "question": "<image 1> Which?", "options": "['red', 'blue']", "answer": "B",
         "image_1": {"bytes": png(), "path": "a.png"}},
        {"id": "val_2", "question": "Compare <image 1> with <image 2>", "options": "['same', 'not']", "answer": "A",
         "image_1": {"bytes": png(), "path": None}, "image_2": {"bytes": png(255), "path": None}},
        {"id": "val_3", "question": "How many?", "options": "[]", "answer": "['4', 'four']", "image_1": "b.png"},
        {"id": "test_1", "question": "Hidden?", "options": "['x', 'y']", "answer": "?", "image_1": "b.png"},
    ]  # fmt: skip
    one, two, three = read_mmmu(rows, tmp_path)
    assert (one.task, one.prompt, one.options, one.truth) == ("choice", "Which?", ("red", "blue"), 1)
    assert two.prompt == "Compare with" and len(pages_of(two)) == 2
    assert (three.task, three.truth, three.file) == ("ask", ("4", "four"), tmp_path / "b.png")
    (tmp_path / "val.json").write_text(json.dumps(rows[2:]), encoding="utf-8")
    assert [item.id for item in load_items(tmp_path)] == ["val_3"]


def test_mmmu_as_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    row = {"id": "val_1", "question": "<image 1> Which?", "options": "['red', 'blue']", "answer": "A"}
    table = pyarrow.Table.from_pylist([{**row, "image_1": {"bytes": png(), "path": "a.png"}}])
    (tmp_path / "Art").mkdir()
    parquet.write_table(table, tmp_path / "Art" / "validation-00000-of-00001.parquet")
    (item,) = load_items(tmp_path)
    assert item.truth == 0 and item.file.read_bytes() == png()


def test_chart_data_are_an_item_and_are_scored(tmp_path: Path) -> None:
    data = [{"series": "north", "label": "2019", "value": 12}, {"label": "2020", "value": 8, "series": "north"}]
    (tmp_path / "gt.jsonl").write_text(json.dumps({"file": "c.png", "data": data}), encoding="utf-8")
    (item,) = load_items(tmp_path, task="chart")
    assert score(item, Prediction(data)) == {"rms_f1": 1.0}
    assert score(item, Prediction(data[:1]))["rms_f1"] == pytest.approx(2 / 3)
    assert score(item, Prediction(None)) == {"rms_f1": 0.0}


def test_the_answer_null_means_that_there_is_none(tmp_path: Path) -> None:
    rows = [{"file": "a.png", "question": "Who?", "answer": None}, {"file": "a.png", "question": "Why?", "answers": []}]
    (tmp_path / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    who, why = load_items(tmp_path)
    assert who.truth == why.truth == ("",)
    assert score(who, Prediction(None))["anls"] == 1.0
    assert score(who, Prediction("Ann"))["anls"] == 0.0


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("gt.jsonl", "[1, 2]", "gt.jsonl:1 has no `file`"),
        ("gt.jsonl", '{"file": "a.png", "question": "Who?"}', "gt.jsonl:1 lacks 'answer'"),
        ("gt.jsonl", '{"file": "a.png", "phrase": "x", "box": 3}', "gt.jsonl:1 lacks"),
        ("v.json", '[{"imgname": "1.png", "query": "?", "label": "1"}, {"imgname": "2.png"}]', "KeyError: 'query'"),
        ("m.tsv", "index\tquestion\tA\tB\tanswer\n5\tWhich?\tred\tblue\tZ\n", "'Z' is not in list"),
        ("t.json", '{"data": [{"question": "?", "image": "a.png", "questionId": 1, "answers": []}]}', "no item with an answer"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_as_it_should_be_is_named(tmp_path: Path, name: str, content: str, fact: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(SetError, match=fact.replace("[", r"\[")):
        load_items(tmp_path)
