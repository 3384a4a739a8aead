"""Draw what the cutter saw over the page: regions, bands, lines. For people who look; not used at run time."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from dsvl2.pipelines.layout.types import PageLayout

COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")


def overlay(gray: np.ndarray[tuple[int, int], np.dtype[np.uint8]], layout: PageLayout) -> Image.Image:
    """Return the upright page in colour with regions (thick), bands (thin, numbered) and line zones (shaded)."""
    a, b, c, d, e, f = layout.matrix
    page = Image.fromarray(gray).transform(
        layout.size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR, fillcolor=255
    )
    picture = page.convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    number = 0
    for order, region in enumerate(layout.regions):
        colour = COLOURS[order % len(COLOURS)]
        box = region.box
        draw.rectangle((box.x0 - 6, box.y0 - 6, box.x1 + 6, box.y1 + 6), outline=colour, width=3)
        draw.text((box.x0 - 4, box.y0 - 18), f"{order}:{region.kind} c{region.column}", fill=colour)
        for band in region.bands:
            draw.rectangle((band.box.x0, band.box.y0, band.box.x1, band.box.y1), outline=colour, width=1)
            draw.text(
                (band.box.x1 + 8, band.box.y0),
                f"{number} x{band.scale:.2f} m{band.image.width // band.image.height}",
                fill=colour,
            )
            number += 1
            for line in band.lines:
                draw.rectangle((line.x0, line.top, line.x1, line.base), fill=(255, 200, 0, 60))
                draw.rectangle((line.x0, line.y0, line.x1, line.y1), outline=(0, 120, 0, 120))
    return picture
