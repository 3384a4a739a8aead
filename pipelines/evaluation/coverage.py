"""Measure coverage and fabrication: lines taken out of and put into correct readings of real and marred pages.

    python -m dsvl2.pipelines.evaluation.coverage --pages 120 --cache DIR [--eval-dir DIR]

Readings are correct by construction: the page cutter works on the image, and what a band says is taken from the text
layer instead of a model. Every page is judged as it is (false alarms), with one line taken out, and with one put in.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dsvl2.pipelines.confidence.accounting import coverage
from dsvl2.pipelines.documents import Block, Box, Coverage, Line, PageResult
from dsvl2.pipelines.evaluation import debian
from dsvl2.pipelines.evaluation.debian import MANUALS, PAPERS
from dsvl2.pipelines.evaluation.page_sets import pdf_page
from dsvl2.pipelines.evaluation.scan_simulation import scan
from dsvl2.pipelines.evaluation.standin import PROFILE
from dsvl2.pipelines.layout import Band, BandText, InkLine, PageLayout, analyse, assemble
from dsvl2.pipelines.training.calibration_pages import drawn_profile

INVENTED = ("no place", "on white", "on another line", "between lines")
LONGER = "twice as long"  # a line's text goes on with text that is not there
Words = list[tuple[float, float, str]]
"""Middle of each word in pixels, and its text."""


def correct_reading(image: Image.Image, words: Words, dpi: float) -> tuple[PageResult, PageLayout] | None:
    """Return the reading of a page that its words make, and its layout; None if the cut loses some of them, or finds a table."""
    layout = analyse(np.asarray(image), PROFILE)
    if any(region.kind == "table" for region in layout.regions):
        return None  # its bands are no pieces of the page
    said = _said(layout, words)
    if sum(len(text.split()) for text in said.values()) < len(words) or len(said) < 2:
        return None
    texts = [BandText(_band_text(band, layout, said)) for band in layout.bands]
    page = PageResult(1, (), image.width, image.height, dpi, layout.rotation, layout.skew, layout.blank)
    return replace(page, blocks=assemble(layout, texts) if layout.bands else ()), layout


def _said(layout: PageLayout, words: Words) -> dict[InkLine, str]:
    """Return what each line says: every word goes to the line whose box holds its middle, the nearest of several."""
    lines = [line for band in layout.bands for line in band.lines]
    found: dict[InkLine, list[tuple[float, str]]] = {}
    for x, y, text in words:
        u, v = layout.from_page(x, y)
        near = [
            (abs(v - (line.y0 + line.y1) / 2), number)
            for number, line in enumerate(lines)
            if line.x0 - 2 < u < line.x1 + 2 and line.y0 - 2 < v < line.y1 + 2
        ]
        if near:
            found.setdefault(lines[min(near)[1]], []).append((u, text))
    return {line: " ".join(text for _, text in sorted(row)) for line, row in found.items()}


def _band_text(band: Band, layout: PageLayout, said: Mapping[InkLine, str]) -> str:
    """Print the lines of a band as the embedded model would."""
    out = []
    for line in band.lines:
        if line in said:
            row = (line.middle - band.box.y0) * band.scale + band.offset[1]
            number = min(max(int(row // (band.image.height / layout.location_bins)), 0), layout.location_bins - 1)
            out.append(f"<|y_{number}|>{said[line]}")
    return "".join(out)


def pages(cache: Path, eval_dir: Path | None, seed: int) -> Iterator[tuple[str, Image.Image, Words, float]]:
    """Yield pages without end: random ones of all documents in turn, every second one marred and scanned."""
    rng = random.Random(f"coverage {seed}")
    files: list[tuple[str, Any]] = []
    for document in {d.name: d for d in (*MANUALS, *PAPERS)}.values():
        files.append((document.name, debian.fetch(document, cache / "debian")))
    files += [(path.stem[:8], path.read_bytes()) for path in sorted((eval_dir or Path()).glob("contracts/*.pdf"))]
    while True:
        rng.shuffle(files)
        for name, data in files:
            with debian.open_pdf(data) as pdf:
                page = pdf[rng.randrange(pdf.page_count)]
                dpi = rng.choice((100, 120, 150, 150, 150, 200))
                if len(page.get_text().split()) < 40 or any(abs(d[1]) > 0.01 for d in _directions(page)):
                    continue
                image = pdf_page(page, set_name="coverage", name=name, dpi=dpi).image
                words = [
                    ((w[0] + w[2]) / 2 * dpi / 72, (w[1] + w[3]) / 2 * dpi / 72, w[4]) for w in page.get_text("words")
                ]
                if rng.random() < 0.5:
                    image, words = _marred(image, words, rng)
                yield f"{name}:{page.number + 1}", image, words, float(dpi)


def _directions(page: Any) -> Iterator[tuple[float, float]]:
    return (line["dir"] for block in page.get_text("dict")["blocks"] for line in block.get("lines", ()))


def _marred(image: Image.Image, words: Words, rng: random.Random) -> tuple[Image.Image, Words]:
    """Draw what is no text where none stands, turn the page a little, print and scan it."""
    clutter(image, words, rng)
    angle = rng.uniform(-1.2, 1.2)
    profile = replace(drawn_profile(rng), skew=0.0)
    turned = image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    cx, cy = image.width / 2, image.height / 2
    moved = [(cx + (x - cx) * cos + (y - cy) * sin, cy - (x - cx) * sin + (y - cy) * cos, text) for x, y, text in words]
    return scan(turned, seed=rng.randrange(1 << 30), profile=profile), moved


def clutter(image: Image.Image, words: Words, rng: random.Random) -> None:
    """Draw two things of: rules, a frame, an ellipse, a scribble, a picture of noise, holes, where no word stands."""
    draw = ImageDraw.Draw(image)
    for kind in rng.sample(("rule", "frame", "ellipse", "scribble", "picture", "holes"), 2):
        for _ in range(30):
            x0, y0 = rng.uniform(0, image.width * 0.8), rng.uniform(0, image.height * 0.9)
            x1, y1 = x0 + rng.uniform(60, 400), y0 + rng.uniform(40, 250)
            x1, y1 = min(x1, image.width - 4), min(y1, image.height - 4)
            if not any(x0 - 60 < x < x1 + 60 and y0 - 20 < y < y1 + 20 for x, y, _ in words):
                _draw(draw, image, kind, (x0, y0, x1, y1), rng)
                break


def _draw(
    draw: ImageDraw.ImageDraw, image: Image.Image, kind: str, box: tuple[float, float, float, float], rng: random.Random
) -> None:
    x0, y0, x1, y1 = box
    if kind == "rule":
        draw.line((x0, y0, x1, y0), fill=0, width=rng.randint(1, 4))
    elif kind == "frame":
        draw.rectangle(box, outline=0, width=rng.randint(1, 3))
    elif kind == "ellipse":
        draw.ellipse(box, outline=60, width=rng.randint(2, 5))
    elif kind == "scribble":
        points = [(rng.uniform(x0, x1), rng.uniform(y0, y1)) for _ in range(rng.randint(6, 20))]
        points.sort()
        draw.line(points, fill=20, width=rng.randint(2, 4), joint="curve")
    elif kind == "holes":
        for y in (y0, y1):
            draw.ellipse((x0, y - 12, x0 + 24, y + 12), fill=rng.randint(0, 90))
    else:
        noise = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 255, (8, 8), dtype=np.uint8)
        size = (max(1, int(x1 - x0)), max(1, int(y1 - y0)))
        image.paste(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC), (int(x0), int(y0)))


def without_line(page: PageResult, rng: random.Random) -> PageResult:
    """Return the page with one line gone: one with letters or figures, leaders alone are nobody's loss."""
    spots = [
        (b, k)
        for b, block in enumerate(page.blocks)
        for k, line in enumerate(block.lines)
        if any(map(str.isalnum, line.text))
    ]
    b, k = rng.choice(spots)
    lines = page.blocks[b].lines
    return _with_lines(page, b, (*lines[:k], *lines[k + 1 :]))


def with_line(page: PageResult, layout: PageLayout, kind: str, rng: random.Random) -> PageResult:
    """Return the page with a line invented in one of the ways of `INVENTED`, or `LONGER`, after a random line of it."""
    spots = [(b, k) for b, block in enumerate(page.blocks) for k, line in enumerate(block.lines) if line.box]
    b, k = rng.choice(spots)
    lines = page.blocks[b].lines
    texts = [line.text for block in page.blocks for line in block.lines if len(line.text) > 8]
    text, box = rng.choice(texts or ["an invented line"]), lines[k].box
    assert box is not None
    if kind == LONGER:
        b, k = max(spots, key=lambda at: len(page.blocks[at[0]].lines[at[1]].text) * rng.uniform(0.5, 1))
        lines = page.blocks[b].lines
        more = (f"{text} " * len(lines[k].text))[: len(lines[k].text)]
        return _with_lines(page, b, (*lines[:k], replace(lines[k], text=f"{lines[k].text} {more}"), *lines[k + 1 :]))
    height = box.y1 - box.y0
    place: Box | None = box
    if kind == "no place":
        place = None
    elif kind == "between lines":
        place = replace(box, y0=box.y0 + height / 2, y1=box.y1 + height / 2)
    elif kind == "on white":
        place = _white(page, layout, box, rng)
    return _with_lines(page, b, (*lines[: k + 1], Line(text, place), *lines[k + 1 :]))


def _white(page: PageResult, layout: PageLayout, like: Box, rng: random.Random) -> Box:
    """Return a box of that size where no line's box is; the least bad of many tries."""
    taken = [line.box for block in page.blocks for line in block.lines if line.box]
    wide, tall = like.x1 - like.x0, like.y1 - like.y0
    tries = []
    for _ in range(300):
        x, y = rng.uniform(0, max(1, page.width_px - wide)), rng.uniform(0, page.height_px - tall)
        box = Box(x, y, x + wide, y + tall)
        tries.append((sum(_meet(box, other) for other in taken), x, box))
    return min(tries, key=lambda found: found[:2])[2]


def _meet(a: Box, b: Box) -> float:
    return max(0.0, min(a.x1, b.x1) - max(a.x0, b.x0)) * max(0.0, min(a.y1, b.y1) - max(a.y0, b.y0))


def _with_lines(page: PageResult, number: int, lines: tuple[Line, ...]) -> PageResult:
    block: Block = replace(page.blocks[number], lines=lines, text=" ".join(line.text for line in lines))
    return replace(page, blocks=(*page.blocks[:number], *([block] if lines else []), *page.blocks[number + 1 :]))


def main(argv: Sequence[str] | None = None) -> int:
    """Print false alarms and flagged pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "dsvl2-eval")
    parser.add_argument("--eval-dir", type=Path)
    parser.add_argument("--dump", type=Path, help="folder for the pages that were judged wrong")
    options = parser.parse_args(argv)
    rng = random.Random(options.seed)
    counts: Counter[str] = Counter()
    for name, image, words, dpi in pages(options.cache, options.eval_dir, options.seed):
        if counts["pages"] == options.pages:
            break
        reading = correct_reading(image, words, dpi)
        if reading is None:
            counts["left out: words lost by the cut, or tables"] += 1
            continue
        page, layout = reading
        found = coverage(page, layout)
        counts["false alarms"] += not found.clean
        if not found.clean:
            print(f"false alarm: {name} {dpi:g} dpi, missed {len(found.unexplained)}, made up {found.unsupported}")
            if options.dump:
                _dump(options.dump, name, image, page, found)
        kind = INVENTED[counts["pages"] % len(INVENTED)]
        counts["pages"] += 1
        marred = {
            "line gone": without_line(page, rng),
            "line invented": with_line(page, layout, kind, rng),
            LONGER: with_line(page, layout, LONGER, rng),
        }
        for what, wrong in marred.items():
            seen = coverage(wrong, layout)
            flagged = (len(seen.unexplained), len(seen.unsupported)) != (len(found.unexplained), len(found.unsupported))
            counts[f"{what}, flagged"] += flagged
            if not flagged:
                print(f"not flagged: {name}, {what} {kind if what == 'line invented' else ''}")
    print(", ".join(f"{what} {many}" for what, many in counts.items()))
    return 0


def _dump(folder: Path, name: str, image: Image.Image, page: PageResult, found: Coverage) -> None:
    shown = image.convert("RGB")
    draw = ImageDraw.Draw(shown)
    for b, block in enumerate(page.blocks, 1):
        for k, line in enumerate(block.lines, 1):
            if line.box:
                box = (line.box.x0, line.box.y0, line.box.x1, line.box.y1)
                draw.rectangle(box, outline="blue" if (b, k) in found.unsupported else "#bbddbb", width=2)
    for missed in found.unexplained:
        draw.rectangle((missed.x0 - 3, missed.y0 - 3, missed.x1 + 3, missed.y1 + 3), outline="red", width=2)
    folder.mkdir(parents=True, exist_ok=True)
    shown.save(folder / f"{name.replace(':', '-').replace('/', '-')}.png")


if __name__ == "__main__":
    raise SystemExit(main())
