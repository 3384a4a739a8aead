"""Fit number axes to tick labels: where which value lies, linear or logarithmic, robust against stray numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import log10

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.numbers import Number, only_numbers, parse_number, split_apart
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.words import split_by_width

_MARK = re.compile(r"(?<=[\d%])\s+[-\u2013\u2014_|'\u2713\u2714\u2611.]+$")  # a tick mark read as a sign
_POINT = re.compile(r"^[-\u2212]?\d\.\d\s?%?$")
_LEAST_KNOWN = 3  # printed values that set a scale right
_STRAY, _FARTHEST = 1.6, 6.0  # pixels that they may differ from each other, and together from the scale


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis: its place along it in pixels, its place across, half its size across, its value."""

    place: float
    across: float
    edge0: float
    edge1: float
    number: Number
    item: TextItem
    doubtful: bool = False  # read otherwise than it was written: a part of a text, or without its decimal point


@dataclass(frozen=True, slots=True)
class ValueScale:
    """value = slope * place + offset, or 10 to that power if `log`. `error` is the fit's residual in pixels."""

    slope: float
    offset: float
    log: bool
    ticks: tuple[Tick, ...]
    error: float
    upright: bool

    def value(self, place: float) -> float:
        """Return the value at a place in pixels."""
        straight = self.slope * place + self.offset
        return float(10.0 ** min(max(straight, -300.0), 300.0)) if self.log else straight

    def place(self, value: float) -> float:
        """Return where a value lies, pixels; NaN for what a log scale cannot show."""
        if self.log:
            return (log10(value) - self.offset) / self.slope if value > 0 else float("nan")
        return (value - self.offset) / self.slope

    def per_pixel(self, place: float) -> float:
        """Return how much the value changes over a pixel there."""
        return abs(self.value(place + 0.5) - self.value(place - 0.5))

    @property
    def unit(self) -> str:
        """The unit most tick labels carry."""
        units = [tick.number.unit for tick in self.ticks]
        return max(set(units), key=units.count) if units else ""

    @property
    def across(self) -> float:
        """Where the tick labels stand across the axis, pixels."""
        return float(np.median([tick.across for tick in self.ticks]))

    @property
    def span(self) -> tuple[float, float]:
        """First and last tick, pixels."""
        places = [tick.place for tick in self.ticks]
        return min(places), max(places)


def snapped(scale: ValueScale, gray: NDArray[np.uint8], unit: float) -> ValueScale:
    """Return the scale moved to the grid lines or tick marks that most of its labels stand at, if there are such lines.

    Labels stand beside their line with an error of a pixel or so that is the same for all.
    """
    rows = gray.astype(np.int16) if scale.upright else gray.T.astype(np.int16)
    offsets = []
    reach = max(2, round(0.6 * unit))
    for tick in scale.ticks:
        low, high = max(2, round(tick.place) - reach), min(rows.shape[0] - 2, round(tick.place) + reach + 1)
        if high <= low:
            continue
        band = rows[low:high]
        step = np.minimum(np.abs(band - rows[low - 2 : high - 2]), np.abs(band - rows[low + 2 : high + 2]))
        share = (step >= 6).mean(axis=1)
        if float(share.max()) > 0.25:
            near = np.flatnonzero(share > 0.8 * share.max())
            offsets.append(float(low + near.mean()) - tick.place)
    if len(offsets) < max(2, 0.6 * len(scale.ticks)):
        return scale
    shift = float(np.median(offsets))
    if float(np.median(np.abs(np.array(offsets) - shift))) > 1.0:
        return scale
    return replace(scale, offset=scale.offset - scale.slope * shift)


def calibrated(scale: ValueScale, known: Sequence[tuple[float, float]]) -> ValueScale | None:
    """Return the scale moved to known (place, value) pairs, None if too few of them agree with it and each other.

    Values printed beside their marks are read from the same picture by the same edges, so they set the scale right to a
    part of a pixel.
    """
    if scale.log or len(known) < _LEAST_KNOWN:
        return None
    places, values = (np.array(side) for side in zip(*known, strict=True))
    off = (values - scale.offset) / scale.slope - places  # pixels from a mark to where its value belongs
    near = np.abs(off - np.median(off)) <= _STRAY
    if int(near.sum()) < max(_LEAST_KNOWN, 0.6 * len(known)) or abs(float(np.median(off))) > _FARTHEST:
        return None
    slope, offset = scale.slope, scale.offset + scale.slope * float(np.median(off[near]))
    if int(near.sum()) >= 4 and float(np.ptp(places[near])) > 40:
        slope, offset = (float(k) for k in np.polyfit(places[near], values[near], 1))
        if not 0.97 < slope / scale.slope < 1.03:
            return None
    return replace(scale, slope=slope, offset=offset)


def in_thousands(scale: ValueScale, known: Sequence[tuple[float, float]]) -> ValueScale:
    """Return the scale in thousands or thousandths if most known (place, value) pairs say so.

    Tick labels whose group sign was read as a decimal point make an axis of ones out of thousands.
    """
    ratios = [value / scale.value(place) for place, value in known if value and scale.value(place)]
    for power in (3, -3):
        near = sum(abs(ratio / 10.0**power - 1) < 0.06 for ratio in ratios)
        if not scale.log and near >= max(_LEAST_KNOWN, 0.6 * len(known)):
            return replace(scale, slope=scale.slope * 10.0**power, offset=scale.offset * 10.0**power)
    return scale


def ticks_of(texts: Iterable[TextItem], *, upright: bool) -> list[Tick]:
    """Return all numbers that could be tick labels of an upright or level axis; doubtful texts in all readings."""
    ticks: list[Tick] = []
    for item in texts:
        if item.angle not in (0, 90):
            continue
        for number, share0, share1, doubtful in _readings(item):
            box = item.box
            x0, x1 = (box.x0 + (box.x1 - box.x0) * share for share in (share0, share1))
            if upright:
                ticks.append(Tick((box.y0 + box.y1) / 2, (x0 + x1) / 2, x0, x1, number, item, doubtful))
            else:
                ticks.append(Tick((x0 + x1) / 2, (box.y0 + box.y1) / 2, box.y0, box.y1, number, item, doubtful))
    return ticks


def _readings(item: TextItem) -> Iterator[tuple[Number, float, float, bool]]:
    """Yield the numbers of a text with the part of its width they take, [start, stop), and whether that is a guess."""
    item = replace(item, text=_MARK.sub("", item.text))
    whole = parse_number(item.text)
    if whole is not None:
        yield whole, 0.0, 1.0, False
        if _POINT.match(item.text):  # small letters grow points: 6.0% for 60%
            yield replace(whole, value=10 * whole.value), 0.0, 1.0, True
    pieces = split_apart(item.text)
    if len(pieces) > 1:
        words = split_by_width(item.text)
        yield from ((number, start, stop, True) for number, (_, start, stop) in zip(pieces, words, strict=True))
    elif whole is None:
        glued = only_numbers(item.text)
        length = max(len(item.text), 1)
        yield from ((number, number.start / length, number.end / length, True) for number in glued)


def find_scales(texts: Iterable[TextItem], unit: float, *, upright: bool) -> list[ValueScale]:
    """Return the number axes that rows (or, upright, columns) of texts make, the best supported first."""
    ticks = ticks_of(texts, upright=upright)
    scales: list[ValueScale] = []
    left = list(ticks)
    while len(left) >= 2:
        best: ValueScale | None = None
        for lane in _lanes(left, unit, upright=upright):
            fitted = fit(lane, unit, upright=upright)
            if fitted and (best is None or _support(fitted) > _support(best)):
                best = fitted
        if best is None:
            break
        scales.append(best)
        used = {id(tick.item) for tick in best.ticks}
        left = [tick for tick in left if id(tick.item) not in used]
    return scales


def _lanes(ticks: Sequence[Tick], unit: float, *, upright: bool) -> Iterator[list[Tick]]:
    """Yield groups of numbers that are aligned across the axis: by right, left or centre edges."""
    slack = max(2.5, 0.45 * unit)
    seen: set[frozenset[int]] = set()
    for key in ("edge1", "edge0", "across") if upright else ("across",):
        for anchor in ticks:
            at = getattr(anchor, key)
            lane = [tick for tick in ticks if abs(getattr(tick, key) - at) <= slack]
            name = frozenset(map(id, lane))
            if len(lane) >= 2 and name not in seen:
                seen.add(name)
                yield lane


def fit(lane: Sequence[Tick], unit: float, *, upright: bool) -> ValueScale | None:
    """Return the line through most of the numbers of a lane, None if no two agree (two alone only if they may)."""
    best: ValueScale | None = None
    for log in (False, True):
        usable = [tick for tick in lane if not log or tick.number.value > 0]
        pairs = list(combinations(range(len(usable)), 2))
        for first, second in pairs[:: max(1, len(pairs) // 300)]:
            found = _through(usable, usable[first], usable[second], unit, log=log, upright=upright)
            if found and (best is None or _merit(found) > _merit(best)):
                best = found
    if best is None:
        return None
    return best if len(best.ticks) >= 3 or (len(lane) == 2 and not best.log) else None


def _merit(scale: ValueScale) -> tuple[int, bool, int, float]:
    count, doubts, error = _support(scale)
    return count, not scale.log, doubts, error


def _support(scale: ValueScale) -> tuple[int, int, float]:
    """Return how many ticks a scale goes through, then how few of them are guesses, then how near it comes to them."""
    return len(scale.ticks), -sum(tick.doubtful for tick in scale.ticks), -scale.error


def _through(
    ticks: Sequence[Tick], first: Tick, second: Tick, unit: float, *, log: bool, upright: bool
) -> ValueScale | None:
    values = [log10(tick.number.value) if log else tick.number.value for tick in ticks]
    a, b = ticks.index(first), ticks.index(second)
    if abs(second.place - first.place) < 0.8 * unit or values[a] == values[b]:
        return None
    slope = (values[b] - values[a]) / (second.place - first.place)
    if (slope > 0) == upright and upright:
        return None  # upright axes grow upwards, to smaller rows
    if slope < 0 and not upright:
        return None
    offset = values[a] - slope * first.place
    slack = max(1.6, 0.25 * unit)
    near: dict[float, tuple[float, Tick, float]] = {}
    for tick, value in zip(ticks, values, strict=True):
        off = abs((value - offset) / slope - tick.place)
        if off <= slack and (value not in near or off < near[value][0]):
            near[value] = (off, tick, value)
    if len(near) < 2:
        return None
    kept = list(near.values())
    places = np.array([tick.place for _, tick, _ in kept])
    heights = np.array([value for _, _, value in kept])
    slope, offset = (float(k) for k in np.polyfit(places, heights, 1))
    if slope == 0:
        return None
    error = float(np.abs((heights - offset) / slope - places).mean())
    ordered = sorted((tick for _, tick, _ in kept), key=lambda tick: tick.place)
    return ValueScale(slope, offset, log, tuple(ordered), error, upright)
