"""Draw made-up charts with Pillow alone: a family of styles of its own, with the place of every word known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, log10, pi, sin
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.training.charts_specs import ChartSpec, number_text

Colour = tuple[int, int, int]
PALETTES: tuple[tuple[Colour, ...], ...] = (
    ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75)),
    ((0, 63, 92), (188, 80, 144), (255, 166, 0), (88, 80, 141), (255, 99, 97), (60, 150, 120)),
    ((90, 90, 90), (170, 30, 60), (30, 130, 170), (220, 160, 40), (80, 150, 80), (130, 90, 160)),
)
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn chart and its words."""

    image: Image.Image
    texts: tuple[TextItem, ...]


class _Pen:
    """Draws text and remembers where it stands."""

    def __init__(self, image: Image.Image, font: str | None, size: int) -> None:
        self.draw = ImageDraw.Draw(image)
        self.image, self.size = image, size
        self.path = font
        self.texts: list[TextItem] = []

    def font(self, scale: float = 1.0) -> _Font:
        size = max(9, round(self.size * scale))
        return ImageFont.truetype(self.path, size) if self.path else ImageFont.load_default(size)

    def text(
        self, place: tuple[float, float], text: str, anchor: str, fill: Colour = (50, 50, 50), scale: float = 1.0
    ) -> None:
        font = self.font(scale)
        self.draw.text(place, text, font=font, fill=fill, anchor=anchor)
        box = self.draw.textbbox(place, text, font=font, anchor=anchor)
        self.texts.append(TextItem(text, Box(*map(float, box)), 0, 1.0))

    def turned(self, place: tuple[float, float], text: str, fill: Colour = (50, 50, 50)) -> None:
        """Draw text that runs upwards, centred on a place."""
        font = self.font()
        left, top, right, bottom = self.draw.textbbox((0, 0), text, font=font)
        strip = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
        ImageDraw.Draw(strip).text((1 - left, 1 - top), text, font=font, fill=255)
        strip = strip.rotate(90, expand=True)
        x, y = round(place[0] - strip.width / 2), round(place[1] - strip.height / 2)
        self.image.paste(fill, (x, y), strip)
        self.texts.append(TextItem(text, Box(x + 1.0, y + 1.0, x + strip.width - 1.0, y + strip.height - 1.0), 90, 1.0))


def nice_ticks(top: float, count: int = 5) -> list[float]:
    """Return round tick values from 0 to at least `top`."""
    step = 10.0 ** int(log10(max(top, 1e-9) / count) // 1)
    for factor in (1, 2, 2.5, 5, 10):
        if step * factor * count >= top:
            return [round(step * factor * k, 6) for k in range(count + 1)]
    return [round(step * 10 * k, 6) for k in range(count + 1)]


def draw_chart(spec: ChartSpec, fonts: Sequence[Path] = (), size: tuple[int, int] | None = None) -> Drawing:
    """Draw a chart in a style that its seed decides; without fonts in Pillow's own."""
    rng = random.Random(spec.seed * 31 + 7)
    width, height = size or (rng.randint(560, 900), rng.randint(380, 620))
    image = Image.new("RGB", (width, height), rng.choice(((255, 255, 255), (255, 255, 255), (250, 249, 245))))
    pen = _Pen(image, str(rng.choice(list(fonts))) if fonts else None, rng.randint(12, 15))
    pen.text((width / 2, 10), spec.title, "ma", (20, 20, 20), 1.3)
    colours = list(rng.choice(PALETTES))
    rng.shuffle(colours)
    if spec.kind == "pie":
        _pie(pen, spec, colours, (width, height))
    else:
        _Plane(pen, spec, colours, (width, height), rng).draw()
    return Drawing(image, tuple(pen.texts))


class _Plane:
    """A chart with two axes."""

    def __init__(
        self, pen: _Pen, spec: ChartSpec, colours: Sequence[Colour], size: tuple[int, int], rng: random.Random
    ) -> None:
        self.pen, self.spec, self.colours, self.rng = pen, spec, colours, rng
        self.level = spec.kind == "hbar"
        legend = 26 if spec.series[0] else 0
        left = 0.27 * size[0] if self.level else 78
        self.box = (left, 52.0, size[0] - 40.0, size[1] - 66.0 - legend)
        self.legend_row = size[1] - 16.0
        top = max(map(sum, zip(*spec.values, strict=True))) if spec.kind == "stacked" else max(map(max, spec.values))
        self.ticks = nice_ticks(top * 1.04, rng.choice((4, 5, 5, 6)))

    def along(self, value: float) -> float:
        share = value / self.ticks[-1]
        x0, y0, x1, y1 = self.box
        return x0 + share * (x1 - x0) if self.level else y1 - share * (y1 - y0)

    def place(self, k: int) -> float:
        x0, y0, x1, y1 = self.box
        count = len(self.spec.labels)
        if self.spec.kind == "scatter":
            return x0 + self.spec.x[k] / 50.0 * (x1 - x0)
        return y0 + (k + 0.5) * (y1 - y0) / count if self.level else x0 + (k + 0.5) * (x1 - x0) / count

    def draw(self) -> None:
        self._axes()
        self._labels()
        if self.spec.kind in ("line", "lines"):
            self._curves()
        elif self.spec.kind == "scatter":
            for k, value in enumerate(self.spec.values[0]):
                x, y = self.place(k), self.along(value)
                self.pen.draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=self.colours[0])
        else:
            self._bars()
        self._legend()

    def _axes(self) -> None:
        x0, y0, x1, y1 = self.box
        grid = self.rng.random() < 0.7
        for value in self.ticks:
            at = self.along(value)
            text = f"{value:,.10g}".rstrip() + self.spec.suffix
            if self.level:
                if grid:
                    self.pen.draw.line((at, y0, at, y1), fill=(222, 222, 222))
                self.pen.text((at, y1 + 6), text, "ma")
            else:
                if grid:
                    self.pen.draw.line((x0, at, x1, at), fill=(222, 222, 222))
                self.pen.text((x0 - 8, at), text, "rm")
        self.pen.draw.line((x0, y1, x1, y1), fill=(90, 90, 90))
        self.pen.draw.line((x0, y0, x0, y1), fill=(90, 90, 90))

    def _labels(self) -> None:
        x0, y0, x1, y1 = self.box
        across = "" if self.spec.kind == "scatter" else self.spec.label_name
        if self.spec.kind == "scatter":
            for value in range(0, 51, 10):
                self.pen.text((x0 + value / 50 * (x1 - x0), y1 + 6), str(value), "ma")
            across = "Distance in km"
        elif self.level:
            for k, label in enumerate(self.spec.labels):
                self.pen.text((x0 - 8, self.place(k)), label, "rm")
        else:
            room = (x1 - x0) / len(self.spec.labels)
            for k, label in enumerate(self.spec.labels):
                words = (
                    label.split(" ") if self.pen.draw.textlength(label, font=self.pen.font()) > 0.92 * room else [label]
                )
                for row, word in enumerate(words):
                    self.pen.text((self.place(k), y1 + 6 + row * 1.2 * self.pen.size), word, "ma")
        flat, tall = (self.spec.value_name, "") if self.level else (across, self.spec.value_name)
        if flat:
            self.pen.text(((x0 + x1) / 2, y1 + 44), flat, "mm")
        if tall:
            self.pen.turned((16, (y0 + y1) / 2), tall)

    def _bars(self) -> None:
        count = len(self.spec.series)
        x0, y0, x1, y1 = self.box
        pitch = ((y1 - y0) if self.level else (x1 - x0)) / len(self.spec.labels)
        stacked = self.spec.kind == "stacked"
        width = pitch * self.rng.uniform(0.55, 0.8) / (1 if stacked else count)
        feet = [0.0] * len(self.spec.labels)
        for s, values in enumerate(self.spec.values):
            for k, value in enumerate(values):
                middle = self.place(k) + (0 if stacked else (s - (count - 1) / 2) * width)
                low = self.along(feet[k])
                feet[k] += value if stacked else 0.0
                high = self.along(feet[k] if stacked else value)
                self._bar(middle, width, low, high, s, value)

    def _bar(self, middle: float, width: float, low: float, high: float, s: int, value: float) -> None:
        a0, a1 = round(middle - width / 2), round(middle + width / 2) - 1
        b0, b1 = sorted((round(low), round(high)))
        box = (b0, a0, b1, a1) if self.level else (a0, b0, a1, b1)
        self.pen.draw.rectangle(box, fill=self.colours[s])
        if not self.spec.printed:
            return
        text = number_text(value) + self.spec.suffix
        if self.spec.kind == "stacked":
            if b1 - b0 > 1.5 * self.pen.size:
                light = sum(self.colours[s]) < 420
                self.pen.text((middle, (b0 + b1) / 2), text, "mm", (255, 255, 255) if light else (20, 20, 20))
        elif self.level:
            self.pen.text((b1 + 5, middle), text, "lm")
        else:
            self.pen.text((middle, b0 - 4), text, "mb", scale=1.0 if width > 3.2 * self.pen.size else 0.8)

    def _curves(self) -> None:
        for s, values in enumerate(self.spec.values):
            spots = [(self.place(k), self.along(value)) for k, value in enumerate(values)]
            self.pen.draw.line(spots, fill=self.colours[s], width=2)
            for (x, y), value in zip(spots, values, strict=True):
                self.pen.draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=self.colours[s])
                if self.spec.printed and len(self.spec.series) == 1:
                    self.pen.text((x, y - 8), number_text(value) + self.spec.suffix, "mb", scale=0.85)

    def _legend(self) -> None:
        x = self.box[0]
        for s, name in enumerate(self.spec.series):
            if name:
                y = self.legend_row
                self.pen.draw.rectangle((x, y - 5, x + 10, y + 5), fill=self.colours[s])
                self.pen.text((x + 16, y), name, "lm")
                x += 40 + self.pen.draw.textlength(name, font=self.pen.font())


def _pie(pen: _Pen, spec: ChartSpec, colours: Sequence[Colour], size: tuple[int, int]) -> None:
    radius = 0.3 * min(size)
    x, y = size[0] / 2, size[1] / 2 + 10
    angle, total = -90.0, sum(spec.values[0])
    for k, (label, value) in enumerate(zip(spec.labels, spec.values[0], strict=True)):
        turn = 360 * value / total
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.draw.pieslice(box, angle, angle + turn, fill=colours[k % len(colours)], outline=(255, 255, 255), width=2)
        middle = (angle + turn / 2) * pi / 180
        place = (x + 1.12 * radius * cos(middle), y + 1.12 * radius * sin(middle))
        pen.text(place, f"{label}: {number_text(value)}%", "lm" if cos(middle) >= 0 else "rm")
        angle += turn
