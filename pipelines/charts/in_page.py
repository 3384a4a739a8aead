"""Charts of a page that is read as text: found by their place and marks, read beside its bands, given as figure and table.

What counts is data: a picture, a diagram or a real table gives none and stays what it was. A page without pictures costs
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter

from dsvl2.pipelines.charts.export import table_of
from dsvl2.pipelines.charts.read import PreparedChart, finish_chart, prepare_chart
from dsvl2.pipelines.charts.types import ChartData
from dsvl2.pipelines.documents import Block, Box, Line
from dsvl2.pipelines.layout import PageInk, PageLayout, Region, straightened
from dsvl2.pipelines.layout.assemble import join_lines
from dsvl2.pipelines.layout.components import components

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.model import GenerationRequest, GenerationResult, ReadingProfile

# Lengths in heights of a small letter.
_WIDE, _HIGH = 12.0, 7.0  # of the smallest picture that may be a chart
_BESIDE, _ABOVE = 14.0, 9.0  # how far labels and titles stand from the marks
_RUNNING = 22.0  # a line of closely set letters so long is text of the page
_NEXT = 3.2  # from a line of text to the next, and from an axis to its labels
_DENSE = 0.55  # share of a line of text that letters cover; rows of labels have less
_FEWEST, _MOST = 4, 4  # pieces of text of a chart, and canvases that they are read from
_LEAST = 3  # data of a chart that nobody announced
_SURE = 0.5  # mean confidence of a chart's data
_BARS = 3  # of a chart without axes
_MOST_RULES = 200  # lines of a page that are looked at
_SOLID = 205  # grey level of the palest fill that counts as a bar


@dataclass(frozen=True, slots=True)
class ChartCut:
    """A part of a page that may be a chart: where, in upright pixels, and what to ask the model about its words.

    `letters` [N, 2] are the middles of the letters that the page shows there; those on fills are none of them.
    """

    box: Box
    prepared: PreparedChart
    profile: ReadingProfile
    letters: NDArray[np.float32]

    @property
    def requests(self) -> tuple[GenerationRequest, ...]:
        """What reads its words."""
        return self.prepared.requests


def page_charts(layout: PageLayout, image: Image, profile: ReadingProfile) -> tuple[ChartCut, ...]:
    """Return the parts of a page that may be charts."""
    ink = layout.ink
    if ink is None or ink.unit <= 0:
        return ()
    image = straightened(image, layout)
    marks = [box for region in layout.regions if (box := _marks(region, image, ink.unit))]
    marks += [box for frame in _axes(ink) if (box := _bars(image, frame, ink.unit))]
    page = Box(0, 0, *layout.size)
    if not marks and (box := _bars(image, page, ink.unit, least=_BARS)):
        marks = [box]
    running = _running(ink) if marks else []
    # A page without running text is a picture of a chart: its labels and legend may stand anywhere.
    places = _apart([_with_labels(box, running, page, ink.unit) for box in marks]) if running else [page] * bool(marks)
    result = []
    for box in places:
        part = image.crop((int(box.x0), int(box.y0), math.ceil(box.x1), math.ceil(box.y1)))
        prepared = prepare_chart(part, profile)
        if len(prepared.spots) >= _FEWEST and len(prepared.requests) <= _MOST:
            result.append(ChartCut(box, prepared, profile, _letters(ink, box)))
    return tuple(result)


def _letters(ink: PageInk, box: Box) -> NDArray[np.float32]:
    middles = (ink.boxes[:, :2] + ink.boxes[:, 2:]) / 2
    x, y = middles.T
    inside: NDArray[np.bool_] = ink.letter & (x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)
    kept: NDArray[np.float32] = middles[inside].astype(np.float32)
    return kept


def _marks(region: Region, image: Image, unit: float) -> Box | None:
    """Return where the marks of a chart may be in a region: the whole of a picture, the bars in what looks like a table."""
    box = region.box
    if region.kind == "text" or box.x1 - box.x0 < _WIDE * unit or box.y1 - box.y0 < _HIGH * unit:
        return None
    return box if region.kind == "figure" else _bars(image, box, unit)


def _axes(ink: PageInk) -> list[Box]:
    """Return the boxes that a level and an upright line open whose lower left ends meet."""
    rules = ink.rules[:_MOST_RULES]
    wide, high = rules[:, 2] - rules[:, 0], rules[:, 3] - rules[:, 1]
    level, upright = rules[wide > _WIDE * ink.unit], rules[high > _HIGH * ink.unit]
    found = []
    for x0, y0, _, y1 in upright.tolist():
        meets = (np.abs(level[:, 0] - x0) < 1.5 * ink.unit) & (np.abs(level[:, 3] - y1) < 1.5 * ink.unit)
        found += [Box(x0, y0, float(x1), y1) for x1 in level[meets, 2]]
    return found


def _bars(image: Image, box: Box, unit: float, *, least: int = 2) -> Box | None:
    """Return the box of solid boxes of different lengths, `least` or more, that stand side by side on one line."""
    left, top = int(box.x0), int(box.y0)
    part = image.crop((left, top, math.ceil(box.x1), math.ceil(box.y1))).convert("L")
    step = max(1, int(unit / 3))
    part = part.reduce(step)
    # Letters and lines go, and boxes that lines join come apart; the filter leaves the rim as it is.
    size = int(0.5 * unit / step) * 2 + 1
    mask = np.asarray(part.filter(ImageFilter.MaxFilter(size))) < _SOLID
    mask[:size] = mask[-size:] = mask[:, :size] = mask[:, -size:] = False
    found = components(mask)
    wide, high = found.width * step, found.height * step
    solid = (found.area >= 0.85 * found.width * found.height) & (np.minimum(wide, high) > 0.5 * unit)
    solid &= (wide < 0.9 * (box.x1 - box.x0)) & (wide * high > 4 * unit * unit)
    for foot, length in ((found.y1, high), (found.x0, wide)):
        for k in np.flatnonzero(solid).tolist():
            group = solid & (np.abs(foot - foot[k]) < unit / step)
            if int(group.sum()) >= least and float(np.ptp(length[group])) > unit:
                x0, y0, x1, y1 = (step * float(v) for v in (
                    found.x0[group].min(), found.y0[group].min(), found.x1[group].max(), found.y1[group].max()
                ))  # fmt: skip
                return Box(left + x0, top + y0, left + x1, top + y1)
    return None


def _with_labels(box: Box, running: Sequence[Box], page: Box, unit: float) -> Box:
    """Return the box of marks with the room around it in which labels stand, up to the running text of the page."""
    x0, y0 = max(page.x0, box.x0 - _BESIDE * unit), max(page.y0, box.y0 - _ABOVE * unit)
    x1, y1 = min(page.x1, box.x1 + _BESIDE * unit), min(page.y1, box.y1 + _ABOVE * unit)
    for line in running:
        level = line.y1 > box.y0 and line.y0 < box.y1
        over = line.x1 > box.x0 - _BESIDE * unit and line.x0 < box.x1 + _BESIDE * unit
        within = line.x0 > box.x0 - 3 * unit and line.x1 < box.x1 + 3 * unit
        if level and line.x1 <= box.x0:
            x0 = max(x0, line.x1 + 1)
        elif level and line.x0 >= box.x1:
            x1 = min(x1, line.x0 - 1)
        elif over and line.y1 <= box.y0 + unit:
            y0 = max(y0, line.y1 + 1)
        elif over and line.y0 >= box.y1 - unit and not (within and line.y0 < box.y1 + _NEXT * unit):
            y1 = min(y1, line.y0 - 1)
    return Box(x0, y0, x1, y1)


def _running(ink: PageInk) -> list[Box]:
    """Return the boxes of the lines that are running text: long, and letters close together; and ends of paragraphs."""
    cover = np.zeros(len(ink.lines) + 1)
    np.add.at(cover, ink.line, ink.boxes[:, 2] - ink.boxes[:, 0])  # pieces of no line go to the last place
    result: list[Box] = []
    rest: list[Box] = []
    for line, covered in zip(ink.lines, cover.tolist(), strict=False):
        wide = line.x1 - line.x0
        (result if wide > _RUNNING * ink.unit and covered > _DENSE * wide else rest).append(line.box)
    ends = [
        box
        for box in rest
        if any(abs(box.x0 - k.x0) < ink.unit and 0 < box.y0 - k.y0 < _NEXT * ink.unit for k in result)
    ]
    return result + ends


def _apart(boxes: Sequence[Box]) -> list[Box]:
    """Join boxes that overlap."""
    result: list[Box] = []
    for box in boxes:
        for other in [
            b for b in result if min(b.x1, box.x1) > max(b.x0, box.x0) and min(b.y1, box.y1) > max(b.y0, box.y0)
        ]:
            result.remove(other)
            box = box.union(other)
        result.append(box)
    return result


def with_charts(
    blocks: Sequence[Block],
    charts: Sequence[ChartCut],
    answers: Sequence[GenerationResult],
    layout: PageLayout | None = None,
) -> tuple[Block, ...]:
    """Return the blocks with each chart that gave data as a figure and a table in place of the text read there.

    `answers` are those to the charts' requests, in order. `layout` leads from the page to the upright page; without it
    they are one.
    """
    result = tuple(blocks)
    waiting = iter(answers)
    for cut in charts:
        data = finish_chart(cut.prepared, [next(waiting) for _ in cut.requests], cut.profile)
        if is_sure(data):
            result = _put(result, cut.box, _blocks(data, cut, layout), layout)
    return result


def is_sure(data: ChartData) -> bool:
    """Say whether data is enough and sure enough for a chart that nobody announced; every datum needs a label."""
    points = [point for _, point in data.points()]
    if not data.found or len(points) < _LEAST or not all(point.label.strip() for point in points):
        return False
    return sum(point.confidence for point in points) >= _SURE * len(points)


def _blocks(data: ChartData, cut: ChartCut, layout: PageLayout | None) -> tuple[Block, Block]:
    """Return the figure, its title as text, and the table of its data; lines are the words whose letters the page shows."""
    rows = tuple(tuple(row) for row in table_of(data))
    texts = sorted(data.texts, key=lambda item: (item.box.y0, item.box.x0))
    lines = [Line(item.text, _moved(item.box, cut.box), item.confidence) for item in texts if not item.angle]
    shown = tuple(line for line in lines if line.text.strip() and _is_shown(line, cut.letters))
    sure = [point.confidence for _, point in data.points()]
    text = "\n".join("\t".join(row) for row in rows)
    place = cut.box
    if layout:
        shown = tuple(replace(line, box=layout.to_page(line.box) if line.box else None) for line in shown)
        place = layout.to_page(cut.box)
    table = Block("table", text, place, 0, shown, sum(sure) / len(sure), rows)
    return Block("figure", data.title, place), table


def _is_shown(line: Line, letters: NDArray[np.float32]) -> bool:
    box = line.box
    if box is None:
        return False
    x, y = letters.T
    count = int(((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)).sum())
    return count >= 0.5 * len(line.text.replace(" ", ""))


def _moved(box: Box, by: Box) -> Box:
    return Box(box.x0 + by.x0, box.y0 + by.y0, box.x1 + by.x0, box.y1 + by.y0)


def _put(blocks: Sequence[Block], box: Box, new: Sequence[Block], layout: PageLayout | None) -> tuple[Block, ...]:
    """Return the blocks with new ones in place of what stands in an upright box; lines outside it stay."""

    def within(part: Box | None) -> bool:
        return _inside(layout.to_upright(part) if layout and part else part, box)

    result: list[Block] = []
    place = None
    for block in blocks:
        kept = [line for line in block.lines if not within(line.box)]
        whole = block.kind in ("table", "figure")
        if within(block.box) if whole else len(kept) < len(block.lines):
            place = len(result) if place is None else place
            if not whole and kept:
                result.append(replace(block, text=join_lines([line.text for line in kept]), lines=tuple(kept)))
                place = len(result) if kept[0] is block.lines[0] else place
            continue
        result.append(block)
    at = len(result) if place is None else place
    return (*result[:at], *new, *result[at:])


def _inside(box: Box | None, outer: Box) -> bool:
    """Say whether the middle of a box lies in another."""
    if box is None:
        return False
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return outer.x0 <= x <= outer.x1 and outer.y0 <= y <= outer.y1
