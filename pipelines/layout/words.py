"""Words of the lines that were read, looked for in the bands' ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dsvl2.pipelines.documents import Block, Box, Line, Word
from dsvl2.pipelines.layout.types import Band, InkLine, PageLayout
from dsvl2.pipelines.words import split_at_gaps

_CLEAR = 0.10  # columns with less than this part of the darkest ink count as empty


def with_words(layout: PageLayout, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks of a page with `words` in every line that stands on ink; boxes are in page pixels."""
    inks = {layout.to_page(ink.box): (band, ink) for band in _text_bands(layout) for ink in band.lines}
    return tuple(
        replace(block, lines=tuple(_with_words(line, layout, inks) for line in block.lines)) for block in blocks
    )


def _text_bands(layout: PageLayout) -> list[Band]:
    return [band for region in layout.regions if region.table is None for band in region.bands]


def _with_words(line: Line, layout: PageLayout, inks: dict[Box, tuple[Band, InkLine]]) -> Line:
    if line.box is None or line.box not in inks or not line.text.strip():
        return line
    band, ink = inks[line.box]
    gaps, left, length = _gaps(band, ink)
    words = []
    for text, start, stop in split_at_gaps(line.text, gaps, length, (ink.y1 - ink.y0) * band.scale):
        x0, x1 = ((left + place * length) / band.scale + ink.x0 for place in (start, stop))
        words.append(Word(text, layout.to_page(Box(x0, ink.y0, x1, ink.y1)), line.confidence))
    return replace(line, words=tuple(words))


def _gaps(band: Band, ink: InkLine) -> tuple[list[tuple[float, float]], float, float]:
    """Return the empty column runs inside the line's ink, the ink's left edge and its length, all in canvas pixels.

    Gaps count from that left edge, which itself counts from the canvas column of `ink.x0`.
    """
    canvas = np.asarray(band.image)
    across = [round((x - band.box.x0) * band.scale + band.offset[0]) for x in (ink.x0, ink.x1)]
    down = [round((y - band.box.y0) * band.scale + band.offset[1]) for y in (ink.y0, ink.y1)]
    x0, x1 = max(across[0], 0), min(max(across[1], across[0] + 1), canvas.shape[1])
    y0, y1 = max(down[0], 0), min(max(down[1], down[0] + 1), canvas.shape[0])
    part = 255.0 - canvas[y0:y1, x0:x1].astype(np.float32)
    if part.size == 0:
        return [], 0.0, max(1.0, (ink.x1 - ink.x0) * band.scale)
    part -= np.median(part)  # paper
    columns = part.max(axis=0)
    filled = np.flatnonzero(columns > max(_CLEAR * float(columns.max()), 12.0))
    if not len(filled):
        return [], 0.0, float(x1 - x0)
    first, last = int(filled[0]), int(filled[-1]) + 1
    breaks = np.flatnonzero(np.diff(filled) > 1)
    gaps = [(float(filled[k] + 1 - first), float(filled[k + 1] - first)) for k in breaks]
    return gaps, float(first), float(last - first)
