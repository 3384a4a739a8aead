"""The legend: which colour is which series. A swatch is a small shape or dash with a name to its right."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.charts.numbers import parse_number
from dsvl2.pipelines.charts.pixels import distance
from dsvl2.pipelines.charts.scene import Scene, overlap
from dsvl2.pipelines.charts.types import TextItem
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import components


@dataclass(frozen=True, slots=True)
class Entry:
    """A legend entry: colour index, name, the swatch's box and the text it was read from.

    `filled` says whether the swatch is a filled shape; of a dash `strength` is how far its colour is from the paper's.
    """

    colour: int
    name: str
    swatch: Box
    item: TextItem
    filled: bool = True
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Legend:
    """All entries in reading order, and the heading above them if there is one."""

    entries: tuple[Entry, ...] = ()

    def name_of(self, colour: int) -> str:
        """Return the name of a colour, "" if it has none."""
        return next((entry.name for entry in self.entries if entry.colour == colour), "")

    def owns(self, item: TextItem) -> bool:
        """Whether a text belongs to the legend."""
        return any(entry.item is item for entry in self.entries)


def find_legend(scene: Scene, marked: Iterable[int] = ()) -> Legend:
    """Return the legend. `marked` are the colours of data; entries of other colours are dropped if it is given."""
    found = list(_candidates(scene))
    groups = [[entry for entry in found if _alike(first, entry)] for first in found]
    groups = [_distinct(group) for group in groups]
    best = max(groups, key=len, default=[])
    wanted = set(marked)
    kept = [entry for entry in best if not wanted or entry.colour in wanted]
    if len(kept) == 1 and not wanted:
        return Legend()
    kept += _further(scene, kept)
    return Legend(tuple(sorted(kept, key=lambda entry: (round(entry.swatch.y0 / scene.unit), entry.swatch.x0))))


def _further(scene: Scene, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries whose swatch lies on a mark of its own colour: their names stand in the column, in its steps."""
    if len(entries) < 2:
        return []
    column = sorted(entries, key=lambda entry: entry.swatch.y0)
    first = column[0]
    steps = [b.swatch.y0 - a.swatch.y0 for a, b in itertools.pairwise(column)]
    pitch = min(steps)
    if pitch < 0.9 * scene.unit or any(abs(entry.swatch.x0 - first.swatch.x0) > 3 for entry in column):
        return []
    found: list[Entry] = []
    for item in scene.texts:
        if any(entry.item is item for entry in entries) or abs(item.box.x0 - first.item.box.x0) > 4:
            continue
        down = (item.box.y0 + item.box.y1 - first.item.box.y0 - first.item.box.y1) / 2
        turns = round(down / pitch)
        if (
            item.angle
            or not turns
            or abs(down - turns * pitch) > 0.4 * scene.unit
            or not -2 <= turns <= len(column) + 1
        ):
            continue
        top = first.swatch.y0 + turns * pitch
        swatch = Box(first.swatch.x0, top, first.swatch.x1, top + first.swatch.y1 - first.swatch.y0)
        part = scene.ground.palette.labels[int(top) + 1 : int(swatch.y1) - 1, int(swatch.x0) + 1 : int(swatch.x1) - 1]
        known = part[part >= 0].astype(np.int64)
        if known.size and known.size > 0.8 * part.size:
            colour = int(np.bincount(known).argmax())
            used = {scene.ground.paper, *scene.ground.grounds, *(entry.colour for entry in (*entries, *found))}
            if float((known == colour).mean()) > 0.8 and colour not in used:
                found.append(Entry(colour, item.text, swatch, item))
    return found


def _candidates(scene: Scene) -> Iterable[Entry]:
    for solid in scene.solids:
        small = solid.height <= 2.6 * scene.unit and solid.width <= 4.5 * scene.unit
        if small and min(solid.width, solid.height) >= 3:
            item = _name_right_of(scene, solid.box)
            if item is not None:
                yield Entry(solid.colour, item.text, solid.box, item)
    yield from _dashes(scene)


def _dashes(scene: Scene) -> Iterable[Entry]:
    """Look for short level strokes of a palette colour directly left of a text."""
    labels = scene.ground.palette.labels
    for item in scene.texts:
        if item.angle != 0 or not _may_name(item.text):
            continue
        box = item.box
        x0, x1 = max(0, int(box.x0 - 5.5 * scene.unit)), max(0, int(box.x0 - 1))
        y0, y1 = max(0, int(box.y0 - 1)), int(box.y1 + 2)
        window = labels[y0:y1, x0:x1]
        paper = scene.ground.palette.colours[scene.ground.paper]
        for number in range(1, scene.ground.palette.size):
            mask = window == number
            strength = float(distance(scene.ground.palette.colours[number], paper))
            if int(mask.sum()) < 0.8 * scene.unit:
                continue
            found = components(mask)
            for k in range(len(found)):
                wide, tall = int(found.width[k]), int(found.height[k])
                right = x0 + int(found.x1[k])
                if wide >= 1.1 * scene.unit and tall <= 0.75 * wide and box.x0 - right < 1.6 * scene.unit:
                    left = x0 + int(found.x0[k])
                    if left > x0 + 1 or x0 == 0:
                        top = y0 + int(found.y0[k])
                        yield Entry(number, item.text, Box(left, top, right, top + tall), item, False, strength)


def _name_right_of(scene: Scene, swatch: Box) -> TextItem | None:
    """Return the text that begins just right of a swatch on its level."""
    best: tuple[float, TextItem] | None = None
    for item in scene.texts:
        gap = item.box.x0 - swatch.x1
        level = overlap(item.box.y0, item.box.y1, swatch.y0, swatch.y1)
        shorter = min(item.box.y1 - item.box.y0, swatch.y1 - swatch.y0)
        # A level-printed value beside a short bar looks the same, but it is a number.
        if not any(map(str.isalnum, item.text)):
            continue
        if item.angle == 0 and -2 <= gap <= 2.6 * scene.unit and level >= 0.5 * shorter:
            if not _may_name(item.text):
                continue
            if best is None or gap < best[0]:
                best = (gap, item)
    return best[1] if best else None


def _may_name(text: str) -> bool:
    """Whether a text may be the name of a series: words, or a year."""
    number = parse_number(text)
    return any(map(str.isalnum, text)) and (number is None or 1500 <= number.value <= 2200)


def _alike(first: Entry, other: Entry) -> bool:
    """Whether two entries could stand in one legend: swatches of one size, in a row or in a column."""
    a, b = first.swatch, other.swatch
    height = max(a.y1 - a.y0, b.y1 - b.y0)
    width = max(a.x1 - a.x0, b.x1 - b.x0)
    same = abs((a.y1 - a.y0) - (b.y1 - b.y0)) <= max(3.0, 0.3 * height)
    same = same and abs((a.x1 - a.x0) - (b.x1 - b.x0)) <= max(3.0, 0.25 * width)
    return same and (abs(a.y0 - b.y0) <= 3 or abs(a.x0 - b.x0) <= 3 or _grid(a, b))


def _grid(a: Box, b: Box) -> bool:
    """Legends of several rows and columns: anything within a few swatch heights down."""
    return abs(a.y0 - b.y0) <= 4 * (a.y1 - a.y0 + 6)


def _rank(entry: Entry) -> tuple[bool, float, float]:
    box = entry.swatch
    return not entry.filled, -entry.strength, -(box.x1 - box.x0) * (box.y1 - box.y0)


def _distinct(group: Sequence[Entry]) -> list[Entry]:
    """Keep one entry a colour and a text, filled swatches first, then dashes in strong colours before their soft edges."""
    kept: list[Entry] = []
    for entry in sorted(group, key=_rank):
        if all(entry.colour != other.colour and entry.item is not other.item for other in kept):
            kept.append(entry)
    return kept
