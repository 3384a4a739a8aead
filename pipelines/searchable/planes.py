"""Grey pictures as a few pictures of two colours, one over the other: the only way in which PDF takes JBIG2 for greys.

Printed text as a lossy coder leaves it is paper, ink and a few greys along the edges. With eight to sixteen of them it
looks the same, and their bits, a plane each, take a third of the bytes that JPEG 2000 wants for that: a wavelet spends
them on edges, a coder of black and white expects edges. The planes are put together by the viewer: the page is filled
with the lightest grey, and every plane makes it darker by its share (blend mode Difference, PDF 32000-1, 11.3.5.2).
As no share is more than what is left, the sum is linear, so smaller and larger drawings of it are as those of one picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsvl2.pipelines.searchable.images import PLACES, ImageObject
from dsvl2.pipelines.searchable.jbig2 import jbig2

FEWEST_GREYS, MOST_GREYS = 4, 16
_LIGHTER = 40  # 255ths under the lightest that the paper may be

Place = tuple[int, int, int, int, int, int]
Grey = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture to draw: the grey of its paper, and planes of JBIG2 with the greys by which they make it darker, in 255ths."""

    paper: int
    pixels: tuple[int, int]  # width, height
    codes: tuple[bytes, ...]
    shares: tuple[int, ...]
    place: Place = PLACES[1]

    @property
    def size(self) -> int:
        """Bytes of all planes with their entries."""
        return sum(layer.size for layer in self.layers())

    def layers(self, *, masks: bool = False) -> list[ImageObject]:
        """Return the pictures to draw with Difference; as masks they take less, and have to be painted in their greys."""
        width, height = self.pixels
        greys = (f"/BitsPerComponent 1/ColorSpace[/Indexed/DeviceGray 1<{share:02x}00>]" for share in self.shares)
        return [
            ImageObject(
                f"/Subtype/Image/Width {width}/Height {height}{'/ImageMask true' if masks else grey}/Filter/JBIG2Decode",
                code,
            )
            for grey, code in zip(greys, self.codes, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Greys:
    """Even steps down from the paper."""

    paper: int
    step: int
    count: int

    def steps(self, picture: Grey) -> Grey:
        """Return how many steps under the paper each pixel is."""
        values = np.arange(256)
        return np.clip(np.rint((self.paper - values) / self.step), 0, self.count - 1).astype(np.uint8)[picture]

    def shown(self, picture: Grey) -> Grey:
        """Return the picture in these greys."""
        return (self.paper - self.step * self.steps(picture).astype(int)).astype(np.uint8)

    def planes(self, picture: Grey, place: Place) -> Planes:
        """Return the picture in these greys, to draw."""
        many, planes = zip(*_shares(self.steps(picture), self.count), strict=True)
        codes = tuple(jbig2(plane, repeats=False) for plane in planes)
        height, width = picture.shape
        return Planes(self.paper, (width, height), codes, tuple(share * self.step for share in many), place)


def planes_of(picture: Grey, alike: Callable[[Grey], bool], place: Place, room: int) -> Planes | None:
    """Return a grey picture, [height, width], in the fewest greys that are `alike`, or more if `room` has bytes for them.

    None if too many greys are needed.
    """
    often = np.bincount(picture.ravel(), minlength=256)
    for count in range(FEWEST_GREYS, MOST_GREYS + 1):
        greys = _nearest(often, count)
        if greys is not None and alike(greys.shown(picture)):
            found = greys.planes(picture, place)
            most = _nearest(often, MOST_GREYS)
            if most is None or found.size * MOST_GREYS.bit_length() > room * count.bit_length():
                return found
            more = most.planes(picture, place)
            return more if more.size <= room and alike(most.shown(picture)) else found
    return None


def _nearest(often: np.ndarray[Any, Any], count: int) -> _Greys | None:
    """Return the even steps with the least squared error, by how often each of 256 greys is seen."""
    values, seen = np.arange(256), np.flatnonzero(often)
    darkest, lightest = int(seen[0]), int(seen[-1])
    papers = np.arange(max(lightest - _LIGHTER, darkest), lightest + 1)[:, None]
    off, best = math.inf, None
    for step in range(1, lightest // (count - 1) + 1):
        down = np.clip(np.rint((papers - values) / step), 0, count - 1)
        wrong = ((papers - down * step - values) ** 2 * often).sum(1)
        wrong[papers[:, 0] < (count - 1) * step] = np.inf
        at = int(wrong.argmin())
        if wrong[at] < off:
            off, best = float(wrong[at]), _Greys(int(papers[at, 0]), step, count)
    return best


def _shares(steps: Grey, count: int) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """Yield planes of bits with their share in steps; together the shares are the darkest, `count - 1` steps."""
    bits = (count - 1).bit_length()
    half = 1 << bits - 1
    dark = steps >= half
    rest = np.where(dark, steps - (count - half), steps)
    yield count - half, dark
    for bit in range(bits - 1):
        yield 1 << bit, (rest >> bit & 1).astype(bool)


def share(grey: int) -> str:
    """Return 255ths as PDF's numbers from 0 to 1, rounded up so that no program cuts them to the grey below."""
    return f"{-(-grey * 10_000 // 255) / 10_000:.4f}".strip("0").rstrip(".") or "0"
