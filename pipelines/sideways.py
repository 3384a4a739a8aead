"""Lines that lie sideways on a page, such as a form's number in its margin: turned, read both ways, the surer way kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dsvl2.model import GenerationRequest, GenerationResult, ReadingProfile
from dsvl2.pipelines.documents import Block, Box, Line, geometric_mean
from dsvl2.pipelines.layout import BandText, PageLayout, analyse, assemble, straightened, with_words

if TYPE_CHECKING:
    from PIL.Image import Image

_TALL = 2.5  # times their width, that such lines are high; letters in a ring are not
_MOST = 8  # on a page
_ROOM, _RIM = 0.25, 1.0  # of a line's width: what is cut out around it, and the white rim that it is given
_SURE = 0.8  # mean probability of the letters, below which nothing was read
_LETTERS = 3


@dataclass(frozen=True, slots=True)
class SidewaysLine:
    """A line to be read: where on the upright page it was cut out, the rim it got, and the turned cut standing both ways."""

    place: Box
    rim: int
    ways: tuple[PageLayout, ...]
    requests: tuple[GenerationRequest, ...]


def sideways_lines(layout: PageLayout, image: Image, profile: ReadingProfile) -> tuple[SidewaysLine, ...]:
    """Return the lines of a page that lie sideways, with the requests that read them, those of each way after the other."""
    boxes = [] if layout.ink is None else [Box(*map(float, box)) for box in layout.ink.unread.tolist()]
    boxes = [box for box in boxes if box.y1 - box.y0 > _TALL * (box.x1 - box.x0)][:_MOST]
    upright = straightened(image, layout).convert("L") if boxes else image
    return tuple(line for box in boxes if (line := _cut(upright, box, profile)))


def _cut(upright: Image, box: Box, profile: ReadingProfile) -> SidewaysLine | None:
    from dsvl2.pipelines.reading import band_requests  # which builds on this

    room = _ROOM * (box.x1 - box.x0)
    x0, y0 = max(0, math.floor(box.x0 - room)), max(0, math.floor(box.y0 - room))
    x1, y1 = min(upright.width, math.ceil(box.x1 + room)), min(upright.height, math.ceil(box.y1 + room))
    part = np.asarray(upright.crop((x0, y0, x1, y1)))
    rim = math.ceil(_RIM * (box.x1 - box.x0))
    turned = np.pad(np.rot90(part, -1), rim, constant_values=int(np.percentile(part, 90)))
    ways = tuple(analyse(turned, profile, over=over) for over in (False, True))
    if any(way.rotation not in (0, 180) or not way.bands for way in ways):
        return None
    requests = tuple(request for way in ways for request in band_requests(way, profile))
    return SidewaysLine(Box(x0, y0, x1, y1), rim, ways, requests)


def with_sideways(
    blocks: Sequence[Block], lines: Sequence[SidewaysLine], answers: Sequence[GenerationResult], layout: PageLayout
) -> tuple[Block, ...]:
    """Return the blocks with a paragraph behind them for each sideways line that was surely read."""
    result, waiting = list(blocks), iter(answers)
    for line in lines:
        read = []
        for way in line.ways:
            own = [next(waiting) for _ in way.bands]
            sure = geometric_mean([logprob for answer in own for logprob in answer.logprobs]) or 0.0
            read.append((sure, way, own))
        sure, way, own = max(read, key=lambda one: one[0])
        texts = [BandText(answer.text, answer.pieces, answer.logprobs) for answer in own]
        found = with_words(way, assemble(way, texts))
        kept = tuple(_on_page(k, line, layout) for block in found for k in block.lines if k.box is not None)
        text = " ".join(k.text for k in kept)
        if sure >= _SURE and sum(map(str.isalnum, text)) >= _LETTERS:
            inside = Box(line.place.x0, line.place.y0, line.place.x1, line.place.y1)
            result.append(Block("paragraph", text, layout.to_page(inside), 0, kept, sure))
    return tuple(result)


def _on_page(line: Line, cut: SidewaysLine, layout: PageLayout) -> Line:
    """Return a line of the turned cut with its boxes on the page."""

    def moved(box: Box) -> Box:
        high = cut.place.y1 - cut.place.y0
        x0, x1 = cut.place.x0 + box.y0 - cut.rim, cut.place.x0 + box.y1 - cut.rim
        y0, y1 = cut.place.y0 + high - (box.x1 - cut.rim), cut.place.y0 + high - (box.x0 - cut.rim)
        return layout.to_page(Box(x0, y0, x1, y1))

    words = tuple(replace(word, box=moved(word.box)) for word in line.words)
    return replace(line, box=None if line.box is None else moved(line.box), words=words)
