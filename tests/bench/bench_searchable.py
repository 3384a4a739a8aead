"""How much larger searchable PDFs are than what they were made of, over a fresh draw of small files of 39 kinds.

    python tests/bench/bench_searchable.py --seed N [--files 720] [--pdf-images fit] [--out FILE.jsonl] [--keep FOLDER]

Every file is made searchable from what a perfect reader would say of it. A line for each class: how many are at most 1.1 times
their original, and of the pictures that are not the same to the pixel how far off they are, in decibels, measured on the pages
as PyMuPDF draws them. `words` are those that PyMuPDF finds of those that were drawn. --keep writes originals and results that
miss the tenth or changed pixels.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf

from dsvl2.pipelines.documents import Document
from dsvl2.pipelines.formats import RenderOptions, get_format, rendered
from dsvl2.pipelines.sources import open_source
from tests.bench.searchable_files import drawn_file, seen_in
from tests.pipelines.searchable.drawn_pages import words_in

SMALL = 2100
"""Bytes below which files are a class of their own."""
CLASSES = {"png": "PNG BMP GIF TIFF", "bmp": "PNG BMP GIF TIFF", "gif": "PNG BMP GIF TIFF", "tiff": "PNG BMP GIF TIFF"}
CLASSES |= {"pdf": "PDF", "avif": "lossy WebP, AVIF", "webp": "lossy WebP, AVIF"}


def class_of(name: str, size: int) -> str:
    """Return the row of the table that a file belongs to."""
    if size < SMALL:
        return f"below {SMALL / 1000} KB"
    special = {"jpeg 2000": "JPEG 2000", "webp without": "WebP without loss", "jpeg": "JPEG"}
    found = [title for start, title in special.items() if name.startswith(start)]
    return found[0] if found else CLASSES[name.split()[0]]


def drawing(data: bytes, size: tuple[int, int] | None, page: int = 0) -> np.ndarray[Any, Any]:
    """Return a page of a PDF in so many pixels, [height, width, 3]."""
    with pymupdf.open(stream=data) as pdf:
        leaf = pdf[page]
        wide, tall = size or (round(leaf.rect.width * 2), round(leaf.rect.height * 2))
        pixels = leaf.get_pixmap(matrix=pymupdf.Matrix(wide / leaf.rect.width, tall / leaf.rect.height))
        drawn = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)
    return drawn[:tall, :wide].astype(int)


def decibels(original: bytes, made: bytes) -> float:
    """Return the peak signal-to-noise ratio of the first page to the original; infinite where they are the same."""
    seen = seen_in(original)
    wanted = drawing(original, None) if seen is None else seen.astype(int)
    found = drawing(made, None if seen is None else (wanted.shape[1], wanted.shape[0]))
    off = float(((wanted - found) ** 2).mean())
    return 10 * math.log10(255**2 / off) if off else math.inf


def measured(seed: int, number: int, images: str, keep: Path | None) -> dict[str, Any]:
    """Make one file searchable; return the figures."""
    name, data, pages = drawn_file(seed, number)
    begun = time.process_time()
    with open_source(data) as source:
        made = rendered(get_format("pdf"), Document("x", pages), source.original, RenderOptions(pdf_images=images))
    seconds = time.process_time() - begun
    assert isinstance(made.data, bytes)
    with pymupdf.open(stream=made.data) as pdf:
        found = {word[4] for leaf in pdf for word in leaf.get_text("words")}
    wanted = {text for page in pages for text, _ in words_in(page)}
    codes, factor = [notice.code for notice in made.notices], len(made.data) / len(data)
    if keep is not None and (codes or factor > 1.1):
        suffix = name.split()[0].replace("jpeg", "jp2" if "jpeg 2000" in name else "jpg")
        (keep / f"{number:03d} {name}.{suffix}").write_bytes(data)
        (keep / f"{number:03d} {name}.made.pdf").write_bytes(made.data)
    return {
        "number": number, "kind": name, "class": class_of(name, len(data)), "bytes": len(data), "made": len(made.data),
        "factor": round(factor, 4), "seconds": round(seconds, 2), "notices": [n.message for n in made.notices], "codes": codes,
        "decibels": round(decibels(data, made.data), 2) if "pdf_pictures_changed" in codes else None,
        "words": len(found & wanted) / max(len(wanted), 1),
    }  # fmt: skip


def main() -> int:
    """Print a line for each class, and one for every file that is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--files", type=int, default=720)
    parser.add_argument("--numbers", help="only these files of the draw: 3,17")
    parser.add_argument("--pdf-images", default="fit", choices=("fit", "exact"))
    parser.add_argument("--out", type=Path, help="a line for each file")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    rows = []
    numbers = [int(one) for one in options.numbers.split(",")] if options.numbers else range(options.files)
    for number in numbers:
        rows.append(measured(options.seed, number, options.pdf_images, options.keep))
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    report(rows)
    return 0


def report(rows: list[dict[str, Any]]) -> None:
    """Print what was measured."""
    classes = defaultdict(list)
    for row in rows:
        classes[row["class"]].append(row)
    for title, those in [*sorted(classes.items()), ("all", rows)]:
        good, changed = [row for row in those if row["factor"] <= 1.1], [row for row in those if row["decibels"]]
        told = [row["decibels"] for row in changed]
        how = (
            f"; {len(told)} changed, {min(told)} to {max(told)} dB, median {statistics.median(told):.1f}"
            if told
            else ""
        )
        spent = [row["seconds"] for row in those]
        time_of = (
            f"{statistics.median(spent):.2f} s median, {sum(spent) / len(spent):.2f} mean, {max(spent):.1f} at most"
        )
        print(f"{title}: {len(good)} of {len(those)}; worst {max(row['factor'] for row in those)}{how}; {time_of}")
    for row in rows:
        if row["factor"] > 1.1 or row["words"] < 1:
            print(
                *(
                    f"{key}={row[key]}"
                    for key in ("number", "kind", "bytes", "made", "factor", "decibels", "words", "codes")
                )
            )


if __name__ == "__main__":
    sys.exit(main())
