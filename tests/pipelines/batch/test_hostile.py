"""One batch over more than 200 hostile files: it ends, each has its code, the good ones are whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("hostile.py")
MEMORY = 1_500_000_000


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("hostile")
    done = subprocess.run([sys.executable, DRIVER, folder], capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_run_ends_and_every_document_has_an_end(result: dict[str, Any]) -> None:
    assert len(result["documents"]) > 200
    assert result["done"] == len(result["documents"])
    assert {state for state, _ in result["documents"].values()} == {"done", "failed"}
    assert all(code for state, code in result["documents"].values() if state == "failed" and code)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("empty/3.pdf", "file_empty"),
        ("locked/2.pdf", "file_encrypted"),
        ("text/1.pdf", "file_unsupported"),
        ("zip/0.png", "file_unsupported"),
        ("big/pages.pdf", "too_large"),
        ("dead.pdf", "file_missing"),
        ("absent.pdf", "file_missing"),
    ],
)
def test_each_kind_of_damage_has_its_code(result: dict[str, Any], name: str, code: str) -> None:
    assert result["documents"][name] == ["failed", code]


def test_pages_too_large_to_draw_are_refused(result: dict[str, Any]) -> None:
    assert result["documents"]["big/header.png"][0] == "failed"
    assert "too_large" in result["page_codes"]


def test_no_code_is_unforeseen(result: dict[str, Any]) -> None:
    from dsvl2_cli.exit_codes import known_codes

    codes = {code for _, code in result["documents"].values() if code} | set(result["page_codes"])
    assert codes <= known_codes()
    assert "internal" not in codes


def test_good_files_are_read_as_if_they_were_alone(result: dict[str, Any]) -> None:
    assert result["wrong"] == []
    assert result["leftovers"] == []


def test_the_run_verifies(result: dict[str, Any]) -> None:
    assert result["problems"] == []


def test_no_process_goes_over_its_memory_limit(result: dict[str, Any]) -> None:
    assert result["peak"] < MEMORY
