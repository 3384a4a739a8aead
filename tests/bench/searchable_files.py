"""Small drawn files of 39 kinds that a searchable PDF can be made of, with what a perfect reader would say of them.

Which file a number stands for depends on the seed and the number alone: the same draw can be measured before and after a change.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymupdf
from PIL import Image, ImageDraw

from dsvl2.pipelines.documents import PageResult
from tests.pipelines.searchable.drawn_pages import drawn_page, saved, sharp

SHEETS = ((8.27, 11.69), (5.83, 8.27), (3.15, 6.0), (8.5, 11.0))
DPI = (50, 75, 75, 100, 100, 150, 150, 200)
FEWEST, MOST = 15, 3500
"""Characters of a page; their logarithm is even."""
INKS = ((20, 40, 160), (150, 20, 30), (10, 90, 40))


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn: a grey page, and the means by which a kind takes its choices."""

    image: Image.Image
    page: PageResult
    choice: random.Random
    seed: int

    @property
    def scan(self) -> Image.Image:
        """As a scanner sees it: paper, and more or less noise."""
        paper = np.asarray(self.image) * 0.85 + 20
        noise = np.random.default_rng(self.seed).normal(0, self.choice.choice((1, 2, 4)), paper.shape)
        return Image.fromarray((paper + noise).clip(0, 255).astype(np.uint8))

    @property
    def tinted(self) -> Image.Image:
        """In an ink of a colour, on yellowish paper, with a box of a colour."""
        ink = self.choice.choice(INKS)
        grey = np.asarray(self.image, np.float32)[..., None] / 255
        paper = np.array((255, 250, 235), np.float32)
        image = Image.fromarray((grey * paper + (1 - grey) * np.array(ink, np.float32)).astype(np.uint8))
        wide, tall = image.size
        ImageDraw.Draw(image).rectangle((wide * 0.7, tall * 0.02, wide * 0.9, tall * 0.07), fill=ink)
        return image

    @property
    def photo(self) -> Image.Image:
        """A coloured scan: three channels with noise of their own."""
        noise = np.random.default_rng(self.seed).normal(0, 3, (*np.asarray(self.image).shape, 3))
        return Image.fromarray((np.asarray(self.tinted) * 0.9 + 12 + noise).clip(0, 255).astype(np.uint8))

    @property
    def clear(self) -> Image.Image:
        """Ink of one colour with transparent edges."""
        clear = Image.new("RGBA", self.image.size, self.choice.choice(((0, 0, 0), *INKS)))
        clear.putalpha(self.image.point(lambda value: 255 - value))
        return clear

    def quality(self, least: int, most: int) -> int:
        return self.choice.randint(least, most)

    def scanned_pdf(self, stream: bytes, pages: int = 1, **save: Any) -> bytes:
        """A PDF of pages that show one picture each."""
        with pymupdf.open() as pdf:
            for _ in range(pages):
                leaf = pdf.new_page(
                    width=self.page.width_px * 72 / self.page.dpi, height=self.page.height_px * 72 / self.page.dpi
                )
                leaf.insert_image(leaf.rect, stream=stream)
            return bytes(pdf.tobytes(deflate=True, garbage=3, **save))


Kind = Callable[[Sheet], bytes]


def _fax(image: Image.Image, compression: str) -> bytes:
    return saved(sharp(image), "TIFF", compression=compression)


def _jpeg(image: Image.Image, quality: int, **how: Any) -> bytes:
    return saved(image, "JPEG", quality=quality, **how)


def _jp2(image: Image.Image, rate: float, **how: Any) -> bytes:
    return saved(image, "JPEG2000", quality_mode="rates", quality_layers=[rate], irreversible=True, **how)


KINDS: dict[str, Kind] = {
    "png grey": lambda s: saved(s.image, "PNG", optimize=True),
    "png grey scan": lambda s: saved(s.scan, "PNG"),
    "png black and white": lambda s: saved(sharp(s.image), "PNG"),
    "png 16 greys": lambda s: saved(s.image.quantize(16), "PNG", optimize=True),
    "png 4 greys": lambda s: saved(s.image.quantize(4), "PNG"),
    "png colours": lambda s: saved(s.tinted, "PNG", optimize=True),
    "png transparent": lambda s: saved(s.clear, "PNG"),
    "png 16 bit": lambda s: saved(Image.fromarray(np.asarray(s.image).astype(np.uint16) * 257), "PNG"),
    "bmp black and white": lambda s: saved(sharp(s.image), "BMP"),
    "bmp grey": lambda s: saved(s.image, "BMP"),
    "gif black and white": lambda s: saved(sharp(s.image), "GIF"),
    "gif greys": lambda s: saved(s.image, "GIF"),
    "tiff group 4": lambda s: _fax(s.image, "group4"),
    "tiff group 3": lambda s: _fax(s.image, "group3"),
    "tiff lzw": lambda s: saved(s.image, "TIFF", compression="tiff_lzw"),
    "tiff deflate": lambda s: saved(s.tinted, "TIFF", compression="tiff_adobe_deflate"),
    "tiff jpeg": lambda s: saved(s.scan, "TIFF", compression="jpeg", quality=s.quality(30, 85)),
    "pdf black and white": lambda s: s.scanned_pdf(saved(sharp(s.image), "PNG")),
    "pdf grey": lambda s: s.scanned_pdf(saved(s.image, "PNG")),
    "pdf grey scan": lambda s: s.scanned_pdf(saved(s.scan, "PNG")),
    "pdf jpeg": lambda s: s.scanned_pdf(_jpeg(s.scan, s.quality(20, 85))),
    "pdf jpeg colours": lambda s: s.scanned_pdf(_jpeg(s.photo, s.quality(20, 85))),
    "pdf object streams": lambda s: s.scanned_pdf(saved(sharp(s.image), "PNG"), use_objstms=1),
    "pdf two pages": lambda s: s.scanned_pdf(saved(sharp(s.image), "PNG"), pages=2),
    "pdf jpeg 2000": lambda s: s.scanned_pdf(_jp2(s.scan, s.quality(8, 40))),
    "jpeg grey": lambda s: _jpeg(s.image, s.quality(10, 90)),
    "jpeg grey scan": lambda s: _jpeg(s.scan, s.quality(20, 90)),
    "jpeg colours": lambda s: _jpeg(s.tinted, s.quality(20, 90)),
    "jpeg coloured scan": lambda s: _jpeg(s.photo, s.quality(20, 90), subsampling=0),
    "jpeg optimised": lambda s: _jpeg(s.scan, s.quality(20, 90), optimize=True),
    "jpeg progressive": lambda s: _jpeg(s.scan, s.quality(20, 90), progressive=True),
    "jpeg progressive colours": lambda s: _jpeg(s.tinted, s.quality(20, 90), progressive=True),
    "jpeg 2000 grey": lambda s: _jp2(s.scan, s.quality(8, 60)),
    "jpeg 2000 colours": lambda s: _jp2(s.photo, s.quality(15, 90)),
    "webp": lambda s: saved(s.scan.convert("RGB"), "WEBP", quality=s.quality(30, 90)),
    "webp colours": lambda s: saved(s.tinted, "WEBP", quality=s.quality(30, 90)),
    "avif": lambda s: saved(s.scan.convert("RGB"), "AVIF", quality=s.quality(40, 85), speed=8),
    "avif colours": lambda s: saved(s.tinted, "AVIF", quality=s.quality(40, 85), speed=8),
    "webp without loss": lambda s: saved(s.choice.choice((s.image, s.tinted)).convert("RGB"), "WEBP", lossless=True),
}


def drawn_file(seed: int, number: int) -> tuple[str, bytes, tuple[PageResult, ...]]:
    """Return the kind of file `number` of a draw, its bytes, and its pages as they would be read."""
    choice = random.Random(f"{seed}/{number}")
    name = list(KINDS)[number % len(KINDS)]
    characters = round(FEWEST * (MOST / FEWEST) ** choice.random())
    own, dpi, size = choice.randrange(1 << 30), choice.choice(DPI), choice.choice(SHEETS)
    image, page = drawn_page(own, characters, dpi=dpi, size=size, points=choice.choice((8, 9, 10, 11, 12)))
    data = KINDS[name](Sheet(image, page, choice, own))
    pages = (page, replace(page, number=2)) if "two pages" in name else (page,)
    return name, data, pages


def seen_in(data: bytes) -> np.ndarray[Any, Any] | None:
    """Return what a picture file shows, [height, width, 3], on white; None for a PDF."""
    if data.startswith(b"%PDF"):
        return None
    with Image.open(io.BytesIO(data)) as image:
        if image.mode.startswith("I"):
            return np.asarray(Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB"))
        white = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
