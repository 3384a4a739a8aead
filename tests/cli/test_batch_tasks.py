"""`dsvl2 batch --task`: questions of every document, their answers kept beside the pages; and searchable PDFs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.tasks import companions
from dsvl2_cli.exit_codes import Exit

Make = Callable[..., Path]
HUGE = 139  # page width that the scripted engine has no memory for
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


@pytest.fixture
def batch(dsvl2: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `dsvl2 batch` in this process with forked workers; the scripted engine reads pages and answers."""
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    monkeypatch.setitem(companions._LOADED, "cpu", scripted.ScriptedEngine())
    return lambda *words: dsvl2("batch", *words, "--dpi", "72", "--jobs", "1")


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_document_answers_and_another_question_reads_no_page(batch: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, 110))
    pdf("in/b.pdf", widths=(HUGE,))
    common = (tmp_path / "in", "--task", "ask", "-o", tmp_path / "all.jsonl", "--json")
    done = batch(*common, "-Q", "how wide?", "-Q", "how high?")
    report = json.loads(done.out)
    assert (done.code, report["pages_done"], report["answers"]) == (Exit.PARTIAL, 3, 2), done.err
    found = lines(tmp_path / "all.jsonl")
    assert [(one["question"], one["source"]) for one in found] == [
        (question, str(tmp_path / "in" / "a.pdf")) for question in ("how wide?", "how high?")
    ]
    assert found[0]["pages_asked"] == [{"source": str(tmp_path / "in" / "a.pdf"), "page": page} for page in (1, 2)]

    again = json.loads(batch(*common, "-Q", "how deep?").out)
    assert (again["pages_done"], again["reused"], again["answers"]) == (0, 3, 2)
    assert [one["question"] for one in lines(tmp_path / "all.jsonl")] == ["how deep?"]


def test_charts_answer_and_are_those_of_the_task_chart(batch: Any, dsvl2: Any, png: Make, tmp_path: Path) -> None:
    page = png("in/a.png")
    common = (tmp_path / "in", "--run", tmp_path / "run", "--json")
    done = batch(*common, "--task", "ask", "--chart", "-Q", "how much?", "-o", tmp_path / "all.jsonl")
    assert (done.code, json.loads(done.out)["pages_done"], json.loads(done.out)["answers"]) == (Exit.OK, 1, 1), done.err
    single = dsvl2("ask", page, "--chart", "how much?", "--json", "--dpi", "72")
    assert (tmp_path / "all.jsonl").read_text() == single.out
    assert [notice["code"] for notice in lines(tmp_path / "all.jsonl")[0]["notices"]] == ["no_chart"]
    charts = json.loads(batch(*common, "--task", "chart", "-o", tmp_path / "charts.jsonl").out)
    assert (charts["pages_done"], charts["reused"]) == (0, 1)


def test_status_retry_and_verify_know_answers(batch: Any, dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, HUGE))
    out = tmp_path / "out"
    assert batch(tmp_path / "in", "--task", "extract", "-s", "width: number", "-o", out).code == Exit.PARTIAL
    assert set(json.loads((out / "a.json").read_text())["data"]) == {"width"}
    status = json.loads(dsvl2("batch", "status", out, "--json").out)
    assert (status["answers_by_status"], status["pages_by_status"]) == ({"ok": 1}, {"failed": 1, "ok": 1})
    assert dsvl2("batch", "verify", out).code == Exit.OK
    retried = json.loads(dsvl2("batch", "retry", out, "--json").out)
    assert (retried["pages_done"], retried["reused"], retried["answers"]) == (
        1,
        1,
        1,
    )  # the answer knew one page too few


def test_searchable_pdfs_are_those_of_ocr(batch: Any, dsvl2: Any, pdf: Make, png: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, 110))
    png("in/b.png")
    (tmp_path / "in" / "c.pdf").write_bytes(b"%PDF-1.4\nnothing")
    common = (tmp_path / "in", "-o", tmp_path / "batch", "-f", "pdf")
    assert batch(*common).code == Exit.PARTIAL
    assert dsvl2("ocr", tmp_path / "in", "-o", tmp_path / "ocr/", "-f", "pdf", "--dpi", "72").code == Exit.PARTIAL
    for name in ("a.pdf", "b.pdf"):
        assert (tmp_path / "batch" / name).read_bytes() == (tmp_path / "ocr" / name).read_bytes()
    written = (tmp_path / "batch" / "a.pdf").stat().st_mtime_ns
    batch(*common)
    assert (tmp_path / "batch" / "a.pdf").stat().st_mtime_ns == written


def test_tables_are_written_as_a_workbook_for_each_document(batch: Any, png: Make, tmp_path: Path) -> None:
    png("in/a.png")
    common = (tmp_path / "in", "-o", tmp_path / "out", "--task", "table", "-f", "xlsx")
    assert batch(*common).code == Exit.OK
    with zipfile.ZipFile(tmp_path / "out" / "a.xlsx") as file:
        assert "xl/workbook.xml" in file.namelist()
    assert batch(common[0], *common[3:], "-o", "-").code == Exit.OUTPUT


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--task", "ask"), Exit.USAGE, "no question"),
        (("--task", "extract"), Exit.CONFIG, "no schema"),
        (("--task", "extract", "-s", "a: sum"), Exit.CONFIG, "sum"),
        (("--task", "chat"), Exit.USAGE, "cannot run in a batch"),
        (("--task", "chart", "-f", "docx"), Exit.USAGE, "csv, json, jsonl"),
        (("-Q", "who?"), Exit.USAGE, "--task ask"),
        (("--chart",), Exit.USAGE, "--task ask"),
        (("--task", "ask", "--chart"), Exit.USAGE, "no question"),
        (("--task", "page2code", "-o", "-", "-f", "html"), Exit.OUTPUT, "follow each other"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(batch: Any, words: Any, code: Exit, told: str) -> None:
    done = batch("in", *(() if "-o" in words else ("-o", "out/")), *words)
    assert (done.code, told in done.err) == (code, True), done.err
