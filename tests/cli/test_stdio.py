"""Standard output carries results only, whatever libraries print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsvl2_cli.stdio import Results

ROOT = Path(__file__).resolve().parents[2]


def test_only_results_reach_standard_output() -> None:
    code = (
        "import ctypes, os\n"
        "from dsvl2_cli.stdio import Results\n"
        "with Results() as results:\n"
        "    print('a library prints')\n"
        "    os.write(1, b'a C library writes')\n"
        "    ctypes.CDLL(None).printf(b'a C library prints into its buffer')\n"
        "    results.write('the result\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.stdout == "the result\n"
    assert "a library prints" in done.stderr
    assert "a C library writes" in done.stderr
    assert "a C library prints into its buffer" in done.stderr


def test_standard_output_is_itself_again_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    with Results() as results:
        results.write(b"inside\n")
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "inside\nafter\n"


def test_a_reader_that_went_away_is_a_broken_pipe() -> None:
    code = (
        "from dsvl2_cli.stdio import Results\n"
        "import os\n"
        "read, write = os.pipe()\nos.dup2(write, 1)\nos.close(write)\nos.close(read)\n"
        "try:\n    with Results() as results: results.write('x')\n"
        "except BrokenPipeError: os._exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 7


def test_a_standard_output_that_was_never_open_is_a_broken_pipe() -> None:
    code = "import os; os.close(1); from dsvl2_cli.app import run; os._exit(run(['completion', 'bash']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == 141
    assert done.stderr == b""


def shell(line: str) -> subprocess.CompletedProcess[str]:
    program = f'"{sys.executable}" -m dsvl2_cli'
    script = line.replace("dsvl2 ", f"{program} ")
    return subprocess.run(["bash", "-c", script], cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["schema ocr", "config show --json", "--version", "--help"])
def test_a_full_disk_behind_standard_output_is_an_output_error(command: str) -> None:
    done = shell(f"dsvl2 {command} > /dev/full")
    assert done.returncode == 5
    assert done.stderr.startswith("dsvl2: error[output_unwritable]: standard output cannot be written: No space left")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["schema ocr", "--version"])
def test_started_with_standard_output_closed_it_ends_as_if_the_reader_had_gone(command: str) -> None:
    done = shell(f"dsvl2 {command} >&-")
    assert (done.returncode, done.stderr) == (141, "")


def test_started_with_standard_error_closed_it_still_answers() -> None:
    done = shell("dsvl2 schema --list 2>&-")
    assert done.returncode == 0
    assert "extract" in done.stdout


def test_started_with_standard_input_closed_it_has_nothing_to_read() -> None:
    done = shell("dsvl2 inspect - <&-")
    assert done.returncode == 4
    assert "error[file_empty]" in done.stderr


def test_help_whose_reader_went_away_ends_as_a_broken_pipe() -> None:
    done = shell("dsvl2 ocr --help | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (141, "")
