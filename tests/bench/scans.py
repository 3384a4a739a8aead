"""Files like scans at 200 dpi, lines of marks on paper, of a shape that takes 2 x 3 tiles. Knows nothing of models."""

from __future__ import annotations

import io
from pathlib import Path

import pymupdf
from PIL import Image

SIZE = (1560, 2340)
DPI = 200
KINDS = 8


def scan(paper: Image.Image, number: int) -> bytes:
    """A page as JPEG, grey as scanners save text."""
    sheet = paper.copy()
    for line in range(60):
        for word in range(14):
            left, top, wide = 90 + word * 100, 120 + line * 35, 40 + (word * 7 + line * 3 + number) % 50
            sheet.paste(20, (left, top, left + wide, top + 16))
    jpeg = io.BytesIO()
    sheet.save(jpeg, "JPEG", quality=85)
    return jpeg.getvalue()


def document(path: Path, pages: int) -> Path:
    """Write a PDF of so many pages, each with a picture of its own that nobody can keep from a page before."""
    paper = Image.effect_noise(SIZE, 12).point(lambda value: min(255, value + 110))
    kinds = [scan(paper, number) for number in range(min(KINDS, pages))]
    with pymupdf.open() as made:
        for number in range(pages):
            sheet = made.new_page(width=SIZE[0] * 72 / DPI, height=SIZE[1] * 72 / DPI)
            jpeg = kinds[number % len(kinds)] + number.to_bytes(4, "big")  # equal files would be stored once
            sheet.insert_image(sheet.rect, stream=jpeg)
        made.save(path)
    return path
