"""Which way up a page lies. A page is taken as upright unless its lines say otherwise, and looked at again unless many do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Components, Ints, Mask
from dsvl2.pipelines.layout.lines import Rows
from dsvl2.pipelines.layout.segments import find_segments
from dsvl2.pipelines.layout.sideways import closely_set, turned

ENOUGH = 4  # lines that must lean one way; fewer may be one word with tails
SURE = 8  # lines that agree of which the reading need not be asked: seven of italics and figures were all wrong


def chain_length(found: Components, unit: float) -> tuple[float, int]:
    """Return (letters in a typical letter's row, letters): rows are long along the lines and nearly 1 across them."""
    letter = _letters(found, unit)
    size = find_segments(found, letter, unit).size.astype(np.float64)
    return float(np.square(size).sum() / max(1.0, size.sum())), int(letter.sum())


def _letters(found: Components, unit: float) -> Mask:
    """Return which pieces are of the size of letters, whichever way they lie."""
    size: Mask = (found.height > 0.55 * unit) & (found.height < 3 * unit) & (found.width < 3 * unit)
    return size


def lies_sideways(found: Components, unit: float, width: int) -> bool:
    """Say whether text lines run vertically: letters must chain far better across the page than along it.

    Upright pages measured 1.5 to 60 letters along and 1 to 5 across (80 pages, forms and receipts among them). A few
    letters that stand alone must follow each other closely: figures below each other do not.
    """
    along, letters = chain_length(found, unit)
    tipped = turned(found, width)
    across, _ = chain_length(tipped, unit)
    if letters >= 20:
        return across > 4.0 and across > 2.0 * along
    return (
        letters >= 4 and across >= 3.5 and along <= 2.0 and closely_set(tipped, np.flatnonzero(_letters(tipped, unit)))
    )


def ascender_balance(found: Components, rows: Rows) -> tuple[float, float, int, int]:
    """Return ink above and below the x-height relative to the ink within, and how many lines lean either way.

    Only letters that cross the middle of their line count: no underlines, commas or accents.
    """
    if not rows.lines:
        return 0.0, 0.0, 0, 0
    top = np.array([line.top for line in rows.lines])
    base = np.array([line.base for line in rows.lines])
    runs = found.runs
    owner = rows.of_component
    middle = (top + base)[owner] / 2
    counted = (owner >= 0) & (found.y0 < middle) & (found.y1 > middle) & (found.height < 2.6 * (base - top)[owner])
    line = np.where(counted, owner, -1)[runs.label]
    held = line >= 0
    line, row = line[held], runs.row[held] + 0.5
    ink = (runs.end - runs.start)[held].astype(np.float64)
    tall = np.maximum(base - top, 1.0)[line]
    over, under = (top[line] - row) / tall, (row - base[line]) / tall
    count = len(rows.lines)
    above = np.bincount(line, ink * ((over > 0.12) & (over < 0.6)), count)
    below = np.bincount(line, ink * ((under > 0.12) & (under < 0.6)), count)
    whole = float(ink.sum()) or 1.0
    clear = (above + below > 0.03 * np.bincount(line, ink, count)) & (widest_gaps(found, owner, base - top) < 4)
    return (
        float(above.sum()) / whole,
        float(below.sum()) / whole,
        int((clear & (above > 1.3 * below)).sum()),
        int((clear & (below > 1.3 * above)).sum()),
    )


def widest_gaps(found: Components, owner: Ints, tall: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the widest gap between letters of each line, in x-heights `tall`: rows of tables have wide ones.

    `owner` is the line of each component. Figures have no ascenders to stand out, so such rows do not say which way up.
    """
    order = np.lexsort((found.x0, owner))
    order = order[owner[order] >= 0]
    line = owner[order]
    gap = np.where(line[1:] == line[:-1], found.x0[order][1:] - found.x1[order][:-1], 0)
    widest = np.zeros(len(tall))
    np.maximum.at(widest, line[1:], gap)
    result: NDArray[np.float64] = widest / np.maximum(tall, 1.0)
    return result


def is_upside_down(found: Components, rows: Rows, *, sideways: bool = False) -> tuple[bool, bool]:
    """Say whether far more ink hangs below the lines than stands above, and whether so many lines agree that it is sure.

    Latin has two to three times more ascenders than letters with tails.

    Figures have neither: beside them a few letters with tails say nothing, so a third of the lines must agree. Of a
    page that lay `sideways` neither way up is likelier before one looks: there the greater part decides.
    """
    above, below, standing, hanging = ascender_balance(found, rows)
    hangs = hanging >= ENOUGH and hanging > 3 * standing and below > 1.5 * above and below > 0.009
    hangs = hangs and 3 * hanging >= len(rows.lines)
    sure = (hangs and hanging >= SURE) or (standing >= SURE and standing > 3 * hanging)
    return (hanging > standing and below > above) if sideways else hangs, sure
