"""A bar chart as data: bars, upright or level, single, grouped or stacked, with names and values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsvl2.pipelines.charts.bars import Bar, BarSet
from dsvl2.pipelines.charts.labels import Label, labels_below, labels_beside, name_places, parted
from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.numbers import Number
from dsvl2.pipelines.charts.scales import Tick, ValueScale, calibrated, find_scales, in_thousands, snapped
from dsvl2.pipelines.charts.scene import Scene, around
from dsvl2.pipelines.charts.titles import name_below, name_beside, title_above, unit_in
from dsvl2.pipelines.charts.types import Axis, ChartData, Point, Series, TextItem
from dsvl2.pipelines.charts.values import Printed, match_to_bars, mended, printed_numbers
from dsvl2.pipelines.documents import Box

_LEAST_OUTLINE, _MOST_OUTLINE = 1.2, 4.0  # pixels from a bar's foot to zero that an outline explains
_MEASURED = 0.6  # confidence of a value that was measured, if its axis was read well


@dataclass(frozen=True, slots=True)
class _Group:
    """Bars that belong to one category, and where it lies across."""

    bars: tuple[int, ...]
    place: float


def read_bars(scene: Scene, found: BarSet, legend: Legend) -> ChartData:
    """Return the data of a chart's bars."""
    texts = [item for item in scene.texts if not legend.owns(item)]
    scale = value_scale(scene, texts, found)
    used = {id(tick.item) for tick in scale.ticks} if scale else set()
    if scale:
        moved = snapped(scale, scene.gray, scene.unit)
        found = found if moved is scale else _outlined(moved, found)
        scale = _aligned(moved, found)
    free = [item for item in texts if id(item) not in used]
    bars = list(found.bars)
    groups = _groups(found)
    labels = _labels(scene, found, free, groups)
    named = {id(item) for item in free if any(_holds(item.box, part.box) for k in labels for part in k.items)}
    bars, groups = _with_missing(found, bars, groups, labels)
    free = [item for item in free if id(item) not in named]
    numbers = printed_numbers(free)
    if scale:
        alone = match_to_bars(bars, numbers, None, scene.unit, upright=found.upright)
        scale = in_thousands(scale, _known(scale, bars, alone))
    printed = match_to_bars(bars, numbers, scale, scene.unit, upright=found.upright)
    sharp = scale and calibrated(scale, _known(scale, bars, printed))
    scale = sharp or scale or _scale_of_printed(found, bars, printed)
    names = name_places([group.place for group in groups], labels)
    series = _series(scene, legend, bars, groups, names, printed, scale, sharp=sharp is not None)
    plot = around([bar.box for bar in found.bars] + [tick.item.box for tick in (scale.ticks if scale else ())])
    return _dressed(scene, found, labels, scale, free, series, plot)


def _holds(whole: Box, part: Box) -> bool:
    """Whether a label was cut from a text, or is it."""
    return whole.y0 == part.y0 and whole.y1 == part.y1 and whole.x0 - 0.5 <= part.x0 and part.x1 <= whole.x1 + 0.5


def value_scale(scene: Scene, texts: Sequence[TextItem], found: BarSet) -> ValueScale | None:
    """Return the axis that the bars are measured on: numbers beside them, in their direction."""
    low, high = min(bar.a0 for bar in found.bars), max(bar.a1 for bar in found.bars)
    best: ValueScale | None = None
    for scale in find_scales(texts, scene.unit, upright=found.upright):
        outside = scale.across < low + 2 or scale.across > high - 2
        sign = -1.0 if found.upright else 1.0
        foot = scale.value(sign * found.foot)
        start, stop = scale.span
        near = start - 0.6 * (stop - start) <= sign * found.foot <= stop + 0.6 * (stop - start)
        zero = abs(foot) <= 3 * scale.per_pixel(sign * found.foot) or scale.log
        if not outside or not near or (len(scale.ticks) == 2 and not zero):
            continue
        if best is None or (zero, len(scale.ticks)) > (_is_zero(best, found), len(best.ticks)):
            best = scale
    return best


def _outlined(scale: ValueScale, found: BarSet) -> BarSet:
    """Lengthen bars whose feet stand off the zero of a sure scale: half of an outline in the paper's colour is missing.

    It is missing at both ends.
    """
    gap = scale.place(0.0) - (-found.foot if found.upright else found.foot) if not scale.log else 0.0
    if not _LEAST_OUTLINE < abs(gap) <= _MOST_OUTLINE:
        return found
    off = -gap if found.upright else gap
    long = [bar for bar in found.bars if bar.stop != bar.start]
    outward = all((bar.start - bar.stop) * off > 0 for bar in long)  # zero lies behind the feet
    if not outward or found.stacked:
        return found
    bars = tuple(replace(bar, stop=bar.stop - off) for bar in found.bars)
    return replace(found, bars=bars, foot=found.foot + off)


def _aligned(scale: ValueScale, found: BarSet) -> ValueScale:
    """Move the scale so that the bars' foot is exactly zero, if it is within two pixels of it."""
    place = -found.foot if found.upright else found.foot
    if scale.log or abs(scale.value(place)) > 2.2 * scale.per_pixel(place):
        return scale
    return replace(scale, offset=-scale.slope * place)


def _is_zero(scale: ValueScale, found: BarSet) -> bool:
    place = -found.foot if found.upright else found.foot
    return abs(scale.value(place)) <= 3 * scale.per_pixel(place) or scale.log


def _groups(found: BarSet) -> list[_Group]:
    """Return the categories: each slot one, or slots of several colours side by side together."""
    slots = found.slots()
    numbers = {id(bar): k for k, bar in enumerate(found.bars)}
    members = [tuple(numbers[id(bar)] for bar in slot) for slot in slots]
    colours = {bar.colour for bar in found.bars}
    if found.stacked or len(colours) < 2 or not _takes_turns(slots):
        return [_Group(slot, found.bars[slot[0]].centre) for slot in members]
    gaps = [b[0].a0 - a[0].a1 for a, b in itertools.pairwise(slots)]
    least = min(gaps)
    thick = float(np.median([bar.a1 - bar.a0 for bar in found.bars]))
    merged: list[list[int]] = [list(members[0])]
    for gap, slot in zip(gaps, members[1:], strict=True):
        seen = {found.bars[k].colour for k in merged[-1]}
        apart = gap > least + max(2.5, 0.3 * thick)
        if apart or found.bars[slot[0]].colour in seen:
            merged.append(list(slot))
        else:
            merged[-1].extend(slot)
    return [_Group(tuple(group), _middle([found.bars[k] for k in group])) for group in merged]


def _takes_turns(slots: Sequence[Sequence[Bar]]) -> bool:
    """Whether colours alternate, as in groups, rather than single bars being set off by a colour of their own."""
    colours = [slot[0].colour for slot in slots]
    usual = max(set(colours), key=colours.count)
    changes = sum(a != b for a, b in itertools.pairwise(colours))
    distinct = len(set(colours))
    return colours.count(usual) <= 0.75 * len(colours) and distinct < len(colours) and changes >= len(colours) / 2 - 1


def _middle(bars: Sequence[Bar]) -> float:
    return (min(bar.a0 for bar in bars) + max(bar.a1 for bar in bars)) / 2


def _labels(scene: Scene, found: BarSet, texts: Sequence[TextItem], groups: Sequence[_Group]) -> list[Label]:
    places = [group.place for group in groups]
    boxes = [bar.box for bar in found.bars]
    pitch = float(np.median(np.diff(places))) if len(places) > 1 else 12 * scene.unit
    if found.upright:
        left, right = min(box.x0 for box in boxes) - 0.8 * pitch, max(box.x1 for box in boxes) + 0.8 * pitch
        return labels_below(scene, parted(texts, places), max(box.y1 for box in boxes), left, right, places)
    edge = min(box.x0 for box in boxes)
    if len(found.slots()) != len(groups) or len(groups) == 1:
        return labels_beside(texts, places, edge, scene.unit)
    return labels_beside(texts, _filled_up(places, pitch, texts, edge), edge, scene.unit)


def _filled_up(places: Sequence[float], pitch: float, texts: Sequence[TextItem], edge: float) -> list[float]:
    """Add the rows between and beyond the bars where a label stands but no bar."""
    rows = [(item.box.y0 + item.box.y1) / 2 for item in texts if item.angle == 0 and item.box.x1 <= edge + 2]
    if not rows or pitch <= 0:
        return list(places)
    filled = list(places)
    first, last = places[0], places[-1]
    steps = range(round((min(rows) - first) / pitch) - 1, round((max(rows) - first) / pitch) + 2)
    for place in (first + k * pitch for k in steps):
        alone = min(abs(place - other) for other in filled) > 0.6 * pitch
        if alone and any(abs(row - place) < 0.3 * pitch for row in rows) and abs(place - (first + last) / 2) < 1e6:
            filled.append(place)
    return sorted(filled)


def _with_missing(
    found: BarSet, bars: list[Bar], groups: list[_Group], labels: Sequence[Label]
) -> tuple[list[Bar], list[_Group]]:
    """Add bars of no length where there is a label and no bar, in charts of one series."""
    places = [group.place for group in groups]
    if len(groups) < 2 or any(len(group.bars) != 1 for group in groups):
        return bars, groups
    pitch = float(np.median(np.diff(places)))
    first = bars[0]
    half = (first.a1 - first.a0) / 2
    added = list(groups)
    for label in labels:
        if min(abs(label.place - place) for place in places) < 0.6 * pitch:
            continue
        if not places[0] - 8 * pitch < label.place < places[-1] + 8 * pitch:
            continue
        a0, a1 = label.place - half, label.place + half
        along = (-found.foot, -found.foot) if found.upright else (found.foot, found.foot)
        box = Box(a0, along[0], a1, along[1]) if found.upright else Box(along[0], a0, along[1], a1)
        bars = [*bars, replace(first, box=box, a0=a0, a1=a1, start=found.foot, stop=found.foot, stacked=False)]
        added.append(_Group((len(bars) - 1,), label.place))
    return bars, sorted(added, key=lambda group: group.place)


def _known(scale: ValueScale, bars: Sequence[Bar], printed: dict[int, Printed]) -> list[tuple[float, float]]:
    """Return the ends of bars with the values printed for them."""
    sign = -1.0 if scale.upright else 1.0
    return [(sign * bars[k].stop, p.number.value) for k, p in printed.items() if not bars[k].stacked]


def _scale_of_printed(found: BarSet, bars: Sequence[Bar], printed: dict[int, Printed]) -> ValueScale | None:
    """Return the scale that printed values imply: values are lengths from the foot. None if they do not agree."""
    usable = [(bars[k].stop - found.foot, p.number.value) for k, p in printed.items() if not bars[k].stacked]
    ratios = [value / length for length, value in usable if abs(length) > 4]
    if len(ratios) < 2:
        return None
    slope = float(np.median(ratios))
    if slope == 0 or sum(abs(ratio - slope) <= 0.05 * abs(slope) for ratio in ratios) < 0.6 * len(ratios):
        return None
    sign = -1.0 if found.upright else 1.0
    return ValueScale(sign * slope, -slope * found.foot, False, (), 1.0, found.upright)


def _series(
    scene: Scene,
    legend: Legend,
    bars: Sequence[Bar],
    groups: Sequence[_Group],
    names: Sequence[str],
    printed: dict[int, Printed],
    scale: ValueScale | None,
    *,
    sharp: bool,
) -> tuple[Series, ...]:
    single = all(len(group.bars) == 1 for group in groups) and not legend.entries
    points: dict[int, list[Point]] = {}
    for group, name in zip(groups, names, strict=True):
        for k in group.bars:
            point = _point(bars[k], name, printed.get(k), scale, sharp=sharp)
            if point is not None:
                points.setdefault(-1 if single else bars[k].colour, []).append(point)
    order = [entry.colour for entry in legend.entries]
    keys = sorted(points, key=lambda key: order.index(key) if key in order else len(order))
    result = []
    for key in keys:
        red, green, blue = (int(c) for c in scene.ground.palette.colours[bars[0].colour if key == -1 else key])
        result.append(Series(legend.name_of(key), tuple(points[key]), (red, green, blue)))
    return tuple(result)


def _point(bar: Bar, name: str, printed: Printed | None, scale: ValueScale | None, *, sharp: bool) -> Point | None:
    sign = -1.0 if scale is not None and scale.upright else 1.0
    measured = None
    if scale is not None:
        measured = scale.value(sign * bar.stop) - (scale.value(sign * bar.start) if bar.stacked else 0.0)
    if printed is not None:
        number: Number | None = printed.number
        sure = printed.item.confidence
        if measured is not None and scale is not None and len(scale.ticks) >= 3:
            step = scale.per_pixel(sign * bar.stop) or 1.0
            number = mended(printed.number, measured, step, scale.unit, sharp=sharp)
        if number is not None:
            sure *= 1.0 if number.value == printed.number.value else 0.8
            return Point(name, number.value, "printed", bar.box, sure, text=printed.text)
    if scale is None or measured is None or bar.start == bar.stop:
        return None
    step = scale.per_pixel(sign * bar.stop)
    return Point(name, measured, "measured", bar.box, _MEASURED, uncertainty=step * (1.2 + scale.error))


def _dressed(
    scene: Scene,
    found: BarSet,
    labels: Sequence[Label],
    scale: ValueScale | None,
    free: Sequence[TextItem],
    series: tuple[Series, ...],
    plot: Box,
) -> ChartData:
    """Add titles and axes to the data."""
    title, taken = title_above(scene, free, plot.y0)
    rest = [item for item in free if not any(item is other for other in taken)]
    floor = max((item.box.y1 for label in labels for item in label.items if found.upright), default=plot.y1)
    below, _ = name_below(scene, rest, plot, floor)
    beside, _ = name_beside(scene, rest, plot)
    ticks: tuple[Tick, ...] = scale.ticks if scale else ()
    value_name, label_name = (beside, below) if found.upright else (below, beside)
    unit = (scale.unit if scale else "") or unit_in(value_name)
    kind = "log" if scale and scale.log else "linear"
    value_axis = Axis(value_name, unit, kind if scale else "none", tuple(tick.item.text for tick in ticks))  # type: ignore[arg-type]
    label_axis = Axis(label_name, "", "category", tuple(label.text for label in labels))
    return ChartData(
        "bar" if found.upright else "hbar",
        title,
        label_axis,
        value_axis,
        series,
        stacked=found.stacked,
    )
