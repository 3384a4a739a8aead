"""Pages without words by another hand than `wordless_pages`, and drawings with labels on them: rules are held to both.

On a page of the first kind whatever is read is invented; on one of the second the labels must be read, and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from dsvl2.pipelines.evaluation.drawn_pages import sentence
from dsvl2.pipelines.evaluation.wordless_pages import wordless_page

KINDS = ("flowchart", "map", "staves", "photograph", "line screen", "empty form", "scan", "codes")
_SIZE = (1000, 1414)  # A4 at 120 dpi
_HELD_OUT = 1_000_000  # numbers of `wordless_pages` that no rule was made on begin here

Rng = np.random.Generator
Pen = ImageDraw.ImageDraw


def unseen_page(number: int) -> tuple[str, Image.Image]:
    """Return (kind, mode "L" page): every second one of a held-out number of `wordless_pages`, the others of KINDS."""
    if number % 2:
        return wordless_page(_HELD_OUT + number // 2)
    kind = KINDS[number // 2 % len(KINDS)]
    rng = np.random.default_rng([number, 4711])
    return kind, _MAKERS[kind](rng)


def labelled_page(number: int) -> tuple[list[str], Image.Image]:
    """Return (labels, mode "L" page): a drawing of either hand with labels of one to three words beside its shapes."""
    rng = Random(f"labelled {number}")
    image = (_flowchart(np.random.default_rng([number, 9])) if number % 2 else wordless_page(4 * number)[1]).copy()
    pen = ImageDraw.Draw(image)
    labels: list[str] = []
    for _ in range(rng.randint(1, 14)):
        text = rng.choice((_words, _figure))(rng)
        font = ImageFont.load_default(rng.choice((15, 17, 20, 24, 34)))
        x0, y0, x1, y1 = map(int, pen.textbbox((0, 0), text, font=font))
        for _ in range(40):
            x, y = rng.randint(30, image.width - x1 - 30), rng.randint(30, image.height - y1 - 30)
            if np.asarray(image.crop((x + x0 - 16, y + y0 - 12, x + x1 + 16, y + y1 + 12))).min() == 255:
                pen.text((x, y), text, font=font, fill=rng.choice((0, 0, 60)))
                labels.append(text)
                break
    return labels, image


def _words(rng: Random) -> str:
    return " ".join(sentence(rng).rstrip(".").split()[: rng.randint(1, 3)])


def _figure(rng: Random) -> str:
    return rng.choice((f"{rng.randint(10, 999)}", f"{rng.uniform(1, 99):.1f} %", f"{rng.randint(1, 99)} mm"))


def _flowchart(rng: Rng) -> Image.Image:
    """Rounded boxes, diamonds and circles on a grid, joined by lines with arrow heads."""
    image = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(image)
    thick, spots = int(rng.integers(1, 5)), []
    for row in range(int(rng.integers(2, 7))):
        for column in range(int(rng.integers(1, 4))):
            x, y = 170 + 300 * column + int(rng.integers(-30, 30)), 150 + 190 * row
            w, h = int(rng.integers(40, 110)), int(rng.integers(25, 60))
            box, shape = (x - w, y - h, x + w, y + h), int(rng.integers(0, 4))
            if shape == 0:
                pen.rounded_rectangle(box, int(rng.integers(6, 24)), outline=0, width=thick)
            elif shape == 1:
                pen.line([(x - w, y), (x, y - h), (x + w, y), (x, y + h), (x - w, y)], fill=0, width=thick)
            elif shape == 2:
                pen.ellipse((x - h, y - h, x + h, y + h), outline=0, width=thick)
            else:
                pen.rectangle(box, outline=0, width=thick, fill=int(rng.integers(150, 256)))
            spots.append((x, y, h))
    for (x, y, h), (to_x, to_y, to_h) in pairwise(spots):
        pen.line(
            [(x, y + h), (x, to_y - to_h - 20), (to_x, to_y - to_h - 20), (to_x, to_y - to_h)], fill=0, width=thick
        )
        pen.polygon([(to_x, to_y - to_h), (to_x - 6, to_y - to_h - 12), (to_x + 6, to_y - to_h - 12)], fill=0)
    return image


def _map(rng: Rng) -> Image.Image:
    """Wandering coast lines, contour lines, pie slices and a grid."""
    image = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.uniform(200, 800), rng.uniform(200, 1200)
        turn = np.linspace(0, 2 * np.pi, 160)
        wave = sum(rng.normal(0, 1) / (k + 1) * np.sin((k + 2) * turn + rng.uniform(0, 6)) for k in range(8))
        for ring in range(int(rng.integers(1, 6))):
            away = (40 + 32 * ring) * (1 + 0.25 * wave)
            points = [
                (float(a), float(b)) for a, b in zip(x + away * np.cos(turn), y + away * np.sin(turn), strict=True)
            ]
            pen.line(points, fill=int(rng.integers(0, 120)), width=int(rng.integers(1, 4)))
    if rng.random() < 0.5:
        start = 0.0
        for tone in rng.integers(0, 250, 5):
            stop = start + float(rng.uniform(20, 110))
            pen.pieslice((300, 500, 640, 840), start, min(stop, 360.0), fill=int(tone), outline=0)
            start = stop
    return image


def _staves(rng: Rng) -> Image.Image:
    """Music without words: five lines, note heads with stems and beams, bars."""
    image = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(image)
    gap = int(rng.integers(8, 15))
    for top in range(120, 1250, 12 * gap):
        for k in range(5):
            pen.line((80, top + k * gap, 920, top + k * gap), fill=0, width=1)
        x = 110
        while x < 900:
            y = top + gap * float(rng.integers(0, 9)) / 2
            pen.ellipse(
                (x - 0.7 * gap, y - gap / 2, x + 0.7 * gap, y + gap / 2),
                fill=0 if rng.random() < 0.7 else None,
                outline=0,
                width=2,
            )
            if rng.random() < 0.85:
                pen.line((x + 0.6 * gap, y, x + 0.6 * gap, y - 3.5 * gap), fill=0, width=2)
            if rng.random() < 0.15:
                pen.line((x + 2 * gap, top, x + 2 * gap, top + 4 * gap), fill=0, width=2)
            x += int(rng.integers(3, 7)) * gap
    return image


def _photograph(rng: Rng) -> Image.Image:
    """A picture with edges and texture, in grey, in dots by error diffusion, or in two tones."""
    height, width = int(rng.integers(400, 1000)), int(rng.integers(400, 800))
    grey = np.zeros((height, width))
    for k in range(6):
        few = rng.random((3 + 2**k, 3 + 2**k)) * 255
        grey += np.asarray(
            Image.fromarray(few.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64
        ) / (k + 1)
    y, x = np.mgrid[:height, :width]
    for _ in range(4):
        inside = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height)) < rng.uniform(40, 220)
        grey = np.where(inside, grey + rng.uniform(-150, 150), grey)
    picture = Image.fromarray(((grey - grey.min()) / np.ptp(grey) * 255).astype(np.uint8))
    how = int(rng.integers(0, 3))
    if how:
        small = picture.resize((width // how, height // how)) if how == 2 else picture
        picture = small.convert("1").convert("L").resize((width, height), Image.Resampling.NEAREST)
    page = Image.new("L", _SIZE, 255)
    page.paste(picture, (int(rng.integers(0, _SIZE[0] - width)), int(rng.integers(0, _SIZE[1] - height))))
    return page


def _line_screen(rng: Rng) -> Image.Image:
    """An engraving: wavy lines whose thickness gives the tone."""
    height, width = int(rng.integers(300, 900)), int(rng.integers(300, 800))
    few = rng.random((5, 5)) * 255
    tone = np.asarray(Image.fromarray(few.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)) / 255
    y, x = np.mgrid[:height, :width]
    pitch = float(rng.uniform(5, 14))
    phase = y + float(rng.uniform(0, 12)) * np.sin(x / float(rng.uniform(20, 90))) + x * float(rng.uniform(-0.6, 0.6))
    dark = (np.sin(2 * np.pi * phase / pitch) + 1) / 2 > 0.25 + 0.7 * tone
    page = np.full((_SIZE[1], _SIZE[0]), 255, dtype=np.uint8)
    top, left = int(rng.integers(0, _SIZE[1] - height)), int(rng.integers(0, _SIZE[0] - width))
    page[top : top + height, left : left + width] = np.where(dark, 0, 255)
    return Image.fromarray(page)


def _empty_form(rng: Rng) -> Image.Image:
    """Tables without an entry, lines to write on, boxes to tick."""
    image = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(image)
    y = int(rng.integers(80, 200))
    while y < 1200:
        how, high = int(rng.integers(0, 3)), int(rng.integers(24, 60))
        if how == 0:
            edges = sorted({80, 920, *map(int, rng.integers(120, 900, int(rng.integers(0, 6))))})
            rows = int(rng.integers(2, 8))
            for k in range(rows + 1):
                pen.line((80, y + k * high, 920, y + k * high), fill=0, width=2)
            for x in edges:
                pen.line((x, y, x, y + rows * high), fill=0, width=2)
            y += rows * high
        elif how == 1:
            pen.line((int(rng.integers(80, 500)), y, 920, y), fill=0, width=int(rng.integers(1, 3)))
        else:
            for x in range(100, int(rng.integers(200, 900)), 90):
                pen.rectangle((x, y, x + 22, y + 22), outline=0, width=2)
        y += high + 30
    return image


def _scan(rng: Rng) -> Image.Image:
    """What a scanner adds to blank paper: shadow of a fold, stains, hairs, streaks, holes, show-through of a picture."""
    grey = np.full((_SIZE[1], _SIZE[0]), float(rng.uniform(215, 250)))
    y, x = np.mgrid[: _SIZE[1], : _SIZE[0]]
    for _ in range(int(rng.integers(0, 4))):
        away = np.hypot(x - rng.uniform(0, 1000), y - rng.uniform(0, 1414)) / rng.uniform(40, 200)
        grey -= np.where(away < 1, rng.uniform(8, 40), 0) + 25 * np.exp(-((away - 1) ** 2) * 300)
    for column in rng.integers(0, 1000, int(rng.integers(0, 4))):
        grey[:, column : column + 2] -= rng.uniform(10, 80)
    grey += rng.normal(0, rng.uniform(0, 6), grey.shape)
    image = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 6))):
        steps = np.cumsum(rng.normal(0, 9, (14, 2)), axis=0) + rng.uniform(100, 900, 2)
        pen.line(
            [(float(a), float(b)) for a, b in steps], fill=int(rng.integers(30, 140)), width=int(rng.integers(1, 3))
        )
    for hole in range(int(rng.integers(0, 3))):
        pen.ellipse((30, 400 + 500 * hole, 64, 434 + 500 * hole), fill=int(rng.integers(0, 120)))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _codes(rng: Rng) -> Image.Image:
    """Bar codes, matrix codes, registration marks and solid bars."""
    image = Image.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 5))):
        x, y, unit = int(rng.integers(60, 600)), int(rng.integers(60, 1150)), int(rng.integers(2, 7))
        if rng.random() < 0.5:
            high = int(rng.integers(40, 160))
            for wide in rng.integers(1, 5, int(rng.integers(20, 50))).tolist():
                pen.rectangle((x, y, x + unit * wide // 2, y + high), fill=0)
                x += unit * wide // 2 + unit * int(rng.integers(1, 4))
                if x > 960:
                    break
        else:
            for row, column in zip(*np.nonzero(rng.random((25, 25)) < 0.5), strict=True):
                spot = (x + int(column) * unit, y + int(row) * unit)
                pen.rectangle((*spot, spot[0] + unit - 1, spot[1] + unit - 1), fill=0)
    pen.ellipse((480, 20, 510, 50), outline=0, width=2)
    pen.line((470, 35, 520, 35), fill=0, width=2)
    return image


_MAKERS: dict[str, Callable[[Rng], Image.Image]] = {
    "flowchart": _flowchart, "map": _map, "staves": _staves, "photograph": _photograph, "line screen": _line_screen,
    "empty form": _empty_form, "scan": _scan, "codes": _codes,
}  # fmt: skip
