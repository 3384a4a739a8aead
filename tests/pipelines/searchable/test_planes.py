"""Few greys as pictures of two colours: they are put together to what they were made of, in every program and size."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import drawn_pages
import numpy as np
import pymupdf
import pytest
from PIL import Image

from dsvl2.pipelines.searchable.fonts import InvisibleFonts
from dsvl2.pipelines.searchable.fresh import new_pdf
from dsvl2.pipelines.searchable.images import PLACES, ImageObject
from dsvl2.pipelines.searchable.near import near_picture
from dsvl2.pipelines.searchable.planes import FEWEST_GREYS, MOST_GREYS, Planes, planes_of, share
from dsvl2.pipelines.searchable.text import PLAIN, Thrift
from dsvl2.pipelines.searchable.write import NEAR


def shown(made: bytes, dpi: float = 72) -> np.ndarray:
    with pymupdf.open(stream=made) as pdf:
        pixels = pdf[0].get_pixmap(dpi=round(dpi), colorspace="gray")
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)[:, : pixels.width].astype(int)


def pdf_with(picture: ImageObject | Planes, size: tuple[int, int], dpi: float = 72, thrift: Thrift = PLAIN) -> bytes:
    page = drawn_pages.drawn_page(1, 0, dpi=72)[1]
    return new_pdf([type(page)(1, (), size[0], size[1], dpi)], InvisibleFonts(), lambda _: picture, thrift)


@pytest.mark.parametrize("count", [FEWEST_GREYS, 7, 9, MOST_GREYS])
@pytest.mark.parametrize(("paper", "step"), [(255, 17), (240, 9), (15 * 16, 16)])
def test_every_grey_is_drawn_as_it_is(count: int, paper: int, step: int) -> None:
    steps = np.random.default_rng(count).integers(0, count, (40, 70))
    steps[:2, :count] = np.arange(count)
    picture = (paper - step * steps).astype(np.uint8)
    planes = planes_of(picture, lambda seen: np.array_equal(seen, picture), PLACES[1], room=0)
    assert planes is not None
    assert np.array_equal(shown(pdf_with(planes, (70, 40))), picture)
    masks = shown(pdf_with(planes, (70, 40), thrift=NEAR[-1]))
    assert ((masks - picture) ** 2).mean() < 255**2 / 10**3.6


def test_too_many_greys_are_refused() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (40, 70)).astype(np.uint8)
    assert planes_of(picture, lambda seen: np.array_equal(seen, picture), PLACES[1], room=0) is None
    assert planes_of(np.full((5, 5), 9, np.uint8), lambda _: True, PLACES[1], room=0) is not None


def test_room_is_used_for_more_greys() -> None:
    picture = np.asarray(drawn_pages.drawn_page(3, 300, dpi=75)[0])
    few, many = (planes_of(picture, lambda _: True, PLACES[1], room=room) for room in (0, 10**6))
    assert few is not None
    assert many is not None
    assert few.size < many.size


def test_turned_pictures_are_turned() -> None:
    picture = np.full((30, 60), 255, np.uint8)
    picture[:10, :20] = 0
    planes = planes_of(picture, lambda _: True, PLACES[6], room=0)
    assert planes is not None
    seen = shown(pdf_with(planes, (30, 60)))
    assert seen[:20, 20:].max() == 0
    assert seen[21:].min() == 255


@pytest.mark.parametrize("zoom", [0.6, 2])
@pytest.mark.parametrize("program", ["pymupdf", "poppler"])
def test_other_sizes_look_like_the_picture(program: str, zoom: float, tmp_path: Path) -> None:
    image = drawn_pages.scan_of(drawn_pages.drawn_page(9, 200, dpi=96, size=(4, 2))[0])
    near = near_picture(drawn_pages.saved(image.convert("RGB"), "WEBP", quality=40), "webp", 0)
    assert near is not None
    planes = planes_of(np.asarray(near.seen), near._like, PLACES[1], room=0)
    assert planes is not None
    samples = near.seen.tobytes()
    width, height = near.seen.size
    whole = ImageObject(
        f"/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 8/ColorSpace/DeviceGray", samples
    )
    drawn = []
    for name, picture in (("whole", whole), ("planes", planes)):
        made = pdf_with(picture, near.seen.size, 96)
        if program == "pymupdf":
            drawn.append(shown(made, 96 * zoom))
        else:
            if not shutil.which("pdftoppm"):
                pytest.skip("no poppler-utils")
            (tmp_path / "a.pdf").write_bytes(made)
            command = ["pdftoppm", "-gray", "-singlefile", "-r", f"{96 * zoom}", tmp_path / "a.pdf", tmp_path / name]
            assert subprocess.run(command, check=True, capture_output=True).stderr == b""
            drawn.append(np.asarray(Image.open(tmp_path / f"{name}.pgm")).astype(int))
    off = ((drawn[0] - drawn[1]) ** 2).mean()
    assert off < 255**2 / 10**3.6


def test_shares_are_never_cut_to_the_grey_below() -> None:
    for grey in range(256):
        assert grey <= float(share(grey)) * 255 < grey + 0.03
