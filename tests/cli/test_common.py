"""Flags that commands share: defined once, the same everywhere."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dsvl2_cli.common import Common


@cache
def parameters(name: str) -> dict[str, Any]:
    from typer.main import get_command

    from dsvl2_cli.app import app

    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    if hasattr(command, "commands"):
        command = command.commands["run"]
    return {parameter.name: parameter for parameter in command.params}


@pytest.mark.parametrize("name", ["ocr", "batch"])
def test_a_spread_command_has_all_shared_flags_and_no_common(name: str) -> None:
    found = parameters(name)
    assert set(Common.__slots__) <= set(found)
    assert "common" not in found


def test_shared_flags_are_explained_alike() -> None:
    ocr, batch = parameters("ocr"), parameters("batch")
    for flag in Common.__slots__:
        assert ocr[flag].help == batch[flag].help
        assert ocr[flag].opts == batch[flag].opts


def test_a_schema_is_listed_and_printed_for_every_task(dsvl2: Any) -> None:
    names = [line.split()[0] for line in dsvl2("schema", "--list").out.splitlines()]
    assert "ocr" in names
    for name in names:
        done = dsvl2("schema", name)
        assert done.code == 0
        assert '"$schema"' in done.out


def test_the_records_that_belong_to_no_task_have_schemas_too(dsvl2: Any, pdf: Any, scripted: Any) -> None:
    run, error = (json.loads(dsvl2("schema", name).out) for name in ("run", "error"))
    path = pdf()
    for arguments in (("ocr", path, "--json"), ("ocr", path, "no.pdf", "--json"), ("ocr", "no.pdf", "--json")):
        Draft202012Validator(run).validate(json.loads(dsvl2(*arguments).out))
    Draft202012Validator(error).validate(json.loads(dsvl2("ask", path, "", "--json").out))


def test_usage_lines_name_an_argument_once(dsvl2: Any) -> None:
    for command in ("eval", "chat", "extract", "formula", "schema", "completion"):
        usage = next(line for line in dsvl2(command, "--help").out.splitlines() if "Usage" in line)
        assert "......" not in usage.replace(" ", "") and "[[" not in usage and "...]" not in usage
