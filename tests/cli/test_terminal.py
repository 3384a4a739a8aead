"""What only happens on a terminal, and the second Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("scripted_engine.py")
ROOT = SCRIPT.parents[2]
Make = Callable[..., Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def on_a_terminal(arguments: list[str], keys: bytes = b"") -> tuple[int, str, str]:
    """Run with standard input and standard error on a terminal; return exit code, standard output, terminal text."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=ROOT,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        seen = b""
        while process.poll() is None or seen.endswith(b": "):
            try:
                seen += os.read(ours, 4096)
            except OSError:  # the terminal closes with its last user
                break
            if keys and seen.rstrip(b" ").endswith(b":"):
                os.write(ours, keys)
                seen += b"\n"
        assert process.stdout is not None
        out = process.stdout.read().decode()
    os.close(ours)
    return process.returncode, out, seen.decode(errors="replace")


def test_a_bar_is_drawn_on_a_terminal(pdf: Make) -> None:
    code, out, seen = on_a_terminal(["ocr", str(pdf(widths=(100, 110)))])
    assert code == 0
    assert out.count("# A page") == 2
    assert "━" in seen


def test_quiet_draws_no_bar(pdf: Make) -> None:
    _, _, seen = on_a_terminal(["ocr", "-q", str(pdf())])
    assert "━" not in seen


def test_a_password_is_asked_for_and_not_shown(pdf: Make) -> None:
    path = pdf(encryption=4, user_pw="secret", owner_pw="owner")
    code, out, seen = on_a_terminal(["ocr", "--progress", "never", str(path)], keys=b"secret\n")
    assert code == 0, seen
    assert "# A page" in out
    assert "password for" in seen
    assert "secret" not in seen


def test_three_wrong_passwords_are_enough(pdf: Make) -> None:
    path = pdf(encryption=4, user_pw="secret", owner_pw="owner")
    code, out, seen = on_a_terminal(["ocr", "--progress", "never", str(path)], keys=b"guess\n")
    assert code == 8, seen
    assert out == ""
    assert seen.count("password for") == 3
    assert seen.count("that does not open it; password for") == 2


def test_standard_input_on_a_terminal_is_a_usage_error() -> None:
    code, _, seen = on_a_terminal(["ocr", "-"])
    assert code == 2
    assert "standard input is a terminal" in seen


def test_a_second_interrupt_ends_it_at_once() -> None:
    code = (
        "import sys, time\n"
        "from dsvl2_cli.interrupts import Interrupts\n"
        "with Interrupts():\n"
        "    try:\n"
        "        print('ready', flush=True); time.sleep(900)\n"
        "    except KeyboardInterrupt:\n"
        "        print('flushing', flush=True); time.sleep(900)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "flushing\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=900) == 130


def test_ctrl_c_while_the_program_itself_is_loaded_says_nothing() -> None:
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background is started to ignore it
        "class Slow:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'dsvl2_cli.app': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from dsvl2_cli.start import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
