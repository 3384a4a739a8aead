"""A line chart as data: every curve's value at every label, printed values first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.curves import Curve, corners, find_curves, height_at
from dsvl2.pipelines.charts.labels import name_places
from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.numbers import format_number
from dsvl2.pipelines.charts.plane import Plane, find_plane, name_axes
from dsvl2.pipelines.charts.scales import calibrated
from dsvl2.pipelines.charts.scene import Scene, middle
from dsvl2.pipelines.charts.types import ChartData, Point, Series
from dsvl2.pipelines.charts.values import Printed, assign, mended, printed_numbers
from dsvl2.pipelines.documents import Box

_MEASURED = 0.55
_DIVISIONS = (0.2, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A point of a curve: its series' number, column, row, and name."""

    curve: int
    x: float
    y: float
    label: str


def read_lines(scene: Scene, legend: Legend) -> ChartData | None:
    """Return the data of a line chart, None if there are no axes or no curves."""
    plane = find_plane(scene, legend)
    if plane is None:
        return None
    title, across, up, used = name_axes(scene, plane)
    free = [item for item in plane.free if id(item) not in used]
    curves = find_curves(scene, plane.box, [entry.colour for entry in legend.entries], scene.texts)
    if not curves and legend.entries:
        curves = find_curves(scene, plane.box, (), scene.texts)
    if not curves:
        return None
    places = _places(plane, curves)
    names = _names(plane, places)
    pitch = float(np.median(np.diff(places))) if len(places) > 1 else 20.0
    spots = [
        _Spot(number, place, row, name)
        for number, curve in enumerate(curves)
        for place, name in zip(places, names, strict=True)
        if curve.span[0] - 3 <= place <= curve.span[1] + 3
        and (row := height_at(curve, place, 0.45 * pitch)) is not None
    ]
    numbers = [printed for printed in printed_numbers(free) if _in(plane.box, printed.box, scene.unit)]
    chosen = _matched(spots, numbers, plane, scene.unit, pitch)
    sharp = calibrated(plane.up, [(spots[k].y, printed.number.value) for k, printed in chosen.items()])
    plane = replace(plane, up=sharp or plane.up)
    series = tuple(
        _series(scene, legend, curve, number, spots, chosen, plane, sharp=bool(sharp))
        for number, curve in enumerate(curves)
    )
    series = _in_order(tuple(one for one in series if one.points), legend)
    return ChartData("line", title, across, up, series)


def _in_order(series: tuple[Series, ...], legend: Legend) -> tuple[Series, ...]:
    order = [entry.name for entry in legend.entries]
    return tuple(sorted(series, key=lambda one: order.index(one.name) if one.name in order else len(order)))


def _places(plane: Plane, curves: Sequence[Curve]) -> list[float]:
    """Return the columns of the data: at the labels, or between them too if the curves bend there."""
    if plane.across is not None and len(plane.across.ticks) >= 3:
        labelled = [tick.place for tick in plane.across.ticks]
    else:
        labelled = [label.place for label in plane.labels]
    if len(labelled) < 2:
        return sorted({column for curve in curves for column in corners(curve)})
    first, last = min(labelled), max(labelled)
    step = (last - first) / (len(labelled) - 1)
    steps = np.diff(sorted(labelled))
    if float(np.abs(steps - step).max()) > 0.3 * step:
        return sorted(labelled)
    bends = np.array([column for curve in curves for column in corners(curve)])
    left, right = min(curve.span[0] for curve in curves), max(curve.span[1] for curve in curves)
    pitch, shift = _comb(bends, first, step, _parts(plane, len(labelled)))
    first += shift
    begin, end = round((left - first) / pitch), round((right - first) / pitch)
    slack = max(3.0, 0.15 * pitch)
    return [first + k * pitch for k in range(begin, end + 1) if left - slack <= first + k * pitch <= right + slack]


def _parts(plane: Plane, labels: int) -> tuple[float, ...]:
    """Return into how many parts the data may divide a label's step: years come whole, names are not divided."""
    if plane.across is None:
        return (1, 2, 3, 4)
    step = abs(plane.across.slope) * (plane.labels[-1].place - plane.labels[0].place) / max(1, len(plane.labels) - 1)
    whole = round(step)
    if abs(step - whole) < 0.05 and whole >= 1 and plane.across.value(plane.labels[0].place) > 1000:
        return tuple(part for part in (1, 2, 3, 4, 5, 10) if whole % part == 0)
    return _DIVISIONS if labels > 2 else (1,)


def _comb(bends: NDArray[np.float64], first: float, step: float, parts: Sequence[float]) -> tuple[float, float]:
    """Return pitch and shift of the comb of columns that meets the curves' bends best beyond chance, coarse combs first."""
    best, chosen = 0.25, (step, 0.0)
    for part in parts:
        pitch = step / part
        if pitch < 5:
            continue
        turn = (bends - first) / pitch * 2 * np.pi
        mean = float(np.arctan2(np.sin(turn).mean(), np.cos(turn).mean()))
        off = np.abs((turn - mean + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi) * pitch
        slack = min(max(2.0, 0.16 * pitch), 0.24 * pitch)
        merit = float((off <= slack).mean()) - 2 * slack / pitch
        shift = mean / (2 * np.pi) * pitch
        if merit > best + 0.1 and abs(shift) < 0.45 * step:
            best, chosen = merit, (pitch, shift)
    return chosen


def _names(plane: Plane, places: Sequence[float]) -> list[str]:
    if plane.across is not None:
        values = [plane.across.value(place) for place in places]
        offs = [value - round(value) for value in values]
        if float(np.ptp(offs)) < 0.1:  # labels aside of their ticks
            values = [float(round(value)) for value in values]
        step = abs(values[1] - values[0]) if len(values) > 1 else 1.0
        digits = max(0, 1 - int(np.floor(np.log10(step)))) if step > 0 else 0
        whole = abs(step - round(step)) < 0.04 and step > 0.9
        return [format_number(float(round(value)) if whole else round(value, digits)) for value in values]
    return name_places(list(places), plane.labels)


def _in(box: Box, other: Box, slack: float) -> bool:
    x, y = middle(other)
    return box.x0 - slack <= x <= box.x1 + 2 * slack and box.y0 - 2 * slack <= y <= box.y1 + slack


def _matched(
    spots: Sequence[_Spot], numbers: Sequence[Printed], plane: Plane, unit: float, pitch: float
) -> dict[int, Printed]:
    """Return the printed number of each spot that has one: near it, and fitting its height on the axis."""
    pairs = []
    for k, spot in enumerate(spots):
        expected, step = plane.up.value(spot.y), plane.up.per_pixel(spot.y) or 1.0
        for n, printed in enumerate(numbers):
            x, y = middle(printed.box)
            dx, dy = abs(x - spot.x) / unit, abs(y - spot.y) / unit
            wide = (printed.box.x1 - printed.box.x0) / 2 / unit + 0.8
            number = mended(printed.number, expected, step, plane.up.unit)
            misfit = abs((number or printed.number).value - expected) / step / 8.0
            if dx <= max(wide, 0.5 * pitch / unit) and dy <= 4.5 and misfit <= 1.6:
                pairs.append((0.5 * dx + 0.5 * abs(dy - 1.4) + misfit, k, n))
    return {k: numbers[n] for k, n in assign(pairs)}


def _series(
    scene: Scene,
    legend: Legend,
    curve: Curve,
    number: int,
    spots: Sequence[_Spot],
    chosen: dict[int, Printed],
    plane: Plane,
    *,
    sharp: bool,
) -> Series:
    points = []
    for k, spot in enumerate(spots):
        if spot.curve != number:
            continue
        x = plane.across.value(spot.x) if plane.across is not None else None
        box = Box(spot.x - 3, spot.y - 3, spot.x + 3, spot.y + 3)
        step = plane.up.per_pixel(spot.y)
        point = Point(spot.label, plane.up.value(spot.y), "measured", box, _MEASURED, step * (1.5 + plane.up.error), x)
        printed = chosen.get(k)
        unit = plane.up.unit
        number_read = mended(printed.number, point.value, step or 1.0, unit, sharp=sharp) if printed else None
        if printed is not None and number_read is not None:
            point = replace(
                point,
                value=number_read.value,
                origin="printed",
                confidence=printed.item.confidence,
                uncertainty=0.0,
                text=printed.text,
            )
        points.append(point)
    red, green, blue = (int(c) for c in scene.ground.palette.colours[curve.colour])
    return Series(legend.name_of(curve.colour), tuple(points), (red, green, blue))
