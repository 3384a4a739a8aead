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
from dsvl2.pipelines.searchable.inks import inked
from dsvl2.pipelines.searchable.likeness import ALIKE, likeness
from dsvl2.pipelines.searchable.near import near_picture
from dsvl2.pipelines.searchable.planes import MOST_EXACT, FewGreys, Planes, exact_planes, painted


def shown(made: bytes, dpi: float = 72, colours: str = "gray") -> np.ndarray:
    with pymupdf.open(stream=made) as pdf:
        pixels = pdf[0].get_pixmap(dpi=round(dpi), colorspace=colours)
    rows = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)
    return np.squeeze(rows[:, : pixels.width * pixels.n].reshape(pixels.height, pixels.width, -1)).astype(int)


def pdf_with(picture: ImageObject | Planes, size: tuple[int, int], dpi: float = 72) -> bytes:
    page = drawn_pages.drawn_page(1, 0, dpi=72)[1]
    return new_pdf([type(page)(1, (), size[0], size[1], dpi)], InvisibleFonts(), lambda _: picture)


@pytest.mark.parametrize("colours", [3, 4, MOST_EXACT])
@pytest.mark.parametrize("mode", ["gray", "rgb"])
def test_every_one_of_few_colours_is_drawn_as_it_is(colours: int, mode: str) -> None:
    choice = np.random.default_rng(colours)
    bands = 1 if mode == "gray" else 3
    palette = np.sort(choice.choice(256, (colours, bands), replace=False), axis=0)
    which = choice.integers(0, colours, (40, 70))
    picture = np.squeeze(palette[which]).astype(np.uint8)
    planes = exact_planes(picture, PLACES[1])
    assert planes is not None
    assert np.array_equal(shown(pdf_with(planes, (70, 40)), colours=mode), picture)


def test_colours_of_which_none_is_the_lighter_are_left_alone() -> None:
    palette = np.array([(255, 255, 255), (200, 10, 10), (10, 10, 200)], np.uint8)
    picture = palette[np.random.default_rng(1).integers(0, 3, (40, 70))]
    assert exact_planes(picture, PLACES[1]) is None
    assert exact_planes(np.full((5, 5), 9, np.uint8), PLACES[1]) is None


def test_what_is_no_print_does_not_look_the_same_in_few_greys() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (40, 70)).astype(np.uint8)
    assert FewGreys(picture, PLACES[1]).within(10**6) is None


def test_room_is_used_for_more_greys() -> None:
    picture = np.asarray(drawn_pages.drawn_page(3, 300, dpi=75)[0])
    much = FewGreys(picture, PLACES[1]).within(10**6)
    assert much is not None
    less = FewGreys(picture, PLACES[1]).within(much[0].size * 2 // 3)
    assert less is not None
    assert less[1].decibels < much[1].decibels
    assert FewGreys(picture, PLACES[1]).within(300) is None


def two_inks() -> Image.Image:
    """A page in blue on cream, with a dark red box."""
    grey = np.asarray(drawn_pages.drawn_page(9, 200, dpi=96, size=(4, 2))[0])[..., None] / 255
    image = Image.fromarray((grey * (255, 250, 235) + (1 - grey) * (20, 40, 160)).astype(np.uint8))
    image.paste((150, 20, 30), (290, 100, 360, 140))
    return image


def test_a_box_of_another_ink_has_its_own_colours() -> None:
    picture = np.asarray(two_inks())
    of = inked(picture)
    assert of is not None
    assert of.zones
    found = FewGreys(picture, PLACES[1]).within(10**5)
    assert found is not None
    drawn = shown(pdf_with(found[0], picture.shape[1::-1]), colours="rgb")
    assert likeness(picture, drawn).holds(ALIKE)
    assert np.abs(drawn[120, 320] - (150, 20, 30)).max() <= 12


def test_more_inks_than_can_be_told_apart_are_refused() -> None:
    coarse = np.random.default_rng(2).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    many = np.asarray(Image.fromarray(coarse).resize((640, 480), Image.Resampling.NEAREST))
    assert FewGreys(many, PLACES[1]).within(10**6) is None


def test_turned_pictures_are_turned() -> None:
    picture = np.full((30, 60), 255, np.uint8)
    picture[:10, :20] = 0
    picture[20:, :20] = 99
    planes = exact_planes(picture, PLACES[6])
    assert planes is not None
    seen = shown(pdf_with(planes, (30, 60)))
    assert seen[:20, 20:].max() == 0
    assert seen[21:].min() == 255


@pytest.mark.parametrize("zoom", [0.6, 2])
@pytest.mark.parametrize("program", ["pymupdf", "poppler"])
@pytest.mark.parametrize("colours", ["gray", "rgb"])
def test_other_sizes_look_like_the_picture(program: str, zoom: float, colours: str, tmp_path: Path) -> None:
    grey = drawn_pages.scan_of(drawn_pages.drawn_page(9, 200, dpi=96, size=(4, 2))[0])
    image = grey.convert("RGB") if colours == "gray" else two_inks()
    if (program, zoom, colours) == ("poppler", 2, "rgb"):
        pytest.skip("zones need masks, which poppler draws larger without smoothing them as it does pictures")
    near = near_picture(drawn_pages.saved(image, "WEBP", quality=70), "webp", 0)
    assert near is not None
    found = FewGreys(np.asarray(near.seen), PLACES[1]).within(10**5)
    assert found is not None
    samples = near.seen.tobytes()
    width, height = near.seen.size
    space = "/DeviceGray" if colours == "gray" else "/DeviceRGB"
    whole = ImageObject(f"/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 8/ColorSpace{space}", samples)
    drawn = []
    for name, picture in (("whole", whole), ("planes", found[0])):
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
        assert grey <= float(painted((grey,)).split()[0]) * 255 < grey + 0.03
