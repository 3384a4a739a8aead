"""Turn and level a page, and remember how the result lies on the page as read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from dsvl2.pipelines.layout.bars import find_bars, lit
from dsvl2.pipelines.layout.binarise import Gray, Ink, clean, find_ink
from dsvl2.pipelines.layout.components import Components
from dsvl2.pipelines.layout.letters import letter_height
from dsvl2.pipelines.layout.types import Affine

WORK_PIXELS = 2_300_000  # analysis runs on at most this many pixels: A4 at 150 dpi and a little more
STRIP, STRIP_PIXELS = 8, 3  # sides of a panorama or a long receipt, and how much more of it is looked at
LEAST_UNIT = 7.0  # letters smaller than this (pixels) are analysed on an enlarged page


@dataclass(frozen=True, slots=True)
class Upright:
    """The upright page, its analysis at working size, and how it lies on the page as read.

    `unit` is the height of its commonest letters at working size. `tied`: too few lines said which way up it stands.
    Light print on dark bars is dark on white in `gray` and `ink`; `plain` is the page before, None where there is none.
    """

    gray: Gray
    ink: Ink
    found: Components
    zoom: float
    rotation: int
    skew: float
    matrix: Affine
    page_size: tuple[int, int]
    unit: float
    tied: bool = False
    plain: Gray | None = None

    @property
    def as_printed(self) -> Gray:
        """The upright page with light print still light."""
        return self.gray if self.plain is None else self.plain


def upright(page: Gray, zoom: float, turn: int, skew: float) -> Upright:
    """Turn the page by `turn` quarter turns counter-clockwise, level it and find its ink."""
    gray = np.ascontiguousarray(np.rot90(page, turn))
    matrix = turn_matrix(turn, (page.shape[1], page.shape[0]))
    if skew:
        gray, levelled = _level(gray, skew)
        matrix = _compose(matrix, levelled)
    rotation = (360 - 90 * turn) % 360
    size = (page.shape[1], page.shape[0])
    ink, found, unit = inked(resized(gray, zoom))
    return with_light_print(Upright(gray, ink, found, zoom, rotation, skew, matrix, size, unit))


def inked(small: Gray) -> tuple[Ink, Components, float]:
    """Return the ink of a page at working size without borders and dust, its components, and the height of its letters."""
    ink = find_ink(small)
    mask, found = clean(ink.mask)
    return Ink(mask, ink.faint, ink.paper_map, ink.paper), found, letter_height(found, small)


def with_light_print(up: Upright) -> Upright:
    """Return the page with light print on dark bars as dark print, as it is where it has none."""
    bars = find_bars(resized(up.gray, up.zoom))
    if not bars:
        return up
    gray = lit(up.gray, bars, up.zoom)
    ink, found, unit = inked(resized(gray, up.zoom))
    return replace(up, gray=gray, ink=ink, found=found, unit=unit, plain=up.gray)


def turn_matrix(turn: int, size: tuple[int, int]) -> Affine:
    """Return the map from pixels of np.rot90(page, turn) to pixels of the page of (width, height) `size`."""
    width, height = size
    return {
        0: (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        1: (0.0, -1.0, float(width), 1.0, 0.0, 0.0),
        2: (-1.0, 0.0, float(width), 0.0, -1.0, float(height)),
        3: (0.0, 1.0, 0.0, -1.0, 0.0, float(height)),
    }[turn % 4]


def _level(gray: Gray, skew: float) -> tuple[Gray, Affine]:
    """Turn a page by `skew` degrees so that falling lines become level; the sheet grows to hold its corners."""
    height, width = gray.shape
    cos, sin = float(np.cos(np.radians(skew))), float(np.sin(np.radians(skew)))
    new_w = int(np.ceil(width * cos + height * abs(sin)))
    new_h = int(np.ceil(width * abs(sin) + height * cos))
    # upright (u, v), centred, is turned clockwise by skew to give the page's (x, y)
    c = width / 2 - cos * new_w / 2 + sin * new_h / 2
    f = height / 2 - sin * new_w / 2 - cos * new_h / 2
    matrix = (cos, -sin, c, sin, cos, f)
    image = Image.fromarray(gray)
    edge = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    fill = int(np.percentile(edge, 75))
    turned = image.transform((new_w, new_h), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=fill)
    return np.asarray(turned, dtype=np.uint8), matrix


def _compose(outer: Affine, inner: Affine) -> Affine:
    """Return the map that applies `inner` and then `outer`."""
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return (a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f)


def resized(gray: Gray, zoom: float) -> Gray:
    """Return the page at working size."""
    if zoom == 1.0:
        return gray
    size = (max(1, round(gray.shape[1] * zoom)), max(1, round(gray.shape[0] * zoom)))
    method = Image.Resampling.BOX if zoom < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(gray).resize(size, method), dtype=np.uint8)


def working_zoom(gray: Gray) -> float:
    """Return the zoom at which letters are big enough and the page small enough to analyse."""
    most = WORK_PIXELS * (STRIP_PIXELS if max(gray.shape) > STRIP * min(gray.shape) else 1)
    zoom = min(1.0, math.sqrt(most / gray.size))
    if gray.size > WORK_PIXELS / 2:
        return zoom
    unit = letter_height(clean(find_ink(gray).mask)[1], gray)
    if 0 < unit < LEAST_UNIT:
        return min(2.0, math.sqrt(WORK_PIXELS / gray.size))
    return min(zoom, 24.0 / unit) if unit > 40 else zoom
