"""The plane of a chart with two axes but without bars: number axis, labels or numbers along the other, and the area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.charts.labels import Label, labels_below
from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.numbers import parse_number
from dsvl2.pipelines.charts.scales import ValueScale, find_scales, snapped
from dsvl2.pipelines.charts.scene import Scene
from dsvl2.pipelines.charts.titles import name_below, name_beside, title_above, unit_in
from dsvl2.pipelines.charts.types import Axis, TextItem
from dsvl2.pipelines.documents import Box


@dataclass(frozen=True, slots=True)
class Plane:
    """`box` is where data can lie; `free` are the texts that belong to no axis, label or legend."""

    box: Box
    up: ValueScale
    across: ValueScale | None
    labels: tuple[Label, ...]
    free: tuple[TextItem, ...]


def find_plane(scene: Scene, legend: Legend) -> Plane | None:
    """Return the plane of the best upright number axis; None if there is none."""
    texts = [item for item in scene.texts if not legend.owns(item)]
    for up in find_scales(texts, scene.unit, upright=True)[:2]:
        if len(up.ticks) < 3:
            continue
        top, bottom = up.span
        step = (bottom - top) / (len(up.ticks) - 1)
        used = {id(tick.item) for tick in up.ticks}
        rest = [item for item in texts if id(item) not in used]
        left = max(tick.edge1 for tick in up.ticks)
        right = float(scene.size[0])
        if left > 0.6 * right:  # the axis stands on the right
            left, right = 0.0, min(tick.edge0 for tick in up.ticks)
        low = top - 0.7 * step
        labels = labels_below(scene, rest, bottom + 0.15 * scene.unit, left - scene.unit, right)
        if labels:
            pitch = (labels[-1].place - labels[0].place) / max(1, len(labels) - 1) or 6 * scene.unit
            left, right = max(left, labels[0].place - 0.9 * pitch), min(right, labels[-1].place + 0.9 * pitch)
        floor = min([item.box.y0 for label in labels for item in label.items], default=bottom + step)
        box = Box(left + 1, max(0.0, low), right, max(bottom + 2, min(bottom + 0.5 * step, floor - 1)))
        named = {id(item) for label in labels for item in label.items}
        across = _numbers(labels, rest, scene)
        up = snapped(up, scene.gray, scene.unit)
        across = across and snapped(across, scene.gray, scene.unit)
        free = tuple(item for item in rest if id(item) not in named)
        return Plane(box, up, across, tuple(labels), free)
    return None


def _numbers(labels: list[Label], texts: list[TextItem], scene: Scene) -> ValueScale | None:
    """Return the level number axis if the labels are numbers on a line."""
    values = [(label.place, parse_number(label.text)) for label in labels]
    slanted = any(item.angle not in (0, 90) for label in labels for item in label.items)
    known = [(place, number.value) for place, number in values if number is not None]
    if slanted and len(known) >= 3 and len(known) >= 0.8 * len(values):
        places, heights = np.array([p for p, _ in known]), np.array([v for _, v in known])
        slope, offset = (float(k) for k in np.polyfit(places, heights, 1))
        off = np.abs((heights - offset) / (slope or 1.0) - places)
        if slope > 0 and float(np.median(off)) < 0.4 * scene.unit:
            return ValueScale(slope, offset, False, (), float(off.mean()), False)
    named = {id(item) for label in labels for item in label.items}
    for scale in find_scales([item for item in texts if id(item) in named], scene.unit, upright=False):
        if len(scale.ticks) >= 3 and len(scale.ticks) >= 0.6 * len(labels):
            return scale
    return None


def name_axes(scene: Scene, plane: Plane) -> tuple[str, Axis, Axis, set[int]]:
    """Return title, label axis, value axis and the ids of the texts they were made of."""
    title, taken = title_above(scene, plane.free, plane.up.span[0])
    rest = [item for item in plane.free if not any(item is other for other in taken)]
    floor = max([item.box.y1 for label in plane.labels for item in label.items], default=plane.box.y1)
    below, flat = name_below(scene, rest, plane.box, floor)
    beside, tall = name_beside(scene, rest, plane.box)
    used = {id(item) for item in (*taken, *flat, *tall)}
    kind = "log" if plane.up.log else "linear"
    up = Axis(beside, plane.up.unit or unit_in(beside), kind, tuple(tick.item.text for tick in plane.up.ticks))  # type: ignore[arg-type]
    scale = "category" if plane.across is None else "linear"
    across = Axis(below, "", scale, tuple(label.text for label in plane.labels))  # type: ignore[arg-type]
    return title, across, up, used
