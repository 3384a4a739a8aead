"""The README tells the truth: its commands exist, its options exist, its tables equal the code."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli.app import app
from dsvl2_cli.exit_codes import MEANINGS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@cache
def commands() -> Any:
    """The program's commands by name."""
    from typer.main import get_command

    return get_command(app).commands  # type: ignore[attr-defined]


def code_lines() -> list[str]:
    """Every line of the README's shell blocks, prompts and comments removed."""
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", README, re.DOTALL)
    lines = [line.removeprefix("$ ").split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def ours() -> list[str]:
    return [line for line in code_lines() if line.startswith("dsvl2 ")]


@pytest.mark.parametrize("line", ours())
def test_every_command_and_option_in_the_readme_exists(line: str) -> None:
    words = shlex.split(line.split("|")[0].split("<")[0].split(">")[0])[1:]
    known = commands()
    assert words[0] in known
    command = known[words[0]]
    if hasattr(command, "commands"):
        name = words[1] if words[1] in command.commands else getattr(command, "default", None)
        assert name in command.commands
        command = command.commands[name]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words[1:]:
        if word.startswith("-") and word != "-":
            assert word in options, f"{line}: {word}"


@pytest.mark.parametrize("line", [line for line in code_lines() if line.startswith("make ")])
def test_every_make_target_in_the_readme_exists(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", MAKEFILE, re.MULTILINE)


def test_all_commands_are_in_the_readme() -> None:
    shown = {line.split()[1] for line in ours()}
    assert shown <= set(commands())
    assert set(commands()) <= shown


def test_the_exit_code_table_equals_the_code() -> None:
    table = re.search(r"<!-- exit-codes.*?-->\n\|.*?\n\|.*?\n(.*?)\n\n", README, re.DOTALL)
    assert table is not None
    rows = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table[1].splitlines()]
    assert rows == [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_paths_in_contributing_lead_somewhere() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:tests|pipelines|model|kernels|dsvl2_cli|examples)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path


def test_the_python_example_names_what_exists() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        for line in block.splitlines():
            if line.startswith(("from ", "import ")):
                exec(compile(line, "README.md", "exec"), {})


def test_make_targets_are_listed_by_make_help() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*##", MAKEFILE, re.MULTILINE), target
