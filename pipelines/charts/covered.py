"""Bars that a legend stands on: what it hides of a bar is put back, and where a pale frame lets the bar shine through, its
end is looked for under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.charts.legend import Legend
from dsvl2.pipelines.charts.marks import Solid
from dsvl2.pipelines.charts.pixels import Mask
from dsvl2.pipelines.charts.scene import Scene, around, overlap
from dsvl2.pipelines.documents import Box

_AROUND = 0.9  # letter heights from a legend's words to its frame
_STEP = 4.0  # grey levels by which a bar under a frame differs from what lies above it
_FULL = 0.97  # share of a bar outside the legend that must be seen


def uncovered(scene: Scene, legend: Legend, solids: Iterable[Solid]) -> list[Solid]:
    """Return the shapes, those that a legend hides parts of as the bars that they are without it."""
    found = list(solids)
    if not legend.entries:
        return found
    parts = [box for entry in legend.entries for box in (entry.swatch, entry.item.box)]
    content = around(parts)
    pad = _AROUND * scene.unit
    cover = Box(content.x0 - pad, content.y0 - pad, content.x1 + pad, content.y1 + pad)
    touched = [solid for solid in found if _meet(solid.box, cover)]
    kept = [solid for solid in found if not _meet(solid.box, cover)]
    mended = [_without(solid, cover) or solid for solid in touched]
    joined = _joined(mended, cover)
    return kept + [_shining(scene, solid, cover, parts) for solid in joined]


def _meet(box: Box, cover: Box, slack: float = 3.0) -> bool:
    return (
        overlap(box.x0, box.x1, cover.x0 - slack, cover.x1 + slack) > 0
        and overlap(box.y0, box.y1, cover.y0 - slack, cover.y1 + slack) > 0
    )


def _without(solid: Solid, cover: Box) -> Solid | None:
    """Return a shape as the rectangle that it is outside the cover; None if it is none there, or lies under it whole."""
    box = solid.box
    hidden = np.zeros(solid.mask.shape, dtype=np.bool_)
    top, left = max(0, int(cover.y0 - box.y0)), max(0, int(cover.x0 - box.x0))
    hidden[top : max(0, int(cover.y1 - box.y0) + 1), left : max(0, int(cover.x1 - box.x0) + 1)] = True
    seen = solid.mask & ~hidden
    if not seen.any() or solid.rectangle:
        return None
    for axis in (0, 1):
        across = np.flatnonzero(seen.any(axis=axis))
        lanes = np.s_[:, across[0] : across[-1] + 1] if axis == 0 else np.s_[across[0] : across[-1] + 1, :]
        part, under = solid.mask[lanes], hidden[lanes]
        along = np.flatnonzero(part.any(axis=1 - axis))
        cut = np.s_[along[0] : along[-1] + 1, :] if axis == 0 else np.s_[:, along[0] : along[-1] + 1]
        part, under = part[cut], under[cut]
        open_part = part[~under]
        if open_part.size and float(open_part.mean()) >= _FULL:
            dx, dy = (across[0], along[0]) if axis == 0 else (along[0], across[0])
            whole = Box(box.x0 + dx, box.y0 + dy, box.x0 + dx + part.shape[1], box.y0 + dy + part.shape[0])
            return Solid(solid.colour, whole, part.size, True, np.ones_like(part))
    return None


def _joined(solids: Sequence[Solid], cover: Box) -> list[Solid]:
    """Join two pieces of a bar that the cover parts."""
    found: list[Solid] = []
    for solid in sorted(solids, key=lambda one: -one.area):
        for k, other in enumerate(found):
            if solid.colour == other.colour and solid.rectangle and other.rectangle and _parted(solid, other, cover):
                box = solid.box.union(other.box)
                mask: Mask = np.ones((int(box.y1 - box.y0), int(box.x1 - box.x0)), dtype=np.bool_)
                found[k] = Solid(solid.colour, box, mask.size, True, mask)
                break
        else:
            found.append(solid)
    return found


def _parted(first: Solid, other: Solid, cover: Box) -> bool:
    a, b = first.box, other.box
    if abs(a.x0 - b.x0) <= 2 and abs(a.x1 - b.x1) <= 2:
        low, high, edge0, edge1 = min(a.y1, b.y1), max(a.y0, b.y0), cover.y0, cover.y1
    elif abs(a.y0 - b.y0) <= 2 and abs(a.y1 - b.y1) <= 2:
        low, high, edge0, edge1 = min(a.x1, b.x1), max(a.x0, b.x0), cover.x0, cover.x1
    else:
        return False
    return high > low and edge0 - 4 <= low and high <= edge1 + 4


def _shining(scene: Scene, solid: Solid, cover: Box, parts: Sequence[Box]) -> Solid:
    """Lengthen a bar that ends at a pale frame as far as its colour shines through it."""
    box = solid.box
    if not solid.rectangle or min(solid.width, solid.height) < 4:
        return solid
    rgb = scene.ground.rgb.astype(np.float32)
    plain = ~scene.ground.strokes
    for part in parts:
        plain[max(0, int(part.y0) - 2) : int(part.y1) + 3, max(0, int(part.x0) - 2) : int(part.x1) + 3] = False
    upright = abs(box.y0 - cover.y1) <= scene.unit and overlap(box.x0, box.x1, cover.x0, cover.x1) > 0.3 * solid.width
    level = abs(box.x1 - cover.x0) <= scene.unit and overlap(box.y0, box.y1, cover.y0, cover.y1) > 0.3 * solid.height
    if upright:
        lane = np.s_[
            int(cover.y0) : int(box.y0), max(int(box.x0), int(cover.x0)) + 1 : min(int(box.x1), int(cover.x1)) - 1
        ]
        seen = _lines(rgb[lane][::-1], plain[lane][::-1])
        length = _shines(seen)
        return replace(solid, box=replace(box, y0=box.y0 - length)) if length else solid
    if level:
        lane = np.s_[
            max(int(box.y0), int(cover.y0)) + 1 : min(int(box.y1), int(cover.y1)) - 1, int(box.x1) : int(cover.x1)
        ]
        seen = _lines(rgb[lane].transpose(1, 0, 2), plain[lane].T)
        length = _shines(seen)
        return replace(solid, box=replace(box, x1=box.x1 + length)) if length else solid
    return solid


def _lines(rgb: NDArray[np.float32], plain: Mask) -> NDArray[np.float32]:
    """Return the mean colour [N, 3] of the plain pixels of each line, NaN where there are none."""
    count = plain.sum(axis=1)
    total = (rgb * plain[..., None]).sum(axis=1)
    mean: NDArray[np.float32] = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)
    return mean


def _shines(lines: NDArray[np.float32]) -> int:
    """Return after how many lines the colour that begins behind the frame's edge changes for good; 0 if it never does."""
    known = np.flatnonzero(~np.isnan(lines[:, 0])) if lines.size else np.array([], dtype=np.intp)
    if known.size < 6:
        return 0
    first = np.median(lines[known[2:5]], axis=0)
    off = np.abs(lines[known] - first).max(axis=1)
    for k in range(3, known.size - 3):
        if (off[k : k + 4] > _STEP).all() and (off[3:k] <= _STEP).all():
            return int(known[k])
    return 0
