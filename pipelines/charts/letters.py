"""Which strokes of a chart are small enough to be letters: axes, grid lines, tick marks and curves are taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsvl2.pipelines.charts.ground import Ground
from dsvl2.pipelines.charts.pixels import Mask, Rgb, grown, long_runs
from dsvl2.pipelines.layout.components import Components, components, paint, select

_SLIM = 0.16  # of its box that a letter inks at least
_HAIR = 0.24  # of the letter height: nothing thinner and long is a letter


@dataclass(frozen=True, slots=True)
class Ink:
    """Letters of the chart as components, which of them are only marks (dots, accents), and the usual letter height."""

    found: Components
    small: Mask
    unit: float


def find_letters(ground: Ground) -> Ink | None:
    """Return what is small enough to be a letter; None if there is nothing."""
    height, width = ground.strokes.shape
    rules = find_rules(ground, max(28.0, 0.045 * max(height, width)))
    most = max(14.0, 0.09 * min(height, width), 0.05 * max(height, width))
    strokes = _without_curves(ground, ground.strokes & ~rules, 1.6 * most)
    found = components(strokes)
    found = select(found, (np.minimum(found.height, found.width) <= most) & (found.area >= 2) & ~_slashes(found))
    tall = found.height[(found.height >= 5) & (found.area >= 6)].astype(np.float64)
    if not tall.size:
        return None
    unit = float(np.median(tall))
    # Letters that touch make one long piece; a wide thing that is as tall as two lines is no letter.
    fits = np.maximum(found.height, found.width) <= np.where(
        np.minimum(found.height, found.width) <= 2 * unit, max(most, 16 * unit), most
    )
    found = select(found, fits & ~_ticks(ground, found, rules, unit) & ~_blocks(found, unit))
    found = select(found, ~_frames(ground, found))
    small = (np.maximum(found.height, found.width) < 0.5 * unit) | (found.area < 0.06 * unit * unit)
    return Ink(found, small, unit)


def _slashes(found: Components) -> Mask:
    """Return which components are thin slanted lines: hatching, pieces of curves. Letters fill more of their boxes."""
    result: Mask = (np.minimum(found.width, found.height) >= 8) & (found.area < _SLIM * found.width * found.height)
    return result


def _at_panel(ground: Ground, x0: int, y0: int, x1: int, y1: int) -> bool:
    """Whether a level stroke ends where a panel begins: its ground is of another shade, alike above and below it."""
    height, width = ground.strokes.shape
    for outer, inner in ((x0, x1 + 2), (x1 - 1, x0 - 3)):
        if not (0 <= inner < width and y0 >= 4 and y1 + 3 < height):
            continue
        here, there = (ground.rgb[[y0 - 4, y1 + 3], x].astype(np.int16) for x in (outer, inner))
        even = np.abs(here[0] - here[1]).max() <= 1 and np.abs(there[0] - there[1]).max() <= 1
        if even and np.abs(here - there).max() >= 4 and not ground.strokes[[y0 - 4, y1 + 3], inner].any():
            return True
    return False


def _blocks(found: Components, unit: float) -> Mask:
    """Return which components are lying bars of full ink: swatches of a legend. No letter is one."""
    full = found.area >= 0.88 * found.width * found.height
    result: Mask = full & (found.width >= 1.1 * unit) & (found.height >= 0.35 * unit) & (found.width > found.height)
    return result


def find_rules(ground: Ground, length: float) -> Mask:
    """Return the pixels of straight level and upright lines at least `length` long, letters printed over them left out."""
    mask = ground.strokes
    runs = long_runs(mask, length)
    found = components(runs)
    labels = ground.palette.labels
    result = runs.copy()
    for k in range(len(found)):
        y0, y1, x0, x1 = int(found.y0[k]), int(found.y1[k]), int(found.x0[k]), int(found.x1[k])
        window = labels[y0:y1, x0:x1][runs[y0:y1, x0:x1]]
        window = window[window >= 0]
        if window.size:
            usual = int(np.bincount(window).argmax())
            other = (labels[y0:y1, x0:x1] != usual) & (labels[y0:y1, x0:x1] >= 0)
            result[y0:y1, x0:x1] &= ~other
    return result


def _without_curves(ground: Ground, strokes: Mask, most: float) -> Mask:
    """Take the curve's colour out of strokes too large for letters, so that letters that touch it come free.

    The soft pixels beside the curve, mixed of its colour and the ground's, go with it.
    """
    result = strokes
    for _ in range(3):
        found = components(result)
        if not len(found):
            break
        usual = float(np.median(found.height))
        short, long = np.minimum(found.height, found.width), np.maximum(found.height, found.width)
        # Bold letters that touch make a long piece too, but a low and dense one.
        words = (short <= 2.4 * max(usual, 7.0)) & (found.area > 0.3 * short * long) & (short >= 5)
        large = (long > most) & ~words
        if not large.any():
            break
        mask = paint(found.runs, large, (strokes.shape[0], strokes.shape[1]))
        colours = ground.palette.labels[mask]
        colours = colours[colours >= 0]
        if not colours.size:
            break
        number = int(np.bincount(colours).argmax())
        curve = mask & (ground.palette.labels == number)
        result = result & ~curve
        result &= ~_mixed(ground, ground.palette.colours[number], result & grown(curve, 3))
    return result


def _mixed(ground: Ground, colour: Rgb, among: Mask) -> Mask:
    """Return the pixels of `among` whose colour lies between `colour` and that of the ground under them."""
    under = ground.palette.colours[ground.under[among]].astype(np.float32)
    step = colour.astype(np.float32) - under
    here = ground.rgb[among].astype(np.float32) - under
    share = (here * step).sum(axis=1) / np.maximum((step * step).sum(axis=1), 1.0)
    off = np.abs(here - share[:, None].clip(0, 1) * step).max(axis=1)
    result = among.copy()
    result[among] = off < 20.0
    return result


def _frames(ground: Ground, found: Components) -> Mask:
    """Return which components are outlines of filled shapes: swatches and bars drawn with a border."""
    filled = ground.flat & ~np.isin(ground.under, ground.grounds)
    total = np.pad(filled.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = (
        total[found.y1, found.x1] - total[found.y0, found.x1] - total[found.y1, found.x0] + total[found.y0, found.x0]
    )
    result: Mask = inside > 0.35 * found.width * found.height
    height, width = filled.shape
    for k in np.flatnonzero(result).tolist():
        y0, y1, x0, x1 = int(found.y0[k]), int(found.y1[k]), int(found.x0[k]), int(found.x1[k])
        own = ground.under[(y0 + y1) // 2, (x0 + x1) // 2]
        top, bottom, left, right = max(0, y0 - 3), min(height - 1, y1 + 2), max(0, x0 - 3), min(width - 1, x1 + 2)
        around = [ground.under[y, x] for y in (top, (y0 + y1) // 2, bottom) for x in (left, (x0 + x1) // 2, right)]
        result[k] = sum(value == own for value in around) <= 5  # a letter on a fill has the fill on all sides
    return result


def _ticks(ground: Ground, found: Components, rules: Mask, unit: float) -> Mask:
    """Return which components are tick marks or pieces of lines: hair-thin and long, or thin and hanging on a line."""
    hair = max(2.0, _HAIR * unit)
    flat, slim = found.height <= hair, found.width <= hair
    gone = (flat & (found.width > 1.7 * unit)) | (slim & (found.height > 1.7 * unit))
    fills = ground.flat & ~np.isin(ground.under, ground.grounds)
    lines = rules | fills | paint(found.runs, gone, (rules.shape[0], rules.shape[1]))
    beside = grown(fills, 2)
    narrow = (np.minimum(found.height, found.width) <= 3) & (np.maximum(found.height, found.width) > 1.4 * unit)
    # A tick mark is thicker where it meets its axis, by the soft corners on both sides of it.
    along, thin = np.maximum(found.width, found.height), np.minimum(found.width, found.height)
    mark = (thin <= hair + 2) & (found.area <= hair * along) & (along > 1.6 * thin)
    flat, slim = flat | (mark & (found.width > found.height)), slim | (mark & (found.height > found.width))
    for k in np.flatnonzero(flat | slim | narrow).tolist():
        y0, y1, x0, x1 = int(found.y0[k]), int(found.y1[k]), int(found.x0[k]), int(found.x1[k])
        if flat[k]:
            ends = (lines[y0:y1, max(0, x0 - 2) : x0], lines[y0:y1, x1 : x1 + 2])
        else:
            ends = (lines[max(0, y0 - 2) : y0, x0:x1], lines[y1 : y1 + 2, x0:x1])
        gone[k] |= bool(ends[0].any() or ends[1].any()) or (bool(flat[k]) and _at_panel(ground, x0, y0, x1, y1))
        gone[k] |= bool(narrow[k]) and float(beside[y0:y1, x0:x1].mean()) > 0.6
    return gone
