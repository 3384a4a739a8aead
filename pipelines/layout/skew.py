"""The angle of text lines by projection profiles of the letters' lower edges (after Postl 1986; Baird 1987)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.layout.components import Mask

Floats = NDArray[np.float64]
LIMIT = 6.0  # degrees searched each way
FAR_LIMIT = 20.0  # searched as well, and believed only of pages whose lines leave no doubt
# Text turned by 7 to 12 degrees: 2.3 and 2.0 or more; drawings, screens, photographs where an angle beyond LIMIT is their
# best one: 2.0 and 1.8 at most (175 pictures, 140 wordless pages).
FAR_CONTRAST, FAR_LEAD = 2.2, 1.6
MOST_POINTS = 40_000


def lower_edges(mask: Mask) -> tuple[Floats, Floats]:
    """Return (x, y) of ink pixels with paper below: letters stand on the baseline, so these gather there."""
    edge = mask.copy()
    edge[:-1] &= ~mask[1:]
    y, x = np.nonzero(edge)
    if x.size > MOST_POINTS:
        pick = np.random.default_rng(0).choice(x.size, MOST_POINTS, replace=False)
        x, y = x[pick], y[pick]
    return x.astype(np.float64), y.astype(np.float64)


def sharpness(x: Floats, y: Floats, angle: float) -> float:
    """Return how sharply rows stand out when lines falling by `angle` degrees to the right are levelled."""
    row = y - (x - x.mean()) * np.tan(np.radians(angle))
    low = row - row.min()
    base = np.floor(low).astype(np.int64)
    part = low - base
    size = int(base.max()) + 2
    profile = np.bincount(base, 1 - part, size) + np.bincount(base + 1, part, size)
    return float(np.square(profile[1:] + profile[:-1]).sum()) / max(1, x.size) ** 2 * size


def find_skew(mask: Mask) -> tuple[float, float]:
    """Return (angle in degrees, contrast). Positive: lines fall to the right. Contrast is best over typical sharpness.

    Accuracy is about 0.03 degrees on a text page; with too little ink or no clear winner the angle is 0.
    """
    x, y = lower_edges(mask)
    if x.size < 40:
        return 0.0, 1.0
    far = _far_skew(x, y)
    if far is not None:
        return far
    coarse = np.arange(-LIMIT, LIMIT + 0.01, 0.4)
    scores = np.array([sharpness(x, y, a) for a in coarse])
    best = float(coarse[int(scores.argmax())])
    typical = float(np.median(scores))
    top = float(scores.max())
    for step in (0.1, 0.025):
        near = best + np.arange(-4, 5) * step
        fine = np.array([sharpness(x, y, a) for a in near])
        best, top = float(near[int(fine.argmax())]), max(top, float(fine.max()))
    contrast = top / max(typical, 1e-9)
    if abs(best) > LIMIT or contrast < 1.12:
        return 0.0, contrast
    return best, contrast


def _far_skew(x: Floats, y: Floats) -> tuple[float, float] | None:
    """Return (angle, contrast) of lines that clearly lie further askew than LIMIT, else None."""
    angles = np.arange(-FAR_LIMIT, FAR_LIMIT + 0.01, 0.4)
    scores = np.array([sharpness(x, y, a) for a in angles])
    best, typical = float(angles[int(scores.argmax())]), float(np.median(scores))
    others = float(scores[np.abs(angles - best) > 1.5].max())
    if abs(best) <= LIMIT or scores.max() < max(FAR_CONTRAST * typical, FAR_LEAD * others):
        return None
    for step in (0.1, 0.025):
        near = best + np.arange(-4, 5) * step
        best = float(near[int(np.array([sharpness(x, y, a) for a in near]).argmax())])
    return best, float(scores.max()) / max(typical, 1e-9)
