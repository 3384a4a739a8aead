"""`dsvl2 batch` from outside: outputs, going on, retrying, verifying, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.batch_endings import STOPPING
from dsvl2_cli.exit_codes import Exit

SCRIPT = Path(__file__).with_name("scripted_engine.py")
Make = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[bytes]]
ROOT = SCRIPT.parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on
BAD, HUGE, SLOW = 131, 139, 137  # page widths that the scripted engine trips over


def environment() -> dict[str, str]:
    """Where the packages are, from any folder; nothing to add where they are installed."""
    links = {"PYTHONPATH": f"{ROOT / '.types'}:{ROOT}"} if os.environ.get("PYTHONPATH") else {}
    return {**os.environ, **links}


@pytest.fixture
def scripted_run(dsvl2: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program with the scripted engine: `scripted_run("batch", ...)`; as a process of its own if that matters.

    In this process, with forked workers, a run takes a third of the time.
    """

    def call(*arguments: object, stdin: bytes = b"", apart: bool = False) -> subprocess.CompletedProcess[bytes]:
        if not apart and not stdin:
            monkeypatch.setattr("dsvl2.pipelines.batch.children.METHOD", "fork")
            done = dsvl2(*arguments)
            return subprocess.CompletedProcess([], done.code, done.out.encode(), done.err.encode())
        command = [sys.executable, str(SCRIPT), *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=900, env=environment())

    return call


@pytest.fixture
def archive(pdf: Make, png: Make, tmp_path: Path) -> Path:
    pdf("in/two.pdf", widths=(100, 110))
    pdf("in/below/three.pdf", widths=(120, 121, 122))
    png("in/below/picture.png")
    return tmp_path / "in"


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".dsvl2-run" not in str(path))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def manifest_rows(run: Path, query: str) -> list[Any]:
    import sqlite3

    with sqlite3.connect(run / "manifest.sqlite") as db:
        rows = db.execute(query).fetchall()
    db.close()
    return rows


def test_the_outputs_are_those_of_ocr(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    done = scripted_run(
        "batch", archive, "-o", tmp_path / "batch", "--dpi", "72", "--jobs", "2", "-f", "json", apart=True
    )
    assert done.returncode == Exit.OK, done.stderr.decode()
    assert scripted_run("ocr", archive, "-o", tmp_path / "ocr/", "--dpi", "72", "-f", "json").returncode == Exit.OK
    assert tree(tmp_path / "batch") == tree(tmp_path / "ocr")
    assert set(tree(tmp_path / "batch")) == {"two.json", "below/three.json", "below/picture.json"}


def test_pages_whose_text_layer_will_do_are_taken_from_it_as_by_ocr(scripted_run: Run, tmp_path: Path) -> None:
    import pymupdf

    document = pymupdf.open()
    for number in range(3):
        page = document.new_page()
        for line in range(30):
            page.insert_text((72, 90 + 20 * line), f"Line {line} of page {number} has a few plain words in it.")
    (tmp_path / "in").mkdir()
    document.save(tmp_path / "in" / "a.pdf")
    assert scripted_run("batch", tmp_path / "in", "-o", tmp_path / "batch", "-f", "json").returncode == Exit.OK
    assert scripted_run("ocr", tmp_path / "in", "-o", tmp_path / "ocr/", "-f", "json").returncode == Exit.OK
    assert tree(tmp_path / "batch") == tree(tmp_path / "ocr")


def test_another_format_needs_no_model(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    common = ("batch", archive, "-o", tmp_path / "out", "--dpi", "72", "--jobs", "1")
    assert scripted_run(*common).returncode == Exit.OK
    code = "import sys; from dsvl2_cli import engines\ndef broken(settings): raise RuntimeError('a model was loaded')\n"
    code += "engines.make_engine = broken\nfrom dsvl2_cli.app import main\nmain()"
    command = [sys.executable, "-c", code, *map(str, common), "-f", "txt"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=900, env=environment())
    assert done.returncode == Exit.OK, done.stderr.decode()
    assert {name for name in tree(tmp_path / "out") if name.endswith(".txt")} == {
        "two.txt",
        "below/three.txt",
        "below/picture.txt",
    }


def test_new_changed_and_vanished_files_are_noticed(
    scripted_run: Run, archive: Path, tmp_path: Path, pdf: Make
) -> None:
    common = ("batch", archive, "-o", tmp_path / "out", "--dpi", "72", "--json", "--jobs", "1")
    scripted_run(*common)
    pdf("in/new.pdf", widths=(140,))
    pdf("in/two.pdf", widths=(150, 151))
    (archive / "below" / "picture.png").unlink()
    report = json.loads(scripted_run(*common).stdout)
    assert (report["pages_done"], report["reused"], report["outputs"]) == (3, 3, 2)
    assert b"150 by 90" in (tmp_path / "out" / "two.md").read_bytes()
    status = json.loads(scripted_run("batch", "status", tmp_path / "out", "--json").stdout)
    assert (status["documents"], status["pages_by_status"], status["vanished"]) == (3, {"ok": 6}, 1)


def test_a_page_that_fails_costs_only_that_page(scripted_run: Run, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, HUGE, 102))
    pdf("in/b.pdf", widths=(103,))
    done = scripted_run("batch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72", "--jobs", "1")
    assert done.returncode == Exit.PARTIAL
    assert b"error[out_of_memory]" in done.stderr and b"batch retry" in done.stderr
    assert set(tree(tmp_path / "out")) == {"a.md", "b.md"}
    tries = manifest_rows(tmp_path / "out" / ".dsvl2-run", "SELECT page, rung, code FROM attempts")
    assert tries == [(2, "normal", "out_of_memory"), (2, "fewer", "out_of_memory")]
    never = scripted_run("batch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72", "--fail-on", "never")
    assert never.returncode == Exit.OK


def test_a_finer_drawing_is_tried_and_used(scripted_run: Run, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(BAD,))
    assert scripted_run("batch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72").returncode == Exit.OK
    tries = manifest_rows(tmp_path / "out" / ".dsvl2-run", "SELECT rung, code FROM attempts")
    assert tries == [("normal", "internal"), ("fewer", "internal")]
    assert manifest_rows(tmp_path / "out" / ".dsvl2-run", "SELECT rung, status FROM results") == [("finer", "ok")]


def test_the_text_layer_is_the_last_resort_and_marked(scripted_run: Run, tmp_path: Path) -> None:
    import pymupdf

    document = pymupdf.open()
    page = document.new_page(width=HUGE, height=90)
    page.insert_text((10, 40), "in the layer")
    (tmp_path / "in").mkdir()
    document.save(tmp_path / "in" / "a.pdf")
    common = ("batch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72", "-f", "json", "--text-layer", "ignore")
    assert scripted_run(*common).returncode == Exit.PARTIAL
    (page_record,) = json.loads((tmp_path / "out" / "a.json").read_text())["pages"]
    assert page_record["blocks"][0]["text"] == "in the layer"
    assert [warning["code"] for warning in page_record["warnings"]] == ["text_layer_used"]


def test_retry_reads_only_what_failed(scripted_run: Run, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(100, HUGE))
    pdf("in/b.pdf", widths=(103,))
    scripted_run("batch", tmp_path / "in", "-o", tmp_path / "out", "--dpi", "72")
    done = scripted_run("batch", "retry", tmp_path / "out", "--only", "failed", "--json")
    report = json.loads(done.stdout)
    assert (report["pages_done"], report["reused"], report["pages_failed"]) == (1, 2, 1)
    assert done.returncode == Exit.PARTIAL


def test_an_encrypted_document_is_read_once_its_password_is_given(scripted_run: Run, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", encryption=5, user_pw="open", owner_pw="own")
    assert scripted_run("batch", tmp_path / "in", "-o", tmp_path / "out").returncode == Exit.ENCRYPTED
    (tmp_path / "pw").write_text("open\n")
    done = scripted_run("batch", "retry", tmp_path / "out", "--password-file", tmp_path / "pw")
    assert done.returncode == Exit.OK, done.stderr.decode()


def test_a_page_that_takes_too_long_is_given_up(scripted_run: Run, pdf: Make, tmp_path: Path) -> None:
    pdf("in/a.pdf", widths=(SLOW, 100))
    arguments = ("-o", tmp_path / "out", "--dpi", "72", "--page-timeout", "0.5", "--jobs", "1")
    done = scripted_run("batch", tmp_path / "in", *arguments)
    assert done.returncode == Exit.PARTIAL
    assert b"error[timeout]" in done.stderr
    assert b"100 by 90" in (tmp_path / "out" / "a.md").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_good_order_and_it_goes_on(
    scripted_run: Run, pdf: Make, tmp_path: Path, number: int, code: int
) -> None:
    pdf("in/a.pdf", widths=tuple(range(140, 220)))
    arguments = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--dpi", "72", "--progress", "json"]
    slow = f"import sys, time; sys.path.insert(0, {str(SCRIPT.parent)!r}); import scripted_engine as s\n"
    slow += "real = s.ScriptedEngine._answer\ns.ScriptedEngine._answer = lambda self, r: (time.sleep(0.1), real(self, r))[1]\n"
    program = tmp_path / "slow.py"
    program.write_text(
        slow + "if __name__ == '__main__':\n    from dsvl2_cli.app import main\n    s.install()\n    main()\n"
    )
    process = subprocess.Popen([sys.executable, str(program), *arguments], stderr=subprocess.PIPE, env=environment())
    assert process.stderr is not None
    for line in process.stderr:
        if b'"page"' in line:
            break
    process.send_signal(number)
    rest = process.stderr.read().decode()
    assert process.wait(60) == code
    process.stderr.close()
    assert "Go on with" in rest and tree(tmp_path / "out") == {}
    assert {"event": "message", "message": STOPPING} in [
        json.loads(line) for line in rest.splitlines() if line.startswith("{")
    ]
    done = scripted_run(*arguments, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["reused"] > 0 and report["reused"] + report["pages_done"] == 80
    assert (tmp_path / "out" / "a.md").read_text().count("A page") == 80


def test_json_lines_go_to_one_file_or_parts_in_order(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    common = ("batch", archive, "--dpi", "72", "--jobs", "2")
    assert scripted_run(*common, "-o", tmp_path / "all.jsonl").returncode == Exit.OK
    assert scripted_run(*common, "-o", tmp_path / "parts", "--jsonl", "--part-documents", "2").returncode == Exit.OK
    parts = tree(tmp_path / "parts")
    assert sorted(parts) == ["part-00000.jsonl", "part-00001.jsonl"]
    whole = (tmp_path / "all.jsonl").read_bytes()
    assert b"".join(parts[name] for name in sorted(parts)) == whole
    names = [json.loads(line)["source"]["name"].rpartition("/")[2] for line in whole.splitlines()]
    assert names == ["picture.png", "three.pdf", "three.pdf", "three.pdf", "two.pdf", "two.pdf"]


def test_it_works_in_a_pipe(scripted_run: Run, archive: Path) -> None:
    data = (archive / "two.pdf").read_bytes()
    done = scripted_run("batch", "-", "-o", "-", "--dpi", "72", stdin=data)
    assert done.returncode == Exit.OK, done.stderr.decode()
    assert done.stdout == scripted_run("ocr", "-", "--dpi", "72", stdin=data).stdout


def test_a_list_with_nul_bytes_takes_any_name(scripted_run: Run, pdf: Make, tmp_path: Path) -> None:
    names = [tmp_path / "two\nlines.pdf", tmp_path / os.fsdecode(b"\xff.pdf")]
    for name in names:
        pdf("plain.pdf").rename(name)
    stdin = b"".join(os.fsencode(name) + b"\0" for name in names)
    done = scripted_run("batch", "--files-from", "-", "-0", "-o", tmp_path / "out", stdin=stdin)
    assert done.returncode == Exit.OK, done.stderr.decode()
    assert {os.fsencode(name) for name in tree(tmp_path / "out")} == {b"two\nlines.md", b"\xff.md"}


def test_shards_cover_everything_once(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    for index in (1, 2):
        arguments = ("-o", tmp_path / f"out{index}", "--dpi", "72", "--shard", f"{index}/2")
        assert scripted_run("batch", f"{archive}/**/*.p*", *arguments).returncode in (Exit.OK, Exit.NOTHING_TO_DO)
        seen += tree(tmp_path / f"out{index}")
    assert sorted(seen) == ["below/picture.md", "below/three.md", "two.md"]


def test_verify_finds_what_was_touched(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    scripted_run("batch", archive, "-o", tmp_path / "out", "--dpi", "72")
    assert scripted_run("batch", "verify", tmp_path / "out").returncode == Exit.OK
    (tmp_path / "out" / "two.md").write_text("else")
    (archive / "below" / "three.pdf").unlink()
    done = scripted_run("batch", "verify", tmp_path / "out", "--json")
    assert {problem["code"] for problem in json.loads(done.stdout)["problems"]} == {"output_changed", "input_gone"}
    assert done.returncode == Exit.LOW_CONFIDENCE


def test_files_of_others_are_not_replaced(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "two.md").write_text("mine")
    done = scripted_run("batch", archive, "-o", tmp_path / "out", "--dpi", "72")
    assert done.returncode == Exit.PARTIAL and b"error[output_exists]" in done.stderr
    assert (tmp_path / "out" / "two.md").read_text() == "mine"
    assert scripted_run("batch", archive, "-o", tmp_path / "out", "--dpi", "72", "--force").returncode == Exit.OK


def test_two_processes_do_not_share_a_run(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    from dsvl2.pipelines.batch import RunFolder

    with RunFolder.begin(tmp_path / "out" / ".dsvl2-run"):
        done = scripted_run("batch", archive, "-o", tmp_path / "out")
    assert done.returncode == Exit.OUTPUT and b"error[run_busy]" in done.stderr


def test_events_are_json(scripted_run: Run, archive: Path, tmp_path: Path) -> None:
    done = scripted_run("batch", archive, "-o", tmp_path / "out", "--dpi", "72", "--progress", "json")
    lines = [line for line in done.stderr.decode().splitlines() if not line.startswith("a library prints")]
    kinds = [json.loads(line)["event"] for line in lines]
    assert kinds[:2] == ["prepare", "start"]
    assert [kinds.count(kind) for kind in ("page", "document_end", "stop")] == [6, 3, 1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("batch", "in"), Exit.USAGE),
        (("batch", "in", "-o", "a.md"), Exit.USAGE),
        (("batch", "in", "-o", "-", "-f", "json"), Exit.OUTPUT),
        (("batch", "in", "-o", "out", "--shard", "3/2"), Exit.USAGE),
        (("batch", "in", "-o", "out", "--task", "sing"), Exit.USAGE),
        (("batch", "status", "nowhere"), Exit.BAD_INPUT),
        (("batch", "retry", "nowhere"), Exit.BAD_INPUT),
        (("batch", "absent.pdf", "-o", "out"), Exit.BAD_INPUT),
    ],
)
def test_what_cannot_be_done_is_said_at_once(scripted_run: Run, arguments: tuple[str, ...], code: Exit) -> None:
    done = scripted_run(*arguments)
    assert done.returncode == code, done.stderr.decode()
    assert done.stderr.startswith(b"dsvl2: error[") or b"absent" in done.stderr
