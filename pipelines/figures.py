"""Figures cut out of pages, upright."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsvl2.pipelines.documents import PageResult

if TYPE_CHECKING:
    from PIL.Image import Image


def cut_figures(image: Image, page: PageResult) -> dict[int, Image]:
    """Return the pictures of a page's figures by the numbers of their blocks, from 1.

    `image` is the page as its boxes count, at any resolution. Figures without a box, or less than a pixel large, are
    left out.
    """
    if not page.width_px or not page.height_px:
        return {}
    across, down = image.width / page.width_px, image.height / page.height_px
    found = {}
    for number, block in enumerate(page.blocks, 1):
        if block.kind != "figure" or block.box is None:
            continue
        left, top = max(round(block.box.x0 * across), 0), max(round(block.box.y0 * down), 0)
        right, bottom = min(round(block.box.x1 * across), image.width), min(round(block.box.y1 * down), image.height)
        if right > left and bottom > top:
            found[number] = image.crop((left, top, right, bottom)).rotate(-page.rotation, expand=True)
    return found
