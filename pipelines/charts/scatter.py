"""A scatter plot as data: marks of one shape on a plane with two axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.numbers import format_number
from dsvl2.pipelines.charts.pixels import Mask
from dsvl2.pipelines.charts.plane import Plane, find_plane, name_axes
from dsvl2.pipelines.charts.scene import Scene, middle
from dsvl2.pipelines.charts.types import ChartData, Point, Series
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import components

_MEASURED = 0.5
MOST = 500


@dataclass(frozen=True, slots=True)
class _Mark:
    colour: int
    box: Box


def read_scatter(scene: Scene, legend: Legend) -> ChartData | None:
    """Return the points of a scatter plot, None if there are no axes or no marks alike."""
    plane = find_plane(scene, legend)
    if plane is None:
        return None
    marks = _marks(scene, plane, legend)
    if not 2 <= len(marks) <= MOST:
        return None
    title, across, up, _ = name_axes(scene, plane)
    series = []
    for colour in sorted({mark.colour for mark in marks}):
        points = [_point(mark, plane) for mark in marks if mark.colour == colour]
        red, green, blue = (int(c) for c in scene.ground.palette.colours[colour])
        points.sort(key=lambda point: (point.x if point.x is not None else 0.0, point.label))
        series.append(Series(legend.name_of(colour), tuple(points), (red, green, blue)))
    return ChartData("scatter", title, across, up, tuple(series))


def _point(mark: _Mark, plane: Plane) -> Point:
    column, row = middle(mark.box)
    column, row = column - 0.5, row - 0.5
    x = plane.across.value(column) if plane.across is not None else None
    if x is not None:
        step = plane.across.per_pixel(column) if plane.across else 1.0
        label = format_number(round(x, max(0, 1 - int(np.floor(np.log10(max(step, 1e-12)))))))
    else:
        label = min(plane.labels, key=lambda one: abs(one.place - column)).text if plane.labels else ""
    step = plane.up.per_pixel(row)
    return Point(label, plane.up.value(row), "measured", mark.box, _MEASURED, step * (1.2 + plane.up.error), x)


def _marks(scene: Scene, plane: Plane, legend: Legend) -> list[_Mark]:
    """Return the small shapes of the plane that are like most others of their colour."""
    x0, y0, x1, y1 = (int(v) for v in (plane.box.x0, plane.box.y0, plane.box.x1, plane.box.y1))
    ground = scene.ground
    words: Mask = np.zeros(ground.strokes.shape, dtype=np.bool_)
    for item in scene.texts:
        if sum(map(str.isalnum, item.text)) > 1 and item.confidence > 0.8:
            words[int(item.box.y0) : int(item.box.y1) + 1, int(item.box.x0) : int(item.box.x1) + 1] = True
    found: list[_Mark] = []
    wanted = {entry.colour for entry in legend.entries}
    grounds = ground.grounds
    for number in range(ground.palette.size):
        if number in grounds or (wanted and number not in wanted):
            continue
        mask = (ground.palette.labels == number) & ~words
        parts = components(mask[y0:y1, x0:x1])
        size = np.maximum(parts.width, parts.height)
        fits = (size >= 4) & (size <= 2.4 * scene.unit) & (np.minimum(parts.width, parts.height) >= 0.6 * size)
        if int(fits.sum()) < 2:
            continue
        usual = float(np.median(size[fits]))
        for k in np.flatnonzero(fits & (np.abs(size - usual) <= max(1.5, 0.2 * usual))).tolist():
            box = Box(x0 + int(parts.x0[k]), y0 + int(parts.y0[k]), x0 + int(parts.x1[k]), y0 + int(parts.y1[k]))
            if all(abs(box.x0 - other.box.x0) + abs(box.y0 - other.box.y0) > 3 for other in found):
                found.append(_Mark(number, box))
    return found
