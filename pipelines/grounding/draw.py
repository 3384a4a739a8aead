"""Draw boxes on a page image, each with the number it has in the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsvl2.pipelines.grounding.types import GroundedBox

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")


def draw_boxes(image: Image, boxes: Sequence[GroundedBox]) -> Image:
    """Return an RGB copy of the image with the boxes, whose pixels it must share; lines grow with the page."""
    from PIL import ImageDraw, ImageFont

    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    width = max(2, round(max(image.size) / 700))
    font = ImageFont.load_default(size=max(12, max(image.size) // 90))
    for number, one in enumerate(boxes, 1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        box = (one.box.x0 - width, one.box.y0 - width, one.box.x1 + width, one.box.y1 + width)
        pen.rectangle(box, outline=colour, width=width)
        left, top, right, bottom = pen.textbbox((0, 0), str(number), font=font)
        high, wide = bottom + 2 * width, right - left + 2 * width
        x, y = max(box[0] - wide, 0), max(box[1], 0)
        pen.rectangle((x, y, x + wide, y + high), fill=colour)
        pen.text((x + width - left, y + width - top / 2), str(number), fill="white", font=font)
    return drawn
