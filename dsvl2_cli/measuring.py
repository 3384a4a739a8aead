"""What the model would be fed, page by page, worked out without the model: tiles and image tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsvl2.model import ModelConfig, ReadingProfile
    from dsvl2.pipelines import PageImage


@dataclass(frozen=True, slots=True)
class Feed:
    """Images that a page becomes: `grids` counts each tile grid ("3x1": 4), `tokens` are image tokens over all."""

    images: int
    grids: dict[str, int]
    tiles: int
    tokens: int
    rotation: int = 0
    skew: float = 0.0
    blank: bool = False


def measure(page: PageImage, config: ModelConfig, profile: ReadingProfile) -> Feed:
    """Count what one page costs: bands for a model that reads bands, else the page as one tiled image."""
    if profile.mode != "bands":
        return _count([page.image.size], config)
    import numpy as np

    from dsvl2.pipelines.layout import analyse

    layout = analyse(np.asarray(page.image.convert("L")), profile)
    feed = _count([band.image.size for band in layout.bands], config)
    return Feed(feed.images, feed.grids, feed.tiles, feed.tokens, layout.rotation, layout.skew, layout.blank)


def _count(sizes: list[tuple[int, int]], config: ModelConfig) -> Feed:
    from dsvl2.model import choose_grid

    grids: dict[str, int] = {}
    tiles = tokens = 0
    for size in sizes:
        grid = choose_grid(size, config.candidate_resolutions)
        name = f"{grid.width}x{grid.height}"
        grids[name] = grids.get(name, 0) + 1
        tiles += grid.tiles
        tokens += image_tokens(config.side, grid.width, grid.height)
    return Feed(len(sizes), dict(sorted(grids.items())), tiles, tokens)


def image_tokens(side: int, columns: int, rows: int) -> int:
    """Tokens of one image: global view with row ends, separator, local mosaic with row ends (spec section 4.6).

    The model counts the same way (`dsvl2.model.layout`), but lives beside torch; a test holds the two together.
    """
    return side * (side + 1) + 1 + rows * side * (columns * side + 1)
