"""Pages drawn with known words: the pictures, and what a perfect reader would say of them."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word

_TEXT = """
the of and to in a is that for it was on are with his they be this from have not but what all were when your said if do
will each about many these would into time could make than first been its who now people over down only water pump
station valve (type B, 250 mm) 8,640 412 litres delivered February calibrated instrument No. 14/B-2 \u2013 \u201cx\u201d
"""
WORDS = _TEXT.split()


def drawn_page(
    seed: int, characters: int, *, dpi: int = 150, size: tuple[float, float] = (8.27, 11.69), points: float = 11
) -> tuple[Image.Image, PageResult]:
    """Return a grey page of `size` inches with about so many characters, and its lines and words with boxes of ink."""
    choice = random.Random(seed)
    width, height = round(size[0] * dpi), round(size[1] * dpi)
    image = Image.new("L", (width, height), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(points * dpi / 72)
    margin, lead = 0.1 * min(width, height), 1.35 * points * dpi / 72
    x = y = margin
    lines: list[list[Word]] = [[]]
    while characters > 0 and y < height - margin - lead:
        text = choice.choice(WORDS)
        text = text.capitalize() if choice.random() < 0.1 else text
        long = draw.textlength(text, font)
        if x + long > width - margin:
            x, y = margin, y + lead
            lines.append([])
            continue
        draw.text((x, y), text, 0, font)
        lines[-1].append(Word(text, Box(*map(float, draw.textbbox((x, y), text, font))), 0.9))
        x += long + draw.textlength(" ", font)
        characters -= len(text) + 1
    placed = tuple(_line(words) for words in lines if words)
    block = Block("paragraph", " ".join(line.text for line in placed), lines=placed)
    return image, PageResult(1, (block,), width, height, float(dpi))


def _line(words: list[Word]) -> Line:
    boxes = [word.box for word in words]
    box = Box(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    )  # fmt: skip
    return Line(" ".join(word.text for word in words), box, 0.9, tuple(words))


def scan_of(image: Image.Image, seed: int = 0) -> Image.Image:
    """Return the page as a scanner sees it: grey paper, noise."""
    paper = np.asarray(image) * 0.85 + 20 + np.random.default_rng(seed).normal(0, 4, (image.height, image.width))
    return Image.fromarray(paper.clip(0, 255).astype(np.uint8))


def sharp(image: Image.Image) -> Image.Image:
    """Return the page in black and white."""
    return image.point(lambda value: 255 * (value > 140)).convert("1", dither=Image.Dither.NONE)


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    """Return an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def words_in(page: PageResult) -> list[tuple[str, Box]]:
    """Return the words of a page with boxes in points."""
    scale = 72 / page.dpi
    return [
        (word.text, Box(*(scale * side for side in (word.box.x0, word.box.y0, word.box.x1, word.box.y1))))
        for block in page.blocks
        for line in block.lines
        for word in line.words
    ]
