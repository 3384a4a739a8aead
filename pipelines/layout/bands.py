"""Cut groups of lines into bands: model-ready canvases of equal load, cut at white gaps, free of neighbours' ink."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.binarise import Gray
from dsvl2.pipelines.layout.components import Components, Ints, Mask, grown, paint
from dsvl2.pipelines.layout.groups import Group
from dsvl2.pipelines.layout.types import Band, InkLine, Profile

PAD = 6  # canvas pixels of white kept around a band's ink, where the gap allows
FULL = 1000.0  # letters: all bands of a page are decoded in step, so the longest one decides the time
_FAR_WIDER = 1.5
PER_BAND = 0.5  # cost of one more band (its tiles), in full bands squared: about 700 letters to a band


@dataclass(frozen=True, slots=True)
class Sheet:
    """The upright page: grey [H, W], its ink components in working pixels, and working pixels per upright pixel.

    `outlines`: ink around print that no component is of.
    """

    gray: Gray
    found: Components
    line_of: Ints
    zoom: float
    paper: Gray | None
    outlines: Mask | None = None


def load(line: InkLine) -> float:
    """Return the reading work of a line as a share of FULL: letters, at about one x-height of width each."""
    return (line.x1 - line.x0) / max(line.base - line.top, 1.0) / FULL


def split(lines: list[InkLine], scale: float, profile: Profile) -> list[tuple[int, int]]:
    """Return [first, last) line ranges of the bands with the least total cost (dynamic programme over cut places).

    Cost: a constant per band and its load squared, so that bands are few and even; a cut where lines overlap costs extra.
    """
    room = (profile.tile - 2 * PAD) / scale
    wide = (profile.tile * profile.max_columns - 2 * PAD) / scale + 1
    count = len(lines)
    best = [0.0] + [float("inf")] * count
    cut = [0] * (count + 1)
    work = np.cumsum([0.0] + [load(line) for line in lines])
    for last in range(1, count + 1):
        for first in range(last - 1, -1, -1):
            top = min(line.y0 for line in lines[first:last])
            bottom = max(line.y1 for line in lines[first:last])
            right, left = max(line.x1 for line in lines[first:last]), min(line.x0 for line in lines[first:last])
            if (bottom - top > room or right - left > wide) and last - first > 1:
                break
            cost = best[first] + PER_BAND + float(work[last] - work[first]) ** 2
            cost += 0.3 * ((bottom - top) / room) ** 2
            if first and lines[first - 1].y1 > lines[first].y0:
                cost += 0.15
            if cost < best[last]:
                best[last], cut[last] = cost, first
    ranges, last = [], count
    while last:
        ranges.append((cut[last], last))
        last = cut[last]
    return ranges[::-1]


def cut_group(sheet: Sheet, lines: tuple[InkLine, ...], group: Group, profile: Profile) -> list[Band]:
    """Return the bands of a group of lines; a group wider than the widest canvas is reduced to fit.

    If it has rows in pieces and is far wider than these, they are to fit: bands then hold pieces that stand below each other.
    """
    own = [lines[k] for k in group.lines]
    numbers = group.lines
    widest = profile.tile * profile.max_columns - 2 * PAD
    width = max(line.x1 for line in own) - min(line.x0 for line in own)
    longest = max(line.x1 - line.x0 for line in own)
    if width > _FAR_WIDER * longest and len({line.base for line in own}) < len(own):
        numbers = _by_columns(lines, numbers, longest)
        own, width = [lines[k] for k in numbers], longest
    scale = min(group.scale, widest / max(width, 1.0))
    return [cut_band(sheet, lines, numbers[first:last], scale, profile) for first, last in split(own, scale, profile)]


def _by_columns(lines: tuple[InkLine, ...], numbers: tuple[int, ...], longest: float) -> tuple[int, ...]:
    """Order pieces of rows by where they begin, those that stand below each other top down."""
    columns: list[list[int]] = []
    start = -math.inf
    for k in sorted(numbers, key=lambda k: lines[k].x0):
        if lines[k].x0 > start + 0.5 * longest:
            columns.append([])
            start = lines[k].x0
        columns[-1].append(k)
    return tuple(k for column in columns for k in sorted(column))


def _margins(lines: tuple[InkLine, ...], numbers: tuple[int, ...], box: Box, pad: float) -> tuple[float, float]:
    """Return the white to keep above and below: at most `pad`, at most half the gap to foreign ink beside it."""
    above = below = pad
    for k, line in enumerate(lines):
        if k in numbers or line.x1 < box.x0 - pad or line.x0 > box.x1 + pad:
            continue
        if line.middle < box.y0 + 0.3 * (line.base - line.top):
            above = min(above, max(0.0, (box.y0 - line.y1) / 2))
        elif line.middle > box.y1 - 0.3 * (line.base - line.top):
            below = min(below, max(0.0, (line.y0 - box.y1) / 2))
    return above, below


def cut_band(
    sheet: Sheet, lines: tuple[InkLine, ...], numbers: tuple[int, ...], scale: float, profile: Profile
) -> Band:
    """Render some lines of the page onto a white canvas of tile*m x tile pixels."""
    own = [lines[k] for k in numbers]
    ink = Box(min(i.x0 for i in own), min(i.y0 for i in own), max(i.x1 for i in own), max(i.y1 for i in own))
    widest = profile.tile * profile.max_columns - 2 * PAD
    scale = min(scale, (profile.tile - 2 * PAD) / max(1.0, ink.y1 - ink.y0), widest / max(1.0, ink.x1 - ink.x0))
    above, below = _margins(lines, numbers, ink, PAD / scale)
    height, width = sheet.gray.shape
    side = PAD / scale
    x0, x1 = max(0, int(ink.x0 - side)), min(width, int(np.ceil(ink.x1 + side)))
    y0, y1 = max(0, int(np.floor(ink.y0 - above))), min(height, int(np.ceil(ink.y1 + below)))
    crop = _whiten(sheet, (x0, y0, x1, y1))
    foreign = _foreign(sheet, lines, numbers, (x0, y0, x1, y1))
    if foreign is not None:
        crop = np.where(foreign, np.uint8(255), crop)
    new = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    piece = Image.fromarray(np.ascontiguousarray(crop))
    if new != piece.size:
        piece = piece.resize(new, method)
    columns = min(profile.max_columns, max(1, -(-(new[0] + 2) // profile.tile)))
    canvas = Image.new("L", (profile.tile * columns, profile.tile), 255)
    offset = (max(0.0, PAD - (ink.x0 - x0) * scale), max(0.0, PAD - (ink.y0 - y0) * scale))
    place = (
        max(0, min(round(offset[0]), canvas.width - new[0])),
        max(0, min(round(offset[1]), canvas.height - new[1])),
    )
    canvas.paste(piece, place)
    return Band(canvas, Box(x0, y0, x1, y1), scale, (float(place[0]), float(place[1])), tuple(own))


def _whiten(sheet: Sheet, box: tuple[int, int, int, int]) -> Gray:
    """Return the grey crop; on a page whose paper is clearly not white the paper tone is divided out."""
    x0, y0, x1, y1 = box
    crop = sheet.gray[y0:y1, x0:x1]
    if sheet.paper is None:
        return crop
    tone = Image.fromarray(sheet.paper).resize(
        (x1 - x0, y1 - y0),
        Image.Resampling.BILINEAR,
        box=(
            x0 / sheet.gray.shape[1] * sheet.paper.shape[1],
            y0 / sheet.gray.shape[0] * sheet.paper.shape[0],
            x1 / sheet.gray.shape[1] * sheet.paper.shape[1],
            y1 / sheet.gray.shape[0] * sheet.paper.shape[0],
        ),
    )
    lifted = crop.astype(np.float32) * (252.0 / np.maximum(np.asarray(tone, dtype=np.float32), 1))
    return lifted.clip(0, 255).astype(np.uint8)


def _foreign(
    sheet: Sheet, lines: tuple[InkLine, ...], numbers: tuple[int, ...], box: tuple[int, int, int, int]
) -> NDArray[np.bool_] | None:
    """Return the crop's pixels that belong to other lines' ink, None if there are none."""
    z = sheet.zoom
    found = sheet.found
    x0, y0, x1, y1 = (int(box[0] * z), int(box[1] * z), int(np.ceil(box[2] * z)), int(np.ceil(box[3] * z)))
    inside = (found.x1 > x0) & (found.x0 < x1) & (found.y1 > y0) & (found.y0 < y1)
    alien: Mask = inside & (sheet.line_of >= 0) & ~np.isin(sheet.line_of, numbers)
    window = (y1 - y0, x1 - x0)
    around = sheet.outlines[y0:y1, x0:x1] if sheet.outlines is not None else None
    if not alien.any() and (around is None or not around.any()):
        return None
    mask = paint(found.runs, alien, window, (x0, y0))
    if around is not None:
        mask[: around.shape[0], : around.shape[1]] |= around
    own = paint(found.runs, inside & np.isin(sheet.line_of, numbers), window, (x0, y0))
    mask = grown(mask) & ~own
    image = Image.fromarray(mask.astype(np.uint8) * 255).resize(
        (box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST
    )
    return np.asarray(image) > 127
