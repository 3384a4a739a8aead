"""Images to tiles: the last step in PIL and NumPy before torch takes over (spec.md 4.3-4.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from dsvl2.model.errors import ImageError
from dsvl2.model.tiling import TileGrid, canvases, choose_canvas, fit

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class VisionInputs:
    """One image ready for the tower: uint8 tiles [1 + rows*columns, S, S, 3] in RGB, global view first.

    For a 1x1 grid both views are the same pixels and only one is kept.
    """

    tiles: Bytes
    grid: TileGrid


def cut(image: Image.Image, candidates: Sequence[tuple[int, int]], pad_color: tuple[int, int, int]) -> VisionInputs:
    """Scale one image onto its canvas and cut the tiles."""
    tile = candidates[0][0]
    canvas = choose_canvas(image.size, candidates)
    grid = TileGrid(canvas[0] // tile, canvas[1] // tile)
    plain = image if image.mode in ("RGB", "L") else image.convert("RGB")
    local = _place(plain, canvas, pad_color)
    tiles = local.reshape(grid.height, tile, grid.width, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3)
    if len(tiles) > 1:
        tiles = np.concatenate((_place(plain, (tile, tile), pad_color)[None], tiles))
    return VisionInputs(np.array(tiles, order="C"), grid)  # own, writable bytes: torch takes them as they are


def cut_all(
    images: Sequence[Image.Image], candidates: Sequence[tuple[int, int]], pad_color: tuple[int, int, int]
) -> tuple[VisionInputs, ...]:
    """Cut every image of a conversation by the release's rule."""
    known = canvases(candidates, len(images))
    return tuple(cut(image, known, pad_color) for image in images)


def _place(image: Image.Image, box: tuple[int, int], color: tuple[int, int, int]) -> Bytes:
    """Fit, scale with PIL's bicubic (no other library gives the same bytes), centre on the pad colour.

    A grey image is scaled as it is, which gives the bytes of its three equal channels for a third of the work.
    """
    place = fit(image.size, box)
    try:
        scaled = (
            image
            if image.size == (place.width, place.height)
            else image.resize((place.width, place.height), Image.Resampling.BICUBIC)
        )
    except (OSError, ValueError) as error:
        raise ImageError(f"the image cannot be scaled: {error}", "check that the file is complete") from error
    scaled = scaled if scaled.mode == "RGB" else scaled.convert("RGB")
    if scaled.size == box:
        return np.asarray(scaled, dtype=np.uint8)
    canvas = Image.new("RGB", box, color)
    canvas.paste(scaled, (place.left, place.top))
    return np.asarray(canvas, dtype=np.uint8)
