"""Canvases for reading a table: its pieces of text stacked like the lines of a list, so each answer is one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.placing import place_band
from dsvl2.pipelines.layout.tokens import PrintedLine, parse
from dsvl2.pipelines.layout.types import Band, BandText, InkLine, Profile
from dsvl2.pipelines.layout.xheight import x_zone
from dsvl2.pipelines.tables.flatten import Gray
from dsvl2.pipelines.tables.rows import Reading

_PAD = 8
_ROWS_UP = 2.0  # x-heights from the canvas' top to the first base line
_CAPITAL = 1.4  # capitals and figures in x-heights
_TAIL = 0.25  # of a piece's height: how far tails go below it
_PALE = 225
_TALLEST = 2.6  # x-heights a piece may be high on the canvas


@dataclass(frozen=True, slots=True)
class Strip:
    """A canvas as the model reads it, and which piece stands on each of its lines."""

    band: Band
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A piece cut out: its pixels, and where its base line is in them."""

    number: int
    pixels: Gray
    base: float
    x_height: float


def cut_strips(flat: Gray, boxes: Sequence[Box], profile: Profile) -> list[Strip]:
    """Stack the pieces of an even page without rules, those of like width together."""
    cuts = [_cut(flat, box, number) for number, box in enumerate(boxes)]
    if not cuts:
        return []
    usual = float(np.median([cut.x_height for cut in cuts]))
    scale = profile.x_height / max(usual, 1.0)
    per_strip = max(1, int((profile.tile - _ROWS_UP * profile.x_height) // profile.line_pitch))
    classes: dict[int, list[_Cut]] = {}
    for cut in cuts:
        tiles = -(-round(cut.pixels.shape[1] * scale + 2 * _PAD) // profile.tile)
        classes.setdefault(min(tiles, profile.max_columns), []).append(cut)
    strips = []
    for tiles, members in sorted(classes.items()):
        count = -(-len(members) // per_strip)
        share = -(-len(members) // count)
        for start in range(0, len(members), share):
            strips.append(_strip(members[start : start + share], tiles, scale, profile))
    return strips


def _cut(flat: Gray, box: Box, number: int) -> _Cut:
    y0, y1 = max(0, int(box.y0) - 1), int(np.ceil(box.y1)) + 1
    x0, x1 = max(0, int(box.x0) - 1), int(np.ceil(box.x1)) + 1
    y1 = _with_tails(flat[:, x0:x1], y0, y1)
    pixels = np.ascontiguousarray(flat[y0:y1, x0:x1])
    ink = (255.0 - pixels.astype(np.float64)).sum(axis=1)
    ink[ink < 0.04 * ink.max()] = 0
    top, base = x_zone(ink)
    rows = np.flatnonzero(ink)
    whole = float(rows[-1] + 1 - rows[0]) if rows.size else 1.0
    tall = max(base - top, 1.0)
    return _Cut(number, pixels, base, tall if whole > 1.25 * tall else tall / _CAPITAL)


def _with_tails(flat: Gray, y0: int, y1: int) -> int:
    """Return the lower end of a piece with the tails of its commas: thinner than a pixel they are too pale for ink.

    Without them 77,778 looks like 77.778.
    """
    most = min(y1 + max(1, round(_TAIL * (y1 - y0))), flat.shape[0])
    while y1 < most and bool((flat[y1] < _PALE).any()):
        y1 += 1
    return y1


def _strip(cuts: Sequence[_Cut], tiles: int, scale: float, profile: Profile) -> Strip:
    canvas = Image.new("L", (profile.tile * tiles, profile.tile), 255)
    lines = []
    for place, cut in enumerate(cuts):
        base = _ROWS_UP * profile.x_height + place * profile.line_pitch
        height, width = cut.pixels.shape
        own = min(scale, (canvas.width - _PAD - 2) / width, _TALLEST * profile.x_height / height)
        size = (max(1, round(width * own)), max(1, round(height * own)))
        method = Image.Resampling.LANCZOS if own < 1 else Image.Resampling.BICUBIC
        piece = Image.fromarray(cut.pixels).resize(size, method)
        top = min(max(0, round(base - cut.base * own)), profile.tile - size[1])
        canvas.paste(piece, (_PAD, top))
        x_height = cut.x_height * own
        lines.append(InkLine(_PAD, top, _PAD + size[0], top + size[1], base - x_height, base))
    whole = Box(0, 0, canvas.width, canvas.height)
    return Strip(Band(canvas, whole, 1.0, (0.0, 0.0), tuple(lines)), tuple(cut.number for cut in cuts))


def read_strips(strips: Sequence[Strip], texts: Sequence[BandText], count: int, bins: int) -> list[Reading]:
    """Return what was read in each of `count` pieces: the strips' printed lines, put where they stand."""
    readings = [Reading("")] * count
    for strip, text in zip(strips, texts, strict=True):
        printed = parse(text)
        number_of = dict(zip(strip.band.lines, strip.members, strict=True))
        for line, ink in zip(printed, place_band(strip.band, printed, bins), strict=True):
            if ink is None:
                continue
            readings[number_of[ink]] = _clean(line)
    return readings


def _clean(line: PrintedLine) -> Reading:
    """Return a printed line without heading marks and tabs, and its letters' probabilities."""
    kept = [k for k, letter in enumerate(line.text) if not (letter.isspace() and line.text[k - 1 : k].isspace())]
    if line.text.startswith("# "):
        kept = kept[2:]
    text = "".join(" " if line.text[k].isspace() else line.text[k] for k in kept)
    return Reading(text, tuple(line.logprobs[k] for k in kept) if line.logprobs else ())
