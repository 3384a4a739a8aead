"""Keep small copies of the pages that pass by on their way to be read: what a person needs to check them against."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Iterator

from PIL import Image

from dsvl2.pipelines.documents import PageImage, ReadPage, UnreadablePage

MOST_PIXELS = 1_600_000
"""A4 at 130 dpi: every letter can be read, and 50 pages make a file of some 6 MB."""
QUALITY = 45

Page = PageImage | ReadPage | UnreadablePage


class ScanKeeper:
    """Passes pages on and keeps a WebP of each that has pixels, by page number.

    `draw` gives the image of a page that comes as text; without it such a page is kept without one.
    """

    def __init__(self, pages: Iterable[Page], draw: Callable[[int], PageImage] | None = None) -> None:
        self._pages, self._draw = pages, draw
        self.images: dict[int, str] = {}

    def __iter__(self) -> Iterator[Page]:
        for page in self._pages:
            if isinstance(page, PageImage):
                self.images[page.number] = data_uri(page.image)
            elif isinstance(page, ReadPage) and self._draw is not None and page.result.error is None:
                self.images[page.number] = data_uri(self._draw(page.number).image)
            yield page


def data_uri(image: Image.Image, most_pixels: int = MOST_PIXELS) -> str:
    """Return an image as a data: address, made smaller if it has more than `most_pixels`."""
    scale = (most_pixels / max(image.width * image.height, 1)) ** 0.5
    shown = image.convert("L") if image.mode in ("1", "L", "I", "F") else image.convert("RGB")
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=QUALITY, method=3)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
