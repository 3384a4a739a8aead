"""Print that lies sideways on a page that stands upright, as beside a margin: told from rows, for it cannot be read in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dsvl2.pipelines.layout.boxes import Place, around
from dsvl2.pipelines.layout.components import Components, Ints, select
from dsvl2.pipelines.layout.letters import Sorted
from dsvl2.pipelines.layout.segments import Segments, find_segments

_LETTERS = 4  # of a line that lies sideways
_LEAST, _MOST = 0.55, 5.0  # letter heights of its letters
_LONE = 2  # letters that stand beside each other in rows of it, by chance
_CLOSE = 0.35  # of a letter's width (or height), typical gap between letters; lists of figures have more
_ALONG = 2.5  # a line's length beside its height
_FREE, _CRUMB, _MOST_BESIDE = 0.8, 0.25, 0.25  # a line's height; letter heights; of a line's length
OWN_TITLE = 3.0  # letter heights from a picture, within which such a line is its own


def turned(found: Components, width: int) -> Components:
    """Return the boxes as they lie after np.rot90 of a page of this width (runs are not turned)."""
    return Components(found.y0, width - found.x1, found.y1, width - found.x0, found.area, found.runs)


def closely_set(found: Components, members: Ints) -> bool:
    """Say whether pieces of a row follow each other as letters of a line do, not as those of a column of figures."""
    order = members[np.argsort(found.x0[members], kind="stable")]
    gaps = found.x0[order][1:] - np.maximum.accumulate(found.x1[order])[:-1]
    return bool(np.median(gaps) < _CLOSE * float(np.median(found.height[members])))


def off_sideways(sort: Sorted, unit: float, width: int) -> Sorted:
    """Return the pieces of an upright page of this width without lines that lie sideways; their boxes are unread."""
    found, letter = sort.found, sort.letter
    tipped = turned(found, width)
    sized = (tipped.height >= _LEAST * unit) & (tipped.height < _MOST * unit) & (tipped.width < _MOST * unit)
    lines = find_segments(tipped, sized, unit)
    if not len(lines) or int(lines.size.max()) < _LETTERS:
        return sort
    rows = find_segments(found, letter, unit)
    boxes: list[Place] = []
    gone = np.zeros(len(found), dtype=np.bool_)
    for k in np.flatnonzero(lines.size >= _LETTERS).tolist():
        members = np.flatnonzero(lines.owner == k)
        if not _lies(tipped, lines, rows, members, k):
            continue
        box = around(found, members)
        if not _stands_free(found, box, unit):
            continue
        gone |= (
            (found.x0 >= box[0] - 2) & (found.x1 <= box[2] + 2) & (found.y0 >= box[1] - 2) & (found.y1 <= box[3] + 2)
        )
        if not beside(box, sort.figures, OWN_TITLE * unit):
            boxes.append(box)
    if not gone.any():
        return sort
    outlines = replace(sort.outlines, unread=(*sort.outlines.unread, *boxes))
    return replace(sort, found=select(found, ~gone), letter=letter[~gone], outlines=outlines)


def _lies(tipped: Components, lines: Segments, rows: Segments, members: Ints, k: int) -> bool:
    """Say whether a chain of pieces across the page is a line: its pieces stand alone in their rows, and close together."""
    long, high = int(lines.x1[k] - lines.x0[k]), int(lines.y1[k] - lines.y0[k])
    alone = float((np.append(rows.size, 0)[rows.owner[members]] <= _LONE).mean())
    return long > _ALONG * high and alone > 0.9 and closely_set(tipped, members)


def _stands_free(found: Components, box: Place, unit: float) -> bool:
    """Say whether there is next to nothing to the left and the right of a sideways line: letters of rows have neighbours."""
    x0, y0, x1, y1 = box
    room = _FREE * (x1 - x0)
    near = (found.x0 < x1 + room) & (found.x1 > x0 - room) & (found.y0 < y1) & (found.y1 > y0)
    near &= ((found.x0 >= x1) | (found.x1 <= x0)) & (found.height > _CRUMB * unit)
    return float(found.height[near].sum()) < _MOST_BESIDE * (y1 - y0)


def beside(box: Place, pictures: Sequence[Place], room: float) -> bool:
    """Say whether a box lies in one of some others or within `room` of it."""
    return any(
        box[0] < x1 + room and box[2] > x0 - room and box[1] < y1 + room and box[3] > y0 - room
        for x0, y0, x1, y1 in pictures
    )
