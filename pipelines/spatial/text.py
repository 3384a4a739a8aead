"""Write segments as spatial text: rows from top to bottom, each segment with the bins of its left and right end.

    <|y_3|><|y_2|><|y_9|>Invoice No.<|y_30|><|y_36|>A-1031
    <|y_4|><|y_2|><|y_5|>Date:<|y_30|><|y_37|>3 May 2021

A row begins with the bin of its height on the page. The location tokens are those that the embedded model reads
and writes heights with; along x they are used again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.spatial.segments import segments_of
from dsvl2.pipelines.spatial.types import Segment, SpatialText
from dsvl2.pipelines.training.charset import INDEX, normalise
from dsvl2.pipelines.words import Slant

BINS = 48
_NAMES = tuple(f"<|y_{number}|>" for number in range(256))
_REACH = 6  # a segment is compared with this many rows above it


@dataclass(slots=True)
class _Item:
    """A segment with its place on the upright page: edges and centre along x, centre and height along y."""

    segment: Segment
    x0: float
    x1: float
    y: float
    height: float


def spatial_page(page: PageResult, *, bins: int = BINS, limit_tokens: int | None = None) -> SpatialText:
    """Return the spatial text of a page that was read; turned and skewed pages are set upright first."""
    turned = page.rotation in (90, 270)
    width, height = (page.height_px, page.width_px) if turned else (page.width_px, page.height_px)
    return spatial_text(segments_of(page), width, height, bins=bins, limit_tokens=limit_tokens, slant=Slant.of(page))


def spatial_text(
    segments: Sequence[Segment],
    width: float,
    height: float,
    *,
    bins: int = BINS,
    limit_tokens: int | None = None,
    slant: Slant | None = None,
) -> SpatialText:
    """Return segments as spatial text. `width` and `height` are those of the upright page, in pixels.

    Segments that overlap vertically by more than half share a row. `slant` says how the page lies in its image
    (upright without it). `limit_tokens` cuts whole rows off the end.
    """
    placed = _upright(segments, slant, width, height)
    rows = rows_of(placed)
    pieces: list[str] = []
    order: list[Segment] = []
    starts: list[int] = []
    offset = tokens = 0
    for row in rows:
        centre = sum(item.y for item in row) / len(row)
        lead = ("\n" if pieces else "") + _NAMES[_bin(centre, height, bins)]
        cost = 1 + bool(pieces) + sum(2 + len(item.segment.text) for item in row)
        if limit_tokens is not None and tokens + cost > limit_tokens:
            break
        tokens += cost
        pieces.append(lead)
        offset += len(lead)
        for item in row:
            place = _NAMES[_bin(item.x0, width, bins)] + _NAMES[_bin(item.x1, width, bins)]
            offset += len(place)
            starts.append(offset)
            order.append(item.segment)
            pieces += (place, item.segment.text)
            offset += len(item.segment.text)
    return SpatialText("".join(pieces), tuple(order), tuple(starts), tokens, len(placed) - len(order))


def printable(text: str) -> str:
    """Return a text in the embedded model's characters: one line, no unknown letters, nothing that looks like a token."""
    text = " ".join(normalise(text).split())
    if not all(character in INDEX for character in text):
        text = "".join(character if character in INDEX else _plain(character) for character in text)
    return re.sub(r"<(?=[|｜])", "< ", text)


def _plain(character: str) -> str:
    """Return an unknown character without its accents, or a question mark; marks and controls vanish."""
    if unicodedata.category(character)[0] in "MC":
        return ""
    bare = "".join(c for c in normalise(unicodedata.normalize("NFKD", character)) if c in INDEX)
    return bare or "?"


def _bin(value: float, extent: float, bins: int) -> int:
    return min(max(int(bins * value / max(extent, 1.0)), 0), bins - 1)


def _upright(segments: Sequence[Segment], slant: Slant | None, width: float, height: float) -> list[_Item]:
    """Return the segments with printable text and their places on the upright page."""
    items = []
    for segment in segments:
        text = printable(segment.text)
        if not text:
            continue
        if text != segment.text:
            segment = replace(segment, text=text)
        box = segment.box
        if slant is None or (not slant.rotation and abs(slant.skew) < 0.01):
            items.append(_Item(segment, box.x0, box.x1, (box.y0 + box.y1) / 2, max(box.y1 - box.y0, 1.0)))
            continue
        x, y, along, across = slant.upright(box)
        dx, dy = slant.direction
        # The page's centre stays where it is: turn about it, then shift to the upright page's centre.
        middle = (height / 2, width / 2) if slant.rotation in (90, 270) else (width / 2, height / 2)
        x, y = x - middle[0], y - middle[1]
        u, v = x * dx + y * dy + width / 2, -x * dy + y * dx + height / 2
        items.append(_Item(segment, u - along / 2, u + along / 2, v, across))
    return items


def rows_of(items: Sequence[_Item]) -> list[list[_Item]]:
    """Group items into rows, top to bottom, each from left to right."""
    rows: list[list[_Item]] = []
    for item in sorted(items, key=lambda item: (item.y, item.x0)):
        best: list[_Item] | None = None
        closest = float("inf")
        for row in rows[-_REACH:]:
            near = min(row, key=lambda other: abs(other.x0 + other.x1 - item.x0 - item.x1))
            away = abs(near.y - item.y)
            if away < closest and _share_a_row(near, item, away):
                best, closest = row, away
        if best is None:
            rows.append([item])
        else:
            best.append(item)
    rows.sort(key=lambda row: sum(item.y for item in row) / len(row))
    for row in rows:
        row.sort(key=lambda item: (item.x0, item.x1))
    return rows


def _share_a_row(one: _Item, other: _Item, away: float) -> bool:
    """Say whether two items stand side by side: they overlap by more than half in height and not along the line."""
    low = min(one.height, other.height)
    overlap = (one.height + other.height) / 2 - away
    if min(overlap, low) <= 0.5 * low or away > 0.6 * low:
        return False
    beside = min(one.x1, other.x1) - max(one.x0, other.x0)
    return beside < 0.5 * min(one.x1 - one.x0, other.x1 - other.x0) or beside <= 0
