"""python -m dsvl2.pipelines.layout PAGE.png --debug out.png: cut one page and draw the cut over it."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dsvl2.pipelines.layout import analyse
from dsvl2.pipelines.layout.debug import overlay


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The shape of the embedded model's canvas."""

    tile: int = 384
    max_columns: int = 4
    line_pitch: float = 32.0
    x_height: float = 12.0
    location_bins: int = 48


def main(arguments: list[str] | None = None) -> int:
    """Cut the page named on the command line; say what was found."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.layout")
    parser.add_argument("page", type=Path)
    parser.add_argument("--debug", type=Path, help="write the page with regions, bands and lines drawn over it")
    parser.add_argument("--bands", type=Path, help="write every band's canvas into this folder")
    options = parser.parse_args(arguments)
    gray = np.asarray(Image.open(options.page).convert("L"), dtype=np.uint8)
    start = time.perf_counter()
    layout = analyse(gray, _Canvas())
    seconds = time.perf_counter() - start
    lines = sum(len(band.lines) for band in layout.bands)
    sys.stdout.write(
        f"rotation {layout.rotation}  skew {layout.skew:.2f}  blank {layout.blank}  regions {len(layout.regions)}  "
        f"bands {len(layout.bands)}  lines {lines}  pitch {layout.line_pitch:.1f}  x-height {layout.x_height:.1f}  "
        f"{seconds:.2f} s\n"
    )
    if options.debug:
        overlay(gray, layout).save(options.debug)
    if options.bands:
        options.bands.mkdir(parents=True, exist_ok=True)
        for number, band in enumerate(layout.bands):
            band.image.save(options.bands / f"{number:02}.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
