"""A picture of samples beside their labels, for people who check that both say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from dsvl2.pipelines.training.render import Sample

_LINE = 15  # px of a label line


def contact_sheet(samples: Sequence[Sample], columns: int = 1, font_file: str | None = None) -> Image.Image:
    """Every sample with its line starts (red) and characters (blue) marked, its label below."""
    font = ImageFont.truetype(font_file, 12) if font_file else ImageFont.load_default(12)
    cells = [_cell(sample, font) for sample in samples]
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    width = max(sum(cell.width + 6 for cell in row) for row in rows)
    sheet = Image.new("RGB", (width, sum(max(cell.height for cell in row) + 6 for row in rows)), (90, 90, 120))
    y = 0
    for row in rows:
        x = 0
        for cell in row:
            sheet.paste(cell, (x, y))
            x += cell.width + 6
        y += max(cell.height for cell in row) + 6
    return sheet


def _cell(sample: Sample, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    label = sample.text.replace("\t", " ⇥ ").split("\n")
    height, width = sample.image.shape
    cell = Image.new("RGB", (width, height + _LINE * len(label) + 4), "white")
    cell.paste(Image.fromarray(sample.image).convert("RGB"), (0, 0))
    pen = ImageDraw.Draw(cell)
    for x, y, _ in sample.chars:
        pen.point((x, y), fill=(0, 90, 255))
    for x, y in sample.lines:
        pen.line((x - 6, y, x + 1, y), fill=(255, 0, 0), width=1)
    pen.line((0, height, width, height), fill=(90, 90, 120), width=2)
    for index, text in enumerate(label):
        pen.text((2, height + 3 + index * _LINE), text, fill="black", font=font)
    return cell
