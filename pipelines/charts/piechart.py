"""A pie or ring as data: sectors by colour, shares by area, names and numbers by where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

import numpy as np

from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.marks import Solid
from dsvl2.pipelines.charts.numbers import Number, numbers_in
from dsvl2.pipelines.charts.scene import Scene, around, middle
from dsvl2.pipelines.charts.titles import title_above
from dsvl2.pipelines.charts.types import Axis, ChartData, Point, Series, TextItem
from dsvl2.pipelines.documents import Box

_MEASURED = 0.55
_LONE = re.compile(r"^[\s:;,.()\-\u2013\u2014|]+|[\s:;,.(\-\u2013\u2014|]+$")


@dataclass(frozen=True, slots=True)
class _Sector:
    solid: Solid
    angle: float
    share: float


def read_pie(scene: Scene, legend: Legend) -> ChartData | None:
    """Return the data of a pie chart, None if there is no disc or ring of at least two colours."""
    found = _disc(scene, legend)
    if found is None:
        return None
    sectors, x, y, radius = found
    top = y - radius
    texts = [item for item in scene.texts if not legend.owns(item)]
    title, taken = title_above(scene, texts, top - 0.12 * radius)
    texts = [item for item in texts if not any(item is other for other in taken)]
    owned = _owned(sectors, texts, x, y, radius)
    points = []
    for sector, items in zip(sectors, owned, strict=True):
        name, number, sure = _read(items)
        name = name or legend.name_of(sector.solid.colour)
        share = 100 * sector.share
        if number is not None:
            sure *= 1.0 if number.unit != "%" or abs(number.value - share) < 4 else 0.6
            points.append(Point(name, number.value, "printed", sector.solid.box, sure, text=f"{number.value:g}"))
        else:
            points.append(Point(name, share, "measured", sector.solid.box, _MEASURED, uncertainty=0.8))
    printed = [point for point in points if point.origin == "printed"]
    unit = "%" if not printed or any(n and n.unit == "%" for _, n, _ in map(_read, owned)) else ""
    colour = tuple(int(c) for c in scene.ground.palette.colours[sectors[0].solid.colour])
    series = Series("", tuple(points), (colour[0], colour[1], colour[2]))
    axis = Axis("", unit, "linear")
    return ChartData("pie", title, Axis(scale="category", labels=tuple(p.label for p in points)), axis, (series,))


def _disc(scene: Scene, legend: Legend) -> tuple[list[_Sector], float, float, float] | None:
    """Return the sectors clockwise from the top, and the disc's centre and radius."""
    swatches = {(entry.swatch.x0, entry.swatch.y0) for entry in legend.entries}
    least = (4 * scene.unit) ** 2
    pool = [solid for solid in scene.solids if (solid.box.x0, solid.box.y0) not in swatches]
    big = [solid for solid in pool if solid.area > 0.12 * least and not (solid.rectangle and solid.area > 0.2 * least)]
    if len(big) < 2 or sum(solid.area for solid in big) < least:
        return None
    box = around(solid.box for solid in big)
    wide, high = box.x1 - box.x0, box.y1 - box.y0
    area = sum(solid.area for solid in big)
    fill = area / (wide * high)
    if not 0.8 < wide / high < 1.25 or not 0.2 < fill < 0.84:
        return None
    x, y, radius = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, (wide + high) / 4
    sectors = []
    for solid in big:
        rows, columns = np.nonzero(solid.mask)
        dx, dy = columns + solid.box.x0 + 0.5 - x, rows + solid.box.y0 + 0.5 - y
        if float((np.hypot(dx, dy) > 1.06 * radius).mean()) > 0.03:
            return None
        angle = atan2(float(dx.mean()), -float(dy.mean())) % (2 * pi)
        sectors.append(_Sector(solid, angle, solid.area / area))
    return sorted(sectors, key=lambda sector: sector.angle), x, y, radius


def _owned(
    sectors: Sequence[_Sector], texts: Sequence[TextItem], x: float, y: float, radius: float
) -> list[list[TextItem]]:
    """Give every text in or around the disc to the sector it stands in or that points at it."""
    owned: list[list[TextItem]] = [[] for _ in sectors]
    for item in texts:
        if item.angle != 0:
            continue
        place = _nearest(item.box, x, y)
        away = hypot(place[0] - x, place[1] - y)
        centre = middle(item.box)
        for number, sector in enumerate(sectors):
            if _contains(sector.solid, centre):
                owned[number].append(item)
                break
        else:
            if 0.95 * radius < away < 1.55 * radius:
                angle = atan2(place[0] - x, -(place[1] - y)) % (2 * pi)
                turns = [abs((angle - s.angle + pi) % (2 * pi) - pi) for s in sectors]
                target = int(np.argmin(turns))
                if turns[target] < pi * sectors[target].share + 0.25:
                    owned[target].append(item)
    return owned


def _nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    """Return the point of a box nearest to a place."""
    return min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)


def _contains(solid: Solid, place: tuple[float, float]) -> bool:
    column, row = int(place[0] - solid.box.x0), int(place[1] - solid.box.y0)
    height, width = solid.mask.shape
    if not (0 <= column < width and 0 <= row < height):
        return False
    return bool(solid.mask[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].any())


def _read(items: Sequence[TextItem]) -> tuple[str, Number | None, float]:
    """Return the name, the number and the confidence of a sector's texts."""
    words: list[str] = []
    number: Number | None = None
    sure = 1.0
    ordered = sorted(items, key=lambda item: (round(item.box.y0 / 6), item.box.x0))
    shares = [k for k, item in enumerate(ordered) if any(n.unit == "%" for n in numbers_in(item.text))]
    plain = [k for k, item in enumerate(ordered) if numbers_in(item.text)]
    place = (shares or plain or [-1])[-1]  # a year beside a percentage is a name
    for k, item in enumerate(ordered):
        text = item.text
        sure = min(sure, item.confidence)
        if k == place:
            found = [n for n in numbers_in(text) if n.unit == "%"] or list(numbers_in(text))
            number = found[-1]
            text = (text[: number.start] + " " + text[number.end :]).strip()
        text = _LONE.sub("", text)
        if text:
            words.append(text)
    return " ".join(words), number, sure


def edge_of(angle: float, x: float, y: float, radius: float) -> tuple[float, float]:
    """Return the point of the rim at an angle clockwise from the top."""
    return x + radius * sin(angle), y - radius * cos(angle)
