"""Which rows of ink are print: letters of a line stand or hang at one height, and neighbours differ in shape.

Noise has no such order and the dots of a screen have too much of it; a model that reads them invents. Neighbours are
compared with each other, not with the line, so that print on bent paper passes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Components, Ints, Mask
from dsvl2.pipelines.layout.lines import Rows

Floats = NDArray[np.float64]

_LEVEL = 0.2  # x-heights by which the upper or lower ends of neighbouring letters may differ
_FEW = 6  # letters; a row of fewer tells nothing
_LEAST_LEVEL = 0.45  # share of level neighbours in a row of print; measured: print .6 to 1, noise up to .3
_LEAST_TYPICAL = 0.6  # the same of a page's typical row; measured: .9 on photographed receipts and forms, .5 on pepper
_MOST_ALIKE = 0.7  # share of neighbours of one size in the typical row of a page; print up to .6, screens from .75
_SCREEN = 60  # letters; fewer dots make no screen
_TINY, _TINY_ALIKE = 5.0, 0.5  # letter height in pixels at which nothing can be read, and what is enough alike there
_CRUMBS = 80  # rows too short to tell; a page of hardly anything else has no print


def only_print(rows: Rows, found: Components, letter: Mask, unit: float) -> Rows:
    """Return the rows without those that cannot be print; their components belong to no line any more.

    `unit` is the height of the page's commonest letters in pixels.
    """
    if not rows.lines:
        return rows
    level, alike, count = _likeness(rows, found, letter)
    told = count >= _FEW
    drop = told & (level < _LEAST_LEVEL)
    if told.any():
        noisy = _typical(level[told], count[told]) < _LEAST_TYPICAL
        most = _TINY_ALIKE if unit < _TINY else _MOST_ALIKE
        screen = int(count.sum()) >= _SCREEN and _typical(alike[told], count[told]) > most
        drop[:] = drop | noisy | screen
    if int((~told).sum()) > _CRUMBS and int(count[~told].sum()) > 4 * int(count[told].sum()):
        drop[:] = True
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


def _likeness(rows: Rows, found: Components, letter: Mask) -> tuple[Floats, Floats, Ints]:
    """Return for each row the share of neighbouring letters at one height, that of neighbours of one size, and its letters."""
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
    wide, high = found.width[order][1:][beside], found.height[order][1:][beside]
    alike = (step(found.width) <= np.maximum(1, 0.15 * wide)) & (step(found.height) <= np.maximum(1, 0.15 * high))
    pairs = np.maximum(np.bincount(of, minlength=many), 1)
    count = np.bincount(line, minlength=many)
    return (
        np.bincount(of, level, many) / pairs,
        np.bincount(of, alike.astype(np.float64), many) / pairs,
        count,
    )
