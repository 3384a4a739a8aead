"""The program's surface: help, version, completion, wrong command lines; and that none of it is slow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli import __version__
from dsvl2_cli.app import app, run
from dsvl2_cli.exit_codes import table

GROUPS = ("batch", "config", "models", "review")
COMMANDS = (*(command.name or "" for command in app.registered_commands), *GROUPS)
HEAVY = ("torch", "numpy", "PIL", "pymupdf", "tokenizers", "safetensors", "dsvl2.model", "dsvl2.pipelines")


def test_help_leads_with_examples_and_ends_with_the_exit_codes(process: Any) -> None:
    done = process("--help", NO_COLOR="1")
    assert done.code == 0
    assert done.err == ""
    assert done.out.index("dsvl2 ocr scan.pdf -o scan.md") < done.out.index("Read pages")
    for line in table().splitlines():
        assert line in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, dsvl2: Any) -> None:
    done = dsvl2(command, "--help")
    assert done.code == 0
    assert f"dsvl2 {command}" in done.out
    assert not re.search(r"<(bool|str|int|float|list|path)", done.out), "says what to type, not Python's types"


def test_ocr_help_is_grouped(dsvl2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    out = dsvl2("ocr", "--help").out
    for panel in ("Input", "Pages", "Model", "Output"):
        assert f"─ {panel} ─" in out


def test_version(dsvl2: Any) -> None:
    assert dsvl2("--version").out == f"dsvl2 {__version__}\n"


def test_without_arguments_help_is_shown_as_a_usage_error(dsvl2: Any) -> None:
    done = dsvl2()
    assert done.code == 2
    assert "Usage" in done.out


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["ocr", "--help"], ["models", "list"], ["config", "show"], ["completion", "zsh"]],
)
def test_light_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom dsvl2_cli.app import app, run\n"
        f"code = run({arguments!r})\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    # listing models reads their configurations, through a door that opens without torch
    light = {"dsvl2.model"} if arguments == ["models", "list"] else set()
    assert set(done.stderr.rpartition("\n")[2].split()) <= light  # the lines above are what the command says


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["orc"], "No such command 'orc'"),
        (["ocr", "--ouput", "x"], "--ouput"),
        (["ocr", "a.pdf", "--threads", "two"], "--threads"),
        (["completion"], "SHELL"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line_with_a_remedy(arguments: list[str], what: str, dsvl2: Any) -> None:
    done = dsvl2(*arguments)
    assert done.code == 2
    assert done.out == ""
    first, second = done.err.splitlines()
    assert first.startswith("dsvl2: error[usage]: ")
    assert what in first
    assert second.startswith("  hint: see: dsvl2")


def test_json_errors_are_one_object_on_standard_output(dsvl2: Any) -> None:
    done = dsvl2("ocr", "--json", "--no-such-option")
    record = json.loads(done.out)
    assert record["schema"] == "dsvl2/error/v1"
    assert record["exit_code"] == done.code == 2
    assert record["error"]["code"] == "usage"
    assert done.err.startswith("dsvl2: error[usage]: ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(shell: str, dsvl2: Any) -> None:
    done = dsvl2("completion", shell)
    assert done.code == 0
    assert "_DSVL2_COMPLETE" in done.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_the_bash_script_is_valid_bash(dsvl2: Any) -> None:
    script = dsvl2("completion", "bash").out
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_completion_completes_commands(process: Any) -> None:
    done = process(COMP_WORDS="dsvl2 co", COMP_CWORD="1", _DSVL2_COMPLETE="complete_bash")
    assert set(done.out.split()) == {"compare", "config", "completion"}


def test_config_show_says_where_each_value_comes_from(dsvl2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSVL2_THREADS", "3")
    done = dsvl2("config", "show", "--origin")
    row = next(line for line in done.out.splitlines() if line.startswith("threads"))
    assert row.split() == ["threads", "3", "DSVL2_THREADS"]
    record = json.loads(dsvl2("config", "show", "--json").out)
    assert record["settings"]["threads"] == {"value": 3, "origin": "environment", "place": "DSVL2_THREADS"}


def test_a_wrong_configuration_ends_with_its_own_code(dsvl2: Any) -> None:
    Path("dsvl2.toml").write_text("colour = true\n")
    done = dsvl2("config", "show")
    assert done.code == 9
    assert "error[bad_settings]" in done.err
    assert "hint: " in done.err
    assert "Traceback" not in done.err


def test_a_traceback_is_shown_only_with_debug(dsvl2: Any) -> None:
    Path("dsvl2.toml").write_text("colour = true\n")
    assert "Traceback" not in dsvl2("config", "show").err
    assert "Traceback" in dsvl2("config", "show", "--debug").err


def test_an_unforeseen_error_is_code_1_and_asks_to_be_reported(dsvl2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import dsvl2_cli.settings

    def broken() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(dsvl2_cli.settings, "resolve", broken)
    done = dsvl2("config", "show")
    assert done.code == 1
    assert done.err.startswith("dsvl2: error[internal]: ZeroDivisionError: division by zero\n")
    assert "--debug" in done.err


def test_a_closed_pipe_is_quiet(process: Any) -> None:
    """`dsvl2 ... | true`: the reader is gone before anything is written."""
    code = "import os,sys,time; from dsvl2_cli.app import app, run; time.sleep(0.3); sys.exit(run(['config','show']))"
    shell = f'cd {ROOT} && {sys.executable} -c "{code}" | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "141"
    assert done.stderr == ""


def test_offline_refuses_connections_and_says_so() -> None:
    code = (
        "import socket\n"
        "from dsvl2_cli.offline import forbid_network\n"
        "forbid_network()\n"
        "for attempt in (lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "                lambda: socket.getaddrinfo('localhost', 80),\n"
        "                lambda: socket.socket().connect(('127.0.0.1', 9))):\n"
        "    try: attempt()\n"
        "    except Exception as error: print(error.code)\n"
        "left, right = socket.socketpair()\n"
        "left.send(b'x'); print(right.recv(1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["offline", "offline", "offline", "b'x'"]


def test_run_never_raises_and_never_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["--version"]) == 0
    assert run(["nonsense"]) == 2


def test_examples_in_help_fit_a_terminal_and_other_paragraphs_are_filled() -> None:
    import typer.main

    from dsvl2_cli.app import app

    def below(group: Any) -> Any:
        for command in group.commands.values():
            yield command
            yield from below(command) if hasattr(command, "commands") else ()

    for command in below(typer.main.get_command(app)):
        for part in (command.help or "").split("\n\n"):
            lines = [re.sub(r"\[/?cyan\]", "", line) for line in part.split("\n")]
            if not part.startswith("\b"):
                assert len(lines) == 1, (command.name, lines)
            elif command.name != "mcp":  # a line of JSON
                assert [line for line in lines if len(line.rstrip()) > 78] == [], command.name
