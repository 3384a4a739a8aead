"""Which rows of ink are print: letters of a line stand or hang at one height, and neighbours differ in shape.

Noise has no such order and the dots of a screen have too much of it; a model that reads them invents. Neighbours are
compared with each other, not with the line, so that print on bent paper passes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Components, Ints, Mask
from dsvl2.pipelines.layout.lines import Rows
from dsvl2.pipelines.layout.strokes import drawn_rows

Floats = NDArray[np.float64]

_LEVEL = 0.2  # x-heights by which the upper or lower ends of neighbouring letters may differ
_BESIDE = 3.0  # x-heights from one letter to the next
_FEW = 6  # letters; a row of fewer tells nothing
_LEAST_LEVEL = 0.45  # share of level neighbours in a row of print; measured: print .6 to 1, noise up to .3
_LEAST_TYPICAL = 0.6  # the same of a page's typical row; measured: .9 on photographed receipts and forms, .5 on pepper
_MOST_ALIKE = 0.7  # share of neighbours of one size in the typical row of a page; print up to .6, screens from .75
_SCREEN = 60  # letters; fewer dots make no screen, and fewer letters may stand as those of a formula do
_DOT = 0.64  # of its box is ink of the dots of a screen, .7 to .88; figures, as much alike, have up to .56
_TINY, _TINY_ALIKE = 5.0, 0.5  # letter height in pixels at which nothing can be read, and what is enough alike there
_UNREADABLE = 3.5  # x-height in pixels of the page as read: no letter can be told from another
_MOST_NOISE, _SOME = 0.6, 40  # of the letters, and letters; where more are no print, rows too short to tell are none
_DARK, _TOUCH, _MOST_CRUMBS = 0.25, 0.6, 8  # ink of a picture's box; letter heights to it; letters
# pieces, pixels of one, strokes of a dot, share of dots: a screen has .97, faint print up to .92
_DOTS, _SPECK, _DOTTED, _MOST_DOTS = 200, 4, 1.15, 0.95
_AMONG, _ALL_DOTS = 4.0, 0.97  # letter heights around a row; the share of dots on a page of nothing else, of print .7
_CRUMBS = 80  # rows too short to tell; a page of hardly anything else has no print

# Of the letters of 110 printed pages .61 or more (of faded ones .56) stand in rows of _FEW, their typical level is .85 (.73),
# .39 to .73 of a typical one's box is ink, and it is 2.4 times as wide as high at the most (2.7, where they touch); music,
# circuits, scrawls differ.
_IN_ROWS, _ON_LEVEL, _INKED, _WIDEST = 0.55, 0.75, (0.36, 0.76), 3.0


def is_odd(rows: Rows, found: Components, letter: Mask) -> bool:
    """Say whether a page's rows are unlike those of printed pages: too few to tell, no rows, no letters."""
    own = letter & (rows.of_component >= 0)
    if not own.any():
        return True
    level, _, count = _likeness(rows, found, letter)
    told = count >= _FEW
    if not told.any() or int(count[told].sum()) < _IN_ROWS * int(count.sum()):
        return True
    shape = float(np.median((found.width / np.maximum(found.height, 1))[own]))
    inked = _INKED[0] <= _filled(rows, found, letter) <= _INKED[1]
    return _typical(level[told], count[told]) < _ON_LEVEL or not inked or shape > _WIDEST


def only_print(rows: Rows, found: Components, letter: Mask, unit: float, zoom: float) -> Rows:
    """Return the rows without those that cannot be print; their components belong to no line any more.

    `unit` is the height of the page's commonest letters in working pixels, of which `zoom` are one of the page's.
    """
    if not rows.lines:
        return rows
    level, alike, count = _likeness(rows, found, letter)
    told = count >= _FEW
    tall = np.array([line.base - line.top for line in rows.lines])
    drop = (told & (level < _LEAST_LEVEL)) | (tall < _UNREADABLE * zoom)
    if int(count[drop].sum()) > max(_MOST_NOISE * int(count.sum()), _SOME):
        drop |= ~told  # crumbs of what is no print
    drop |= drawn_rows(found, letter, rows.of_component, tall)
    if told.any():
        many = int((letter & (rows.of_component >= 0)).sum()) >= _SCREEN
        noisy = many and _typical(level[told], count[told]) < _LEAST_TYPICAL
        most = _TINY_ALIKE if unit < _TINY * zoom else _MOST_ALIKE
        screen = many and _typical(alike[told], count[told]) > most and _filled(rows, found, letter) > _DOT
        drop[:] = drop | noisy | screen
    if int((~told).sum()) > _CRUMBS and int(count[~told].sum()) > 4 * int(count[told].sum()):
        drop[:] = True
    return _without(rows, drop)


def off_pictures(
    rows: Rows, letter: Mask, mask: Mask, pictures: Sequence[tuple[int, int, int, int]], unit: float
) -> Rows:
    """Return the rows without the crumbs at the edges of dark pictures: few letters that touch one are its dots.

    mask [H, W]: all ink; pictures: boxes.
    """
    dark = [box for box in pictures if mask[box[1] : box[3], box[0] : box[2]].mean() > _DARK]
    if not dark or not rows.lines:
        return rows
    room = _TOUCH * unit
    count = np.bincount(rows.of_component[letter & (rows.of_component >= 0)], minlength=len(rows.lines))
    touching = [
        any(k.x0 < x1 + room and k.x1 > x0 - room and k.y0 < y1 + room and k.y1 > y0 - room for x0, y0, x1, y1 in dark)
        for k in rows.lines
    ]
    return _without(rows, np.array(touching) & (count <= _MOST_CRUMBS))


def off_screens(rows: Rows, found: Components, unit: float) -> Rows:
    """Return the rows without those that stand among the dots of a picture; `found` is all ink of the page.

    A row of pixels crosses two strokes of most letters, and one dot.
    """
    strokes = np.bincount(found.runs.label, minlength=len(found)) / np.maximum(found.height, 1)
    some = found.area >= _SPECK
    dot = some & (strokes < _DOTTED)
    share = float(dot.sum()) / max(int(some.sum()), 1)
    if not rows.lines or int(dot.sum()) < (_SCREEN if share > _ALL_DOTS else _DOTS):
        return rows
    if share > _ALL_DOTS:
        return _without(rows, np.ones(len(rows.lines), dtype=np.bool_))
    x, y = (found.x0 + found.x1) / 2, (found.y0 + found.y1) / 2
    drop = np.zeros(len(rows.lines), dtype=np.bool_)
    for k, line in enumerate(rows.lines):
        room = _AMONG * unit
        near = (x > line.x0 - room) & (x < line.x1 + room) & (y > line.y0 - room) & (y < line.y1 + room) & some
        drop[k] = int(near.sum()) >= _DOTS and int((near & dot).sum()) > _MOST_DOTS * int(near.sum())
    return _without(rows, drop)


def _without(rows: Rows, drop: Mask) -> Rows:
    """Return the rows that are not dropped."""
    if not drop.any():
        return rows
    kept = np.flatnonzero(~drop)
    number = np.full(len(rows.lines) + 1, -1, dtype=np.int64)
    number[kept] = np.arange(kept.size)
    lines = tuple(rows.lines[k] for k in kept.tolist())
    return Rows(lines, tuple(rows.leaf[k] for k in kept.tolist()), number[rows.of_component])


def _typical(values: Floats, weight: Ints) -> float:
    """Return the weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][int(np.searchsorted(total, total[-1] / 2))])


def _filled(rows: Rows, found: Components, letter: Mask) -> float:
    """Return the typical share of a letter's box that is ink."""
    own = letter & (rows.of_component >= 0)
    return float(np.median(found.area[own] / (found.width * found.height)[own]))


def _likeness(rows: Rows, found: Components, letter: Mask) -> tuple[Floats, Floats, Ints]:
    """Return for each row the share of neighbouring letters at one height, that of neighbours of one size, and its letters.

    Where enough neighbours are near each other only these are asked for their height: labels of a chart that share a row
    stand at heights of their own.
    """
    own = np.flatnonzero(letter & (rows.of_component >= 0))
    order = own[np.lexsort((found.x0[own], rows.of_component[own]))]
    line = rows.of_component[order]
    many = len(rows.lines)
    tall = np.array([max(k.base - k.top, 1.0) for k in rows.lines])
    beside = line[1:] == line[:-1]
    of = line[1:][beside]

    def step(values: Ints) -> Ints:
        steps: Ints = np.abs(np.diff(values[order]))[beside]
        return steps

    level = (np.minimum(step(found.y1), step(found.y0)) < _LEVEL * tall[of]).astype(np.float64)
    near = (found.x0[order][1:] - found.x1[order][:-1])[beside] < _BESIDE * tall[of]
    wide, high = found.width[order][1:][beside], found.height[order][1:][beside]
    alike = (step(found.width) <= np.maximum(1, 0.15 * wide)) & (step(found.height) <= np.maximum(1, 0.15 * high))
    pairs, close = np.bincount(of, minlength=many), np.bincount(of, near, many)
    all_level = np.bincount(of, level, many) / np.maximum(pairs, 1)
    near_level = np.bincount(of, level * near, many) / np.maximum(close, 1)
    return (
        np.where(close >= _FEW - 1, np.maximum(all_level, near_level), all_level),
        np.bincount(of, alike.astype(np.float64), many) / np.maximum(pairs, 1),
        np.bincount(line, minlength=many),
    )
