"""Where a line of print holds what may be a formula: raised, lowered and stacked ink, roots, and signs of relation between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout import InkLine, PageInk

# Lengths in heights of the line's small letters.
_SCRIPT = 0.62  # height of the smallest script; commas, quotation marks and dots are lower
_LOW = 0.7  # height of a lowered one: commas of small print and what comes loose from a g are lower
_LOWERED, _RAISED = 0.14, 0.35  # below the base line, and above it, at least
_NEXT, _LOOSE = 0.45, 0.62  # between a sign and its script, at most; before a raised one after a slanting letter
_SPACE = 0.42  # between words, and around relations
_RELATION = (1.15, 2.7)  # width of a sign of relation; a lone letter a is narrower
_SMALL, _SHORT = (
    0.6,
    4,
)  # height of a lowered sign without stem or dot, told from a comma by the few letters of its word
_HOLLOW = 0.3  # share of its box that the sign of a root inks, at most
_PLUS, _ON_AXIS = 0.3, 0.16  # share of its box that a plus inks, at most; its middle from the axis
_AXIS = 0.58  # above the base line
_WIDEST = 22.0  # of a formula in a line


def formula_parts(line: InkLine, ink: PageInk) -> list[Box]:
    """Return the boxes of the words of a line that hold scripts or stacks, joined over relations."""
    unit = line.base - line.top
    x0, y0, x1, y1 = ink.boxes.T
    middle = (y0 + y1) / 2
    inside = (
        (middle > line.top - 1.2 * unit) & (middle < line.base + 0.9 * unit) & (x1 > line.x0 - 1) & (x0 < line.x1 + 1)
    )
    inside &= (y1 - y0 < 3.5 * unit) & (y1 > line.y0 - 0.3 * unit) & (y0 < line.y1 + 0.3 * unit)
    own = inside & (unit > 0)
    if not own.any():
        return []
    bars = _bars(ink.boxes[own], line, ink, unit)
    boxes = np.concatenate([ink.boxes[own], bars])
    area = np.concatenate([ink.area[own], np.zeros(len(bars), np.float32)])
    share = area / np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1)
    order = np.argsort(boxes[:, 0], kind="stable")
    boxes, share = boxes[order], share[order]
    raised = (boxes[:, 3] < line.base - _RAISED * unit) & (boxes[:, 3] - boxes[:, 1] > _SCRIPT * unit)
    words = _words(boxes, np.where(raised, _LOOSE, _SPACE) * unit)
    starts = np.cumsum([0, *(len(word) for word in words)])
    marked = [_is_marked(word, share[at : at + len(word)], line, unit) for word, at in zip(words, starts, strict=False)]
    relation = [
        _is_relation(word, unit) or (len(word) == 1 and _is_plus(word[0], float(share[at]), line, unit))
        for word, at in zip(words, starts, strict=False)
    ]
    found: list[Box] = []
    k = 0
    while k < len(words):
        if not marked[k]:
            k += 1
            continue
        first = last = k
        while first > 1 and relation[first - 1]:
            first -= 2
        while last + 2 < len(words) and relation[last + 1]:
            last += 2
        whole = np.concatenate(words[first : last + 1])
        left, top, right, bottom = whole[:, 0].min(), whole[:, 1].min(), whole[:, 2].max(), whole[:, 3].max()
        if (
            right - left < _WIDEST * unit
            and not _is_cut(ink, left, top, right, bottom, unit)
            and (not found or left > found[-1].x1)
        ):
            found.append(Box(float(left), float(top), float(right), float(bottom)))
        k = last + 1
    return found


def _is_cut(ink: PageInk, left: float, top: float, right: float, bottom: float, unit: float) -> bool:
    """Say whether a straight line (of a root or a fraction) goes on beyond a part of a line."""
    x0, y0, x1, y1 = ink.rules.T
    over = (x0 < right) & (x1 > left) & (y0 > top - 0.6 * unit) & (y1 < bottom + 0.6 * unit)
    return bool((over & ((x0 < left - 0.3 * unit) | (x1 > right + 0.3 * unit))).any())


def _bars(boxes: NDArray[np.float32], line: InkLine, ink: PageInk, unit: float) -> NDArray[np.float32]:
    """Return the long bars of a line's roots and fractions [B, 4]: what stands under or over one is one word with it.

    Short ones are among the line's own `boxes`. A root may be one piece with its bar, or a sign that ends where a
    straight line begins; without such a sign a line so high is one below the words above.
    """
    both = np.concatenate([ink.rules, ink.art])
    x0, y0, x1, y1 = both.T
    near = (x1 > line.x0 - 1) & (x0 < line.x1 + 1) & (x1 - x0 > 0.8 * unit) & (y1 < line.base + 0.9 * unit)
    near &= (y0 > line.top - 2.2 * unit) & (y0 < line.base - 0.35 * unit) & (y1 - y0 < 3.5 * unit)
    for k in np.flatnonzero(near[: len(ink.rules)] & (y0[: len(ink.rules)] < line.top - 0.3 * unit)).tolist():
        hook = (np.abs(boxes[:, 2] - x0[k]) < 0.4 * unit) & (np.abs(boxes[:, 1] - y0[k]) < 0.3 * unit)
        near[k] = hook.any()
    kept: NDArray[np.float32] = both[near]
    return kept


def _words(boxes: NDArray[np.float32], space: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    reach = np.maximum.accumulate(boxes[:, 2])
    cuts = np.flatnonzero(boxes[1:, 0] - reach[:-1] > space[1:]) + 1
    return np.split(boxes, cuts)


def _is_marked(word: NDArray[np.float32], share: NDArray[np.float32], line: InkLine, unit: float) -> bool:
    """Say whether a word holds a lowered or raised sign beside a full one, signs above and below a bar, or a root.

    share: of its box that each piece inks.
    """
    x0, y0, x1, y1 = word.T
    high, wide = y1 - y0, x1 - x0
    letter = (high > _SCRIPT * unit) & (high < 1.5 * unit) & (wide > 0.2 * unit)
    lowered = (
        letter
        & (high > _LOW * unit)
        & (wide > 0.35 * unit)
        & (y1 > line.base + _LOWERED * unit)
        & (y0 > line.top + 0.3 * unit)
    )
    raised = letter & (y1 < line.base - _RAISED * unit) & (y0 < line.top - 0.1 * unit)
    full = (y1 > line.base - 0.3 * unit) & (y0 < line.top + 0.12 * unit) & (high < 2.6 * unit) & (high > 0.7 * unit)
    if full.sum() <= _SHORT:
        lowered |= (
            (high > _SMALL * unit)
            & (high < 1.5 * unit)
            & (wide > 0.25 * unit)
            & (y1 > line.base + 0.2 * unit)
            & (y0 > line.top + 0.15 * unit)
        )
    bars = (wide > 0.8 * unit) & (high < 0.3 * unit)
    for script in np.flatnonzero(lowered | raised).tolist():
        start = x0[script]
        minus = bars & (wide < 1.4 * unit) & (x1 < start + 1) & (start - x1 < _NEXT * unit)
        minus &= (y1 < line.top + 0.2 * unit) | (y0 > line.base - 0.2 * unit)
        start = min(start, x0[minus].min(initial=np.inf))
        gap = start - x1  # a full sign stands right before the script
        if (full & (gap > -0.6 * unit) & (gap < _NEXT * unit)).any():
            return True
    roots = (high > 1.5 * unit) & (wide > 1.3 * unit) & (share < _HOLLOW)
    for root in np.flatnonzero(roots).tolist():
        within = (x0 > x0[root] + 0.4 * unit) & (x1 < x1[root] + 0.3 * unit) & (high > 0.7 * unit)
        if (within & (y0 > y0[root]) & (y1 < y1[root] + 0.3 * unit)).any():
            return True
    for bar in np.flatnonzero(bars).tolist():
        beside = (x0 < x1[bar]) & (x1 > x0[bar]) & ~bars
        over, under = beside & (y1 <= y0[bar] + 1), beside & (y0 >= y1[bar] - 1)
        if (over & (high > _SCRIPT * unit)).any() and (under & (high > _SCRIPT * unit)).any():
            return True
    return False


def _is_relation(word: NDArray[np.float32], unit: float) -> bool:
    """Say whether a word is one sign like = or <: wider than a letter, its parts one above the other, on the axis."""
    x0, y0, x1, y1 = word.T
    wide, high = float(x1.max() - x0.min()), float(y1.max() - y0.min())
    one = len(word) <= 3 and bool(((x1 - x0) > 0.6 * wide).all())
    return one and _RELATION[0] * unit < wide < _RELATION[1] * unit and high < (1.4 if len(word) == 1 else 2.2) * unit


def _is_plus(box: NDArray[np.float32], share: float, line: InkLine, unit: float) -> bool:
    """Say whether a sign is a plus: as high as wide, in the middle of the axis, with little ink in its box."""
    x0, y0, x1, y1 = box.tolist()
    off = abs(line.base - _AXIS * unit - (y0 + y1) / 2)
    sized = unit < x1 - x0 < 2.0 * unit and abs((x1 - x0) - (y1 - y0)) < 0.15 * (x1 - x0)
    return sized and share < _PLUS and off < max(1.5, _ON_AXIS * unit)
