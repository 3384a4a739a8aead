"""What `dsvl2 batch` tells: progress for programs, what failed by name, and mistakes that need no model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch import Counts
from dsvl2_cli import batch_progress
from dsvl2_cli.exit_codes import Exit

Make = Callable[..., Path]
HUGE = 139  # page width that the scripted engine has no memory for
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on


@pytest.fixture
def batch(dsvl2: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run `dsvl2 batch` in this process with forked workers and the scripted engine."""
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    monkeypatch.chdir(tmp_path)
    return lambda *words: dsvl2("batch", *words, "--dpi", "72", "--jobs", "1")


def test_progress_says_how_far_how_fast_and_how_long(
    batch: Any, pdf: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_progress, "_SUM_SECONDS", 0.0)
    pdf("in/a.pdf", widths=(100, HUGE))
    (tmp_path / "in" / "b.pdf").write_bytes(b"")
    done = batch("in", "-o", "out", "--progress", "json")
    told = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    sums = [one for one in told if one["event"] == "progress"]
    assert (sums[-1]["documents_done"], sums[-1]["documents_failed"], sums[-1]["pages_done"]) == (2, 1, 2)
    assert sums[-1]["pages_per_second"] > 0 and sums[-1]["tokens_per_second"] > 0 and sums[-1]["seconds_left"] == 0


def test_the_time_left_counts_documents_that_nobody_has_opened() -> None:
    counts = Counts(documents=10, documents_done=1, pages=8, pages_done=4, tokens=100)
    found = batch_progress.summed(counts, opened=2, seconds=2.0)
    assert (found["pages_per_second"], found["tokens_per_second"]) == (2.0, 50.0)
    assert found["seconds_left"] == (4 + 8 * 4) / 2  # four pages of those that are open, and eight documents of four
    assert batch_progress.summed(Counts(documents=1), opened=0, seconds=0.0)["seconds_left"] is None


def test_a_document_whose_page_failed_is_told_once(batch: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(HUGE,))
    pdf("in/b.pdf")
    first, second = (batch("in", "-o", "out").err.splitlines() for _ in range(2))
    assert [len([line for line in lines if "error[out_of_memory]" in line]) for lines in (first, second)] == [1, 1]


def test_status_names_what_failed(batch: Any, dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, HUGE))
    for number in range(7):
        (tmp_path / "in" / f"empty{number}.pdf").write_bytes(b"")
    assert batch("in", "-o", "out").code == Exit.PARTIAL
    told = dsvl2("batch", "status", "out").out.splitlines()
    place = next(number for number, line in enumerate(told) if line.endswith("7 file_empty"))
    assert [line.strip() for line in told[place + 1 : place + 7]] == [
        *(f"in/empty{number}.pdf" for number in range(5)),
        "and 2 more",
    ]
    assert told[told.index("failed     1 out_of_memory") + 1].strip() == "in/a.pdf page 2"
    assert json.loads(dsvl2("batch", "status", "out", "--json").out)["examples"]["out_of_memory"] == ["in/a.pdf page 2"]


def test_what_a_person_changed_in_an_output_is_kept(batch: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf")
    pdf("in/b.pdf", widths=(110,))
    assert batch("in", "-o", "out").code == Exit.OK
    (tmp_path / "out" / "a.md").write_text("corrected by hand")
    written = (tmp_path / "out" / "b.md").read_text()
    os.utime(tmp_path / "out" / "b.md", (0, 0))  # touched, not changed
    (tmp_path / "in" / "c.pdf").write_bytes((tmp_path / "in" / "b.pdf").read_bytes())
    done = batch("in", "-o", "out")
    assert (done.code, (tmp_path / "out" / "a.md").read_text()) == (Exit.PARTIAL, "corrected by hand")
    assert "out/a.md was changed since this run wrote it" in done.err and "--force" in done.err
    assert (tmp_path / "out" / "c.md").read_text() == (tmp_path / "out" / "b.md").read_text() == written
    assert batch("in", "-o", "out", "--force").code == Exit.OK
    assert "pixels" in (tmp_path / "out" / "a.md").read_text()


def test_status_and_verify_of_a_folder_with_several_runs_take_them_all(
    batch: Any, dsvl2: Any, pdf: Make, tmp_path: Path
) -> None:
    for number in range(4):
        pdf(f"in/{number}.pdf", widths=(100 + number,))
    for part in (1, 2):  # all four happen to be in the second: that is no failure of the first
        done = batch("in", "-o", "out", "--shard", f"{part}/2")
        assert (done.code, "has no documents" in done.err) == (Exit.OK, part == 1)
    assert [line for line in dsvl2("batch", "status", "out").out.splitlines() if line.startswith("run ")] == [
        "run        out/.dsvl2-run-1-of-2",
        "run        out/.dsvl2-run-2-of-2",
    ]
    told = json.loads(dsvl2("batch", "status", "out", "--json").out)
    assert sum(one["documents"] for one in told["runs"]) == 4
    next((tmp_path / "out").glob("*.md")).unlink()
    found = json.loads(dsvl2("batch", "verify", "out", "--json").out)
    assert (found["exit_code"], [one["code"] for one in found["problems"]]) == (Exit.LOW_CONFIDENCE, ["output_gone"])
    refused = dsvl2("batch", "retry", "out")
    assert (refused.code, "out/.dsvl2-run-2-of-2" in refused.err) == (Exit.BAD_INPUT, True), refused.err


@pytest.mark.parametrize(("words", "code"), [(("misspelt",), Exit.BAD_INPUT), (("empty",), Exit.NOTHING_TO_DO)])
def test_where_nothing_is_found_no_model_is_loaded(
    batch: Any, tmp_path: Path, words: Any, code: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr("dsvl2.pipelines.batch.hands.LocalHands.reader", never)
    (tmp_path / "empty").mkdir()
    done = batch(*words, "-o", "out")
    assert (done.code, words[0] in done.err, "retry" in done.err) == (code, True, False), done.err
    assert "0 of 1 document done; 1 failed" in done.err
