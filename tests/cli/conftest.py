"""Ways to run the program: in this process (fast) and as a process of its own (the real thing)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dsvl2_cli.app import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str


Program = Callable[..., Done]


@pytest.fixture(autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without configuration or downloaded models, in an empty folder."""
    home = tmp_path_factory.mktemp("home")
    work = home / "work"
    work.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.chdir(work)
    return home


@pytest.fixture
def dsvl2(capfd: pytest.CaptureFixture[str]) -> Program:
    """Run the program in this process: `dsvl2("ocr", path)`."""

    def call(*arguments: object) -> Done:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return call


@pytest.fixture
def process() -> Program:
    """Run the program as a process of its own."""

    def call(*arguments: object, stdin: bytes = b"", **environment: str) -> Done:
        links = [str(ROOT / ".types"), str(ROOT)] if os.environ.get("PYTHONPATH") else []
        done = subprocess.run(
            [sys.executable, "-m", "dsvl2_cli", *map(str, arguments)],
            env={**os.environ, "COLUMNS": "100", **({"PYTHONPATH": ":".join(links)} if links else {}), **environment},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call
