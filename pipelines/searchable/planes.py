"""Pictures of few greys, or of one ink on paper, as pictures of two colours, one over the other: how PDF takes JBIG2 for them.

Printed text as a lossy coder leaves it is paper, ink and a few greys along the edges. With eight to sixteen of them it
looks the same, and their bits, a plane each, take a third of the bytes that JPEG 2000 wants for that: a wavelet spends
them on edges, a coder of black and white expects edges. The planes are put together by the viewer: the page is filled
with the lightest grey, and every plane makes it darker by its share (blend mode Difference, PDF 32000-1, 11.3.5.2).
As no share is more than what is left, the sum is linear, so smaller and larger drawings of it are as those of one picture.
Ink of a colour on paper of a colour is the same in three channels: every colour between them goes with one grey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from dsvl2.pipelines.searchable.images import PLACES, ImageObject
from dsvl2.pipelines.searchable.inks import Box, Ink, Inked, Samples, inked
from dsvl2.pipelines.searchable.jbig2 import jbig2
from dsvl2.pipelines.searchable.likeness import ALIKE, Floor, Likeness, likeness

COUNTS = (16, 12, 8, 6, 5, 4)
"""Numbers of greys that are tried, the nearest first."""
MOST_EXACT = 6
"""Colours up to which a picture's own are taken, a plane for each but one."""
_LIGHTER = 40  # 255ths under the lightest that the paper may be
_HOPELESS = 2.5  # times the bytes there are: then only the fewest greys are worth a try
_REPEATS = 2.0  # times the bytes there are, up to which it may help to look for letters that are there again
_HOPELESS_DECIBELS = 29.0
_ROUNDS = 4
_ZONE = 90  # bytes of drawing it once more in one place
_OBJECT = 70  # bytes of one more plane around its data: object, place in the file, name among the resources, operators

Place = tuple[int, int, int, int, int, int]
Colour = tuple[int, ...]
"""255ths: of grey, or of red, green and blue."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A place of a picture where the same planes have other colours."""

    box: Box
    paper: Colour
    shares: tuple[Colour, ...]


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture to draw: its paper, and planes of JBIG2 with the colours by which they make it darker; but for its zones.

    masks: planes are painted in their colours, which takes less, and only so there can be zones; but poppler does not smooth
    masks as it does pictures where it draws them larger, and PyMuPDF paints them up to four 255ths off.
    """

    paper: Colour
    pixels: tuple[int, int]  # width, height
    codes: tuple[bytes, ...]
    shares: tuple[Colour, ...]
    place: Place = PLACES[1]
    zones: tuple[Zone, ...] = ()
    masks: bool = False

    @property
    def size(self) -> int:
        """Bytes of all planes with their entries, and of what more objects and zones take."""
        return sum(layer.size + _OBJECT for layer in self.layers()) + _ZONE * len(self.zones)

    def layers(self) -> list[ImageObject]:
        """Return the pictures to draw with Difference."""
        width, height = self.pixels
        space = "Gray" if len(self.paper) == 1 else "RGB"
        palettes = (f"<{bytes(share).hex()}{'00' * len(share)}>" for share in self.shares)
        colours = (f"/BitsPerComponent 1/ColorSpace[/Indexed/Device{space} 1{palette}]" for palette in palettes)
        hows = ["/ImageMask true" for _ in self.codes] if self.masks else colours
        start = f"/Subtype/Image/Width {width}/Height {height}"
        return [
            ImageObject(f"{start}{how}/Filter/JBIG2Decode", code) for how, code in zip(hows, self.codes, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Greys:
    """Levels under the paper: sums of shares, of which each plane has one."""

    paper: int
    shares: tuple[float, ...]
    count: int

    def levels(self) -> np.ndarray[Any, Any]:
        """Return the greys, from the paper down as far as shares allow."""
        found: np.ndarray[Any, Any] = self.paper - _patterns(self.count) @ np.array(self.shares)
        return found

    def steps(self, picture: Samples) -> Samples:
        """Return which of the greys each pixel is nearest to."""
        off = np.abs(self.levels()[:, None] - np.arange(256))
        found: Samples = off.argmin(0).astype(np.uint8)[picture]
        return found

    def fitted(self, often: np.ndarray[Any, Any]) -> _Greys:
        """Return shares with less squared error, by how often each of 256 greys is seen."""
        fitted, root = self, np.sqrt(often)
        for _ in range(_ROUNDS):
            patterns = _patterns(self.count)[fitted.steps(np.arange(256, dtype=np.uint8))]
            shares = np.linalg.lstsq(patterns * root[:, None], (self.paper - np.arange(256)) * root, rcond=None)[0]
            fitted = replace(fitted, shares=tuple(shares.clip(0, 255).tolist()))
        return fitted

    def colours(self, ink: Ink) -> tuple[Colour, tuple[Colour, ...]]:
        """Return the paper and the colours of the planes."""
        paper = np.rint(ink.colours(np.array(self.paper))).clip(0, 255)
        shares = np.rint(np.multiply.outer(self.shares, np.maximum(ink.per, 0))).clip(0, 255)
        return tuple(paper.astype(int).tolist()), tuple(map(tuple, shares.astype(int).tolist()))

    def shown(self, of: Inked) -> np.ndarray[Any, Any]:
        """Return the picture in these greys, or the colours that go with them."""
        steps, patterns = self.steps(of.grey), _patterns(self.count)

        def level_colours(ink: Ink) -> np.ndarray[Any, Any]:
            paper, shares = self.colours(ink)
            colours: np.ndarray[Any, Any] = np.abs(np.array(paper) - patterns @ np.array(shares)).clip(0, 255)
            colours = colours.astype(np.uint8)
            return colours if len(paper) > 1 else colours[:, 0]

        shown = level_colours(of.ink)[steps]
        for (left, top, right, bottom), ink in of.zones:
            shown[top:bottom, left:right] = level_colours(ink)[steps[top:bottom, left:right]]
        return shown

    def planes(self, of: Inked, place: Place, *, repeats: bool) -> Planes:
        """Return the picture, to draw; `repeats` as for `jbig2`."""
        steps = self.steps(of.grey)
        codes = tuple(jbig2(pattern[steps], repeats=repeats) for pattern in _patterns(self.count).T == 1)
        zones = tuple(Zone(box, *self.colours(ink)) for box, ink in of.zones)
        paper, shares = self.colours(of.ink)
        size = (of.grey.shape[1], of.grey.shape[0])
        return Planes(paper, size, codes, shares, place, zones, masks=bool(zones))


class FewGreys:
    """A picture, of samples as those of `likeness`, to be had in few greys; what was found of it once is kept."""

    def __init__(self, picture: Samples, place: Place) -> None:
        self._picture, self._place = picture, place
        self._of = inked(picture)
        self._often = None if self._of is None else np.bincount(self._of.grey.ravel(), minlength=256)
        self._near: dict[int, tuple[_Greys, Likeness] | None] = {}
        self._planes: dict[tuple[int, bool], Planes] = {}

    def within(self, room: int, floor: Floor = ALIKE) -> tuple[Planes, Likeness] | None:
        """Return the picture in as many greys as fit into `room` bytes, and how near it is; None if it is further off."""
        counts = list(COUNTS)
        while counts:
            count = counts.pop(0)
            found = self._alike(count)
            if found is None:
                continue
            greys, near = found
            if near.decibels < _HOPELESS_DECIBELS:
                return None
            if not near.holds(floor):  # fewer may lie better
                continue
            planes = self._in(count, greys, repeats=False)
            if room < planes.size <= _REPEATS * room:
                planes = self._in(count, greys, repeats=True)
            for one in (planes, replace(planes, masks=True)):
                if one.size <= room:
                    return one, near
            if planes.size > _HOPELESS * room:
                counts = counts[-1:]
        return None

    def _alike(self, count: int) -> tuple[_Greys, Likeness] | None:
        if count not in self._near:
            greys = None if self._of is None or self._often is None else _nearest(self._often, count)
            if greys is None or self._of is None or self._often is None:
                self._near[count] = None
            else:
                greys = greys.fitted(self._often)
                self._near[count] = greys, likeness(self._picture, greys.shown(self._of))
        return self._near[count]

    def _in(self, count: int, greys: _Greys, *, repeats: bool) -> Planes:
        if (count, repeats) not in self._planes:
            assert self._of is not None
            self._planes[count, repeats] = greys.planes(self._of, self._place, repeats=repeats)
        return self._planes[count, repeats]


def exact_planes(picture: Samples, place: Place) -> Planes | None:
    """Return a picture of three to six colours, each no lighter than the one before, to the pixel; None of any other."""
    if picture.ndim == 2:
        picture = picture[..., None]
    codes = picture.astype(np.uint32) @ (1 << 8 * np.arange(picture.shape[2], dtype=np.uint32))
    values, first, which = np.unique(codes, return_index=True, return_inverse=True)
    if not 2 < len(values) <= MOST_EXACT:
        return None
    colours = picture.reshape(-1, picture.shape[2])[first].astype(int)
    order = np.argsort(-colours.sum(1), kind="stable")
    shares = -np.diff(colours[order], axis=0)
    if (shares < 0).any():
        return None
    rank = np.argsort(order)[which].reshape(picture.shape[:2])
    planes = tuple(jbig2(rank >= level) for level in range(1, len(values)))
    paper = tuple(colours[order[0]].tolist())
    darker = tuple(map(tuple, shares.tolist()))
    return Planes(paper, (picture.shape[1], picture.shape[0]), planes, darker, place)


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
            off, best = (
                float(wrong[at]),
                _Greys(int(papers[at, 0]), tuple(step * share for share in _bits(count)), count),
            )
    return best


def _bits(count: int) -> list[float]:
    """Return the shares of planes in even steps; together they are the darkest, `count - 1` steps."""
    bits = (count - 1).bit_length()
    return [float(count - (1 << bits - 1)), *(float(1 << bit) for bit in range(bits - 1))]


@cache
def _patterns(count: int) -> np.ndarray[Any, Any]:
    """Return which planes a pixel of each grey is in, ones and zeros, [count, planes]."""
    bits, steps = (count - 1).bit_length(), np.arange(count)
    dark = steps >= 1 << bits - 1
    rest = np.where(dark, steps - (count - (1 << bits - 1)), steps)
    return np.stack([dark, *(rest >> bit & 1 for bit in range(bits - 1))], axis=1).astype(np.int64)


def painted(colour: Colour) -> str:
    """Return operands and operator that paint in a colour; 255ths rounded up, so that no program cuts them to those below."""
    numbers = (f"{-(-part * 10_000 // 255) / 10_000:.4f}".strip("0").rstrip(".") or "0" for part in colour)
    return " ".join(numbers) + (" g" if len(colour) == 1 else " rg")
