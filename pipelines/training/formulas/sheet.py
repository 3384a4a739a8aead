"""A picture of formula samples with their labels.

`python -m dsvl2.pipelines.training.formulas.sheet FILE OUT.png [--columns M]`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.training.formulas.samples import FormulaBatch, FormulaResources, make_formula_batch

_LINE = 15  # px of the label


def formula_sheet(batch: FormulaBatch, font_file: str | None = None) -> Image.Image:
    """Every sample cut to the rows that have ink, its label below."""
    font = ImageFont.truetype(font_file, 12) if font_file else ImageFont.load_default(12)
    cells = []
    for image, label in zip(batch.images, batch.labels, strict=True):
        rows = (image < int(image.max()) - 60).any(1).nonzero()[0]
        part = image[max(0, int(rows[0]) - 3) : int(rows[-1]) + 4] if rows.size else image[:8]
        cell = Image.new("L", (part.shape[1], part.shape[0] + _LINE + 4), 210)
        cell.paste(Image.fromarray(part), (0, 0))
        ImageDraw.Draw(cell).text((2, part.shape[0] + 2), label, fill=0, font=font)
        cells.append(cell)
    sheet = Image.new("L", (max(cell.width for cell in cells), sum(cell.height + 4 for cell in cells)), 90)
    y = 0
    for cell in cells:
        sheet.paste(cell, (0, y))
        y += cell.height + 4
    return sheet


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write the sheet."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.formulas.sheet", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--columns", type=int, default=2)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="train")
    parser.add_argument("--font", help="font file for the labels")
    options = parser.parse_args(argv)
    resources = FormulaResources.load(options.file, options.split)
    batch = make_formula_batch(Random(options.seed), resources, options.columns, options.count)
    formula_sheet(batch, options.font).save(options.out)


if __name__ == "__main__":
    main()
