"""Where the displayed formulas of a page stand: lines set in from both sides of their column that hold signs of mathematics.

A formula in the middle of a sentence is part of its line: `inline.py` looks for those. One that fills the column's whole
width looks like text and is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.formulas.picture import equals_widths, flattened, ink_of
from dsvl2.pipelines.layout import InkLine, PageInk, PageLayout, analyse, straightened
from dsvl2.pipelines.layout.components import Components, Mask, Runs, select

if TYPE_CHECKING:
    from PIL.Image import Image

# All in x-heights of the page's text.
_INDENT = 5.5  # more than a paragraph's first line is set in
_FREE = 2.1  # white above and below a line that stands alone though it begins where text does
_APART = 2.0  # white between two displayed formulas
_NUMBER_GAP, _NUMBER_WIDTH = 2.5, 11.0  # before an equation number at the column's edge; its width
_WIDE_GAP = 8.0  # before one that stands elsewhere
_TALL = 2.6  # brackets, sums and integrals; no letter of text is so tall
_HIGHEST, _NARROWEST = 40.0, 3.0  # a displayed formula's height at most, width at least
_CENTRED = 0.1  # share of a column's width between its middle and a formula's
_ON_PAGE = 0.02  # share of the page's width between its middle and that of a formula on a page of hardly any text
_LEAST_LINES = 4  # of running text, for a picture to count as a page
_FEW_LINES, _LEAST_SLABS = 2, 2  # the same where formulas stand between them, and places of such


@dataclass(frozen=True, slots=True)
class _Cut:
    """A reading profile for the page cutter, whatever model reads the formulas; only its lines are used."""

    tile: int = 384
    max_columns: int = 4
    line_pitch: float = 32.0
    x_height: float = 12.0
    location_bins: int = 48


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of text, upright pixels: its edges, and its lines top down."""

    x0: float
    x1: float
    lines: tuple[InkLine, ...]

    def runs(self, place: int, unit: float) -> bool:
        """Whether a line begins where text begins, close to the line before or after it."""
        line = self.lines[place]
        if line.x0 - self.x0 > _INDENT * unit:
            return False
        above = line.y0 - self.lines[place - 1].base if place else 0.0
        below = self.lines[place + 1].y0 - line.base if place + 1 < len(self.lines) else 0.0
        return above < _FREE * unit or below < _FREE * unit


@dataclass(frozen=True, slots=True)
class FoundFormulas:
    """The displayed formulas of a page: the upright page, their boxes on it, and how it lies on the page as given."""

    image: Image
    boxes: tuple[Box, ...]
    layout: PageLayout

    @property
    def lines(self) -> tuple[InkLine, ...]:
        """The page's lines of text in reading order, upright pixels."""
        regions = (region for region in self.layout.regions if region.kind == "text")
        return tuple(line for region in regions for band in region.bands for line in band.lines)


def formula_boxes(image: Image) -> tuple[Box, ...] | None:
    """Boxes of the displayed formulas of a page, top down by column; None if the picture is no page of text."""
    found = find_formulas(image)
    return None if found is None else tuple(found.layout.to_page(box) for box in found.boxes)


def find_formulas(image: Image) -> FoundFormulas | None:
    """Look for the displayed formulas of a page, top down by column; None if the picture is no page of text."""
    layout = analyse(np.asarray(flattened(image), np.uint8), _Cut())
    unit = layout.x_height
    if layout.blank or unit <= 0:
        return None
    columns = _columns(layout)
    if not _is_page(columns, unit):
        return None
    upright = straightened(image, layout)
    gray = np.asarray(flattened(upright), np.uint8)
    found = ink_of(255 - gray if float(np.median(gray)) < 110 else gray)
    slabs = [(column, slab) for column in columns for slab in _slabs(column, unit)]
    boxes = (one.box for column, slab in slabs for one in _formulas(found, column, slab, unit))
    return FoundFormulas(upright, tuple(boxes), layout)


@dataclass(frozen=True, slots=True)
class Displayed:
    """Where a displayed formula stands, upright pixels, and its number beside it if it has one."""

    box: Box
    number: Box | None


def centred_formulas(layout: PageLayout) -> list[Displayed]:
    """The formulas on a page that was cut already: those in the middle of a column, or numbered.

    Stricter than `formula_boxes`, as most pages have none: neither underlined headings nor indented code may pass.
    """
    unit, ink = layout.x_height, layout.ink
    if ink is None or layout.blank or unit <= 0:
        return []
    columns = _columns(layout)
    slabs = [(column, slab) for column in columns for slab in _slabs(column, unit)]
    if not slabs or not _is_page(columns, unit):
        return []
    few = len(columns) == 1 and _running(columns, unit) < _LEAST_LINES  # too few to show how wide the column is
    found = _pieces(ink)
    result = []
    for column, slab in slabs:
        for one in _formulas(found, column, slab, unit, strict=True):
            middle = (one.box.x0 + one.box.x1) / 2
            away = abs(middle - (column.x0 + column.x1) / 2)
            centred = away < _CENTRED * (column.x1 - column.x0)
            if one.number or centred or (few and abs(middle - layout.size[0] / 2) < _ON_PAGE * layout.size[0]):
                result.append(one)
    return result


def _pieces(ink: PageInk) -> Components:
    """The ink of a page as components, its straight lines among them: fraction bars may be such."""
    own = ink.boxes
    for x0, y0, x1, y1 in ink.rules.tolist():  # what a rule was cut into is no ink beside it
        own = own[~((own[:, 0] > x0 - 2) & (own[:, 2] < x1 + 2) & (own[:, 1] > y0 - 2) & (own[:, 3] < y1 + 2))]
    boxes = np.concatenate([own, ink.rules]).astype(np.int64)
    none = np.zeros(0, np.int64)
    area = np.ones(len(boxes), np.int64)
    return Components(boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3], area, Runs(none, none, none, none))


def _is_page(columns: Sequence[_Column], unit: float) -> bool:
    """Say whether there is text enough: some lines of it, or fewer that formulas stand between again and again."""
    running = _running(columns, unit)
    if running >= _LEAST_LINES:
        return True
    return running >= _FEW_LINES and sum(len(_slabs(column, unit)) for column in columns) >= _LEAST_SLABS


def _running(columns: Sequence[_Column], unit: float) -> int:
    """How many lines of running text there are."""
    return sum(
        column.runs(place, unit) and line.x1 - line.x0 > 14 * unit
        for column in columns
        for place, line in enumerate(column.lines)
    )


def _columns(layout: PageLayout) -> list[_Column]:
    by_number: dict[int, list[InkLine]] = {}
    for region in layout.regions:
        if region.kind == "text":
            by_number.setdefault(region.column, []).extend(line for band in region.bands for line in band.lines)
    columns = []
    for lines in by_number.values():
        if lines:
            lines.sort(key=lambda line: line.middle)
            left = float(np.percentile([line.x0 for line in lines], 25))
            right = float(np.percentile([line.x1 for line in lines], 80))
            columns.append(_Column(left, right, tuple(lines)))
    return columns


def _slabs(column: _Column, unit: float) -> list[tuple[float, float]]:
    """Rows (top, bottom) between lines of running text where lines are that do not run."""
    slabs: list[tuple[float, float]] = []
    above = -np.inf
    inside: list[InkLine] = []
    for place, line in enumerate((*column.lines, None)):
        if line is not None and not column.runs(place, unit):
            inside.append(line)
            continue
        if inside:
            top = max(above, min(k.y0 for k in inside) - 4 * unit)
            bottom = max(k.y1 for k in inside) + 4 * unit
            slabs.append((top, min(bottom, line.top - 0.6 * unit) if line is not None else bottom))
            inside = []
        above = line.base + 0.5 * unit if line is not None else above
    return slabs


def _formulas(
    found: Components, column: _Column, slab: tuple[float, float], unit: float, *, strict: bool = False
) -> list[Displayed]:
    middle = (found.y0 + found.y1) / 2
    within = (middle > slab[0]) & (middle < slab[1]) & (found.height < _HIGHEST * unit)
    right = max(column.x1, *(line.x1 for line in column.lines))
    within &= (found.x0 > column.x0 - unit) & (found.x1 < right + 1.2 * unit)
    part = select(found, within)
    boxes = []
    for members in _stacks(part, unit):
        whole = select(part, members)
        keep = _without_number(whole, column, unit)
        kept = select(whole, keep)
        box = _around(kept)
        wide, high = box.x1 - box.x0, box.y1 - box.y0
        if wide > _NARROWEST * unit and high < _HIGHEST * unit and _is_mathematics(kept, unit, strict=strict):
            pad = 0.5 * unit
            padded = Box(max(0.0, box.x0 - pad), max(0.0, box.y0 - pad), box.x1 + pad, box.y1 + pad)
            boxes.append(Displayed(padded, None if keep.all() else _around(select(whole, ~keep))))
    return boxes


def _around(part: Components) -> Box:
    return Box(float(part.x0.min()), float(part.y0.min()), float(part.x1.max()), float(part.y1.max()))


def _stacks(part: Components, unit: float) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Components parted where much white runs across the column."""
    order = np.argsort(part.y0, kind="stable")
    groups: list[list[int]] = []
    bottom = -np.inf
    for index in order.tolist():
        if part.y0[index] - bottom > _APART * unit:
            groups.append([])
        groups[-1].append(index)
        bottom = max(bottom, float(part.y1[index]))
    return [np.isin(np.arange(len(part)), group) for group in groups]


def _without_number(part: Components, column: _Column, unit: float) -> Mask:
    """Which components are no equation number at the column's right or left edge."""
    order = np.argsort(part.x0, kind="stable")
    reach = np.maximum.accumulate(part.x1[order])
    gaps = np.flatnonzero(part.x0[order][1:] - reach[:-1] > _NUMBER_GAP * unit)
    keep = np.ones(len(part), np.bool_)
    if gaps.size:
        first, last = int(gaps[0]) + 1, int(gaps[-1]) + 1
        right, left = order[last:], order[:first]
        wide = (part.x0[order][1:] - reach[:-1])[gaps] > _WIDE_GAP * unit
        if _is_number(part, right, unit) and (wide[-1] or part.x1[right].max() > column.x1 - 3 * unit):
            keep[right] = False
        elif _is_number(part, left, unit) and (wide[0] or part.x0[left].min() < column.x0 + 3 * unit):
            keep[left] = False
    return keep


def _is_number(
    part: Components, members: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]], unit: float
) -> bool:
    """Whether these few components look like `(12)`: short, one line tall, the outer two taller than an x."""
    if not 3 <= len(members) <= 9:
        return False
    wide = float(part.x1[members].max() - part.x0[members].min())
    high = float(part.y1[members].max() - part.y0[members].min())
    return wide < _NUMBER_WIDTH * unit and high < _TALL * unit


def _is_mathematics(part: Components, unit: float, *, strict: bool = False) -> bool:
    """Equals signs, fraction bars with ink above and below, or signs taller than any letter.

    `strict`: no single tall sign, and nothing above or below a bar may reach beyond it: rules and frames do that.
    """
    if any(0.9 * unit < width < 2.4 * unit for width in equals_widths(part)):
        return True
    if not strict and bool(((part.height > _TALL * unit) & (part.width < 6 * unit)).any()):
        return True
    bars = np.flatnonzero((part.width > 1.2 * unit) & (part.height < 0.35 * unit) & (part.height < 0.15 * part.width))
    flat = np.isin(np.arange(len(part)), bars) if strict else np.zeros(len(part), np.bool_)
    for bar in bars.tolist():
        beside = (part.x0 < part.x1[bar]) & (part.x1 > part.x0[bar]) & ~flat
        over = beside & (part.y1 <= part.y0[bar] + 1) & (part.y0[bar] - part.y1 < 1.2 * unit)
        under = beside & (part.y0 >= part.y1[bar] - 1) & (part.y0 - part.y1[bar] < 1.2 * unit)
        if not (bool(over.any()) and bool(under.any())):
            continue
        near = over | under
        within = (part.x0[near] > part.x0[bar] - 0.5 * unit) & (part.x1[near] < part.x1[bar] + 0.5 * unit)
        if not strict or bool(within.all()):
            return True
    return False
