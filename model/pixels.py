"""Images to tiles: the last step in PIL and NumPy before torch takes over (spec.md 4.3-4.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from dsvl2.model.errors import ImageError
from dsvl2.model.tiling import TileGrid, canvases, choose_canvas, fit

Bytes = npt.NDArray[np.uint8]
SAMPLE = (32, 32)  # pixels of an image that are looked at before all of them


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
    try:
        plain = _grey(image) if image.mode in ("RGB", "L") else image.convert("RGB")
    except (OSError, ValueError) as error:
        raise ImageError(f"the image cannot be read: {error}", "check that the file is complete") from error
    local = _place(plain, canvas, pad_color).reshape(grid.height, tile, grid.width, tile, 3)
    tiles = np.empty((grid.tiles, tile, tile, 3), dtype=np.uint8)  # own, writable bytes: torch takes them as they are
    if grid.tiles > 1:
        tiles[0] = _place(plain, (tile, tile), pad_color)
    tiles[-grid.width * grid.height :].reshape(grid.height, grid.width, tile, tile, 3)[:] = local.swapaxes(1, 2)
    return VisionInputs(tiles, grid)


def cut_all(
    images: Sequence[Image.Image], candidates: Sequence[tuple[int, int]], pad_color: tuple[int, int, int]
) -> tuple[VisionInputs, ...]:
    """Cut every image of a conversation by the release's rule."""
    known = canvases(candidates, len(images))
    return tuple(cut(image, known, pad_color) for image in images)


def _grey(image: Image.Image) -> Image.Image:
    """One channel of an image in RGB all of whose channels are equal, as files of scans often are; others as they are.

    That costs a page of 1.5 million pixels 0.8 ms, and saves 12 of 24; one in colour is told by a few of its pixels.
    """
    image.load()  # nothing that is wrong with the file comes later
    if image.mode == "L":
        return image
    some = np.asarray(image.resize(SAMPLE, Image.Resampling.NEAREST))
    if (some != some[..., :1]).any():
        return image
    red, *others = image.split()
    alike = all(ImageChops.difference(red, other).getbbox() is None for other in others)
    return red if alike else image


def _place(image: Image.Image, box: tuple[int, int], color: tuple[int, int, int]) -> Bytes:
    """Fit, scale with PIL's bicubic (no other library gives the same bytes), centre on the pad colour.

    A grey image is scaled as it is, which gives the bytes of its three equal channels for a third of the work.
    """
    place = fit(image.size, box)
    size = place.width, place.height
    scaled = image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)
    scaled = scaled if scaled.mode == "RGB" else scaled.convert("RGB")
    if scaled.size == box:
        return np.asarray(scaled, dtype=np.uint8)
    canvas = Image.new("RGB", box, color)
    canvas.paste(scaled, (place.left, place.top))
    return np.asarray(canvas, dtype=np.uint8)
