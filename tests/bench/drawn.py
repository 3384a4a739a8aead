"""Pages of a made scan, drawn by processes beside the one that reads them, as `dsvl2 ocr` does. Needs PyMuPDF, no PyTorch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from dsvl2.pipelines import open_source
from dsvl2.pipelines.batch.aside import DrawnAside
from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.sources import SourceOptions
from tests.bench.scans import DPI, document

__all__ = ["DPI", "drawn"]


@contextmanager
def drawn(pages: int, hands: int, dpi: float | None) -> Iterator[Iterator[Image.Image]]:
    """The pages of a PDF; the processes that draw it start at once, as those of `dsvl2 ocr` do before the model is loaded."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with ExitStack() as stack:
        path = document(Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory))) / "scan.pdf", pages)
        source = stack.enter_context(open_source(path, SourceOptions(dpi=dpi)))
        aside = stack.enter_context(closing(DrawnAside(source, hands)))
        aside.begin()
        yield map(image_of, aside)


def image_of(drawn_page: Any) -> Image.Image:
    """Its picture."""
    assert isinstance(drawn_page, PageImage), drawn_page
    return drawn_page.image
