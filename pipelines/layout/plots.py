"""Charts among text, told by their scales: labels at even steps up one side and along the foot, and drawing between them.

A table has numbers in columns and rows, too, but what stands level with one and below the other is text; the steps of a
chart cross in its drawing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.binarise import Gray
from dsvl2.pipelines.layout.boxes import Place, merge_boxes
from dsvl2.pipelines.layout.components import Components, Mask
from dsvl2.pipelines.layout.lines import Rows
from dsvl2.pipelines.layout.segments import Segments, find_segments
from dsvl2.pipelines.layout.types import InkLine

Floats = NDArray[np.float64]

_STEPS = 3  # labels of a scale, at least
_EVEN, _ODD = 0.07, 0.25  # of a step, and of a label's height, by which steps of one scale differ
_HIGHEST = 4.0  # letter heights of the page, of a label
_FLUSH = 0.4  # of a label's height, by which ends of labels of one scale differ
_SIZE = 1.3  # height of one label to another's
_WIDEST = 16.0  # of a label, in its heights
_APART = 1.2  # of a label's height, from one line of the upright scale to the next
_FOOT = 4.0  # of a label's height, from the lowest of the upright scale to the level one
_REACH = 0.6  # of its step, that an upright scale ends above the foot
_LATE = (
    2.2  # of its step, that the level scale begins beside the upright one: labels may be joined to what is beside them
)
_WORDS = (
    1.0,
    0.8,
    0.6,
)  # of their height, between letters of a label: over the point of a number, and clear of a title beside it
_TALL, _WIDE = 5.0, 8.0  # heights of a label, of the smallest chart
_WRITTEN = 0.3  # share of the crossings of two scales where letters stand, from which they are a table
_COLUMN, _PILE = 0.35, 2  # of a step, to both sides of a label; pieces of text above it, of a table
_DRAWN = 0.02  # of the pixels between the scales, that differ from the paper, at least
_TINT = 6  # grey levels
# letter heights of a line of running text, the share of it that letters cover, such lines on a page with charts among text
_RUNNING, _DENSE, _LINES = 22.0, 0.55, 2


@dataclass(frozen=True, slots=True)
class _Scale:
    """Labels at even steps: their middles along the scale, and the box around them."""

    steps: Floats
    box: Place
    height: float

    @property
    def step(self) -> float:
        return float(self.steps[-1] - self.steps[0]) / (len(self.steps) - 1)


def find_plots(gray: Gray, found: Components, letter: Mask, rows: Rows, unit: float) -> list[Place]:
    """Return the boxes of the charts of a page of text, their scales' labels included.

    `found` and `letter` are its pieces of ink, `gray` [H, W] the page they are of, `unit` the height of its letters.
    """
    running = _running(rows, found, unit)
    if len(running) < _LINES:
        return []  # nothing but a chart: all of it is one picture
    words = [find_segments(found, letter & (found.height < _HIGHEST * unit), unit, gap) for gap in _WORDS]
    upright = [scale for segs in words for scale in _upright_scales(segs)]
    level = [scale for segs in words for scale in _level_scales(segs)] if upright else []
    boxes = [
        _box(side, foot, gray.shape)
        for side, foot in _corners(upright, level)
        if not any(_between(line, side, foot) for line in running)
        and not _written(words[0], side, foot)
        and _drawn(gray, side, foot)
    ]
    return merge_boxes(boxes, 0)


def _running(rows: Rows, found: Components, unit: float) -> list[InkLine]:
    """Return the lines of running text: long, and letters close together."""
    cover = np.zeros(len(rows.lines) + 1)
    np.add.at(cover, rows.of_component, found.width)  # pieces of no line go to the last place
    return [
        line
        for line, covered in zip(rows.lines, cover.tolist(), strict=False)
        if line.x1 - line.x0 > _RUNNING * unit and covered > _DENSE * (line.x1 - line.x0)
    ]


def _upright_scales(segs: Segments) -> Iterator[_Scale]:
    """Yield the labels that end at one place and stand at even steps above each other."""
    middle, ends = (segs.y0 + segs.y1) / 2, segs.x1.astype(np.float64)
    yield from _scales(segs, middle, ends, least=_APART)


def _level_scales(segs: Segments) -> Iterator[_Scale]:
    """Yield the labels that stand at even steps on one line."""
    middle, feet = (segs.x0 + segs.x1) / 2, segs.y1.astype(np.float64)
    yield from _scales(segs, middle, feet, least=0.0)


def _scales(segs: Segments, along: Floats, across: Floats, *, least: float) -> Iterator[_Scale]:
    tall = (segs.y1 - segs.y0).astype(np.float64)
    short = np.flatnonzero((segs.x1 - segs.x0 < _WIDEST * tall) & (segs.size <= _WIDEST))
    order = short[np.argsort(across[short], kind="stable")]
    runs_of: list[set[int]] = [set() for _ in range(len(segs))]  # the numbers of the runs that hold a label
    for first in range(len(order)):
        height = tall[order[first]]
        last = int(np.searchsorted(across[order], across[order[first]] + _FLUSH * height, side="right"))
        group = order[first:last]
        group = group[(tall[group] < _SIZE * height) & (height < _SIZE * tall[group])]
        if len(group) < _STEPS or set.intersection(*(runs_of[k] for k in group.tolist())):
            continue
        group = group[np.argsort(along[group], kind="stable")]
        for a, b in _even_runs(along[group], _ODD * height):
            members = group[a:b]
            if np.diff(along[members]).min() < least * height or set.intersection(
                *(runs_of[k] for k in members.tolist())
            ):
                continue  # a part of what was found already
            for k in members.tolist():
                runs_of[k].add(first)
            sides = (segs.x0[members].min(), segs.y0[members].min(), segs.x1[members].max(), segs.y1[members].max())
            yield _Scale(along[members], _place(sides), float(np.median(tall[members])))


def _place(sides: Sequence[np.int64]) -> Place:
    x0, y0, x1, y1 = map(int, sides)
    return x0, y0, x1, y1


def _even_runs(places: Floats, odd: float) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of the longest runs of places at even steps."""
    steps = np.diff(places).tolist()
    start = 0
    while start + _STEPS - 1 <= len(steps):
        end, total = start + 1, steps[start]
        room = max(_EVEN * steps[start], odd)
        while end < len(steps) and abs(steps[end] - total / (end - start)) < room:
            total += steps[end]
            end += 1
        if end - start >= _STEPS - 1 and steps[start] > 0:
            yield start, end + 1
            start = end
        else:
            start += 1


def _corners(upright: Sequence[_Scale], level: Sequence[_Scale]) -> Iterator[tuple[_Scale, _Scale]]:
    """Yield the pairs of scales that meet at the lower left corner of a chart large enough."""
    if not level:
        return
    left, top, first, last = np.array([(s.box[0], s.box[1], s.steps[0], s.steps[-1]) for s in level]).T
    step, high = np.array([(s.step, s.height) for s in level]).T
    for side in upright:
        height, right = side.height, side.box[2]
        below, beside = top - side.steps[-1], left - right
        meet = (below > -0.5 * height) & (below < max(_FOOT * height, _REACH * side.step))
        meet &= (first > right - height) & (beside < np.maximum(_FOOT * height, _LATE * step))
        meet &= (last - right > _WIDE * height) & (np.maximum(high, height) < _SIZE * np.minimum(high, height))
        if side.steps[-1] - side.steps[0] > _TALL * height:
            yield from ((side, level[k]) for k in np.flatnonzero(meet).tolist())


def _between(line: InkLine, side: _Scale, foot: _Scale) -> bool:
    """Say whether a line of text lies between two scales and goes on beyond them: rows of dots and curves do not."""
    level = side.steps[0] < line.middle < foot.box[1] - side.height
    return level and (line.x0 < side.box[0] - side.height or line.x1 > foot.box[2] + foot.step)


def _written(segs: Segments, side: _Scale, foot: _Scale) -> bool:
    """Say whether text stands where the steps of two scales cross or in piles on the level one, as in the cells of a table."""
    y = (segs.y0 + segs.y1) / 2
    tall = segs.y1 - segs.y0
    sized = (tall > 0.7 * side.height) & (tall < 1.5 * side.height) & (segs.x0 > side.box[2]) & (y < foot.box[1])
    crossed, piles = 0, []
    for column in foot.steps.tolist():
        near = sized & (segs.x0 < column + _COLUMN * foot.step) & (segs.x1 > column - _COLUMN * foot.step)
        crossed += sum(bool((np.abs(y[near] - row) < 0.6 * side.height).any()) for row in side.steps.tolist())
        piles.append(int((near & (segs.size >= 2) & (y > side.box[1])).sum()))
    return crossed > _WRITTEN * len(side.steps) * len(foot.steps) or float(np.median(piles)) >= _PILE


def _drawn(gray: Gray, side: _Scale, foot: _Scale) -> bool:
    """Say whether there is anything but paper between two scales."""
    part = gray[int(side.steps[0]) : foot.box[1], side.box[2] + 1 : int(foot.steps[-1])]
    paper = float(np.percentile(gray, 90))
    return part.size > 0 and float((np.abs(part.astype(np.float64) - paper) > _TINT).mean()) > _DRAWN


def _box(side: _Scale, foot: _Scale, shape: Sequence[int]) -> Place:
    """Return the box of a chart: a part of a step beyond the ends of its scales, as drawings reach."""
    height = side.height
    top = min(side.box[1], side.steps[0] - min(0.75 * side.step, 2.5 * height))
    right = max(foot.box[2], foot.steps[-1] + min(foot.step / 2, 6 * height))
    return (
        int(max(0.0, side.box[0] - 0.3 * height)),
        int(max(0.0, top)),
        int(min(float(shape[1]), right)),
        int(min(float(shape[0]), foot.box[3] + 0.3 * height)),
    )


def blanked(gray: Gray, places: Sequence[Place]) -> Gray:
    """Return the page with paper in place of these boxes."""
    if places:
        gray = gray.copy()
    for x0, y0, x1, y1 in places:
        gray[y0:y1, x0:x1] = 255
    return gray
