"""Outputs are planned before any work, never overwrite unasked, and are whole or not there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from dsvl2.pipelines import beside
from dsvl2.pipelines.errors import OutputCollision, OutputError, OutputExists, OutputUnwritable
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.output import open_output, plan_outputs, write_durably, write_output
from dsvl2.pipelines.sources import InputFile, find_documents

MARKDOWN = get_format("markdown")
Put = Callable[[str, bytes], Path]


def plan(inputs: list[InputFile], output: str | Path | None, *, force: bool = False) -> list[Path | None]:
    return [target.path for target in plan_outputs(inputs, output, MARKDOWN, force=force)]


@pytest.mark.parametrize("output", [None, "-"])
def test_standard_output(output: str | None) -> None:
    assert plan([InputFile(Path("a.pdf")), InputFile(None)], output) == [None, None]


@pytest.mark.parametrize("name", ["json", "latex", "html", "hocr", "alto", "tsv"])
def test_whole_documents_do_not_follow_each_other_on_standard_output(name: str) -> None:
    inputs = [InputFile(Path("a.pdf")), InputFile(Path("b.pdf"))]
    with pytest.raises(OutputError, match="cannot follow each other"):
        plan_outputs(inputs, None, get_format(name))
    assert plan_outputs(inputs[:1], None, get_format(name))[0].path is None


def test_one_input_to_one_file(tmp_path: Path) -> None:
    assert plan([InputFile(Path("a.pdf"))], tmp_path / "x.md") == [tmp_path / "x.md"]
    assert plan([InputFile(None)], tmp_path / "new" / "x") == [tmp_path / "new" / "x"]


def test_one_input_into_a_folder(tmp_path: Path) -> None:
    assert plan([InputFile(Path("in/a.pdf"))], tmp_path) == [tmp_path / "a.md"]
    assert plan([InputFile(Path("in/a.pdf"))], f"{tmp_path}/new/") == [tmp_path / "new" / "a.md"]
    assert plan([InputFile(None)], tmp_path) == [tmp_path / "stdin.md"]


def test_a_folder_is_mirrored(tmp_path: Path, put: Put) -> None:
    for name in ("in/a.png", "in/sub/b.tar.png", "in/sub/a.png"):
        put(name, b"x")
    found = list(find_documents([tmp_path / "in"]))
    out = tmp_path / "out"
    assert plan(found, out) == [out / "a.md", out / "sub" / "a.md", out / "sub" / "b.tar.md"]
    assert plan(found[:1], out) == [out / "a.md"], "a folder with one document still goes into a folder"


def test_many_inputs_do_not_fit_one_file(tmp_path: Path) -> None:
    with pytest.raises(OutputCollision, match=r"2 inputs cannot be written to the one file .*x\.md") as caught:
        plan([InputFile(Path("a.pdf")), InputFile(Path("b.pdf"))], tmp_path / "x.md")
    assert "-o DIR/" in caught.value.hint


def test_two_inputs_of_one_name_collide(tmp_path: Path) -> None:
    inputs = [InputFile(Path("x/a.pdf")), InputFile(Path("y/a.png"))]
    with pytest.raises(OutputCollision, match=r"x/a\.pdf and y/a\.png would both be written to .*a\.md"):
        plan(inputs, tmp_path)


def test_an_input_is_never_replaced(tmp_path: Path, put: Put) -> None:
    path = put("a.md", b"x")
    with pytest.raises(OutputCollision, match="is one of the inputs"):
        plan([InputFile(path)], path, force=True)
    link = tmp_path / "link.md"
    link.symlink_to(path)
    with pytest.raises(OutputCollision, match="is one of the inputs"):
        plan([InputFile(path)], link, force=True)


def test_an_existing_output_is_not_overwritten(put: Put) -> None:
    path = put("x.md", b"old")
    with pytest.raises(OutputExists, match=r"x\.md exists already$") as caught:
        plan([InputFile(Path("a.pdf"))], path)
    assert "--force" in caught.value.hint
    assert plan([InputFile(Path("a.pdf"))], path, force=True) == [path]
    with pytest.raises(OutputExists):
        write_output(path, "new")
    assert path.read_text() == "old"
    write_output(path, "new", force=True)
    assert path.read_text() == "new"


def test_a_folder_in_the_way(tmp_path: Path, put: Put) -> None:
    (tmp_path / "x.md").mkdir()
    with pytest.raises(OutputUnwritable, match="is a folder"):
        write_output(tmp_path / "x.md", "text", force=True)
    with pytest.raises(OutputUnwritable, match="is no folder"):
        write_output(put("file", b"") / "x.md", "text")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputUnwritable, match="may not be written"):
        plan([InputFile(Path("a.pdf"))], tmp_path / "x.md")


def test_a_folder_that_takes_no_files_is_found_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("dsvl2.pipelines.output.tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputUnwritable, match="Read-only file system"):
        plan([InputFile(Path("a.pdf"))], tmp_path / "x.md")


def test_writing_makes_folders_and_leaves_only_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "x.md"
    write_output(path, "tëxt\n")
    assert path.read_bytes() == "tëxt\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["x.md"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    write_output(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
    (tmp_path / "b").chmod(0o640)
    write_output(tmp_path / "b", "y", force=True)
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o640


def write_and_break(path: Path, error: type[BaseException], *, force: bool = False, commit: bool = False) -> None:
    with open_output(path, force=force) as output:
        output.write("half")
        if commit:
            output.commit(force=force)
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, put: Put, error: type[BaseException]) -> None:
    old = put("old.md", b"old")
    for path in (tmp_path / "x.md", old):
        with pytest.raises(error):
            write_and_break(path, error, force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.md"]
    assert old.read_text() == "old"


def test_what_was_committed_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with pytest.raises(KeyboardInterrupt):
        write_and_break(path, KeyboardInterrupt, commit=True)
    assert path.read_text() == "half"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.jsonl"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.md"

    def race() -> None:
        with open_output(path) as output:
            output.write("mine")
            path.write_text("theirs")

    with pytest.raises(OutputExists):
        race()
    assert path.read_text() == "theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.md"]


def test_a_link_is_followed(tmp_path: Path, put: Put) -> None:
    path = put("real.md", b"old")
    link = tmp_path / "link.md"
    link.symlink_to(path)
    write_output(link, "new", force=True)
    assert link.is_symlink()
    assert path.read_text() == "new"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_devices_are_written_to_and_a_full_one_is_an_error() -> None:
    write_output("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OutputUnwritable, match="No space left"):
        write_output("/dev/full", "x")


def test_a_durable_output_reaches_the_disk_before_its_name_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power loss could leave an empty file under the right name."""
    events: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"{os.fstat(handle).st_size} bytes")
        sync(handle)

    def renamed(old: Path, new: Path) -> None:
        events.append("renamed")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write_durably(tmp_path / "a.md", ["fo", "ur"])
    assert events == ["4 bytes", "renamed", "folder"]


WRITER = """
import os, signal, sys
from pathlib import Path
from dsvl2.pipelines.output import open_output
with open_output(Path(sys.argv[1])) as output:
    output.write("half")
    print("begun", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing says there whether a process is gone")
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    command, paths = [sys.executable, "-c", WRITER], os.pathsep.join(sys.path)
    killed, living = (
        subprocess.Popen(
            [*command, tmp_path / name], stdin=PIPE, stdout=PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
        )
        for name in ("x.md", "ä" * 120 + ".md")
    )
    for process in (killed, living):
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
    killed.communicate("\n")
    odd = [tmp_path / f".x.md.{suffix}" for suffix in ("tmp", "elsewhere-1-abcdefgh.tmp", "12.tmp")]
    for path in odd:
        path.touch()
    left = {path for path in tmp_path.iterdir() if path not in odd}
    assert len(left) == 2
    beside._clear.cache_clear()
    write_output(tmp_path / "x.md", "whole")
    (still,) = left & set(tmp_path.iterdir())
    assert "ä" in still.name and set(odd) < set(tmp_path.iterdir())
    living.communicate("\n")
    beside._clear.cache_clear()
    write_output(tmp_path / "x.md", "again", force=True)
    assert set(tmp_path.iterdir()) == {tmp_path / "x.md", *odd}


def test_a_file_that_another_holds_is_left_though_its_process_cannot_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_is_gone", lambda process: True)
    with open_output(tmp_path / "x.md") as output:
        output.write("text")
        beside._clear.cache_clear()
        write_output(tmp_path / "y.md", "text")
    assert (tmp_path / "x.md").read_text() == "text"
