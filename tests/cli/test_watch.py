"""`dsvl2 watch`: files are read when they are whole, once, moved on, and nothing is lost or replaced."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch.kept_hands import KeptReader
from dsvl2_cli.arrivals import PATIENCE, Arrivals, free_name

SCRIPT = Path(__file__).with_name("scripted_engine.py")
ROOT = SCRIPT.parents[2]
Make = Callable[..., Path]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on
BAD = b"%PDF-1.4 damaged beyond repair %%EOF"


@pytest.fixture
def watch(dsvl2: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Look once at in/: `watch()`; results go to out/, what was read to done/, what was not to failed/."""
    monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
    places = ("-o", tmp_path / "out", "--done", tmp_path / "done", "--failed", tmp_path / "failed")

    def call(*more: object, places: tuple[object, ...] = places) -> Any:
        return dsvl2("watch", tmp_path / "in", *places, "--once", "--settle", "0", "--dpi", "72", *more)

    return call


def tree(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".dsvl2-run" not in str(path))
    return {path.relative_to(folder).as_posix() for path in files}


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_file_is_whole_when_it_has_not_changed_for_a_while(tmp_path: Path) -> None:
    clock, scan = Clock(), tmp_path / "a.png"
    arrivals = Arrivals(tmp_path, 3, clock=clock)
    scan.write_bytes(b"")
    (tmp_path / "a.png.part").write_bytes(b"x")
    assert (arrivals.look(), arrivals.waiting) == ({}, 1)
    clock.now += 5
    assert arrivals.look() == {}  # nothing in it yet
    scan.write_bytes(b"half")
    assert arrivals.look() == {}
    clock.now += 2
    scan.write_bytes(b"the whole")
    clock.now += 2
    assert arrivals.look() == {}  # it changed since
    clock.now += 3
    assert [path.name for path in arrivals.look()] == ["a.png"]
    assert arrivals.waiting == 0


def test_a_pdf_without_its_end_is_waited_for_longer(tmp_path: Path) -> None:
    clock = Clock()
    arrivals = Arrivals(tmp_path, 3, clock=clock)
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.4 and so on")
    (tmp_path / "whole.pdf").write_bytes(b"%PDF-1.4 and so on %%EOF\n")
    arrivals.look()
    clock.now += 4
    assert [path.name for path in arrivals.look()] == ["whole.pdf"]
    clock.now += 3 * PATIENCE
    assert [path.name for path in arrivals.look()] == ["cut.pdf", "whole.pdf"]


def test_results_below_the_folder_are_no_arrivals(tmp_path: Path) -> None:
    for name in ("in/a.png", "in/out/a.png", "in/outside/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    arrivals = Arrivals(tmp_path / "in", 0, [tmp_path / "in" / "out"])
    assert [path.name for path in arrivals.look()] == ["a.png", "b.png"]


def test_a_folder_that_is_gone_is_told_and_waited_for(tmp_path: Path) -> None:
    arrivals = Arrivals(tmp_path / "share", 0)
    assert arrivals.look() == {}
    assert "cannot be listed" in arrivals.trouble
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "a.png").write_bytes(b"x")
    assert len(arrivals.look()) == 1
    assert arrivals.trouble == ""


def test_names_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.md").touch()
    assert free_name(tmp_path / "a.md", {tmp_path / "a-2.md"}) == tmp_path / "a-3.md"


def test_what_came_is_read_and_moved_on(watch: Any, pdf: Make, png: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf")
    png("in/below/b.png")
    (tmp_path / "in" / "bad.pdf").write_bytes(BAD)
    (tmp_path / "in" / "notes.txt").write_text("no document")
    done = watch()
    assert done.code == 3
    assert tree(tmp_path / "out") == {"a.md", "below/b.md"}
    assert tree(tmp_path / "done") == {"a.pdf", "below/b.png"}
    assert tree(tmp_path / "failed") == {"bad.pdf"}
    assert tree(tmp_path / "in") == {"notes.txt"}
    assert re.search(r"a\.pdf: 1 page, \d+ characters, .* wrote .*a\.md", done.err)
    assert watch().code == 0  # nothing is left


def test_a_scanner_that_begins_again_replaces_nothing(watch: Any, pdf: Make, tmp_path: Path) -> None:
    for width in (100, 110):
        pdf("in/scan1.pdf", widths=(width,))
        assert watch().code == 0
    assert tree(tmp_path / "done") == {"scan1.pdf", "scan1-2.pdf"}
    assert "100 by" in (tmp_path / "out" / "scan1.md").read_text()
    assert "110 by" in (tmp_path / "out" / "scan1-2.md").read_text()


def test_what_stays_is_read_once_and_told_once(watch: Any, scripted: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf")
    places = ("-o", tmp_path / "out")
    assert "1 page" in watch(places=places).err
    assert watch(places=places).err == ""
    pdf("in/a.pdf", widths=(110,))  # another scan of the same name
    assert "a-2.md" in watch(places=places).err
    assert watch(places=places).err == ""
    assert tree(tmp_path / "out") == {"a.md", "a-2.md"}


def test_the_model_is_loaded_once_for_all_that_comes(
    watch: Any, pdf: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf("in/a.pdf")
    look, begin, made = Arrivals.look, KeptReader.__init__, list[KeptReader]()

    def late(arrivals: Arrivals) -> Any:
        found = look(arrivals)
        if not (tmp_path / "out" / "b.md").exists():
            pdf("in/b.pdf", widths=(110,))  # while a.pdf is read
        return found

    monkeypatch.setattr(Arrivals, "look", late)
    monkeypatch.setattr(KeptReader, "__init__", lambda self, *given: made.append(self) or begin(self, *given))  # type: ignore[func-returns-value]
    monkeypatch.setattr("dsvl2_cli.batch_engines.cores", lambda: 2)
    told = watch(places=("-o", tmp_path / "out")).err
    assert tree(tmp_path / "out") == {"a.md", "b.md"} and told.count("wrote") == 2
    assert len(made) == 1 and not made[0]._process.is_alive()


def test_json_is_a_line_for_each_document(watch: Any, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, 110))
    (tmp_path / "in" / "bad.pdf").write_bytes(BAD)
    records = sorted(map(json.loads, watch("--json").out.splitlines()), key=lambda record: record["source"])
    assert [(record["status"], record["pages"], record["schema"]) for record in records] == [
        ("ok", 2, "dsvl2/watch/v1"),
        ("failed", 0, "dsvl2/watch/v1"),
    ]
    assert records[1]["error"]["code"] == "file_unreadable"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("{in}",), 2, "no output was named"),
        (("{in}", "-o", "{in}"), 2, "the folder that is watched"),
        (("{in}", "-o", "out", "--done", "{in}/"), 2, "the folder that is watched"),
        (("{in}", "-o", "all.jsonl"), 2, "writes into a folder"),
        (("{in}", "-o", "-"), 2, "writes into a folder"),
        (("nowhere", "-o", "out"), 4, "does not exist"),
        (("{file}", "-o", "out"), 4, "is a file"),
        (("{in}", "-o", "out", "--task", "ground"), 2, "dsvl2 batch"),
        (("{in}", "-o", "out", "-s", "total"), 2, "extract"),
    ],
)
def test_mistakes_get_an_answer(
    words: tuple[str, ...], code: int, message: str, dsvl2: Any, scripted: Any, pdf: Make, tmp_path: Path
) -> None:
    file = pdf("in/a.pdf")
    done = dsvl2("watch", *(word.format(**{"in": tmp_path / "in", "file": file}) for word in words))
    assert done.code == code
    assert message in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_good_order(number: int, code: int, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf")
    links = {"PYTHONPATH": f"{ROOT / '.types'}:{ROOT}"} if os.environ.get("PYTHONPATH") else {}
    words = ("watch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72", "--settle", "0.2", "--every", "0.1")
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, words)], stderr=subprocess.PIPE, env={**os.environ, **links}
    )
    until = time.monotonic() + 120
    while not (tmp_path / "out" / "a.md").exists() and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(number)
    told = process.communicate(timeout=120)[1].decode()
    assert process.returncode == code, told
    assert "everything that is done is kept. Go on with: dsvl2 watch" in told
    assert (tmp_path / "out" / "a.md").read_text().startswith("# A page")
