"""Find the places of a chart's words: letters chained along a level, upright or slanted direction. No reading yet."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.ground import Ground
from dsvl2.pipelines.charts.letters import Ink, find_letters
from dsvl2.pipelines.charts.pixels import Mask
from dsvl2.pipelines.charts.slant import slant_of
from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.components import Components, Ints, join, pairs_of_ranges, select

Floats = NDArray[np.float64]
SLANTED = (45, -45, 30, -30, 60, -60)  # degrees, counter-clockwise from level
_GAP = 0.85  # of the letter height: widest space inside a piece of text
_WIDE_GAP = 1.4  # the same along a slant, where the next label lies aside
_ALIKE = 2.6  # the tallest letter of a piece of text to its lowest, or to a low one, at most
_MOST_LETTERS = 2000  # of a chart: of 50 real ones 827 at the most; the dots of a picture are more
_LONELY = {90: 2.0, 45: 2.6, 30: 2.6, 60: 2.6}  # letters whose level neighbours are more than this are level text


@dataclass(frozen=True, slots=True)
class Spot:
    """A piece of text still to be read. `angle` is its direction in degrees, counter-clockwise from level.

    `box` is the upright box around the ink on the picture; `centre`, `along` and `across` describe the ink in its own
    direction, pixels; `letters` counts its pieces of ink.
    """

    box: Box
    angle: int
    centre: tuple[float, float]
    along: float
    across: float
    letters: int


def find_spots(ground: Ground) -> tuple[Spot, ...]:
    """Return all places with text, level ones first, from top to bottom; none where there is more than a chart has."""
    ink = find_letters(ground)
    if ink is None or int((~ink.small).sum()) > _MOST_LETTERS:
        return ()
    free = ~ink.small
    found: list[tuple[Ints, int]] = []
    company = np.zeros(len(ink.found))
    for chain in _chains(ink, free, 0):
        company[chain] = chain.size if _on_a_line(ink, chain) else 1
    slant, chains = _slanted(ink, free, company)
    for chain in chains:
        free[chain] = False
        found.append((chain, slant))
    for chain in [c for c in _chains(ink, free, 90) if _runs_along(ink, c, 90, company)]:
        free[chain] = False
        found.append((chain, 90))
    found += [(chain, 0) for chain in _lines(ink, _chains(ink, free, 0))]
    found = [(chain, angle) for chain, angle in found if not _is_stroke(ink, chain)]
    spots = [_spot(ink, _with_marks(ink, chain, angle), angle) for chain, angle in found]
    return tuple(sorted(spots, key=lambda spot: (spot.angle != 0, spot.box.y0, spot.box.x0)))


def _slanted(ink: Ink, free: Mask, company: Floats) -> tuple[int, list[Ints]]:
    """Return the direction of slanted labels and their letters: the direction in which they make the straightest lines."""
    angle, labels = slant_of(ink, free, company)
    if labels:
        return angle, _together(_whole_row(ink, free, angle, labels, company), labels)
    best: tuple[float, int, list[Ints]] = (0.0, 0, [])
    for angle in SLANTED:
        chains = _in_a_row(ink, [c for c in _chains(ink, free, angle) if _runs_along(ink, c, angle, company)])
        if len(chains) < 2 or (len(chains) < 4 and max(c.size for c in chains) < 4):
            continue
        merit = 0.0
        for chain in chains:
            _, _, wide, tall = _extent(ink, chain, angle)
            merit += chain.size * (tall / wide) ** 2
        if merit > best[0]:
            best = (merit, angle, chains)
    _, angle, chains = best
    return (angle, _whole_row(ink, free, angle, chains, company)) if chains else (0, [])


def _together(chains: list[Ints], labels: list[Ints]) -> list[Ints]:
    """Join chains that hold letters of one label."""
    result = list(chains)
    for label in labels:
        parts = [chain for chain in result if np.isin(chain, label).any()]
        if len(parts) > 1:
            result = [chain for chain in result if not np.isin(chain, label).any()] + [np.concatenate(parts)]
    return result


def _lines(ink: Ink, chains: list[Ints]) -> list[Ints]:
    """Join level chains whose gap is a space by the height of their lines, not of the two letters beside it."""
    found = ink.found
    box = np.array([[found.x0[c].min(), found.y0[c].min(), found.x1[c].max(), found.y1[c].max()] for c in chains])
    if len(chains) < 2:
        return chains
    high = (box[:, 3] - box[:, 1]).astype(np.float64)
    gap = box[None, :, 0] - box[:, None, 2]
    shared = np.minimum(box[:, None, 3], box[None, :, 3]) - np.maximum(box[:, None, 1], box[None, :, 1])
    least, most = np.minimum(high[:, None], high[None, :]), np.maximum(high[:, None], high[None, :])
    reach = np.where(_marked(ink, box), 1.6, 0.95)
    near = (gap > 0) & (gap <= reach * most) & (shared >= 0.6 * least) & (most < 1.7 * least)
    first, second = np.nonzero(near)
    label = join(len(chains), first.astype(np.int64), second.astype(np.int64))
    return [np.concatenate([chains[k] for k in np.flatnonzero(label == n)]) for n in range(int(label.max()) + 1)]


def _marked(ink: Ink, box: NDArray[np.int64]) -> Mask:
    """Return for each pair of lines [N, N] whether a dot or comma stands in the gap between them, near their foot."""
    x, y = (ink.found.x0 + ink.found.x1) / 2, (ink.found.y0 + ink.found.y1) / 2
    result = np.zeros((len(box), len(box)), dtype=np.bool_)
    for k in np.flatnonzero(ink.small).tolist():
        low = (y[k] > (box[:, 1] + box[:, 3]) / 2) & (y[k] < box[:, 3] + 0.4 * ink.unit)
        before = low & (box[:, 2] <= x[k] + 1) & (x[k] - box[:, 2] < ink.unit)
        after = low & (box[:, 0] >= x[k] - 1) & (box[:, 0] - x[k] < ink.unit)
        result[np.ix_(np.flatnonzero(before), np.flatnonzero(after))] = True
    return result


def _on_a_line(ink: Ink, chain: Ints) -> bool:
    """Whether the letters of a level chain stand on one line: slanted labels side by side do not."""
    feet = ink.found.y1[chain]
    even = np.abs(feet - np.median(feet)) <= max(1.5, 0.18 * ink.unit)
    _, _, wide, tall = _extent(ink, chain, 0)
    return wide < 2.2 * tall and float(even.mean()) > 0.6


def _in_a_row(ink: Ink, chains: list[Ints]) -> list[Ints]:
    """Return the slanted chains that hang side by side under one axis, all beginning or ending at its height."""
    tops = np.array([float(ink.found.y0[chain].min()) for chain in chains])
    if not tops.size:
        return []
    rows = [np.flatnonzero(np.abs(tops - top) <= 1.3 * ink.unit) for top in tops]
    return [chains[k] for k in max(rows, key=len)]


def _is_stroke(ink: Ink, chain: Ints) -> bool:
    """Whether a chain is a lone dash or a piece of a line: one long piece of ink, low or thinly inked."""
    if chain.size != 1:
        return False
    width, height = float(ink.found.width[chain[0]]), float(ink.found.height[chain[0]])
    inked = float(ink.found.area[chain[0]]) / (width * height)
    return max(width, height) > 2.2 * min(width, height) and (min(width, height) < 0.5 * ink.unit or inked < 0.33)


def _whole_row(ink: Ink, free: Mask, angle: int, chains: list[Ints], company: Floats) -> list[Ints]:
    """Add the short labels of a row of slanted ones, which alone would not show their direction."""
    found = ink.found
    members = np.concatenate(chains)
    top, bottom = found.y0[members].min(), found.y1[members].max()
    left, right = found.x0[members].min(), found.x1[members].max()
    pitch = (right - left) / max(1, len(chains) - 1)
    row = free & (found.y0 >= top - ink.unit) & (found.y1 <= bottom + ink.unit) & (company < 4)
    row &= (found.x0 >= left - 2 * pitch) & (found.x1 <= right + 2 * pitch)
    row[members] = True
    return _chains(ink, row, angle)


def _turned(found: Components, angle: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return centres along and across the direction, and the letters' extents along and across it."""
    x, y = (found.x0 + found.x1) / 2, (found.y0 + found.y1) / 2
    turn = radians(angle)
    along, across = x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn)
    width, height = found.width.astype(np.float64), found.height.astype(np.float64)
    if angle == 0:
        return along, across, width, height
    if angle == 90:
        return along, across, height, width
    # The upright box of a slanted letter is larger than the letter; letters that touch are one long piece.
    side = np.maximum(width, height) / (abs(cos(turn)) + abs(sin(turn)))
    return along, across, side, np.minimum(side, 1.5 * float(np.median(side)) if side.size else 1.0)


def _chains(ink: Ink, free: Mask, angle: int) -> list[Ints]:
    """Return groups of letters that follow each other along a direction."""
    numbers = np.flatnonzero(free)
    if not numbers.size:
        return []
    u, v, length, height = _turned(select(ink.found, free), angle)
    level = angle in (0, 90)
    first, second = _side_by_side(v, height, 0.4 * ink.unit)
    h1, h2 = height[first], height[second]
    gap = (u - length / 2)[second] - (u + length / 2)[first]
    lower = np.minimum((v + height / 2)[first], (v + height / 2)[second])
    upper = np.maximum((v - height / 2)[first], (v - height / 2)[second])
    least = np.minimum(h1, h2)
    near = gap <= (_GAP if level else _WIDE_GAP) * np.maximum(np.maximum(h1, h2), 0.8 * ink.unit)
    near &= lower - upper >= (0.5 if level else 0.35) * least
    near &= np.maximum(h1, h2) < _ALIKE * np.maximum(least, 0.4 * ink.unit)
    near &= u[second] > u[first]
    label = join(numbers.size, first[near], second[near])
    order = np.argsort(label, kind="stable")
    return np.split(numbers[order], np.flatnonzero(np.diff(label[order])) + 1)


def _side_by_side(v: Floats, height: Floats, least: float) -> tuple[Ints, Ints]:
    """Return the ordered pairs of letters that may share a line: no other pair is of like height and overlaps across it."""
    order = np.argsort(v, kind="stable")
    reach = (height + np.maximum(height, _ALIKE * np.maximum(height, least))) / 2
    across = v[order]
    first, place = pairs_of_ranges(np.searchsorted(across, v - reach), np.searchsorted(across, v + reach, side="right"))
    return first, order[place]


def _runs_along(ink: Ink, chain: Ints, angle: int, company: Floats) -> bool:
    """Whether a chain is text in that direction: long, straight, and its letters have no company on their level."""
    if chain.size < 3 or float(np.mean(company[chain])) >= _LONELY[abs(angle)]:
        return False
    total, run, wide, tall = _extent(ink, chain, angle)
    return run > 1.8 * wide and wide < 3.2 * tall and total < 1.15 * run


def _extent(ink: Ink, chain: Ints, angle: int) -> tuple[float, float, float, float]:
    """Return a chain's summed letter lengths, its length, its width and its median letter height, pixels."""
    chosen = np.zeros(len(ink.found), dtype=np.bool_)
    chosen[chain] = True
    u, v, length, height = _turned(select(ink.found, chosen), angle)
    run = float((u + length / 2).max() - (u - length / 2).min())
    wide = float((v + height / 2).max() - (v - height / 2).min())
    return float(length.sum()), run, wide, float(np.median(height))


def _with_marks(ink: Ink, chain: Ints, angle: int) -> Ints:
    """Add dots, accents and commas that stand close to a chain's letters."""
    u, v, length, height = _turned(ink.found, angle)
    reach = 0.45 * ink.unit
    left, right = (u - length / 2)[chain].min() - reach, (u + length / 2)[chain].max() + reach
    top, bottom = (v - height / 2)[chain].min() - reach, (v + height / 2)[chain].max() + reach
    near = ink.small & (u > left) & (u < right) & (v > top) & (v < bottom)
    return np.union1d(chain, np.flatnonzero(near)).astype(np.int64)


def _spot(ink: Ink, members: Ints, angle: int) -> Spot:
    runs = ink.found.runs
    held = np.isin(runs.label, members)
    row, start, end = runs.row[held], runs.start[held], runs.end[held]
    box = Box(float(start.min()), float(row.min()), float(end.max()), float(row.max() + 1))
    turn = radians(angle)
    xs, ys = np.concatenate([start, end, start, end]), np.concatenate([row, row, row + 1, row + 1])
    u, v = xs * cos(turn) - ys * sin(turn), xs * sin(turn) + ys * cos(turn)
    middle_u, middle_v = float(u.min() + u.max()) / 2, float(v.min() + v.max()) / 2
    centre = (middle_u * cos(turn) + middle_v * sin(turn), middle_v * cos(turn) - middle_u * sin(turn))
    return Spot(box, angle, centre, float(u.max() - u.min()), float(v.max() - v.min()), int(members.size))
