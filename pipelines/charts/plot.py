"""Draw a chart's data back beside its picture, so that a person sees at once what was read and what was not."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin

from PIL import Image, ImageDraw, ImageFont

from dsvl2.pipelines.charts.export import shown
from dsvl2.pipelines.charts.types import ChartData, Series

_GAP = 16
_INK, _PALE = (40, 40, 40), (210, 210, 210)


def beside(image: Image.Image, chart: ChartData) -> Image.Image:
    """Return the picture with its marks framed, and to its right the data drawn anew at the same size."""
    left = image.convert("RGB")
    pen = ImageDraw.Draw(left)
    for _, point in chart.points():
        frame = (220, 0, 120) if point.origin == "measured" else (0, 160, 60)
        box = (point.box.x0, point.box.y0, max(point.box.x1, point.box.x0), max(point.box.y1, point.box.y0))
        pen.rectangle(box, outline=frame)
    right = draw(chart, (max(left.width, 320), max(left.height, 240)))
    sheet = Image.new("RGB", (left.width + _GAP + right.width, max(left.height, right.height)), "white")
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + _GAP, 0))
    return sheet


def draw(chart: ChartData, size: tuple[int, int]) -> Image.Image:
    """Return the data drawn plainly: bars, lines, points or sectors with every value beside its mark."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(10, min(size) // 45))
    pen.text((size[0] / 2, 6), chart.title[:120], fill=_INK, font=font, anchor="ma")
    if not chart.found:
        pen.text((size[0] / 2, size[1] / 2), "no chart found", fill=_INK, font=font, anchor="mm")
        return image
    if chart.kind == "pie":
        _pie(pen, chart, size, font)
    else:
        _plane(pen, chart, size, font)
    _legend(pen, chart, size, font)
    return image


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _values(chart: ChartData) -> list[float]:
    if not chart.stacked:
        return [point.value for _, point in chart.points()]
    sums: dict[str, float] = {}
    for _, point in chart.points():
        sums[point.label] = sums.get(point.label, 0.0) + point.value
    return list(sums.values())


def _plane(pen: ImageDraw.ImageDraw, chart: ChartData, size: tuple[int, int], font: _Font) -> None:
    level = chart.kind == "hbar"
    margin = (size[0] * 0.28 if level else size[0] * 0.1, size[1] * 0.1)
    inner = (size[0] - margin[0] - size[0] * 0.08, size[1] - margin[1] - size[1] * 0.16)
    values = _values(chart)
    barlike = chart.kind in ("bar", "hbar", "table")
    low, high = min(values), max(values)
    low, high = (min(0.0, low), max(0.0, high)) if barlike else (low, high)
    spread = (high - low) or 1.0
    labels = list(chart.labels())
    step = (inner[1] if level else inner[0]) / max(len(labels), 1)

    def along(value: float) -> float:
        share = (value - low) / spread
        return margin[0] + share * inner[0] if level else margin[1] + (1 - share) * inner[1]

    base = along(0.0 if barlike else low)
    for k, label in enumerate(labels):
        middle = (margin[1] if level else margin[0]) + (k + 0.5) * step
        if level:
            pen.text((margin[0] - 4, middle), label[:40], fill=_INK, font=font, anchor="rm")
        else:
            pen.text(
                (middle, margin[1] + inner[1] + 6), label[: max(3, int(step / 5))], fill=_INK, font=font, anchor="ma"
            )
    edge = (base, margin[1], base, margin[1] + inner[1]) if level else (margin[0], base, margin[0] + inner[0], base)
    pen.line(edge, fill=_PALE, width=1)
    if barlike:
        _bars(pen, chart, labels, step, margin, along, font)
    else:
        _curves(pen, chart, inner, margin, along, font)


def _bars(pen: ImageDraw.ImageDraw, chart, labels, step, margin, along, font) -> None:  # type: ignore[no-untyped-def]
    level, count = chart.kind == "hbar", max(1, len(chart.series))
    foot = dict.fromkeys(labels, 0.0)
    for number, series in enumerate(chart.series):
        for point in series.points:
            start = (margin[1] if level else margin[0]) + labels.index(point.label) * step + 0.1 * step
            width = 0.8 * step if chart.stacked else 0.8 * step / count
            a0 = start + (0 if chart.stacked else number * width)
            low = foot[point.label] if chart.stacked else 0.0
            foot[point.label] += point.value
            b0, b1 = sorted((along(low), along(low + point.value)))
            box = (b0, a0, b1, a0 + width) if level else (a0, b0, a0 + width, b1)
            pen.rectangle(box, fill=series.colour)
            place = (b1 + 3, a0 + width / 2) if level else (a0 + width / 2, b0 - 2)
            pen.text(place, shown(point), fill=_INK, font=font, anchor="lm" if level else "mb")


def _curves(pen: ImageDraw.ImageDraw, chart, inner, margin, along, font) -> None:  # type: ignore[no-untyped-def]
    labels = list(chart.labels())
    places = [point.x for _, point in chart.points() if point.x is not None]
    numeric = len(places) == sum(1 for _ in chart.points())
    low, high = (min(places), max(places)) if numeric else (-0.5, len(labels) - 0.5)
    for series in chart.series:
        spots = []
        for point in series.points:
            x = point.x if numeric else float(labels.index(point.label))
            share = (x - low) / ((high - low) or 1.0)
            spots.append((margin[0] + share * inner[0], along(point.value)))
        if chart.kind != "scatter" and len(spots) > 1:
            pen.line(spots, fill=series.colour, width=2)
        for x, y in spots:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=series.colour)


def _pie(pen: ImageDraw.ImageDraw, chart: ChartData, size: tuple[int, int], font: _Font) -> None:
    radius = 0.32 * min(size)
    x, y = size[0] / 2, size[1] / 2
    total = sum(max(point.value, 0.0) for _, point in chart.points()) or 1.0
    angle = -90.0
    for series, point in chart.points():
        turn = 360.0 * max(point.value, 0.0) / total
        pen.pieslice(
            (x - radius, y - radius, x + radius, y + radius), angle, angle + turn, fill=series.colour, outline="white"
        )
        middle = (angle + turn / 2) * pi / 180
        place = (x + 1.15 * radius * cos(middle), y + 1.15 * radius * sin(middle))
        text = f"{point.label or series.name} {shown(point)}"
        pen.text(place, text[:40], fill=_INK, font=font, anchor="lm" if cos(middle) >= 0 else "rm")
        angle += turn


def _named(chart: ChartData) -> Iterator[Series]:
    yield from (series for series in chart.series if series.name and chart.kind != "pie")


def _legend(pen: ImageDraw.ImageDraw, chart: ChartData, size: tuple[int, int], font: _Font) -> None:
    x = 10.0
    for series in _named(chart):
        pen.rectangle((x, size[1] - 18, x + 10, size[1] - 8), fill=series.colour)
        pen.text((x + 14, size[1] - 13), series.name[:40], fill=_INK, font=font, anchor="lm")
        x += 24 + pen.textlength(series.name[:40], font=font)
