"""Which pieces of ink no letter is made of: hairlines, bars, frames, hatching and the shades of pictures.

A letter's strokes are at least a twentieth of its height thick, leave some of its box white and end in an edge; what a
pen draws is thinner, a bar of a chart is all ink, a shade fades. Small print is too coarse to tell: only large pieces
are judged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Components, Ints, Mask, pairs_of_ranges, select

Floats = NDArray[np.float64]

LARGE = 32  # pixels of height from which a piece shows how thick its strokes are
_SHADE = 24  # pixels of height from which it shows whether a piece has an edge
_SMALL = 10  # pixels: smaller pieces may be dots and dashes of print
_HAIR = 0.055  # of a piece's height; a light face has .06, a hairline face less
_SOLID = 0.93  # of a piece's box: a bar
_SPARSE, _SPARSE_SMALL = 0.15, 0.1  # the same of a stroke or an arc across a box, for large and for smaller pieces
_STRAIGHT = 0.9  # of a frame's sides that its ink covers
_ACROSS, _ALONG = 3, 2  # pixels to both sides of an edge, and up and down along it, over which its step is taken
_EDGE = 0.13  # of the way from paper to ink, that this step goes at least at an edge
_FADED = 0.3  # of a shade's border is no edge; of print blurred over ten pixels it is a tenth
_COMPANY = 4  # drawn pieces to a large letter; among more it is one of them
_MOST_DRAWN = 0.5  # of the height of a row's pieces, of the width of its letters
_STREAK, _THIN = (
    6.0,
    0.35,
)  # width to height, and ink in its box, of a slanted or wavy line; words run together have more


def drawn(found: Components) -> Mask:
    """Return which components are line art and no letters, as far as each alone can tell."""
    height, width = found.height, found.width
    large = height >= LARGE
    fill = found.area / np.maximum(height * width, 1)
    sized = (height >= _SMALL) & (width >= _SMALL)
    result: Mask = sized & ((fill > _SOLID) | (fill < np.where(large, _SPARSE, _SPARSE_SMALL)))
    if large.any():
        few = select(found, large)
        result[large] |= (stroke_width(few) < _HAIR * few.height) | _frames(few)
    return result


def print_like(found: Components, gray: NDArray[np.uint8]) -> Mask:
    """Return which components could be letters of the page's main text; `gray` [H, W] is the page that they are of.

    Large ones that are few among line art are taken for shapes.
    """
    art = drawn(found)
    large = ~art & (found.height >= LARGE)
    if large.any():
        soft = large & shades(found, gray)
        art, large = art | soft, large & ~soft
        if _COMPANY * int(large.sum()) < int(art.sum()):
            art |= large
    return ~art


def shades(found: Components, gray: NDArray[np.uint8]) -> Mask:
    """Return which components of some size are shades of a picture; `gray` [H, W] is the page that they are of."""
    large = found.height >= _SHADE
    soft = np.zeros(len(found), dtype=np.bool_)
    if large.any():
        soft[large] = _fades(select(found, large), gray)
    return soft


def _fades(found: Components, gray: NDArray[np.uint8]) -> Mask:
    """Return which components have no edge: the paper turns into their ink over many pixels."""
    runs = found.runs
    levels = _sums(gray)
    row, label = np.tile(runs.row, 2), np.tile(runs.label, 2)
    edge = np.concatenate([runs.start, runs.end])
    step = np.abs(levels[row, edge + _ACROSS] - levels[row, edge]) / (_ACROSS * (2 * _ALONG + 1))
    contrast = np.zeros(len(found))
    for k in range(len(found)):
        box = gray[int(found.y0[k]) : int(found.y1[k]), max(0, int(found.x0[k]) - 2) : int(found.x1[k]) + 2]
        dark, light = np.percentile(box, [5, 95])
        contrast[k] = light - dark
    soft = np.bincount(label, step < _EDGE * contrast[label], len(found))
    result: Mask = soft > _FADED * np.maximum(np.bincount(label, minlength=len(found)), 1)
    return result


def _sums(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return [H, W + _ACROSS]: at x the sum over the _ACROSS columns left of x, from _ALONG rows above to as many below.

    Noise is averaged away along an edge and across it.
    """
    wide = np.pad(gray.astype(np.float32), ((_ALONG, _ALONG), (_ACROSS, _ACROSS)), mode="edge")
    high, long = gray.shape[0], wide.shape[1] - _ACROSS + 1
    total = np.zeros((high, long), dtype=np.float32)
    for down in range(2 * _ALONG + 1):
        for right in range(_ACROSS):
            total += wide[down : down + high, right : right + long]
    return total


def stroke_width(found: Components) -> Floats:
    """Return how thick the strokes of each component are, in pixels: from its mean runs along both axes.

    A stroke of thickness t at any angle a has runs of t / sin a and t / cos a: their inverse squares add up.
    """
    runs = found.runs
    count = np.maximum(np.bincount(runs.label, minlength=len(found)), 1)
    along = found.area / count
    down = found.area / np.maximum(_tops(found), 1)
    width: Floats = 1 / np.sqrt(1 / np.square(along) + 1 / np.square(down))
    return width


def _tops(found: Components) -> Ints:
    """Return the number of vertical runs of each component: pixels with no ink of its own above them."""
    runs = found.runs
    span = int(runs.end.max(initial=0)) + 2
    start, end = runs.row * span + runs.start, runs.row * span + runs.end
    order = np.argsort(start, kind="stable")
    start, end, label = start[order], end[order], runs.label[order]
    low = np.searchsorted(end, start - span, side="right")
    high = np.searchsorted(start, end - span, side="left")
    here, above = pairs_of_ranges(low, high)
    shared = np.minimum(end[here] - span, end[above]) - np.maximum(start[here] - span, start[above])
    covered = np.bincount(here, shared, minlength=len(start))
    return np.bincount(label, (end - start) - covered, minlength=len(found)).astype(np.int64)


def _frames(found: Components) -> Mask:
    """Return which components are frames: all four sides of the box are straight lines of ink, and little is inside."""
    runs, width = found.runs, found.width
    wide = (runs.end - runs.start) >= _STRAIGHT * width[runs.label]
    edge, many = 0.15 * found.height, len(found)
    over = np.bincount(runs.label, wide & (runs.row < (found.y0 + edge)[runs.label]), many)
    under = np.bincount(runs.label, wide & (runs.row >= (found.y1 - edge)[runs.label]), many)
    near = np.maximum(1, 0.05 * width)[runs.label]
    left = np.bincount(runs.label, runs.start <= found.x0[runs.label] + near, many)
    right = np.bincount(runs.label, runs.end >= found.x1[runs.label] - near, many)
    upright = _STRAIGHT * found.height
    hollow = found.area < 0.6 * found.height * width
    framed: Mask = (over > 0) & (under > 0) & (left >= upright) & (right >= upright) & hollow
    return framed


def drawn_rows(found: Components, letter: Mask, of_row: Ints, tall: Floats) -> Mask:
    """Return which rows are mostly line art; `of_row` is the row of each component (-1: none), `tall` [L] x-heights.

    Rows of large pieces are judged by the height of these, on a page that is mostly streaks all rows by their width.
    """
    many = len(tall)
    art, placed = drawn(found), of_row >= 0
    high, wide = found.height.astype(np.float64), found.width.astype(np.float64)
    total = np.bincount(of_row[placed], high[placed], many)
    own = np.bincount(of_row[placed], (high * art)[placed], many)
    written = placed & letter
    length = np.bincount(of_row[written], wide[written], many)
    streak = (wide > _STREAK * high) & (found.area < _THIN * wide * high)
    streaked = np.bincount(of_row[written], (wide * streak)[written], many)
    result: Mask = (tall >= LARGE) & (own > _MOST_DRAWN * total)
    if float(streaked.sum()) > _MOST_DRAWN * float(length.sum()):  # a single row may be underlined
        result |= streaked > _MOST_DRAWN * length
    return result
