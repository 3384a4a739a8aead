"""The whole cut of one page: upright, ink, letters, columns, rows, bands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.bands import Sheet, cut_group
from dsvl2.pipelines.layout.binarise import Gray, Ink, clean, find_ink, is_inverted
from dsvl2.pipelines.layout.columns import find_gutters, reading_order
from dsvl2.pipelines.layout.components import Components, Mask, components
from dsvl2.pipelines.layout.groups import group_lines, pitches
from dsvl2.pipelines.layout.ink import PageInk, no_ink
from dsvl2.pipelines.layout.letters import Rule, letter_height, merge_boxes, sort_components
from dsvl2.pipelines.layout.likeness import is_odd, off_pictures, off_screens, only_print
from dsvl2.pipelines.layout.lines import Rows, find_rows, glued_rows
from dsvl2.pipelines.layout.rotation import is_upside_down, lies_sideways, widest_gaps
from dsvl2.pipelines.layout.segments import find_segments, with_leaders
from dsvl2.pipelines.layout.skew import find_skew
from dsvl2.pipelines.layout.strokes import LARGE, shades
from dsvl2.pipelines.layout.types import InkLine, PageLayout, Profile, Region
from dsvl2.pipelines.layout.upright import Upright, resized, turn_matrix, upright, working_zoom

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
        return _wordless(page)
    from dsvl2.pipelines.tables.drawn import draw_tables  # tables build on this package
    from dsvl2.pipelines.tables.parted import beside_each_other
    from dsvl2.pipelines.tables.trust import trusted

    up, reading = standing
    gray = resized(up.gray, up.zoom)
    ink = _ink(up, reading, gray)
    odd = is_odd(reading.rows, reading.found, reading.letter)
    unit = up.unit if reading.rows.lines else 0.0  # no tables where nothing is print
    parted = beside_each_other(_leaves(reading), unit)
    tables = draw_tables(gray, unit, profile, _flows_with_gaps(reading), parted)
    tables = trusted(tables, reading.found, reading.letter, reading.rows, gray)
    if tables:
        up, reading = _without(up, tables)
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


def _without(up: Upright, tables: list[DrawnTable]) -> tuple[Upright, _Reading]:
    """Return the page and its rows without the ink of its tables."""
    mask, faint = up.ink.mask.copy(), up.ink.faint.copy()
    for table in tables:
        top, left = max(int(table.box.y0), 0), max(int(table.box.x0), 0)  # a box may reach over the edge of the page
        part = np.s_[top : ceil(table.box.y1) + 1, left : ceil(table.box.x1) + 1]
        mask[part] = False
        faint[part] = False
    found = components(mask)
    rest = replace(up, ink=replace(up.ink, mask=mask, faint=faint), found=found)
    unit = up.unit  # the table's letters help to tell letters from what is around it
    if _is_blank(found, unit):
        rows, none = Rows((), (), np.full(len(found), -1, dtype=np.int64)), np.zeros((0, 4), dtype=np.int64)
        return rest, _Reading(rows, found, _no_letters(found), (), (), (), none)
    return rest, _rows(rest, unit)


def _stand_up(page: Gray, *, over: bool) -> tuple[Upright, _Reading] | None:
    """Find rotation and skew, and return the upright page with its rows; None if there is nothing on it."""
    zoom = working_zoom(page)
    gray = resized(page, zoom)
    ink = find_ink(gray)
    mask, found = clean(ink.mask)
    unit = letter_height(found, gray)
    if _is_blank(found, unit):
        return None
    turn = 1 if lies_sideways(found, unit, mask.shape[1]) else 0
    small = np.ascontiguousarray(np.rot90(mask, turn))
    skew = find_skew(small)[0] if int((found.height > 0.6 * unit).sum()) >= 10 else 0.0
    skew = 0.0 if abs(skew) < LEAST_SKEW else skew
    if turn or skew:
        result = upright(page, zoom, turn, skew)
    else:
        size = (page.shape[1], page.shape[0])
        still = Ink(mask, ink.faint, ink.paper_map, ink.paper)
        result = Upright(page, still, found, zoom, 0, 0.0, turn_matrix(0, size), size, unit)
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
    figures: tuple[tuple[int, int, int, int], ...]
    art: NDArray[np.int64]


def _rows(up: Upright, unit: float = 0.0) -> _Reading:
    """Find letters, columns and rows; rows that turn out to be two touching lines are cut once and found anew.

    `unit` is the height of the commonest letters, 0 if it is to be measured.
    """
    unit = unit or up.unit
    mask = up.ink.mask
    shape = (mask.shape[0], mask.shape[1])
    for _ in range(2):
        sort = sort_components(mask, up.ink.faint, unit)
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
    return _Reading(rows, sort.found, sort.letter, ruled, columns, sort.figures, sort.art)


def _cut(up: Upright, reading: _Reading, tables: list[DrawnTable], profile: Profile) -> PageLayout:
    """Cut an upright page into regions and bands."""
    rows = reading.rows
    z = up.zoom
    lines = _ink_lines(rows, z)
    sheet = Sheet(up.gray, reading.found, rows.of_component, z, _paper(up.ink))
    regions: list[Region] = []
    figures = [Box(x0 / z, y0 / z, x1 / z, y1 / z) for x0, y0, x1, y1 in reading.figures]
    others = [Region(box, 0, (), "figure") for box in figures]
    for table in tables:
        box = Box(table.box.x0 / z, table.box.y0 / z, table.box.x1 / z, table.box.y1 / z)
        others.append(Region(box, 0, table.bands, "table", table))
    for number, column in enumerate(reading.columns):
        members = [k for k, leaf in enumerate(rows.leaf) if leaf == number]
        for part in _between_figures(members, lines, [other.box for other in others]):
            for group in group_lines([lines[k] for k in part], part, profile):
                bands = cut_group(sheet, lines, group, profile)
                regions.append(Region(_around([lines[k] for k in group.lines]), column, tuple(bands)))
    for other in others:
        _insert_figure(regions, other)
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


def _no_letters(found: Components) -> Mask:
    return np.zeros(len(found), dtype=np.bool_)


def _ink(up: Upright, reading: _Reading, gray: Gray) -> PageInk:
    """Keep the letters of the upright page, those in tables too; `gray` [H, W] is the page at working size."""
    found, z = reading.found, up.zoom
    lines = _ink_lines(reading.rows, z)
    boxes = np.stack([found.x0, found.y0, found.x1, found.y1], axis=1).astype(np.float32) / z
    area = found.area.astype(np.float32) / (z * z)
    of_line = reading.rows.of_component.astype(np.int32)
    rules = np.array([(r.x0, r.y0, r.x1, r.y1) for r in reading.rules], dtype=np.float32).reshape(-1, 4) / z
    strokes = (np.bincount(found.runs.label, minlength=len(found)) / np.maximum(found.height, 1)).astype(np.float32)
    letter = reading.letter & ~shades(found, gray)
    return PageInk(boxes, area, letter, of_line, lines, rules, up.unit / z, strokes, reading.art.astype(np.float32) / z)


def _paper(ink: Ink) -> Gray | None:
    """Return the paper map where paper is clearly not white or not even; None means leave the grey levels alone."""
    spread = float(np.percentile(ink.paper_map, 90)) - float(np.percentile(ink.paper_map, 10))
    return ink.paper_map if ink.paper < 250 or spread > 12 else None


def _around(lines: list[InkLine]) -> Box:
    """Return the box around all lines' ink."""
    return Box(min(k.x0 for k in lines), min(k.y0 for k in lines), max(k.x1 for k in lines), max(k.y1 for k in lines))


def _between_figures(members: list[int], lines: tuple[InkLine, ...], figures: list[Box]) -> list[list[int]]:
    """Cut a leaf's lines where a figure stands between two of them."""
    parts: list[list[int]] = []
    for k in members:
        last = lines[parts[-1][-1]] if parts else None
        divided = last is not None and any(
            last.middle < (box.y0 + box.y1) / 2 < lines[k].middle and box.x0 < lines[k].x1 and box.x1 > lines[k].x0
            for box in figures
        )
        if last is None or divided:
            parts.append([])
        parts[-1].append(k)
    return parts


def _insert_figure(regions: list[Region], figure: Region) -> None:
    """Put a figure before the first text region of its column that lies below it."""
    middle = (figure.box.y0 + figure.box.y1) / 2
    for k, region in enumerate(regions):
        overlaps = min(region.box.x1, figure.box.x1) > max(region.box.x0, figure.box.x0)
        if overlaps and (region.box.y0 + region.box.y1) / 2 > middle:
            regions.insert(k, figure)
            return
    regions.append(figure)


def _wordless(page: Gray) -> PageLayout:
    """Return the layout of a page without letters: its drawings and pictures, or nothing."""
    size = (page.shape[1], page.shape[0])
    zoom = working_zoom(page)
    found = clean(find_ink(resized(page, zoom)).mask)[1]
    large = np.flatnonzero(np.maximum(found.height, found.width) >= LARGE)
    pieces = np.stack([found.x0, found.y0, found.x1, found.y1], axis=1)[large].tolist()
    shapes = [box for box in merge_boxes([tuple(piece) for piece in pieces], LARGE) if _is_picture(box)]
    regions = tuple(Region(Box(*(side / zoom for side in box)), 0, (), "figure") for box in shapes)
    return PageLayout(
        0, 0.0, not regions, regions, 0.0, 0.0, size, size, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), zoom=zoom, ink=no_ink()
    )


def _is_picture(box: tuple[int, int, int, int]) -> bool:
    """Say whether a box is no fold and no rule."""
    return min(box[2] - box[0], box[3] - box[1]) >= 2 * LARGE
