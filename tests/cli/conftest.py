"""Ways to run the program: in this process (fast) and as a process of its own (the real thing)."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dsvl2_cli import engines
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
            timeout=900,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


SCRIPT = Path(__file__).with_name("scripted_engine.py")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put the scripted engine in place; the value is its module."""
    spec = importlib.util.spec_from_file_location("scripted_engine", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(engines, "make_engine", module.make_engine)
    monkeypatch.setattr(engines, "check_model", lambda name: None)
    return module


@pytest.fixture
def pdf(tmp_path: Path) -> Callable[..., Path]:
    """Write a PDF whose pages have the given widths in points (1 point = 1 pixel with --dpi 72), each with some ink."""

    def make(name: str = "scan.pdf", widths: tuple[int, ...] = (100,), **save: Any) -> Path:
        import pymupdf

        document = pymupdf.open()
        for width in widths:
            page = document.new_page(width=width, height=90)
            page.draw_rect(pymupdf.Rect(10, 10, 60, 40), fill=(0, 0, 0))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        document.save(path, **save)
        return path

    return make


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    """Write a PNG with some ink on it."""

    def make(name: str = "scan.png", size: tuple[int, int] = (120, 80)) -> Path:
        from PIL import Image, ImageDraw

        image = Image.new("L", size, 255)
        ImageDraw.Draw(image).rectangle((8, 8, 60, 40), fill=0)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
        return path

    return make
