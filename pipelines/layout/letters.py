"""Sort components into letters, small marks, rules and pictures, all measured in letter heights `unit`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.boxes import Place, merge_boxes
from dsvl2.pipelines.layout.components import Components, Mask, Runs, components, find_runs, grown, paint, select
from dsvl2.pipelines.layout.outlines import Outlines, find_outlines
from dsvl2.pipelines.layout.segments import find_segments
from dsvl2.pipelines.layout.strokes import drawn, print_like

_ART = 2.2  # letter heights from which line art between letters is no sign of theirs


@dataclass(frozen=True, slots=True)
class Rule:
    """A long thin straight line: half-open pixel box."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, slots=True)
class Sorted:
    """Text components with their kind: `letter` carries lines, the others (dots, commas, accents, dashes) join them.

    `art` [A, 4] are the boxes of line art between them that is no figure: the long root of a formula is taken for such.
    """

    found: Components
    letter: Mask
    horizontal: tuple[Rule, ...]
    vertical: tuple[Rule, ...]
    figures: tuple[Place, ...]
    art: NDArray[np.int64]
    outlines: Outlines


def letter_height(found: Components, gray: NDArray[np.uint8]) -> float:
    """Return the commonest letter height in pixels (about the x-height of the main text), 0 if there are no letters.

    Line art and shades have no say in it. `gray` [H, W] is the page that the components are of.
    """
    height, width = found.height, found.width
    usable = (height >= 4) & (width <= 14 * height) & (height <= 8 * width) & (height < 400)
    usable &= print_like(found, gray)
    if not usable.any():
        return 0.0
    tall = height[usable].astype(np.float64)
    # Logarithmic bins, each letter weighted by its height so that dust cannot win by numbers.
    bins = np.round(np.log(tall) / np.log(1.06)).astype(np.int64)
    counts = np.bincount(bins, weights=tall**1.0, minlength=120)
    smooth = np.convolve(counts, [0.25, 0.6, 1.0, 0.6, 0.25], mode="same")
    return float(1.06 ** int(smooth.argmax()))


def _long_runs(mask: Mask, length: float) -> Mask:
    """Return only the ink in horizontal runs of at least `length` pixels; breaks of two pixels are bridged."""
    row, start, end = find_runs(mask)
    if not row.size:
        return np.zeros_like(mask)
    gap = (row[1:] != row[:-1]) | (start[1:] - end[:-1] > 2)
    first = np.concatenate([[True], gap])
    last = np.concatenate([gap, [True]])
    row, start, end = row[first], start[first], end[last]
    keep = end - start >= length
    runs = Runs(row[keep], start[keep], end[keep], np.zeros(int(keep.sum()), dtype=np.int64))
    return paint(runs, np.ones(1, dtype=np.bool_), (mask.shape[0], mask.shape[1]))


def find_rules(mask: Mask, length: float, thick: float, ink: Mask | None = None) -> tuple[list[Rule], Mask]:
    """Return horizontal rules at least `length` long and at most `thick` high, and their pixels.

    With `ink`, `mask` is a laxer one and only rules that are hardly in `ink` count.
    """
    long = _long_runs(mask, length)
    found = components(long)
    slim = (found.height <= thick + 0.004 * found.width) & (found.width >= length)
    if ink is not None:
        for k in np.flatnonzero(slim).tolist():
            # Rows of blurred letters run together too, but half of each is real ink; a grey rule has next to none.
            box = ink[int(found.y0[k]) : int(found.y1[k]), int(found.x0[k]) : int(found.x1[k])]
            slim[k] = box.mean() < 0.33
    rules = [
        Rule(int(a), int(b), int(c), int(d))
        for a, b, c, d in zip(found.x0[slim], found.y0[slim], found.x1[slim], found.y1[slim], strict=True)
    ]
    return rules, paint(found.runs, slim, (mask.shape[0], mask.shape[1]))


def _figures(found: Components, unit: float) -> tuple[list[Place], Mask]:
    """Return picture boxes and which components belong to them (big ones and what they swallow)."""
    height, width = found.height, found.width
    big = (height > 7 * unit) | ((width > 30 * unit) & (height > 3 * unit))
    big &= ~_in_chain(found, big & (width < 2 * height), float(np.median(height[big])) if big.any() else 1.0, 3)
    seeds = [
        (int(a), int(b), int(c), int(d))
        for a, b, c, d in zip(found.x0[big], found.y0[big], found.x1[big], found.y1[big], strict=True)
    ]
    boxes: list[Place] = []
    gone = big.copy()
    middle_x, middle_y = (found.x0 + found.x1) / 2, (found.y0 + found.y1) / 2
    for x0, y0, x1, y1 in merge_boxes(seeds, round(unit)):
        if (x1 - x0) < 5 * unit or (y1 - y0) < 5 * unit:
            continue
        inside = (middle_x > x0) & (middle_x < x1) & (middle_y > y0) & (middle_y < y1)
        ink = float(found.area[inside & big].sum()) / max(1, (x1 - x0) * (y1 - y0))
        loose = inside & ~big & (height > 0.6 * unit)
        if ink < 0.12 and int(loose.sum()) > 60:
            continue  # a frame or a diagram full of words: its text is read
        boxes.append((x0, y0, x1, y1))
        gone |= inside
    return boxes, gone


def _in_chain(found: Components, chosen: Mask, unit: float, least: int) -> Mask:
    """Return which of the chosen components stand in a row of at least `least` of their like: letters do."""
    segs = find_segments(found, chosen, unit)
    inside: Mask = (segs.owner >= 0) & (np.append(segs.size, 0)[segs.owner] >= least)
    return inside


def _small_print(found: Components, rest: Mask, unit: float) -> Mask:
    """Return which components too small for the page's main text are letters of a smaller one (not dots of a leader)."""
    height = found.height
    small = rest & (height >= max(5.0, 0.28 * unit)) & (height < 0.6 * unit) & (found.width <= 8 * height)
    if int(small.sum()) < 4:
        return np.zeros(len(found), dtype=np.bool_)
    segs = find_segments(found, small, float(np.median(height[small])))
    # Letters of coarse print run together: a piece counts for as many as it is wide.
    letters = np.bincount(segs.owner[small], np.maximum(1.0, found.width[small] / height[small]), len(segs))
    inside: Mask = (segs.owner >= 0) & (np.append((segs.size >= 2) & (letters >= 5), False)[segs.owner])
    return inside


def sort_components(mask: Mask, faint: Mask, unit: float) -> Sorted:
    """Split the ink of an upright page into letters, small marks, rules (looked for in `faint`) and figures."""
    outlines = find_outlines(mask, unit)
    if outlines.ink is not None:
        mask, faint = mask & ~outlines.ink, faint & ~grown(outlines.ink)
    thick = max(3.0, 0.42 * unit)
    horizontal, flat_ink = find_rules(mask, 9 * unit, thick)
    pale, pale_ink = find_rules(faint, 9 * unit, thick, mask)
    tipped, tipped_faint = np.ascontiguousarray(mask.T), np.ascontiguousarray(faint.T)
    vertical, upright_ink = find_rules(tipped, 5 * unit, thick)
    pale_vertical, pale_upright = find_rules(tipped_faint, 5 * unit, thick, tipped)
    horizontal, flat_ink = horizontal + pale, flat_ink | pale_ink
    vertical, upright_ink = vertical + pale_vertical, upright_ink | pale_upright
    rest = mask & ~flat_ink & ~upright_ink.T
    found = components(rest)
    boxes, gone = _figures(found, unit)
    height, width = found.height, found.width
    dust = (height < 0.16 * unit) & (width < 0.16 * unit)
    # Stumps of erased rules: hair-thin and long.
    stump = ((height <= max(1, 0.14 * unit)) & (width > 4 * unit)) | (
        (width <= max(1, 0.14 * unit)) & (height > 3 * unit)
    )
    art = drawn(found) & (height > _ART * unit)
    text = select(found, ~gone & ~dust & ~stump & ~art)
    letter = (text.height >= 0.55 * unit) & (text.width <= 40 * unit)
    letter |= _small_print(text, ~letter, unit)
    turned = tuple(Rule(r.y0, r.x0, r.y1, r.x1) for r in vertical)
    loose = select(found, art & ~gone & ~dust & ~stump)
    strokes = np.stack([loose.x0, loose.y0, loose.x1, loose.y1], axis=1).astype(np.int64)
    figures = (*boxes, *outlines.pictures)
    return Sorted(text, letter, tuple(horizontal), turned, figures, strokes, outlines)
