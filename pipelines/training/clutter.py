"""What is on pages but is no text to be read: figures, scribbles, stamps, and pieces of neighbouring lines."""

from __future__ import annotations

import math
from random import Random

import numpy as np
from PIL import Image

from dsvl2.pipelines.training.canvas import TILE, Canvas
from dsvl2.pipelines.training.typeset import Flow

Box = tuple[float, float, float, float]


def figure(rng: Random, canvas: Canvas, box: Box) -> None:
    """Fill ``box`` with a diagram, a plot, a photo or line art; nothing is recorded."""
    x0, y0, x1, y1 = box
    if rng.random() < 0.4:
        x0, x1 = x0 + rng.uniform(0, 0.4) * (x1 - x0), x1 - rng.uniform(0, 0.4) * (x1 - x0)
    if x1 - x0 < 24 or y1 - y0 < 12:
        return
    draw = rng.choice((_diagram, _plot, _photo, _line_art, _bars))
    draw(rng, canvas, (x0, y0, x1, y1))


def _diagram(rng: Random, canvas: Canvas, box: Box) -> None:
    x0, y0, x1, y1 = box
    pen = canvas.pen
    for _ in range(rng.randint(1, 10)):
        w, h = rng.uniform(0.06, 0.3) * (x1 - x0), rng.uniform(0.1, 0.4) * (y1 - y0)
        x, y = rng.uniform(x0, x1 - w), rng.uniform(y0, y1 - h)
        shape = pen.rectangle if rng.random() < 0.7 else pen.ellipse
        shape(
            (x, y, x + w, y + h),
            outline=canvas.ink,
            width=rng.randint(1, 3),
            fill=rng.choice((None, None, rng.randint(120, 250))),
        )
    for _ in range(rng.randint(0, 9)):
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        end = (rng.uniform(x0, x1), y) if rng.random() < 0.6 else (x, rng.uniform(y0, y1))
        pen.line(((x, y), end), fill=canvas.ink, width=rng.randint(1, 2))


def _plot(rng: Random, canvas: Canvas, box: Box) -> None:
    x0, y0, x1, y1 = box
    pen = canvas.pen
    pen.line(((x0, y0), (x0, y1), (x1, y1)), fill=canvas.ink, width=rng.randint(1, 2))
    for _ in range(rng.randint(1, 4)):
        count, y = rng.randint(5, 60), rng.uniform(y0, y1)
        points = []
        for step in range(count + 1):
            y = min(y1, max(y0, y + rng.gauss(0, (y1 - y0) * 0.08)))
            points.append((x0 + (x1 - x0) * step / count, y))
        pen.line(points, fill=rng.choice((canvas.ink, rng.randint(0, 150))), width=rng.randint(1, 3))
    for step in range(rng.randint(0, 20)):
        x = x0 + (x1 - x0) * step / 20
        pen.line(((x, y1 - 4), (x, y1 + 3)), fill=canvas.ink, width=1)


def _bars(rng: Random, canvas: Canvas, box: Box) -> None:
    x0, y0, x1, y1 = box
    step = rng.uniform(6, 60)
    x = x0
    while x + step * 0.7 < x1:
        canvas.pen.rectangle(
            (x, rng.uniform(y0, y1 - 1), x + step * 0.7, y1), fill=rng.randint(0, 200), outline=canvas.ink
        )
        x += step


def _photo(rng: Random, canvas: Canvas, box: Box) -> None:
    x0, y0, x1, y1 = (round(v) for v in box)
    wide, high = x1 - x0, y1 - y0
    noise = np.random.default_rng(rng.getrandbits(32))
    cells = rng.choice((4, 8, 16, 40))
    grid = noise.random((max(2, int(cells * high / wide) + 1), cells)) * rng.uniform(60, 255) + rng.uniform(0, 80)
    small = Image.fromarray(grid.clip(0, 255).astype(np.uint8))
    photo = small.resize(
        (wide, high), rng.choice((Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.NEAREST))
    )
    if rng.random() < 0.4:  # a halftone screen
        period = rng.uniform(3, 7)
        yy, xx = np.mgrid[:high, :wide]
        screen = (np.sin(xx * 2 * math.pi / period) * np.sin(yy * 2 * math.pi / period) + 1) * 127
        photo = Image.fromarray(np.where(screen < np.asarray(photo), 255, 0).astype(np.uint8))
    canvas.picture.paste(photo, (x0, y0))


def _line_art(rng: Random, canvas: Canvas, box: Box) -> None:
    x0, y0, x1, y1 = box
    pen = canvas.pen
    for _ in range(rng.randint(3, 30)):
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        radius = rng.uniform(3, 0.4 * min(x1 - x0, y1 - y0) + 4)
        if rng.random() < 0.5:
            area = (
                max(x0, x - radius),
                max(y0, y - radius),
                max(x0, x - radius) + 2 * radius,
                max(y0, y - radius) + 2 * radius,
            )
            pen.arc(area, rng.uniform(0, 180), rng.uniform(180, 540), fill=canvas.ink, width=rng.randint(1, 3))
        else:
            points = [(rng.uniform(x0, x1), rng.uniform(y0, y1)) for _ in range(rng.randint(2, 5))]
            pen.line(points, fill=canvas.ink, width=rng.randint(1, 3))


def scribble(rng: Random, canvas: Canvas, box: Box) -> None:
    """A signature-like curve."""
    x0, y0, x1, y1 = box
    middle, points = (y0 + y1) / 2, []
    phase, step = rng.uniform(0, 6), rng.uniform(0.15, 0.6)
    for index in range(rng.randint(20, 90)):
        x = x0 + (x1 - x0) * index / 90 + math.sin(index * step * 2 + phase) * 6
        points.append((x, middle + math.sin(index * step + phase) * (y1 - y0) * 0.45 * math.sin(index * 0.11 + phase)))
    canvas.pen.line(points, fill=rng.choice((canvas.ink, 60, 110)), width=rng.randint(1, 3), joint="curve")


def stamp(rng: Random, canvas: Canvas, box: Box) -> None:
    """A pale round or square stamp without readable text."""
    x0, y0, x1, y1 = box
    size = min(x1 - x0, y1 - y0, rng.uniform(60, 160))
    x, y = rng.uniform(x0, x1 - size), rng.uniform(y0, y1 - size)
    shade = rng.randint(120, 210)
    shape = canvas.pen.ellipse if rng.random() < 0.7 else canvas.pen.rectangle
    shape((x, y, x + size, y + size), outline=shade, width=rng.randint(2, 4))
    shape((x + size * 0.15, y + size * 0.15, x + size * 0.85, y + size * 0.85), outline=shade, width=rng.randint(1, 2))


def specks_and_edges(rng: Random, canvas: Canvas) -> None:
    """Rules at the edges of the band, frames, punch holes, dirt."""
    pen = canvas.pen
    kind = rng.random()
    if kind < 0.3:
        y = rng.choice((rng.uniform(0, 4), rng.uniform(TILE - 4, TILE - 1)))
        pen.line(
            (rng.uniform(0, canvas.width * 0.4), y, rng.uniform(canvas.width * 0.6, canvas.width), y),
            fill=canvas.ink,
            width=rng.randint(1, 2),
        )
    elif kind < 0.55:
        x = rng.choice((rng.uniform(0, 3), rng.uniform(canvas.width - 4, canvas.width - 1)))
        pen.line((x, 0, x, TILE), fill=rng.choice((canvas.ink, 128)), width=rng.randint(1, 3))
    else:
        for _ in range(rng.randint(1, 40)):
            x, y, r = rng.uniform(0, canvas.width), rng.uniform(0, TILE), rng.uniform(0.2, 1.0)
            pen.ellipse((x, y, x + r, y + r), fill=rng.randint(0, 160))


def slivers(flow: Flow, first_baseline: float, *, above: bool) -> None:
    """The feet of the line above or the heads of the line below, cut by the band's edge: drawn, never recorded."""
    style, canvas = flow.style, flow.canvas
    body = style.body
    kept = flow.y
    if above:
        lowest = first_baseline - body.ascent - body.descent
        flow.y = min(flow.rng.uniform(-body.descent * 0.6, body.x_height * 0.35), lowest)
    else:
        free = kept - style.pitch + body.descent + body.ascent  # below the feet of the last line
        flow.y = max(TILE + flow.rng.uniform(body.x_height * 0.8, body.ascent * 0.98), free)
    canvas.recording = False
    words = flow.fit(flow.plain(" ".join(flow.few(20))), style.right - style.left)
    flow.draw(words, style.left, flow.gap_width())
    canvas.recording = True
    flow.y = kept


def neighbour_column(flow: Flow) -> None:
    """The outermost pixels of another column at the left or right edge of the band."""
    rng, style, canvas = flow.rng, flow.style, flow.canvas
    left = rng.random() < 0.5
    depth = rng.uniform(2, style.body.x_height * 0.5)
    kept, flow.y = flow.y, style.body.ascent + rng.uniform(0, style.pitch)
    canvas.recording = False
    while flow.y < TILE:
        words = flow.plain(" ".join(flow.few(2)))
        if words:
            x = depth - flow.measure(words) if left else canvas.width - depth
            flow.draw(words, x, flow.gap_width())
        flow.y += style.pitch
    canvas.recording = True
    flow.y = kept


def clear_of_text(flow: Flow, box: Box) -> bool:
    """Whether no recorded character lies in or near ``box``."""
    x0, y0, x1, y1 = box
    reach = flow.style.body.size
    return not any(x0 - reach < x < x1 + reach and y0 - reach < y < y1 + reach for x, y, _ in flow.canvas.chars)
