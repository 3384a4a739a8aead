"""The words of a table in the ink: rules taken out, fills behind cells evened out, letters joined to words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import Components, Mask, components
from dsvl2.pipelines.layout.letters import Rule
from dsvl2.pipelines.layout.segments import find_segments
from dsvl2.pipelines.tables.flatten import Gray

_DARK = 150  # ink of words on an even page
_WORD_REACH = 0.5  # letter heights between letters of a word
_LEAST_CONTRAST = 30.0  # grey levels
_NEAR_GROUND = 14
_FRINGE = 2  # pixels beside a rule that a letter's stroke must fill to have a claim on the rule's
_MOST_CROSSED = 0.5  # share of a rule that letters can stand on
_STUMP = 0.5  # letter heights from a wall
_POINT_REACH = 0.8  # letter heights from a point to the figures on both sides of it, letters of one width


def without_rules(flat: Gray, rules: Sequence[Rule]) -> Gray:
    """Return an even page with the rules white, but for the strokes of letters that cross or stand on thin ones."""
    result = flat.copy()
    for rule in rules:
        part = np.s_[rule.y0 : rule.y1, rule.x0 : rule.x1]
        if rule.x1 - rule.x0 >= rule.y1 - rule.y0:
            result[part] = _without_rule(flat, rule)
        else:
            tipped = Rule(rule.y0, rule.x0, rule.y1, rule.x1)
            result[part] = _without_rule(flat.T, tipped).T
    return result


def _without_rule(flat: Gray, rule: Rule) -> Gray:
    """Return the pixels of a horizontal rule's box: white where nothing dark goes on above or below it."""
    x0, x1 = rule.x0, rule.x1
    above = flat[max(0, rule.y0 - _FRINGE) : rule.y0, x0:x1]
    below = flat[rule.y1 : rule.y1 + _FRINGE, x0:x1]
    crossed = np.zeros(x1 - x0, dtype=np.bool_)
    for side in (above, below):
        if len(side) == _FRINGE:
            crossed |= (side < _DARK).all(axis=0)
    if crossed.mean() > _MOST_CROSSED:  # the border of a fill or of a photograph, or one side of a thick rule
        crossed[:] = False
    return np.where(crossed, flat[rule.y0 : rule.y1, x0:x1], np.uint8(255))


def even_room(gray: Gray, flat: Gray, box: Box, unit: float) -> None:
    """Set a walled cell of `flat`, in place, to its distance from the cell's own tone, the commonest in it.

    Where no tone is common (a picture) the cell is left as it was.
    """
    y0, y1 = max(int(box.y0) + 1, 0), min(int(box.y1) - 1, gray.shape[0])
    x0, x1 = max(int(box.x0) + 1, 0), min(int(box.x1) - 1, gray.shape[1])
    if y1 - y0 < 4 or x1 - x0 < 4:
        return
    part = gray[y0:y1, x0:x1].astype(np.float32)
    counts = np.bincount(gray[y0:y1, x0:x1].ravel(), minlength=256).astype(np.float64)
    tone = int(np.convolve(counts, np.ones(7), mode="same").argmax())
    away = np.abs(part - tone)
    if float((away <= _NEAR_GROUND).mean()) < 0.35:
        return
    most = float(np.percentile(away, 99.7)) if away.size > 400 else float(away.max())
    away[away <= _NEAR_GROUND] = 0
    flat[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = 255
    if most < _LEAST_CONTRAST:
        return
    away = np.minimum(away * max(1.0, 235.0 / most), 255.0)
    _clear_stumps(away, max(2, round(_STUMP * unit)))
    _clear_stumps(away.T, max(2, round(_STUMP * unit)))
    flat[y0:y1, x0:x1] = (255.0 - away).astype(np.uint8)


def _clear_stumps(away: NDArray[np.float32], reach: int) -> None:
    """Clear rows of ink along the upper and lower wall, in place: what is left of thick or double rules."""
    full = (away > 60).mean(axis=1) > 0.6
    for side in (range(min(reach, len(full))), range(len(full) - 1, max(-1, len(full) - 1 - reach), -1)):
        inked = [k for k in side if full[k]]
        if inked:
            last = inked[-1]
            low, high = (0, last + 2) if last < reach else (max(0, last - 1), len(full))
            away[low:high] = 0


def words_in(flat: Gray, box: Box, unit: float) -> list[Box]:
    """Return the boxes of words in `box` of an even page without rules, in its pixels."""
    x0, y0 = max(0, int(box.x0)), max(0, int(box.y0))
    mask: Mask = flat[y0 : int(np.ceil(box.y1)), x0 : int(np.ceil(box.x1))] < _DARK
    if not mask.any():
        return []
    found = components(mask)
    letter = _letters(found, unit)
    segs = find_segments(found, letter, unit, _WORD_REACH)
    words = [
        [float(a), float(b), float(c), float(d)] for a, b, c, d in zip(segs.x0, segs.y0, segs.x1, segs.y1, strict=True)
    ]
    _attach(found, letter, words, unit)
    return [Box(a + x0, b + y0, c + x0, d + y0) for a, b, c, d in words]


def _letters(found: Components, unit: float) -> Mask:
    """Return which components carry words: not marks, and not the stumps of rules."""
    height, width = found.height, found.width
    stroke = (width <= 0.25 * unit) & (height > 2.6 * unit)
    return (height >= 0.5 * unit) & (height < 5 * unit) & (width < 40 * unit) & ~stroke


def _attach(found: Components, letter: Mask, words: list[list[float]], unit: float) -> None:
    """Add dots, commas, accents and dashes to the word they stand at; a dash that stands alone is a word.

    A point between two words and near both, as in figures of a typewriter, makes them one.
    """
    marks = np.flatnonzero(~letter & (found.height < 1.2 * unit) & (found.area >= 3) & (found.width < 3 * unit))
    boxes = np.array(words) if words else np.zeros((0, 4))
    part_of = list(range(len(words)))
    for k in marks.tolist():
        x0, y0, x1, y1 = (float(side[k]) for side in (found.x0, found.y0, found.x1, found.y1))
        y = (y0 + y1) / 2
        if len(boxes):
            across = np.maximum(0, np.maximum(boxes[:, 0] - x1, x0 - boxes[:, 2]))
            rise = np.maximum(0, np.maximum(boxes[:, 1] - y, y - boxes[:, 3]))
            away = across + rise
            near = int(away.argmin())
            if across[near] < 0.45 * unit and rise[near] < 0.5 * unit:
                _grow(words, part_of, near, [x0, y0, x1, y1])
                continue
            level = (across < _POINT_REACH * unit) & (rise < 0.5 * unit)
            left, right = np.flatnonzero(level & (boxes[:, 2] <= x0)), np.flatnonzero(level & (boxes[:, 0] >= x1))
            if left.size and right.size:
                before, behind = int(left[across[left].argmin()]), int(right[across[right].argmin()])
                _grow(words, part_of, before, [x0, y0, x1, y1])
                _join(words, part_of, before, behind)
                continue
        if x1 - x0 >= 0.3 * unit and x1 - x0 > 1.3 * (y1 - y0):
            middle = 0.3 * unit
            words.append([x0, y - middle, x1, y + middle])
            part_of.append(len(words) - 1)
    words[:] = [word for number, word in enumerate(words) if part_of[number] == number]


def _root(part_of: list[int], number: int) -> int:
    while part_of[number] != number:
        number = part_of[number]
    return number


def _grow(words: list[list[float]], part_of: list[int], number: int, box: list[float]) -> None:
    """Make a word, or the one that it became part of, reach over a box."""
    number = _root(part_of, number)
    word = words[number]
    words[number] = [min(word[0], box[0]), min(word[1], box[1]), max(word[2], box[2]), max(word[3], box[3])]


def _join(words: list[list[float]], part_of: list[int], one: int, other: int) -> None:
    """Make a word part of another."""
    one, other = _root(part_of, one), _root(part_of, other)
    if one != other:
        _grow(words, part_of, one, words[other])
        part_of[other] = one
