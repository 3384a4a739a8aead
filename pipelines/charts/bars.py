"""Find bars among filled rectangles: their direction, their common foot, stacks and groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsvl2.pipelines.charts.covered import uncovered
from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.marks import Solid, split_steps
from dsvl2.pipelines.charts.scene import Scene, overlap
from dsvl2.pipelines.documents import Box

_MARKERS = 4  # small squares of one size and colour that are no bars
_TOUCH = 3.5  # pixels between a bar and its foot or the bar below it: axis lines and white gaps


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in its own direction: across from `a0` to `a1`, along from its foot `start` to its end `stop`, pixels.

    `along` grows to the right for level bars and upwards (negative rows) for upright ones. `slot` numbers the column or
    row; `stacked` bars stand on another bar.
    """

    colour: int
    box: Box
    a0: float
    a1: float
    start: float
    stop: float
    slot: int = 0
    stacked: bool = False

    @property
    def centre(self) -> float:
        """Middle across the bar."""
        return (self.a0 + self.a1) / 2


@dataclass(frozen=True, slots=True)
class BarSet:
    """All bars of a chart. `foot` is where values begin, in pixels along (see `Bar`); slots are in order across."""

    upright: bool
    bars: tuple[Bar, ...]
    foot: float
    stacked: bool

    def slots(self) -> tuple[tuple[Bar, ...], ...]:
        """Return the bars of each column or row, in order across."""
        count = 1 + max((bar.slot for bar in self.bars), default=-1)
        return tuple(tuple(bar for bar in self.bars if bar.slot == k) for k in range(count))


def find_bars(scene: Scene, legend: Legend) -> BarSet | None:
    """Return the bars of the chart, upright or level, whichever explains more; None if there are none."""
    swatches = {(entry.swatch.x0, entry.swatch.y0) for entry in legend.entries}
    usable = [solid for solid in scene.solids if (solid.box.x0, solid.box.y0) not in swatches]
    usable = _without_markers(uncovered(scene, legend, usable), scene.unit)
    best: tuple[float, BarSet] | None = None
    for upright in (True, False):
        rectangles: list[Solid] = []
        for solid in usable:
            rectangles += [solid] if solid.rectangle else split_steps(solid, upright=upright)
        merit, bars = _arrange(rectangles, upright=upright, unit=scene.unit)
        if bars is not None and (best is None or merit > best[0]):
            best = (merit, bars)
    return _with_border(scene, best[1]) if best else None


def stand_out(bars: BarSet, unit: float) -> bool:
    """Whether bars are larger than marks of a curve are: one longer than three letter heights, or wider than two."""
    return any(abs(bar.stop - bar.start) > 3 * unit or bar.a1 - bar.a0 > 2 * unit for bar in bars.bars)


def _without_markers(solids: Sequence[Solid], unit: float) -> list[Solid]:
    """Leave out the marks of curves: as wide as high, small, and several alike in one colour."""
    small = [s for s in solids if max(s.width, s.height) <= 1.7 * unit and abs(s.width - s.height) <= 2]
    count = Counter((solid.colour, round(solid.width / 3)) for solid in small)
    marks = {id(s) for s in small if sum(count[s.colour, round(s.width / 3) + k] for k in (-1, 0, 1)) >= _MARKERS}
    return [solid for solid in solids if id(solid) not in marks]


def _with_border(scene: Scene, bars: BarSet) -> BarSet:
    """Add half of the outline to bars that are drawn with one: the value lies in its middle."""
    rgb = scene.ground.rgb.astype(np.int16)
    fills = scene.ground.palette.colours.astype(np.int16)
    height, width = rgb.shape[:2]
    thick = []
    for bar in bars.bars:
        step = 1 if bar.stop >= bar.start else -1
        at, count = round(bar.centre), 0
        for k in range(4):
            along = round(bar.stop) + (k if step > 0 else -1 - k)
            y, x = (-along - 1, at) if bars.upright else (at, along)
            if not (0 <= y < height and 0 <= x < width):
                break
            under = fills[scene.ground.under[min(max(y - 6 * step * bars.upright, 0), height - 1), x]]
            here = rgb[y, x]
            if np.abs(here - fills[bar.colour]).max() < 60 or np.abs(here - under).max() < 60:
                break
            count += 1
        thick.append(count if count < 4 else 0)
    half = float(np.median(thick)) / 2
    if not half:
        return bars
    grown = tuple(replace(bar, stop=bar.stop + (half if bar.stop >= bar.start else -half)) for bar in bars.bars)
    sign = np.sign(float(np.median([bar.stop - bar.start for bar in bars.bars])))
    return replace(bars, bars=grown, foot=bars.foot - half * float(sign))


def _turned(solid: Solid, *, upright: bool) -> Bar:
    box = solid.box
    if upright:
        return Bar(solid.colour, box, box.x0, box.x1, -box.y1, -box.y0)
    return Bar(solid.colour, box, box.y0, box.y1, box.x0, box.x1)


def _arrange(solids: Sequence[Solid], *, upright: bool, unit: float) -> tuple[float, BarSet | None]:
    """Return how well the rectangles make bars of that direction, and the bars."""
    candidates = [_turned(solid, upright=upright) for solid in solids]
    if not candidates:
        return 0.0, None
    best: tuple[float, list[Bar], float] = (0.0, [], 0.0)
    for thick in sorted({round(bar.a1 - bar.a0) for bar in candidates}):
        even = [bar for bar in candidates if abs(bar.a1 - bar.a0 - thick) <= max(1.6, 0.12 * thick)]
        for foot in sorted({bar.start for bar in even} | {bar.stop for bar in even}):
            standing = _standing(even, foot)
            if not standing:
                continue
            total = float(sum((bar.stop - bar.start) * (bar.a1 - bar.a0) for bar in standing))
            lengths = np.array([bar.stop - bar.start for bar in standing])
            merit = len(standing) + 0.2 * min(1.0, total / (40 * unit * unit))
            # Bars of one length and different thickness are more likely bars of the other direction.
            merit += 0.3 * float(np.ptp(lengths) > 0.1 * lengths.max()) if len(standing) > 1 else 0.0
            if merit > best[0]:
                best = (merit, standing, foot)
    merit, standing, foot = best
    if not standing or max(bar.stop - bar.start for bar in standing) < 1.2 * unit:
        return 0.0, None
    bars = _slotted(standing)
    return merit, BarSet(upright, bars, foot, any(bar.stacked for bar in bars))


def _standing(bars: Iterable[Bar], foot: float) -> list[Bar]:
    """Return the bars that stand on a foot or on each other, turned so that `start` is the nearer end."""
    waiting = sorted(bars, key=lambda bar: min(abs(bar.start - foot), abs(bar.stop - foot)))
    placed: list[Bar] = []
    for bar in waiting:
        own = [other for other in placed if overlap(bar.a0, bar.a1, other.a0, other.a1) > 0.6 * (bar.a1 - bar.a0)]
        if abs(bar.start - foot) <= _TOUCH:
            placed.append(bar)
        elif abs(bar.stop - foot) <= _TOUCH:
            placed.append(replace(bar, start=bar.stop, stop=bar.start))
        elif any(other.stop > foot and abs(bar.start - other.stop) <= _TOUCH for other in own):
            placed.append(replace(bar, stacked=True))
        elif any(other.stop < foot and abs(bar.stop - other.stop) <= _TOUCH for other in own):
            placed.append(replace(bar, start=bar.stop, stop=bar.start, stacked=True))
    return placed


def _slotted(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Number columns (or rows) of bars in order across."""
    slots: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: bar.centre):
        last = slots[-1] if slots else None
        if last and overlap(last[0].a0, last[0].a1, bar.a0, bar.a1) > 0.5 * (bar.a1 - bar.a0):
            last.append(bar)
        else:
            slots.append([bar])
    return tuple(
        replace(bar, slot=number)
        for number, slot in enumerate(slots)
        for bar in sorted(slot, key=lambda bar: abs(bar.start))
    )
