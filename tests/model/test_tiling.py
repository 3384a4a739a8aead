"""Tiling agrees with the recorded table, and pixels lie where it says."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsvl2.model import pixels
from dsvl2.model.errors import ImageError
from dsvl2.model.layout import token_count
from dsvl2.model.pixels import cut, cut_all
from dsvl2.model.tiling import canvases, choose_canvas, choose_grid, fit

CANDIDATES = [(384 * w, 384 * h) for w, h in (
    (1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (4, 1), (2, 2), (1, 5), (5, 1), (1, 6), (6, 1), (2, 3), (3, 2),
    (1, 7), (7, 1), (1, 8), (8, 1), (2, 4), (4, 2), (1, 9), (9, 1), (3, 3),
)]  # fmt: skip
TABLE = json.loads((Path(__file__).parent / "tiling_table.json").read_text())


def test_all_recorded_sizes_agree() -> None:
    assert len(TABLE) == 397
    for row in TABLE:
        size = tuple(row["size"])
        canvas, grid = choose_canvas(size, CANDIDATES), choose_grid(size, CANDIDATES)
        assert (list(canvas), [grid.width, grid.height]) == (row["canvas"], row["grid"]), size
        assert token_count(14, grid.width, grid.height) == row["tokens"], size
        for view, box in (("local", canvas), ("global", (384, 384))):
            if row[view]["offset"] is None:
                with pytest.raises(ImageError, match="vanishes"):
                    fit(size, box)
                continue
            place = fit(size, box)
            assert ([place.width, place.height], [place.left, place.top]) == (row[view]["fit"], row[view]["offset"]), (
                size
            )


def test_an_image_of_canvas_size_is_cut_untouched() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (384, 768, 3), dtype=np.uint8)
    inputs = cut(Image.fromarray(pixels), [(384, 384), (768, 384)], (255, 255, 255))
    assert inputs.tiles.shape == (3, 384, 384, 3)
    assert np.array_equal(inputs.tiles[1], pixels[:, :384]) and np.array_equal(inputs.tiles[2], pixels[:, 384:])


def test_a_single_tile_is_kept_once_and_padded_with_the_given_colour() -> None:
    inputs = cut(Image.new("L", (50, 30), 7), CANDIDATES, (255, 254, 253))
    assert inputs.tiles.shape == (1, 384, 384, 3) and inputs.grid.tiles == 1
    assert inputs.tiles[0, 0, 0].tolist() == [255, 254, 253] and inputs.tiles[0, 192, 192].tolist() == [7, 7, 7]


@pytest.mark.parametrize("size", [(1560, 2340), (97, 1203), (384, 384), (5, 3)])
def test_a_grey_page_is_cut_into_the_tiles_of_its_colours(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grey, in colours that are all alike, and those scaled channel by channel."""
    grey = Image.effect_noise(size, 90)
    found = [cut(image, CANDIDATES, (127, 1, 250)) for image in (grey, grey.convert("RGB"))]
    monkeypatch.setattr(pixels, "_grey", lambda image: image)
    found.append(cut(grey.convert("RGB"), CANDIDATES, (127, 1, 250)))
    assert found[0].grid == found[1].grid == found[2].grid
    assert all(np.array_equal(found[0].tiles, other.tiles) for other in found[1:])


def test_one_pixel_in_colour_stays_in_colour() -> None:
    page = Image.effect_noise((384, 384), 90).convert("RGB")
    page.putpixel((201, 77), (255, 0, 0))
    assert cut(page, CANDIDATES, (0, 0, 0)).tiles[0, 77, 201].tolist() == [255, 0, 0]


def test_an_image_whose_file_is_cut_short_is_refused() -> None:
    whole = BytesIO()
    Image.effect_noise((400, 400), 90).convert("RGB").save(whole, "PNG")
    with pytest.raises(ImageError, match="cannot be read"):
        cut(Image.open(BytesIO(whole.getvalue()[:4000])), CANDIDATES, (0, 0, 0))


def test_three_images_switch_tiling_off() -> None:
    images = [Image.new("RGB", (900, 300))] * 3
    assert [inputs.grid.tiles for inputs in cut_all(images, CANDIDATES, (0, 0, 0))] == [1, 1, 1]
    assert choose_grid((900, 300), canvases(CANDIDATES, 3)).tiles == 1
    assert choose_grid((900, 300), canvases(CANDIDATES, 2)).tiles > 1


def test_a_budget_of_tiles_holds_for_any_number_of_images() -> None:
    for images in (1, 2, 3, 40):
        for tiles in (1, 2, 4, 9):
            known = canvases(CANDIDATES, images, tiles)
            assert known == [size for size in CANDIDATES if size[0] // 384 * (size[1] // 384) <= tiles]
    assert canvases([(384, 768), (768, 768)], 1, 1) == [(384, 384)]


def test_alpha_is_dropped_and_an_empty_image_refused() -> None:
    image = Image.new("RGBA", (384, 384), (9, 8, 7, 0))
    assert cut(image, CANDIDATES, (0, 0, 0)).tiles[0, 5, 5].tolist() == [9, 8, 7]
    with pytest.raises(ImageError):
        choose_canvas((0, 10), CANDIDATES)


def test_of_canvases_that_keep_as_much_the_least_wasteful_is_taken_whatever_the_order() -> None:
    for candidates in (CANDIDATES, CANDIDATES[::-1]):
        assert choose_canvas((100, 90), candidates) == (384, 384)
