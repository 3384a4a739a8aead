"""Several processes share one batch on a folder: everything is read once, and what a dead one held is read by others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsvl2.pipelines.batch import LeaseBoard, lease_key
from dsvl2.pipelines.batch.leases import Claim
from dsvl2_cli.exit_codes import Exit

Make = Callable[..., Path]
SCRIPT = Path(__file__).with_name("scripted_engine.py")
ROOT = SCRIPT.parents[2]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    links = {"PYTHONPATH": f"{ROOT / '.types'}:{ROOT}"} if os.environ.get("PYTHONPATH") else {}
    command = [sys.executable, str(SCRIPT), "batch", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **links})


def outputs(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}


def test_a_lease_has_one_holder_and_outlives_none(tmp_path: Path) -> None:
    with LeaseBoard(tmp_path, "a", seconds=2) as one, LeaseBoard(tmp_path, "b", seconds=2) as other:
        assert one.claim("x") is Claim.MINE and other.claim("x") is Claim.HELD
        assert one.claim("x") is Claim.MINE  # its own, as after a restart
        one.finish("x", "10 1")
        assert other.claim("x", "10 1") is Claim.DONE
        assert other.claim("x", "11 2") is Claim.MINE  # the file changed
        assert one.claim("y") is Claim.MINE
    with LeaseBoard(tmp_path, "c", seconds=2) as third:
        assert third.claim("y") is Claim.MINE  # "a" left in good order: at once
    (tmp_path / "leases" / "z").write_text("killed")
    (tmp_path / "owners" / "killed").touch()
    with LeaseBoard(tmp_path, "d", seconds=1) as fourth:
        assert fourth.claim("z") is Claim.HELD
        time.sleep(1.3)
        assert fourth.claim("z") is Claim.MINE  # "killed" has been silent for too long
        fourth.forget("x")
        assert fourth.claim("x", "10 1") is Claim.HELD or fourth.claim("x", "10 1") is Claim.MINE


def test_what_another_finished_while_it_was_asked_for_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LeaseBoard(tmp_path, "a") as one, LeaseBoard(tmp_path, "b") as other:
        assert one.claim("x") is Claim.MINE
        take = other._take

        def late(lease: Path) -> bool:
            one.finish("x")  # between the other's look at what is done and its lease
            return take(lease)

        monkeypatch.setattr(other, "_take", late)
        assert other.claim("x") is Claim.DONE


def test_keys_do_not_depend_on_where_the_folder_is_mounted() -> None:
    assert lease_key(Path("a/b.pdf")) == lease_key(Path("a") / "b.pdf") != lease_key(Path("a/c.pdf"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_two_processes_read_everything_once_though_a_third_is_killed(pdf: Make, tmp_path: Path) -> None:
    for index in range(9):
        pdf(f"in/{index}.pdf", widths=(100 + index,))
    pdf("in/slow.pdf", widths=(137,))  # the one that takes it waits until it is killed
    command = (tmp_path / "in", "-o", tmp_path / "out", "--shared", "--lease-seconds", "3", "--dpi", "72", "-j", "1")
    victim = start(*command)
    assert victim.stderr is not None
    while b"waiting" not in (line := victim.stderr.readline()):
        assert line, "it ended before it had work"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    pdf("in/slow.pdf", widths=(150,))
    both = [start(*command) for _ in range(2)]
    ends = [process.communicate(timeout=900) for process in both]
    assert [process.returncode for process in both] == [Exit.OK, Exit.OK], ends
    found = outputs(tmp_path / "out")
    assert set(found) == {f"{index}.md" for index in range(9)} | {"slow.md"}
    assert all(f"It is {100 + index} by" in found[f"{index}.md"] for index in range(9))
    assert "It is 150 by" in found["slow.md"]
    again = start(*command)
    _, told = again.communicate(timeout=900)
    assert again.returncode == Exit.OK and b"10 documents done" in told


def test_a_stream_cannot_be_shared(dsvl2: Any, scripted: Any, pdf: Make, tmp_path: Path) -> None:
    done = dsvl2("batch", pdf("in/a.pdf"), "-o", tmp_path / "out.jsonl", "--shared")
    assert done.code == Exit.USAGE and "folder" in done.err
