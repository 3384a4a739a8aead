"""A pie or ring as data: sectors by colour, shares by area, names and numbers by where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

import numpy as np

from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.numbers import Number, numbers_in
from dsvl2.pipelines.charts.rings import Sector, sectors_on
from dsvl2.pipelines.charts.scene import Scene, around, middle
from dsvl2.pipelines.charts.titles import title_above
from dsvl2.pipelines.charts.types import Axis, ChartData, Point, Series, TextItem
from dsvl2.pipelines.documents import Box

_MEASURED = 0.55
_READ_WELL = 0.97  # confidence of a share that may be printed for a sector of another size
_LONE = re.compile(r"^[\s:;,.()\-\u2013\u2014|]+|[\s:;,.(\-\u2013\u2014|]+$")


@dataclass(frozen=True, slots=True)
class _Disc:
    """A disc or ring: its middle and radius, that of the hole, and its sectors clockwise from the top."""

    x: float
    y: float
    radius: float
    hole: float
    sectors: tuple[Sector, ...]

    def box_of(self, sector: Sector) -> Box:
        """Return the box around a sector's middle and the ends of its rim."""
        turns = (-0.5, -0.25, 0.0, 0.25, 0.5)
        rim = [edge_of(sector.angle + 2 * pi * sector.share * t, self.x, self.y, self.radius) for t in turns]
        inner = [edge_of(sector.angle + 2 * pi * sector.share * t, self.x, self.y, self.hole) for t in turns]
        return around(Box(x, y, x, y) for x, y in (*rim, *inner))


def read_pie(scene: Scene, legend: Legend) -> ChartData | None:
    """Return the data of a pie chart, None if there is no disc or ring of at least two colours."""
    disc = _disc(scene, legend)
    if disc is None:
        return None
    texts = [item for item in scene.texts if not legend.owns(item)]
    title, taken = title_above(scene, texts, disc.y - 1.12 * disc.radius)
    texts = [item for item in texts if not any(item is other for other in taken)]
    owned = _owned(disc, texts)
    names = [[item for item in items if any(map(str.isalpha, item.text)) or not _on(disc, item)] for items in owned]
    read = _credible(disc.sectors, [_read(items) for items in owned], [" ".join(_words(items)) for items in names])
    numbers = [number for _, number, _ in read if number is not None]
    shares = [number for number in numbers if number.unit == "%"]
    digits = max((_digits(number.value) for number in shares), default=9) if 2 * len(shares) >= len(read) else 9
    points = []
    for sector, (name, number, sure) in zip(disc.sectors, read, strict=True):
        name = name or legend.name_of(sector.colour)
        share, box = 100 * sector.share, disc.box_of(sector)
        if number is not None:
            points.append(Point(name, number.value, "printed", box, sure, text=f"{number.value:g}"))
        else:  # the others are printed rounded: so is this one
            points.append(Point(name, round(share, digits), "measured", box, _MEASURED, uncertainty=0.8))
    unit = "%" if shares or not numbers else ""
    colour = tuple(int(c) for c in scene.ground.palette.colours[disc.sectors[0].colour])
    series = Series("", tuple(points), (colour[0], colour[1], colour[2]))
    axis = Axis("", unit, "linear")
    return ChartData("pie", title, Axis(scale="category", labels=tuple(p.label for p in points)), axis, (series,))


def _digits(value: float) -> int:
    """Return how many decimals a number was printed with."""
    return len(f"{value:g}".partition(".")[2])


_Read = tuple[str, Number | None, float]


def _credible(sectors: Sequence[Sector], read: Sequence[_Read], names: Sequence[str]) -> list[_Read]:
    """Take back the numbers that do not grow with their sectors as the others do: ages, years and misreadings.

    `names` are the sectors' texts without a number taken out.
    """
    ratios = [
        number.value / (100 * sector.share)
        for sector, (_, number, _) in zip(sectors, read, strict=True)
        if number is not None and number.value > 0
    ]
    if not ratios:
        return list(read)
    usual = float(np.median(ratios))
    shares = any(number is not None and number.unit == "%" for _, number, _ in read)
    if shares and (len(ratios) < 3 or abs(usual - 1) < 0.05):
        usual = 1.0
    found: list[_Read] = []
    for sector, (name, number, sure), whole in zip(sectors, read, names, strict=True):
        share = 100 * sector.share
        off = abs(number.value / usual - share) if number is not None else 0.0
        if number is None or off <= 1.5 + 0.02 * share or (off <= 0.12 * share and sure > _READ_WELL):
            found.append((name, number, sure))
        else:
            found.append((name if number.unit == "%" else whole, None, sure))
    return found


def _on(disc: _Disc, item: TextItem) -> bool:
    x, y = middle(item.box)
    return hypot(x - disc.x, y - disc.y) < 0.98 * disc.radius


def _disc(scene: Scene, legend: Legend) -> _Disc | None:
    """Return the disc or ring that large shapes make together."""
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
    nearest = radius
    for solid in big:
        rows, columns = np.nonzero(solid.mask)
        away = np.hypot(columns + solid.box.x0 + 0.5 - x, rows + solid.box.y0 + 0.5 - y)
        if float((away > 1.06 * radius).mean()) > 0.03:
            return None
        nearest = min(nearest, float(away.min()))
    named = [entry.colour for entry in legend.entries]
    sectors = sectors_on(scene.ground.palette.labels, (x, y), radius, {solid.colour for solid in big}, named)
    hole = nearest if nearest > 0.2 * radius else 0.0
    return _Disc(x, y, radius, hole, tuple(sectors)) if len(sectors) >= 2 else None


def _owned(disc: _Disc, texts: Sequence[TextItem]) -> list[list[TextItem]]:
    """Give every text in or around the disc to the sector it stands in or that points at it."""
    owned: list[list[TextItem]] = [[] for _ in disc.sectors]
    for item in texts:
        if item.angle != 0:
            continue
        x, y = middle(item.box)
        away = hypot(x - disc.x, y - disc.y)
        if away < 0.6 * disc.hole:
            continue
        if _on(disc, item):
            angle = atan2(x - disc.x, -(y - disc.y))
            owned[int(np.argmin([_off(angle, s) - pi * s.share for s in disc.sectors]))].append(item)
            continue
        x, y = _nearest(item.box, disc.x, disc.y)
        if hypot(x - disc.x, y - disc.y) < 1.55 * disc.radius:
            offs = [_off(atan2(x - disc.x, -(y - disc.y)), sector) for sector in disc.sectors]
            number = int(np.argmin(offs))
            if offs[number] < pi * disc.sectors[number].share + 0.25:
                owned[number].append(item)
    return owned


def _off(angle: float, sector: Sector) -> float:
    """Return how far a direction is from the middle of a sector, radians."""
    return abs((angle - sector.angle + pi) % (2 * pi) - pi)


def _nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    """Return the point of a box nearest to a place."""
    return min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)


def _words(items: Sequence[TextItem]) -> list[str]:
    """Return the texts of a sector from top to bottom."""
    return [item.text for item in sorted(items, key=lambda item: (round(item.box.y0 / 6), item.box.x0))]


def _read(items: Sequence[TextItem]) -> _Read:
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
