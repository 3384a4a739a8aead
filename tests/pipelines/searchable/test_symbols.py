"""JBIG2 with symbols: pieces that are there several times are coded once, and every pixel comes back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import drawn_pages
import numpy as np
import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines.searchable import jbig2_symbols
from dsvl2.pipelines.searchable.components import pieces
from dsvl2.pipelines.searchable.jbig2 import jbig2
from dsvl2.pipelines.searchable.jbig2_symbols import symbols
from dsvl2.pipelines.searchable.objects import NewPdf


def image_file(ink: np.ndarray, data: bytes) -> tuple[bytes, int]:
    """Return a PDF of one page with the picture, as wide and high as it has pixels, and the number of its object."""
    objects, (height, width) = NewPdf(), ink.shape
    entries = f"/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 1/ColorSpace/DeviceGray"
    picture = objects.put_stream(data, entries + "/Filter/JBIG2Decode", pack=False)
    content = objects.put_stream(f"{width} 0 0 {height} 0 0 cm/I Do".encode())
    leaf, tree, root = (objects.reserve() for _ in range(3))
    objects.put(root, f"<</Type/Catalog/Pages {tree} 0 R>>")
    objects.put(tree, f"<</Type/Pages/Count 1/Kids[{leaf} 0 R]>>")
    box = f"/MediaBox[0 0 {width} {height}]/Contents {content} 0 R/Resources<</XObject<</I {picture} 0 R>>>>"
    objects.put(leaf, f"<</Type/Page/Parent {tree} 0 R{box}>>")
    return objects.to_bytes(root), picture


def decoded(ink: np.ndarray, data: bytes) -> np.ndarray:
    made, picture = image_file(ink, data)
    with pymupdf.open(stream=made) as pdf:
        pixels = pymupdf.Pixmap(pdf, picture)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)[:, : pixels.width] == 0


def scattered(seed: int, size: tuple[int, int], kinds: int, many: int) -> np.ndarray:
    """Ink of few shapes on many places, at the edges too; some touch, and are shapes of their own then."""
    choice = np.random.default_rng(seed)
    ink = np.zeros(size, bool)
    shapes = [choice.random((choice.integers(1, 12), choice.integers(1, 12))) < 0.6 for _ in range(kinds)]
    for _ in range(many):
        shape = shapes[choice.integers(kinds)]
        y, x = (choice.integers(0, whole - part + 1) for whole, part in zip(size, shape.shape, strict=True))
        ink[y : y + shape.shape[0], x : x + shape.shape[1]] |= shape
    ink[0, :3] = ink[-1, -3:] = True
    return ink


@pytest.mark.parametrize("size", [(60, 90), (301, 200), (20, 9000), (9000, 20)])
@pytest.mark.parametrize("kinds", [1, 2, 9])
def test_every_pixel_comes_back(size: tuple[int, int], kinds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jbig2_symbols, "_FEW_UNIQUE", 1)
    ink = scattered(kinds, size, kinds, 40)
    assert symbols(ink) is not None
    monkeypatch.setattr("dsvl2.pipelines.searchable.jbig2.generic_region", lambda _: bytes(1_000_000))
    assert np.array_equal(decoded(ink, jbig2(ink)), ink)


@pytest.mark.parametrize("log_strip", [0, 1, 2, 3])
def test_strips_of_every_height_say_the_same(log_strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jbig2_symbols, "_LOG_STRIPS", (log_strip,))
    ink = np.asarray(drawn_pages.sharp(drawn_pages.drawn_page(3, 400, dpi=72)[0])) == 0
    assert np.array_equal(decoded(ink, jbig2(ink)), ink)


def test_printed_text_takes_half_the_bytes_and_large_pieces_are_left_to_their_pixels() -> None:
    printed = np.asarray(drawn_pages.sharp(drawn_pages.drawn_page(3, 900, dpi=100)[0])) == 0
    assert len(jbig2(printed)) < 0.5 * len(jbig2(printed, repeats=False))
    assert symbols(np.ones((300, 300), bool)) is None
    assert symbols(np.zeros((40, 50), bool)) is None


def test_pieces_hold_all_ink_once() -> None:
    ink = scattered(4, (80, 120), 6, 30)
    for reach in (0, 1, 5):
        seen = np.zeros(ink.shape, int)
        for piece in pieces(ink, reach=reach) or []:
            seen[piece.y : piece.y + piece.shape[0], piece.x : piece.x + piece.shape[1]] += piece.ink()
        assert np.array_equal(seen, ink)


def test_a_dot_belongs_to_its_letter_where_it_is_within_reach() -> None:
    ink = np.zeros((12, 9), bool)
    ink[1, 4] = ink[4:10, 4] = ink[11, 8] = True
    assert sorted(piece.shape for piece in pieces(ink) or []) == [(1, 1), (1, 1), (6, 1)]
    assert sorted(piece.shape for piece in pieces(ink, reach=2) or []) == [(1, 1), (9, 1)]
    ink[4, 5] = False
    ink[3, 3] = True  # corners touch
    assert (7, 2) in [piece.shape for piece in pieces(ink) or []]


def test_too_many_runs_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2.pipelines.searchable.components._MOST_RUNS", 3)
    assert pieces(np.eye(5, dtype=bool)) is None


def test_poppler_reads_the_same(tmp_path: Path) -> None:
    if not shutil.which("pdfimages"):
        pytest.skip("no poppler-utils")
    ink = np.asarray(drawn_pages.sharp(drawn_pages.drawn_page(8, 700, dpi=72)[0])) == 0
    (tmp_path / "a.pdf").write_bytes(image_file(ink, jbig2(ink))[0])
    command = ["pdfimages", "-png", tmp_path / "a.pdf", tmp_path / "a"]
    assert subprocess.run(command, check=True, capture_output=True).stderr == b""
    with Image.open(tmp_path / "a-000.png") as read:
        assert np.array_equal(np.asarray(read.convert("L")) == 0, ink)
