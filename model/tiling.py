"""Which canvas an image gets, and where it lies on it (spec.md 4.1-4.4). Pure arithmetic on sizes, width first."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsvl2.model.errors import ImageError

MAX_TILED_IMAGES = 2  # with more images in a conversation every one gets a single tile


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Tiles across and down."""

    width: int
    height: int

    @property
    def tiles(self) -> int:
        """Tiles the tower sees: the local ones and the global view, which a 1x1 grid gets for nothing."""
        return 1 if self.width * self.height == 1 else 1 + self.width * self.height


@dataclass(frozen=True, slots=True)
class Placement:
    """An image fitted into a box: the size it is scaled to, and where its top left corner goes."""

    width: int
    height: int
    left: int
    top: int


def canvases(candidates: Sequence[tuple[int, int]], images: int, tiles: int | None = None) -> Sequence[tuple[int, int]]:
    """The candidates that images of a conversation may use: those of at most `tiles` tiles.

    None is the release's rule (spec.md 4.3): all of them, or a single tile with more than two images.
    """
    if tiles is None and images <= MAX_TILED_IMAGES:
        return candidates
    side, most = candidates[0][0], tiles or 1
    return [size for size in candidates if size[0] * size[1] <= most * side * side] or [(side, side)]


def choose_canvas(size: tuple[int, int], candidates: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Pick the candidate that keeps most of the image's own pixels; on a tie the one that wastes least, then the first."""
    w, h = size
    if w <= 0 or h <= 0:
        raise ImageError(f"the image is {w} x {h} pixels", "give an image with at least one pixel")

    def merit(canvas: tuple[int, int]) -> tuple[int, int]:
        width, height = canvas
        scale = min(width / w, height / h)
        effective = min(int(w * scale) * int(h * scale), w * h)
        return effective, effective - width * height

    return max(candidates, key=merit)  # max keeps the first of equals


def choose_grid(size: tuple[int, int], candidates: Sequence[tuple[int, int]]) -> TileGrid:
    """The tile grid of the canvas that `choose_canvas` picks; the tile size is candidates[0][0]."""
    width, height = choose_canvas(size, candidates)
    tile = candidates[0][0]
    return TileGrid(width // tile, height // tile)


def fit(size: tuple[int, int], box: tuple[int, int]) -> Placement:
    """Largest size with the image's aspect that fits the box, centred; halves round to even as Python's round does."""
    (w, h), (width, height) = size, box
    fitted_w, fitted_h = width, height
    if w / h > width / height:
        fitted_h = round(h / w * width)
    elif w / h < width / height:
        fitted_w = round(w / h * height)
    if not fitted_w or not fitted_h:
        raise ImageError(
            f"an image of {w} x {h} pixels vanishes on a canvas of {width} x {height}", "crop the image first"
        )
    left = round((width - fitted_w) * 0.5)
    top = round((height - fitted_h) * 0.5) if fitted_w == width else 0
    return Placement(fitted_w, fitted_h, left, top)
