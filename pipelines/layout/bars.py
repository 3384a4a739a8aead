"""Light print on dark bars and panels of a light page: told from pictures, and turned into dark print on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dsvl2.pipelines.layout.binarise import Gray
from dsvl2.pipelines.layout.components import Components, Mask, components, paint
from dsvl2.pipelines.layout.segments import find_segments

_DARK = 0.8  # of the paper's tone, that a bar is darker than
_TILE = 6  # pixels: print has no ink of that size but in titles
_LEAST_HIGH, _LEAST_WIDE = 12, 30  # pixels of a bar
_SOLID, _RIM = 0.85, 0.9  # of a bar's box, its letters counted in; of its rim that is dark
_EVEN = 60  # grey levels between the darker and the lighter parts of a bar
_CONTRAST = 45  # grey levels from a bar to its letters
_LETTERS = 3  # letters of a row that show that it is print
_SMALL, _TALL = 5, 0.9  # pixels, and part of a bar's height, that letters have
_HALF = 0.4  # of the way from the bar's tone to its lightest, from which it is a letter
_MOST_LIGHT = 0.6  # of a bar that its letters are
_LIKE = 3  # bars of a chart


@dataclass(frozen=True, slots=True)
class Bar:
    """A dark bar with light print: its corner (x, y), its shape [h, w], its tone and that of its letters."""

    x0: int
    y0: int
    shape: Mask
    tone: float
    light: float


def find_bars(gray: Gray) -> list[Bar]:
    """Return the dark bars with light print of a level page [H, W] that is itself dark on light."""
    paper = float(np.percentile(gray[::7, ::7], 75))
    dark: Mask = gray < _DARK * paper
    if not _has_solid(dark):
        return []
    found = components(dark)
    height, width = found.height, found.width
    large = (height >= _LEAST_HIGH) & (width >= _LEAST_WIDE) & (found.area > 0.35 * height * width)
    places = np.flatnonzero(large & ~_of_chart(found, large))
    bars = [_bar(gray, found, int(k)) for k in places[np.argsort(-found.area[places], kind="stable")][:200]]
    return [bar for bar in bars if bar is not None]


def lit(gray: Gray, bars: Sequence[Bar], zoom: float) -> Gray:
    """Return a page [H, W] with these bars white and their print dark; the bars' pixels are `zoom` of the page's."""
    result = gray.copy()
    for bar in bars:
        high, wide = bar.shape.shape
        x0, y0 = int(bar.x0 / zoom), int(bar.y0 / zoom)
        x1 = min(gray.shape[1], int(np.ceil((bar.x0 + wide) / zoom)))
        y1 = min(gray.shape[0], int(np.ceil((bar.y0 + high) / zoom)))
        image = Image.fromarray(bar.shape.astype(np.uint8) * 255)
        shape = np.asarray(image.resize((x1 - x0, y1 - y0), Image.Resampling.NEAREST)) > 127
        rise = (gray[y0:y1, x0:x1].astype(np.float32) - bar.tone) / (bar.light - bar.tone)
        turned = np.where(shape, 255 - 235 * rise.clip(0, 1.05), 255)
        room = max(2, round(2 / zoom))  # the soft edge of a bar
        _white(result, (x0 - room, y0 - room, x1 + room, y1 + room), (x0, y0, x1, y1))
        result[y0:y1, x0:x1] = turned.clip(0, 255).astype(np.uint8)
    return result


def _white(page: Gray, outer: tuple[int, int, int, int], inner: tuple[int, int, int, int]) -> None:
    """Whiten the frame between two boxes, in place."""
    x0, y0, x1, y1 = max(0, outer[0]), max(0, outer[1]), outer[2], outer[3]
    for part in (
        np.s_[y0 : inner[1], x0:x1],
        np.s_[inner[3] : y1, x0:x1],
        np.s_[inner[1] : inner[3], x0 : inner[0]],
        np.s_[inner[1] : inner[3], inner[2] : x1],
    ):
        page[part] = 255


def _has_solid(dark: Mask) -> bool:
    """Say whether some tiles are dark all over."""
    rows, cols = dark.shape[0] // _TILE, dark.shape[1] // _TILE
    tiles = dark[: rows * _TILE, : cols * _TILE].reshape(rows, _TILE, cols, _TILE)
    return int(tiles.all(axis=(1, 3)).sum()) >= 4


def _of_chart(found: Components, large: Mask) -> Mask:
    """Return which components are bars of a chart: several that begin at one line, as thick as each other, not as long."""
    result = np.zeros(len(found), dtype=np.bool_)
    numbers = np.flatnonzero(large)
    for begin, thick, long in ((found.x0, found.height, found.width), (found.y1, found.width, found.height)):
        for k in numbers.tolist():
            like = numbers[(np.abs(begin[numbers] - begin[k]) <= 3) & (np.abs(thick[numbers] - thick[k]) <= 2)]
            if len(like) >= _LIKE and np.ptp(long[like]) > 0.1 * long[like].max():
                result[like] = True
    return result


def _bar(gray: Gray, found: Components, number: int) -> Bar | None:
    """Return a component as a bar if it is one: an even filled shape with rows of light letters in it."""
    x0, y0 = int(found.x0[number]), int(found.y0[number])
    size = int(found.height[number]), int(found.width[number])
    own = np.zeros(len(found), dtype=np.bool_)
    own[number] = True
    ink = paint(found.runs, own, size, (x0, y0))
    holes = components(~ink)
    outside = (holes.x0 == 0) | (holes.y0 == 0) | (holes.x1 == size[1]) | (holes.y1 == size[0])
    shape = ~paint(holes.runs, outside, size)
    if shape.mean() < _SOLID or _rim(ink) < _RIM:
        return None
    part = gray[y0 : y0 + size[0], x0 : x0 + size[1]]
    low, tone, high = np.percentile(_thin(part[ink]), [10, 40, 80])
    shape = _shrunk(shape)
    brightest = float(np.percentile(part[shape], 99.8))
    if high - low > _EVEN or brightest - tone < _CONTRAST:
        return None
    light: Mask = shape & (part > tone + _HALF * (brightest - tone))
    if not _has_print(light):
        return None
    return Bar(x0, y0, shape, float(tone), float(np.percentile(part[light], 80)))


def _has_print(light: Mask) -> bool:
    """Say whether the light parts of a bar are letters: some stand in a row."""
    found = components(light)
    high, wide = light.shape
    letter = (found.height >= _SMALL) & (found.height <= _TALL * high) & (found.width < 0.5 * wide)
    if int(letter.sum()) < _LETTERS or light.mean() > _MOST_LIGHT:
        return False
    unit = float(np.percentile(found.height[letter], 40))
    rows = find_segments(found, letter & (found.height > 0.5 * unit) & (found.height < 3 * unit), unit)
    return bool(len(rows)) and int(rows.size.max()) >= _LETTERS


def _thin(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return values[:: max(1, len(values) // 20_000)]


def _rim(ink: Mask) -> float:
    """Return how much of a box's four sides, a little inside, is ink."""
    sides = (ink[1], ink[-2], ink[:, 1], ink[:, -2])
    return float(min(side.mean() for side in sides))


def _shrunk(shape: Mask) -> Mask:
    """Take a pixel off a shape all around: its edge is half paper."""
    inner = np.zeros_like(shape)
    inner[1:-1, 1:-1] = shape[1:-1, 1:-1] & shape[:-2, 1:-1] & shape[2:, 1:-1] & shape[1:-1, :-2] & shape[1:-1, 2:]
    return inner
