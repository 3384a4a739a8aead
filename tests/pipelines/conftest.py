"""Files that tests of the pipelines read, made on the spot, and an engine that says what it is told to."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image, ImageDraw

MakePdf = Callable[..., bytes]
MakeImage = Callable[..., bytes]


@pytest.fixture
def make_pdf() -> MakePdf:
    """Return the bytes of a PDF with one line of text per page; keywords go to its `tobytes`."""

    def make(*texts: str, size: tuple[float, float] = (300, 200), **save: Any) -> bytes:
        document = pymupdf.open()
        for text in texts:
            page = document.new_page(width=size[0], height=size[1])
            if text:
                page.insert_text((20, 50), text)
        data: bytes = document.tobytes(**save)
        document.close()
        return data

    return make


@pytest.fixture
def make_image() -> MakeImage:
    """Return the bytes of an image file: white with a black rectangle at the top left; keywords go to `save`."""

    def make(kind: str = "PNG", mode: str = "L", size: tuple[int, int] = (120, 80), **save: Any) -> bytes:
        image = Image.new("L", size, 255)
        ImageDraw.Draw(image).rectangle((4, 4, 27, 13), fill=0)
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, kind, **save)
        return buffer.getvalue()

    return make


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write bytes to a file below the test's folder and return its path."""

    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write
