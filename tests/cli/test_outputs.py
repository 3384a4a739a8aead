"""One reading in several formats, and outputs that keep the suffix of their input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("scripted_engine.py")
Make = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("scripted")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_reading_is_written_to_several_files(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    done = dsvl2("ocr", pdf(), "-o", tmp_path / "a.md", "-o", tmp_path / "a.pdf", "--dpi", "72")
    assert done.code == 0 and done.out == ""
    assert done.err.count("1 page read") == 1 and f"wrote {tmp_path}/a.md and {tmp_path}/a.pdf" in done.err
    assert (tmp_path / "a.md").read_text().startswith("# A page")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_outputs_are_listed_as_a_person_does() -> None:
    from dsvl2_cli.reports import series

    assert [series(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_an_interrupt_keeps_the_finished_pages_in_every_format(pdf: Make, tmp_path: Path) -> None:
    path = pdf(widths=(100, 110, 137, 120))
    command = [sys.executable, str(SCRIPT), "ocr", str(path), "-o", f"{tmp_path}/a.md", "-o", f"{tmp_path}/a.json"]
    with subprocess.Popen(
        [*command, "--dpi", "72"], cwd=SCRIPT.parents[2], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "waiting" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=900)[1]
    assert process.returncode == 130
    assert f"are in {tmp_path}/a.md.partial and {tmp_path}/a.json.partial" in told
    assert "110 by 90" in (tmp_path / "a.md.partial").read_text()
    assert len(json.loads((tmp_path / "a.json.partial").read_text())["pages"]) == 2
    assert not (tmp_path / "a.md").exists() and not (tmp_path / "a.json").exists()


def test_a_file_and_standard_output(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    done = dsvl2("ocr", pdf(), "-o", tmp_path / "a.md", "-o", "-", "-f", "json")
    assert json.loads(done.out)["pages"][0]["number"] == 1
    assert (tmp_path / "a.md").read_text().startswith("# A page")


def test_a_folder_takes_several_formats(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    done = dsvl2("ocr", pdf("one.pdf"), pdf("two.pdf"), "-o", tmp_path / "out", "-f", "md", "-f", "txt", "--json")
    assert files(tmp_path / "out") == ["one.md", "one.txt", "two.md", "two.txt"]
    first = json.loads(done.out)["documents"][0]
    assert first["outputs"] == [str(tmp_path / "out/one.md"), str(tmp_path / "out/one.txt")]
    assert first["output"] == first["outputs"][0]


def test_nothing_is_read_if_one_of_the_outputs_exists(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    done = dsvl2("ocr", pdf(), "-o", tmp_path / "a.md", "-o", tmp_path / "a.txt")
    assert done.code == 5 and "a.txt exists already" in done.err
    assert (tmp_path / "a.txt").read_text() == "mine" and not (tmp_path / "a.md").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "a.md", "-o", "a.md"], "a.md would take both"),
        (["-f", "md", "-f", "txt"], "standard output would take both markdown and text"),
        (["-o", "a", "-f", "md", "-f", "txt"], "a would take both"),
        (["-o", "a.md", "-o", "b.txt", "-f", "md", "-f", "txt"], "which goes where"),
        (["-o", "a.md", "-o", "b.md", "--review", "b.md"], "the output and the review page"),
        (["-o", "x/a.md", "-o", "y/a.html", "--figures", "pics"], "one folder"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(dsvl2: Any, pdf: Make, words: list[str], said: str) -> None:
    done = dsvl2("ocr", pdf(), *words)
    assert done.code == 2 and said in done.err


def test_documents_that_differ_in_suffix_alone(dsvl2: Any, pdf: Make, tmp_path: Path) -> None:
    folder = pdf("in/scan.pdf").parent
    pdf("in/scan.PNG")
    refused = dsvl2("ocr", folder, "-o", tmp_path / "out")
    assert refused.code == 5 and "--keep-suffix" in refused.err
    assert dsvl2("ocr", folder, "-o", tmp_path / "out", "--keep-suffix", "--review", tmp_path / "check/").code == 0
    assert files(tmp_path / "out") == ["scan.PNG.md", "scan.pdf.md"]
    assert files(tmp_path / "check") == ["scan.PNG.html", "scan.pdf.html"]


def test_a_batch_keeps_suffixes_too(dsvl2: Any, pdf: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    folder = pdf("in/scan.pdf").parent
    pdf("in/scan.PNG")
    done = dsvl2("batch", folder, "-o", tmp_path / "out")
    assert done.code == 3 and "--keep-suffix" in done.err
    assert dsvl2("batch", folder, "-o", tmp_path / "out2", "--keep-suffix").code == 0
    assert [name for name in files(tmp_path / "out2") if name.endswith(".md")] == ["scan.PNG.md", "scan.pdf.md"]


@pytest.mark.parametrize("command", ["table", "extract", "batch", "chart"])
def test_a_second_output_of_a_command_that_writes_one_is_refused(dsvl2: Any, pdf: Make, command: str) -> None:
    done = dsvl2(command, pdf(), "-o", "a.csv", "--output=b.csv")
    assert done.code == 2 and "-o stands twice" in done.err
