"""Pictures that are not kept to the pixel, because the file would grow by more than a tenth: as near as there are bytes for.

What counts as the same to the eye is measured (`likeness`). Of the ways to say a picture in so many bytes that which is
nearest is taken: JPEG data lose their finest coefficients (`jpeg_trim`); printed text becomes a few greys in planes of
JBIG2 (`planes`); everything else JPEG 2000, which at the same size is 5 to 8 dB nearer than JPEG made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image, ImageChops, features

from dsvl2.pipelines.searchable.images import (
    MOST_PIXELS,
    PLACES,
    ImageObject,
    fewest_channels,
    jpeg_data,
    opaque,
    placed,
    with_jpeg,
)
from dsvl2.pipelines.searchable.jpeg_trim import trimmed
from dsvl2.pipelines.searchable.likeness import ALIKE, Floor, Likeness, likeness
from dsvl2.pipelines.searchable.planes import MOST_EXACT, FewGreys, Place, Planes, exact_planes
from dsvl2.pipelines.sources.decoders import pillow_format

_GREY = 2  # 255ths between channels that coders leave in grey pictures
_LITTLE = 44.0  # decibels from which JPEG data that were trimmed are taken without a look at other ways
_MORE = 1.3  # times the bytes that were too few
_MARGIN = 0.97  # of the bytes asked for, where the coder of JPEG 2000 took more


def has_no_place(data: bytes, kind: str) -> bool:
    """Say whether a file's pixels were coded with loss by a format that PDF does not take; of AVIF and HEIC, all are."""
    return kind in ("avif", "heic") or (kind == "webp" and b"VP8 " in _chunks(data))


@dataclass(frozen=True, slots=True)
class Near:
    """A picture as it is written, and how near it is to what it was made of."""

    picture: ImageObject | Planes
    decibels: float


def near_picture(data: bytes, kind: str, frame: int) -> NearPicture | None:
    """Return picture `frame` (from 0) of a file, to be written in as many bytes as there are; None if it is too large."""
    with Image.open(BytesIO(data), formats=[pillow_format(kind)]) as image:
        if image.width * image.height > MOST_PIXELS:
            return None
        if frame:
            image.seek(frame)
        place = PLACES[1] if kind == "tiff" else placed(image)
        image.load()
        seen = _grey(fewest_channels(opaque(image)))
    return NearPicture(seen, place)


@dataclass(frozen=True, slots=True)
class NearPicture:
    """A decoded picture and its place (as that of `ImageObject`)."""

    seen: Image.Image
    place: Place
    greys: list[FewGreys] = field(default_factory=list)

    def within(self, room: int, kept: ImageObject | Planes, floor: Floor = ALIKE) -> Near | None:
        """Return the nearest picture of `room` bytes at most; None if all of these are further off than `floor`.

        kept: the picture to the pixel, whose JPEG data are trimmed if it has some.
        """
        return max(self._tries(room, kept, floor), key=lambda near: near.decibels, default=None)

    def fewest(self, room: int, kept: ImageObject | Planes) -> Near | None:
        """Return about the least of what looks the same, from `room` bytes up; None if the picture to the pixel is no larger."""
        room = max(room, 1)
        while (room := int(_MORE * room) + 1) < kept.size:
            if near := self.within(room, kept):
                return near
        return None

    def exact(self) -> Planes | None:
        """Return a picture of few colours in planes, to the pixel."""
        return exact_planes(np.asarray(self.seen), self.place) if self.seen.getcolors(MOST_EXACT) else None

    def _tries(self, room: int, kept: ImageObject | Planes, floor: Floor) -> Iterator[Near]:
        if room <= 0:
            return
        if near := trimmed_jpeg(kept, room, floor):
            yield near
            if near.decibels >= _LITTLE:
                return
        if not self.greys:
            self.greys.append(FewGreys(np.asarray(self.seen), self.place))
        if planes := self.greys[0].within(room, floor):
            yield Near(planes[0], planes[1].decibels)
        if features.check("jpg_2000"):
            raw = self.seen.width * self.seen.height * len(self.seen.getbands())
            for asked in (room, _MARGIN * room):
                coded = self._wavelets(raw / max(asked - len(self._entries()), 1))
                if len(coded) + len(self._entries()) <= room:
                    if (like := self._like(coded)).holds(floor):
                        yield Near(self._object(coded), like.decibels)
                    return

    def _wavelets(self, rate: float) -> bytes:
        buffer = BytesIO()
        how = {"quality_mode": "rates", "quality_layers": [rate], "irreversible": True, "comment": " "}
        self.seen.save(buffer, "JPEG2000", **how)
        return buffer.getvalue()

    def _like(self, coded: bytes) -> Likeness:
        with Image.open(BytesIO(coded)) as image:
            return likeness(np.asarray(self.seen), np.asarray(image))

    def _entries(self) -> str:
        space = "/DeviceGray" if self.seen.mode == "L" else "/DeviceRGB"
        width, height = self.seen.size
        return f"/Subtype/Image/Width {width}/Height {height}/ColorSpace{space}/Filter/JPXDecode"

    def _object(self, coded: bytes) -> ImageObject:
        return ImageObject(self._entries(), coded, self.place)


def trimmed_jpeg(kept: ImageObject | Planes, room: int, floor: Floor = ALIKE) -> Near | None:
    """Return JPEG data without their finest parts; None of other pictures, or if they would be further off than `floor`."""
    if isinstance(kept, Planes) or not (data := jpeg_data(kept)):
        return None
    less = trimmed(data, room, lambda made: with_jpeg(kept, made).size, floor)
    if less is None:
        return None
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(less)) as after:
        near = likeness(np.asarray(before), np.asarray(after))
    return Near(with_jpeg(kept, less), near.decibels) if near.holds(floor) else None


def _grey(image: Image.Image) -> Image.Image:
    """Return a picture of mode L or RGB; grey if its channels differ by no more than coders leave."""
    if image.mode == "L":
        return image
    colours = image.convert("RGB")
    red, green, blue = colours.split()
    extremes = [ImageChops.difference(green, other).getextrema() for other in (red, blue)]
    most = 0 if colours.getcolors(MOST_EXACT) else _GREY
    return green if all(float(high) <= most for _, high in extremes) else colours  # type: ignore[arg-type]


def _chunks(data: bytes) -> list[bytes]:
    """Return the names of the chunks of a WebP file, those of its frames too."""
    found, place = [], 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        found.append(name)
        place += 24 if name == b"ANMF" else 8 + size + size % 2
    return found
