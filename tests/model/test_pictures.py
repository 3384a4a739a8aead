"""Tiles on a CPU: divided among the cores, and the same numbers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from dsvl2.model import Engine, load_engine


@pytest.fixture(scope="module")
def engine(root: Path) -> Engine:
    return load_engine(root / "model" / "embedded" / "nano")


def test_tiles_divided_among_cores_are_the_same_tiles(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.new("RGB", (1152, 384), "white")
    ImageDraw.Draw(image).text((40, 40), "Tiles of one image, each for itself.", fill="black", font_size=60)
    pictures, seen = engine.pictures, set[int]()
    whole, both = pictures._vectors, threading.Barrier(2)

    def watched(pixels: torch.Tensor) -> torch.Tensor:
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            both.wait(timeout=900)  # two threads are at it at the same time
        return whole(pixels)

    cut = pictures.cut(image, engine.network.config.candidate_resolutions)
    assert len(cut.tiles) > 2
    monkeypatch.setattr(pictures, "hands", 1)
    (alone,) = pictures.encode([cut])
    monkeypatch.setattr(pictures, "hands", 2)
    monkeypatch.setattr(pictures, "_vectors", watched)
    (divided,) = pictures.encode([cut])
    assert len(seen) == 2 and torch.equal(alone, divided)
