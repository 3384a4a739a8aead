"""Sets are read in the layouts in which they are handed out, and what is wrong with one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.evaluation import SetError, check_pictures, load_items


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(map(json.dumps, content)) if path.suffix == ".jsonl" else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plain_line_is_an_item_of_each_kind_it_tells(tmp_path: Path) -> None:
    rows = [
        {"id": "r", "file": "r.png", "fields": {"total": "3", "date": None}, "lines": [{"text": "A"}, {"text": "B"}]},
        {"id": "q", "file": "q.png", "question": "How much?", "answers": ["3", "three"]},
        {"id": "p", "file": "p.png", "pairs": [["TO:", "Ann"], ["FROM:", "Bob"]], "words": [{"text": "TO:"}]},
        {"file": "f.png", "latex": "x^2"},
        {"file": "t.png", "cells": [{"r0": 0, "r1": 0, "c0": 0, "c1": 0, "text": "x"}]},
        {"file": "g.png", "phrase": "x", "box": [1, 2, 3, 4]},
        {"file": "c.png", "question": "Which?", "options": ["a", "b"], "answer": "B"},
    ]
    write(tmp_path / "gt.jsonl", rows)
    items = load_items(tmp_path)
    kinds = [item.task for item in items]
    assert kinds == ["extract", "ocr", "ask", "ask", "ask", "ocr", "formula", "table", "ground", "choice"]
    assert items[1].truth == "A\nB" and items[0].prompt == "total, date"
    assert items[3].id != items[4].id and items[4].truth == ("Bob",)
    assert items[-1].truth == 1
    assert [item.prompt for item in load_items(tmp_path, task="ask")] == ["How much?", "TO:", "FROM:"]
    write(
        tmp_path / "gt.jsonl", [rows[0], {**rows[0], "fields": {"total": "4"}}, rows[1], {**rows[1], "answers": ["4"]}]
    )
    again = load_items(tmp_path)
    assert again[0].truth == {"total": "4"}  # the later line
    assert [item.truth for item in again if item.task == "ask"] == [("3", "three", "4")]
    write(tmp_path / "gt.jsonl", rows)
    items = load_items(tmp_path)
    with pytest.raises(SetError, match=r"r\.png"):
        check_pictures(items)


def test_public_layouts(tmp_path: Path) -> None:
    write(tmp_path / "docvqa" / "val.json", {"dataset_name": "docvqa", "data": [
        {"questionId": 7, "question": "Who?", "image": "documents/a.png", "answers": ["Ann"]}]})  # fmt: skip
    write(tmp_path / "textvqa" / "v.json", {"data": [
        {"question_id": 1, "question": "What?", "image_id": "ab", "answers": ["x"] * 10}]})  # fmt: skip
    write(tmp_path / "chartqa" / "test_human.json", [{"imgname": "1.png", "query": "How many?", "label": "3"}])
    write(tmp_path / "ocrbench" / "b.json", [
        {"id": 1, "type": "t", "dataset_name": "HME100k", "image_path": "x.jpg", "question": "?", "answers": ["y"]}])  # fmt: skip
    html = {"structure": {"tokens": ["<tr>", "<td>", "</td>", "</tr>"]}, "cells": [{"tokens": ["a", "b"]}]}
    write(tmp_path / "pub" / "p.jsonl", [{"filename": "t.png", "split": "val", "html": html}])
    write(tmp_path / "ref" / "r.jsonl", [{"id": 1, "file_name": "i.jpg", "sent": "dog", "bbox": [1, 2, 3, 4]}])
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm" / "m.tsv").write_text("index\tquestion\tA\tB\tanswer\n5\tWhich?\tred\tblue\tB\n", encoding="utf-8")
    form = {"form": [
        {"id": 0, "label": "question", "text": "DATE:", "words": [{"text": "DATE:"}], "linking": [[0, 1]]},
        {"id": 1, "label": "answer", "text": "May 1", "words": [{"text": "May"}, {"text": "1"}],
         "linking": [[0, 1]]}]}  # fmt: skip
    write(tmp_path / "funsd" / "annotations" / "f.json", form)
    (tmp_path / "funsd" / "images").mkdir()
    (doc,) = load_items(tmp_path / "docvqa")
    assert (doc.id, doc.prompt, doc.truth, doc.file.name) == ("7", "Who?", ("Ann",), "a.png")
    assert load_items(tmp_path / "textvqa")[0].facts == {"humans": True}
    assert load_items(tmp_path / "chartqa")[0].truth == ("3",)
    bench = load_items(tmp_path / "ocrbench")[0].facts
    assert bench["substring"] and bench["ignore_space"]
    assert load_items(tmp_path / "pub")[0].truth == "<table><tr><td>ab</td></tr></table>"
    assert load_items(tmp_path / "ref")[0].truth == (1, 2, 4, 6)
    (choice,) = load_items(tmp_path / "mm")
    assert choice.truth == 1 and choice.options == ("red", "blue")
    assert [(item.task, item.truth) for item in load_items(tmp_path / "funsd")] == [
        ("ocr", "DATE:\nMay\n1"), ("ask", ("May 1",))]  # fmt: skip


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetError, match="does not exist"):
        load_items(tmp_path / "none")
    with pytest.raises(SetError, match="layout"):
        load_items(tmp_path)
    (tmp_path / "gt.jsonl").write_text("{not json\n", encoding="utf-8")
    with pytest.raises(SetError, match=r"gt\.jsonl:1"):
        load_items(tmp_path)
    write(tmp_path / "gt.jsonl", [{"file": "a.png", "text": "x"}])
    with pytest.raises(SetError, match="no item with an answer for the task ask"):
        load_items(tmp_path, task="ask")
