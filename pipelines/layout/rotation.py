"""Which way up a page lies. Acts only when sure: a page is taken as upright unless its lines clearly say otherwise."""

from __future__ import annotations

import numpy as np

from dsvl2.pipelines.layout.components import Mask, find_runs
from dsvl2.pipelines.layout.skew import find_skew


def _white_gap(mask: Mask) -> float:
    """Return the median length of short white runs between ink along rows: the space between letters when upright."""
    row, start, end = find_runs(mask)
    same = row[1:] == row[:-1]
    gaps = (start[1:] - end[:-1])[same]
    gaps = gaps[gaps < 60]
    return float(gaps.mean()) if gaps.size else 0.0


def lies_sideways(mask: Mask) -> bool:
    """Say whether text lines run vertically: line contrast and letter gaps both have to agree."""
    if mask.sum() < 400 or min(mask.shape) < 40:
        return False
    turned = np.ascontiguousarray(np.rot90(mask))
    flat, upright = find_skew(mask)[1], find_skew(turned)[1]
    gap_along, gap_across = _white_gap(mask), _white_gap(turned)
    return upright > 1.35 * flat and gap_across < gap_along


def ascender_balance(mask: Mask, tops: list[tuple[int, int, int, int]]) -> tuple[float, float]:
    """Return ink above and below the x-height of lines given as (x0, x1, top, base): ascenders against descenders."""
    above = below = 0.0
    for x0, x1, top, base in tops:
        rise = max(2, round(0.55 * (base - top)))
        lift = max(1, round(0.15 * (base - top)))
        above += float(mask[max(0, top - rise) : max(0, top - lift), x0:x1].sum())
        below += float(mask[base + lift : base + rise, x0:x1].sum())
    return above, below


def is_upside_down(mask: Mask, tops: list[tuple[int, int, int, int]]) -> bool:
    """Say whether far more ink hangs below the lines than stands above: Latin text has two to three times more ascenders."""
    above, below = ascender_balance(mask, tops)
    width = sum(x1 - x0 for x0, x1, _, _ in tops)
    height = float(np.median([base - top for _, _, top, base in tops])) if tops else 1.0
    return len(tops) >= 3 and width > 150 * height and below > 1.5 * above and below > 0.02 * width * height
