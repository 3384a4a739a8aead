"""Bands without a word, to be answered with nothing: drawings, screens, photos, rules, noise, at any scale.

The page cutter shrinks a page to the pitch of its lines before it cuts, so a drawing without lines comes small and in the
corner of a white band, or as a stack of loose shapes that it took for lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from dsvl2.pipelines.training.canvas import TILE, Canvas
from dsvl2.pipelines.training.clutter import figure, scribble, specks_and_edges, stamp
from dsvl2.pipelines.training.typeset import Flow

Point = tuple[float, float]
Shape = Callable[[Random, ImageDraw.ImageDraw, float, float, float], None]  # rng, pen, left, top, height


def wordless(rng: Random, canvas: Canvas) -> None:
    """Fill an empty band with anything but words; nothing is recorded."""
    rng.choices((_scene, _stack, _screen, _noise, _bare), (40, 30, 12, 10, 8))[0](rng, canvas)
    if rng.random() < 0.15:
        specks_and_edges(rng, canvas)


def shape(rng: Random, canvas: Canvas, box: tuple[float, float, float, float]) -> None:
    """One small drawing, about as high as its box: what stands in a line's place and is no line."""
    x, top, right, bottom = box
    high = max(5.0, min(bottom - top, right - x))
    rng.choice(_SHAPES)(rng, canvas.pen, x, top, high)


def shape_between(flow: Flow) -> None:
    """A small drawing in the place of a line of running text; the text goes on below it."""
    rng, style = flow.rng, flow.style
    top = flow.y - style.body.ascent + 2
    bottom = min(TILE - 2.0, top + style.pitch * rng.uniform(0.5, 2.5))
    left = rng.choice((style.left, rng.uniform(style.left, (style.left + style.right) / 2)))
    shape(rng, flow.canvas, (left, top, style.right, bottom))
    flow.y = bottom + style.body.ascent + rng.uniform(3, 12)
    flow.gap = bool(flow.canvas.rows)


def _scene(rng: Random, canvas: Canvas) -> None:
    """Several drawings side by side, shrunk as a whole."""
    scene = Canvas(canvas.width // TILE, canvas.paper, canvas.ink)
    for _ in range(rng.randint(1, 9)):
        x, y = rng.uniform(0, scene.width - 80), rng.uniform(0, TILE - 60)
        wide, high = rng.uniform(30, 320), rng.uniform(20, 260)
        box = (x, y, min(x + wide, scene.width - 2.0), min(y + high, TILE - 2.0))
        kind = rng.random()
        if kind < 0.45:
            shape(rng, scene, box)
        elif kind < 0.8:
            figure(rng, scene, box)
        else:
            rng.choice((scribble, stamp))(rng, scene, box)
    share = rng.choice((1.0, rng.uniform(0.12, 0.5), rng.uniform(0.4, 1.0)))
    size = max(8, round(scene.width * share)), max(8, round(TILE * share))
    small = scene.picture.resize(size, Image.Resampling.BOX if share < 1 else Image.Resampling.NEAREST)
    place = rng.choice(((0, 0), (rng.randint(0, 40), rng.randint(0, 30))))
    canvas.picture.paste(small, place)


def _stack(rng: Random, canvas: Canvas) -> None:
    """Loose shapes one below the other, as lines would stand."""
    y, left = rng.uniform(1, 30), rng.uniform(1, 40)
    rows = rng.choice((1, 1, 2, 3, 5, 12))
    for _ in range(rows):
        high = rng.triangular(6, 90, 20)
        if y + high > TILE - 2:
            return
        x = left + rng.choice((0.0, 0.0, rng.uniform(0, canvas.width * 0.5)))
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            if x > canvas.width - 12:
                break
            shape(rng, canvas, (x, y, canvas.width - 2.0, y + high))
            x += high * rng.uniform(1.2, 4)
        y += high + rng.uniform(4, 40)


def _screen(rng: Random, canvas: Canvas) -> None:
    """A photo through a turned screen of dots or lines, over all or a part of the band."""
    wide = round(rng.uniform(0.1, 1.0) * canvas.width)
    high = round(rng.uniform(0.2, 1.0) * TILE)
    noise = np.random.default_rng(rng.getrandbits(32))
    cells = noise.random((rng.randint(2, 9), rng.randint(2, 12))) * 255
    tone = np.asarray(
        Image.fromarray(cells.astype(np.uint8)).resize((wide, high), Image.Resampling.BICUBIC), np.float32
    )
    cell, turn = rng.uniform(2.2, 11), rng.uniform(0, math.pi / 2)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    u = (x * math.cos(turn) + y * math.sin(turn)) * (2 * math.pi / cell)
    v = (y * math.cos(turn) - x * math.sin(turn)) * (2 * math.pi / cell)
    wave = np.sin(u) if rng.random() < 0.25 else np.sin(u) * np.sin(v)
    kind = rng.random()
    if kind < 0.25:
        picture = tone
    elif kind < 0.45:  # a screen that was shrunk or blurred
        picture = (tone - 128) * 0.6 + 128 + wave * rng.uniform(20, 120)
    else:
        picture = np.where(tone > (wave + 1) * 127, 255, 0)
    place = rng.choice(((0, 0), (rng.randint(0, max(1, canvas.width - wide)), rng.randint(0, max(1, TILE - high)))))
    canvas.picture.paste(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), place)


def _noise(rng: Random, canvas: Canvas) -> None:
    """Grain, pepper, streaks or blotches all over."""
    noise = np.random.default_rng(rng.getrandbits(32))
    size = (TILE, canvas.width)
    kind = rng.randrange(5)
    grain = noise.random(size, dtype=np.float32)
    if kind == 0:
        grey = grain * rng.uniform(60, 255)
    elif kind == 1:
        grey = np.where(grain < rng.choice((0.002, 0.01, 0.05, 0.2)), 0, 255)
    elif kind == 2:
        grey = np.broadcast_to(noise.random((TILE, 1)) * rng.uniform(40, 200) + 55, size)
    elif kind == 3:
        grey = np.broadcast_to(noise.random((1, canvas.width)) * rng.uniform(40, 200) + 55, size)
    else:
        few = noise.random((max(2, TILE // rng.randint(4, 20)), max(2, canvas.width // rng.randint(4, 20)))) * 255
        small = Image.fromarray(few.astype(np.uint8))
        grey = np.asarray(small.resize((canvas.width, TILE), Image.Resampling.BICUBIC), np.float32)
        grey = np.where(grey > rng.uniform(60, 200), 255, grey) if rng.random() < 0.5 else grey
    canvas.picture.paste(Image.fromarray(np.asarray(grey).clip(0, 255).astype(np.uint8)), (0, 0))


def _bare(rng: Random, canvas: Canvas) -> None:
    """Nothing at all, or paper with folds, a shadow and a rule."""
    for _ in range(rng.choice((0, 0, 1, 3))):
        y, x = rng.uniform(0, TILE), rng.uniform(0, canvas.width)
        ends = ((0, y), (canvas.width, y + rng.uniform(-9, 9))) if rng.random() < 0.6 else ((x, 0), (x, TILE))
        canvas.pen.line(ends, fill=rng.randint(0, 230), width=rng.choice((1, 1, 2, 5)))
    if rng.random() < 0.3:
        canvas.pen.rectangle((0, 0, rng.uniform(2, 40), TILE), fill=rng.randint(0, 200))


def _ink(rng: Random) -> int:
    return rng.choice((0, 0, rng.randint(0, 120), rng.randint(90, 210)))


def _outline(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Rectangles, ellipses, rounded boxes, one within the other."""
    box = (x, y, x + max(4.0, high * rng.uniform(0.4, 3)), y + high)
    draw = rng.choice((pen.rectangle, pen.ellipse, pen.rounded_rectangle))
    fill = rng.choice((None, None, rng.randint(0, 250)))
    draw(box, outline=_ink(rng), width=rng.randint(1, 3), fill=fill)
    inset = min(high, box[2] - x) * rng.uniform(0.15, 0.35)
    if rng.random() < 0.3 and inset > 3:
        pen.ellipse((x + inset, y + inset, box[2] - inset, box[3] - inset), outline=_ink(rng))


def _polygon(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Triangles, stars, crosses of any number of points."""
    count, deep = rng.randint(3, 9), rng.choice((1.0, rng.uniform(0.2, 0.8)))
    points = [
        (x + high / 2 * (1 + math.sin(turn := math.pi * k / count) * (far := 1.0 if k % 2 else deep)),
         y + high / 2 * (1 - math.cos(turn) * far))
        for k in range(2 * count)
    ]  # fmt: skip
    pen.polygon(points, fill=rng.choice((None, _ink(rng))), outline=_ink(rng))


def _arrow(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """A line with a head, or with one at either end."""
    wide, thick, ink = high * rng.uniform(0.1, 5), rng.randint(1, 3), _ink(rng)
    start, end = (x, y + high * rng.choice((0.0, 0.5, 1.0))), (x + wide, y + high * rng.choice((0.0, 0.5, 1.0)))
    pen.line((start, end), fill=ink, width=thick)
    for tip, tail in ((end, start), (start, end))[: rng.choice((0, 1, 1, 2))]:
        turn, head = math.atan2(tail[1] - tip[1], tail[0] - tip[0]), rng.uniform(4, 12)
        sides = [(tip[0] + head * math.cos(turn + s), tip[1] + head * math.sin(turn + s)) for s in (0.4, -0.4)]
        pen.polygon((tip, *sides), fill=ink)


def _wave(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Curves: swinging, jagged or dying away, at times over axes."""
    step, turn, ink = rng.uniform(1.5, 8), rng.uniform(0.1, 1.2), _ink(rng)
    jagged, dying, start = rng.random() < 0.3, rng.random() < 0.3, rng.uniform(0, 6)
    points: list[Point] = []
    for k in range(rng.randint(6, 50)):
        swing = rng.uniform(-1, 1) if jagged else math.sin(k * turn + start)
        points.append((x + k * step, y + high / 2 * (1 + swing * (math.exp(-k / 12) if dying else 1))))
    pen.line(points, fill=ink, width=rng.randint(1, 3))
    if rng.random() < 0.3:
        pen.line(((x, y), (x, y + high), (points[-1][0], y + high)), fill=ink)


def _columns(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Bars that stand or lie, bar codes among them."""
    step, lying = rng.uniform(2, max(3.0, high * 0.4)), rng.random() < 0.3
    for k in range(rng.randint(2, 24)):
        far, ink = high * rng.choice((1.0, rng.uniform(0.1, 1.0))), _ink(rng)
        if lying and k * step < high:
            pen.rectangle((x, y + k * step, x + far * 2, y + (k + 0.6) * step), fill=ink)
        elif not lying:
            pen.rectangle((x + k * step, y + high - far, x + (k + 0.6) * step, y + high), fill=ink)


def _hatch(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Parallel strokes, grids, nets."""
    wide, step, ink = high * rng.uniform(0.6, 4), rng.uniform(2.5, 12), _ink(rng)
    lean = rng.choice((0.0, high, -high))
    for k in range(int(wide / step) + 1):
        pen.line(((x + k * step, y), (x + k * step + lean, y + high)), fill=ink)
    if rng.random() < 0.4:
        for k in range(int(high / step) + 1):
            pen.line(((x, y + k * step), (x + wide, y + k * step)), fill=ink)


def _dots(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Points in a cloud, in rows, or a square of black and white cells."""
    radius, ink = rng.uniform(0.6, max(0.8, high * 0.06)), _ink(rng)
    if rng.random() < 0.35:
        cells = rng.randint(5, 25)
        side = high / cells
        for k in range(cells * cells):
            if rng.random() < 0.5:
                px, py = x + k % cells * side, y + k // cells * side
                pen.rectangle((px, py, px + side * 0.9, py + side * 0.9), fill=ink)
        return
    for _ in range(rng.randint(3, 60)):
        px, py = x + rng.random() * high * 2, y + rng.random() * high
        pen.ellipse((px - radius, py - radius, px + radius, py + radius), fill=ink)


def _arcs(rng: Random, pen: ImageDraw.ImageDraw, x: float, y: float, high: float) -> None:
    """Arcs, sectors, rings and coils."""
    ink = _ink(rng)
    for _ in range(rng.randint(1, 5)):
        size, start = high * rng.uniform(0.4, 1.0), rng.uniform(0, 360)
        px, py = x + rng.random() * high, y + rng.uniform(0, high - size)
        box = (px, py, px + size * rng.uniform(0.6, 1.6), py + size)
        if rng.random() < 0.3:
            pen.pieslice(box, start, start + rng.uniform(20, 300), outline=ink, fill=rng.choice((None, _ink(rng))))
        else:
            pen.arc(box, start, start + rng.uniform(40, 360), fill=ink, width=rng.randint(1, 3))


_SHAPES: tuple[Shape, ...] = (_outline, _outline, _polygon, _arrow, _arrow, _wave, _columns, _hatch, _dots, _arcs)
