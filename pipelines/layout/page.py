"""The whole cut of one page: upright, ink, letters, columns, rows, bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.bands import Sheet, cut_group
from dsvl2.pipelines.layout.bars import find_bars, lit
from dsvl2.pipelines.layout.between import between_figures, insert_figure
from dsvl2.pipelines.layout.binarise import Gray, Ink, is_inverted
from dsvl2.pipelines.layout.boxes import Place
from dsvl2.pipelines.layout.columns import find_gutters, reading_order
from dsvl2.pipelines.layout.components import Components, Mask, components
from dsvl2.pipelines.layout.groups import group_lines, pitches
from dsvl2.pipelines.layout.ink import PageInk
from dsvl2.pipelines.layout.letters import Rule, sort_components
from dsvl2.pipelines.layout.likeness import is_odd, off_pictures, off_screens, only_print
from dsvl2.pipelines.layout.lines import Rows, find_rows, glued_rows
from dsvl2.pipelines.layout.outlines import NO_OUTLINES, Outlines
from dsvl2.pipelines.layout.parting import part_long
from dsvl2.pipelines.layout.plots import blanked, find_plots
from dsvl2.pipelines.layout.rotation import is_upside_down, lies_sideways, widest_gaps
from dsvl2.pipelines.layout.segments import find_segments, with_leaders
from dsvl2.pipelines.layout.sideways import OWN_TITLE, beside, off_sideways
from dsvl2.pipelines.layout.skew import find_skew
from dsvl2.pipelines.layout.strokes import shades
from dsvl2.pipelines.layout.types import InkLine, PageLayout, Profile, Region
from dsvl2.pipelines.layout.upright import (
    Upright,
    inked,
    resized,
    turn_matrix,
    upright,
    with_light_print,
    working_zoom,
)
from dsvl2.pipelines.layout.wordless import wordless

if TYPE_CHECKING:
    from dsvl2.pipelines.tables.drawn import DrawnTable

WIDE_GAP = 2.0  # x-heights: no word space of justified text is wider, but rarely
LEAST_SKEW = 0.06  # degrees; less moves a full line by under two pixels at 150 dpi


def analyse(gray: NDArray[np.uint8], profile: Profile, *, over: bool = False) -> PageLayout:
    """Cut a grey page [H, W] (uint8, any resolution, any way up) into bands in reading order.

    over: stand the page on the end that its ink takes for the top.
    Raises ValueError for anything but a non-empty two-dimensional uint8 array.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8 or not gray.size:
        raise ValueError(f"a page must be a non-empty grey uint8 array [H, W], not {gray.dtype} {gray.shape}")
    page = 255 - gray if is_inverted(gray) else gray
    standing = _stand_up(page, over=over)
    if standing is None:
        return wordless(page)
    from dsvl2.pipelines.tables.drawn import draw_tables  # tables build on this package
    from dsvl2.pipelines.tables.parted import beside_each_other
    from dsvl2.pipelines.tables.trust import trusted

    up, reading = standing
    gray = resized(up.as_printed, up.zoom)
    odd = is_odd(reading.rows, reading.found, reading.letter)
    unit = up.unit if reading.rows.lines else 0.0  # no tables where nothing is print
    parted = beside_each_other(_leaves(reading), unit)
    plots = find_plots(gray, reading.found, reading.letter, reading.rows, up.unit)
    tables = draw_tables(blanked(gray, plots), unit, profile, _flows_with_gaps(reading), parted)
    tables = trusted(tables, reading.found, reading.letter, reading.rows, gray)
    ink = _ink(up, reading, [table.box for table in tables], plots)
    if tables or plots:
        up, reading = _without(up, [*(table.box for table in tables), *(Box(*place) for place in plots)])
        reading = replace(reading, figures=(*reading.figures, *plots))
    return replace(_cut(up, reading, tables, profile), ink=ink, odd=odd)


def _leaves(reading: _Reading) -> list[list[Box]]:
    """Return the boxes of the lines of each leaf that has any."""
    lines: dict[int, list[Box]] = {}
    for line, leaf in zip(reading.rows.lines, reading.rows.leaf, strict=True):
        lines.setdefault(leaf, []).append(line.box)
    return list(lines.values())


def _flows_with_gaps(reading: _Reading) -> list[list[Box]]:
    """Return the lines of the leaves in which several have gaps wider than between words: tables may be there."""
    lines = reading.rows.lines
    tall = np.array([line.base - line.top for line in lines])
    gaps = widest_gaps(reading.found, reading.rows.of_component, tall) > WIDE_GAP if lines else ()
    flows = []
    for number in range(len(reading.columns)):
        members = [k for k, leaf in enumerate(reading.rows.leaf) if leaf == number]
        if sum(bool(gaps[k]) for k in members) >= 3:
            flows.append([lines[k].box for k in members])
    return flows


def _without(up: Upright, boxes: Sequence[Box]) -> tuple[Upright, _Reading]:
    """Return the page and its rows without the ink in some boxes, of tables and charts."""
    mask, faint = up.ink.mask.copy(), up.ink.faint.copy()
    for box in boxes:
        top, left = max(int(box.y0), 0), max(int(box.x0), 0)  # a box may reach over the edge of the page
        part = np.s_[top : ceil(box.y1) + 1, left : ceil(box.x1) + 1]
        mask[part] = False
        faint[part] = False
    found = components(mask)
    rest = replace(up, ink=replace(up.ink, mask=mask, faint=faint), found=found)
    unit = up.unit  # the table's letters help to tell letters from what is around it
    if _is_blank(found, unit):
        rows, none = Rows((), (), np.full(len(found), -1, dtype=np.int64)), np.zeros((0, 4), dtype=np.int64)
        return rest, _Reading(rows, found, np.zeros(len(found), dtype=np.bool_), (), (), (), none)
    return rest, _rows(rest, unit)


def _stand_up(page: Gray, *, over: bool) -> tuple[Upright, _Reading] | None:
    """Find rotation and skew, and return the upright page with its rows; None if there is nothing on it."""
    zoom = working_zoom(page)
    ink, found, unit = inked(resized(page, zoom))
    if _is_blank(found, unit) and (bars := find_bars(resized(page, zoom))):
        page = lit(page, bars, zoom)
        ink, found, unit = inked(resized(page, zoom))
    if _is_blank(found, unit):
        return None
    turn = 1 if lies_sideways(found, unit, ink.mask.shape[1]) else 0
    small = np.ascontiguousarray(np.rot90(ink.mask, turn))
    skew = find_skew(small)[0] if int((found.height > 0.6 * unit).sum()) >= 10 else 0.0
    skew = 0.0 if abs(skew) < LEAST_SKEW else skew
    if turn or skew:
        result = upright(page, zoom, turn, skew)
    else:
        size = (page.shape[1], page.shape[0])
        result = with_light_print(Upright(page, ink, found, zoom, 0, 0.0, turn_matrix(0, size), size, unit))
    rows = _rows(result)
    hangs, sure = is_upside_down(rows.found, rows.rows, sideways=bool(turn))
    if hangs != over:
        result = upright(page, zoom, turn + 2, skew)
        rows = _rows(result)
    return replace(result, tied=not sure), rows


def _is_blank(found: Components, unit: float) -> bool:
    """Say whether there is nothing but dust: no component of letter size with letter-like ink."""
    if not len(found) or unit <= 0:
        return True
    size = np.maximum(found.height, found.width)
    letters = (size >= 6) & (found.area >= 12)
    return not letters.any()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Rows of an upright page, their components, the column of each leaf, boxes of figures and art, in working pixels."""

    rows: Rows
    found: Components
    letter: Mask
    rules: tuple[Rule, ...]
    columns: tuple[int, ...]
    figures: tuple[Place, ...]
    art: NDArray[np.int64]
    outlines: Outlines = NO_OUTLINES


def _rows(up: Upright, unit: float = 0.0) -> _Reading:
    """Find letters, columns and rows; rows that turn out to be two touching lines are cut once and found anew.

    `unit` is the height of the commonest letters, 0 if it is to be measured.
    """
    unit = unit or up.unit
    mask = up.ink.mask
    shape = (mask.shape[0], mask.shape[1])
    for _ in range(2):
        sort = off_sideways(sort_components(mask, up.ink.faint, unit), unit, shape[1])
        segs = find_segments(sort.found, sort.letter, unit)
        gutters = find_gutters(with_leaders(segs, sort.found, sort.letter, unit), sort.horizontal, shape, unit)
        leaves = reading_order(segs, gutters, unit)
        rows = find_rows(sort.found, segs, leaves, unit, shape[0], sort.horizontal)
        seams = glued_rows(rows, sort.found, shape[0])
        if not seams:
            break
        mask = mask.copy()
        for x0, x1, y in seams:
            mask[y, x0:x1] = False
    rows = only_print(rows, sort.found, sort.letter, unit, up.zoom)
    rows = off_screens(rows, up.found, unit)
    rows = off_pictures(rows, sort.letter, mask, sort.figures, unit)
    ruled = sort.horizontal + sort.vertical
    columns = tuple(leaf.column for leaf in leaves)
    return _Reading(rows, sort.found, sort.letter, ruled, columns, sort.figures, sort.art, sort.outlines)


def _cut(up: Upright, reading: _Reading, tables: list[DrawnTable], profile: Profile) -> PageLayout:
    """Cut an upright page into regions and bands."""
    rows = part_long(reading.rows, reading.found)
    z = up.zoom
    lines = _ink_lines(rows, z)
    sheet = Sheet(up.gray, reading.found, rows.of_component, z, _paper(up.ink), reading.outlines.ink)
    regions: list[Region] = []
    figures, stamps = (
        [Box(*(side / z for side in place)) for place in places]
        for places in (reading.figures, reading.outlines.stamps)
    )
    others = [Region(box, 0, (), "figure") for box in figures]
    for table in tables:
        box = Box(table.box.x0 / z, table.box.y0 / z, table.box.x1 / z, table.box.y1 / z)
        others.append(Region(box, 0, table.bands, "table", table))
    for number, column in enumerate(reading.columns):
        members = [k for k, leaf in enumerate(rows.leaf) if leaf == number]
        for part in between_figures(members, lines, [other.box for other in others], stamps):
            for group in group_lines([lines[k] for k in part], part, profile):
                bands = cut_group(sheet, lines, group, profile)
                regions.append(Region(_around([lines[k] for k in group.lines]), column, tuple(bands)))
    for other in others:
        insert_figure(regions, other)
    blank = not regions
    near = [p for p in pitches(list(lines)) if np.isfinite(p)]
    return PageLayout(
        rotation=up.rotation,
        skew=up.skew,
        blank=blank,
        regions=tuple(regions),
        line_pitch=float(np.median(near)) if near else 0.0,
        x_height=float(np.median([k.base - k.top for k in lines])) if lines else 0.0,
        size=(up.gray.shape[1], up.gray.shape[0]),
        page_size=up.page_size,
        matrix=up.matrix,
        location_bins=profile.location_bins,
        zoom=z,
        tied=up.tied,
    )


def _ink_lines(rows: Rows, z: float) -> tuple[InkLine, ...]:
    """Return the lines in pixels of the upright page."""
    return tuple(InkLine(k.x0 / z, k.y0 / z, k.x1 / z, k.y1 / z, k.top / z, k.base / z) for k in rows.lines)


def _ink(up: Upright, reading: _Reading, tables: list[Box], plots: Sequence[Place]) -> PageInk:
    """Keep the letters of the upright page, those in tables and charts too; sideways titles of charts are no print."""
    found, z = reading.found, up.zoom
    lines = _ink_lines(reading.rows, z)
    boxes = np.stack([found.x0, found.y0, found.x1, found.y1], axis=1).astype(np.float32) / z
    area = found.area.astype(np.float32) / (z * z)
    of_line = reading.rows.of_component.astype(np.int32)
    rules = np.array([(r.x0, r.y0, r.x1, r.y1) for r in reading.rules], dtype=np.float32).reshape(-1, 4) / z
    strokes = (np.bincount(found.runs.label, minlength=len(found)) / np.maximum(found.height, 1)).astype(np.float32)
    letter = reading.letter & ~shades(found, resized(up.gray, z))
    art = reading.art.astype(np.float32) / z
    lost = [k for k in reading.outlines.unread if not any(t.x0 < k[0] < t.x1 and t.y0 < k[1] < t.y1 for t in tables)]
    lost = [k for k in lost if not beside(k, plots, OWN_TITLE * up.unit)]
    unread = np.array(lost, dtype=np.float32).reshape(-1, 4) / z
    return PageInk(boxes, area, letter, of_line, lines, rules, up.unit / z, strokes, art, unread)


def _paper(ink: Ink) -> Gray | None:
    """Return the paper map where paper is clearly not white or not even; None means leave the grey levels alone."""
    spread = float(np.percentile(ink.paper_map, 90)) - float(np.percentile(ink.paper_map, 10))
    return ink.paper_map if ink.paper < 250 or spread > 12 else None


def _around(lines: list[InkLine]) -> Box:
    """Return the box around all lines' ink."""
    return Box(min(k.x0 for k in lines), min(k.y0 for k in lines), max(k.x1 for k in lines), max(k.y1 for k in lines))
