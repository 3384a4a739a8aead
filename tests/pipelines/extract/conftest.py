"""Engines of every shape with weights of chance, and pages with words of chance."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image, ImageDraw

from dsvl2.pipelines.documents import Block, Box, Line, PageResult

ROOT = Path(__file__).parents[3]


def load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def random_schema() -> Callable[[random.Random], dict[str, Any]]:
    """Make a random schema that can be filled."""
    make: Callable[[random.Random], dict[str, Any]] = load_module(
        Path(__file__).with_name("random_schemas.py")
    ).random_schema
    return make


@pytest.fixture(scope="session")
def engine_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Load "nano", or random weights of the architecture of "tiny", "small" or "base" with a byte-level tokenizer."""
    from dsvl2.model import load_engine

    released = load_module(ROOT / "tests" / "model" / "released.py")
    loaded: dict[str, Any] = {}

    def make(name: str) -> Any:
        if name not in loaded and name == "nano":
            loaded[name] = load_engine(device="cpu", threads=1)
        elif name not in loaded:
            whole = {**released.SCALED[name], "vocab_size": 512, "max_position_embeddings": 4096}
            before, released.SCALED[name] = released.SCALED[name], whole
            folder = released.write_released(tmp_path_factory.mktemp(name), name)
            released.SCALED[name] = before
            shutil.copy(ROOT / "tests" / "parity" / "fixture" / "tokenizer.json", folder)
            loaded[name] = load_engine(str(folder), device="cpu", dtype="float32", threads=1)
        return loaded[name]

    return make


WORDS = (
    *("Invoice", "No.", "A-1031", "Total", "88.17", "EUR", "Date", "3 May 2021", "paid", "12", "Tax", "(7%)", "0.50"),
    *("Müller", "&", "Söhne", "x1", "ref.", "q"),
)


def random_page(rng: random.Random, number: int) -> tuple[PageResult, Image.Image]:
    """A page with words of chance: as it would be read, and as an image."""
    image = Image.new("L", (rng.randint(40, 160), rng.randint(30, 120)), rng.randint(180, 255))
    draw = ImageDraw.Draw(image)
    lines = []
    for row in range(rng.randint(0, 8)):
        words = " ".join(rng.choices(WORDS, k=rng.randint(1, 6)))
        left, top = rng.randint(0, 400), 20 + 40 * row
        lines.append(Line(words, Box(left, top, left + 9 * len(words), top + 18), rng.random()))
        draw.text((left // 5, top // 4), words, fill=0)
    block = Block("paragraph", " ".join(line.text for line in lines), None, lines=tuple(lines))
    return PageResult(number, (block,) if lines else (), 1000, 800, 100.0), image


@pytest.fixture(scope="session")
def page_of() -> Callable[[random.Random, int], tuple[PageResult, Image.Image]]:
    """Make a page of chance."""
    return random_page


def as_json(data: Any) -> str:
    return json.dumps(data)
