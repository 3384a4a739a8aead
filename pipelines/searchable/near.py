"""Pictures of lossy formats that PDF has no place for (WebP, AVIF, HEIC), as JPEG 2000 or few greys that look the same.

Their pixels are what a lossy coder left, and cost two to ten times the file where every one of them is kept. JPEG 2000
is the one filter of PDF that comes near such coders: at the same size it is 5 to 8 dB nearer than JPEG. Printed text
takes fewer bytes still in few greys, as JBIG2 (`planes`): tried where JPEG 2000 does not fit. What counts as
the same is said by `MOST_OFF` and `LEAST_PSNR`: a block of 8 by 8 pixels that is furthest off is as far off as JPEG of
quality 75 leaves printed text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageChops, features

from dsvl2.pipelines.searchable.images import MOST_PIXELS, ImageObject, opaque, placed
from dsvl2.pipelines.searchable.planes import Planes, planes_of
from dsvl2.pipelines.sources.decoders import pillow_format

MOST_OFF, LEAST_PSNR = 10.0, 36.0
"""Root mean square, in 255ths, of the block that is furthest off; decibels over the whole picture."""
_GREY = 2  # 255ths between channels that coders leave in grey pictures
_FEWEST, _MOST = 34, 58  # decibels asked of the coder
_BLOCK = 8


def is_lossy(data: bytes, kind: str) -> bool:
    """Say whether a file's pixels were coded with loss by a format that PDF does not take; of AVIF and HEIC, all are."""
    if not features.check("jpg_2000"):
        return False
    return kind in ("avif", "heic") or (kind == "webp" and b"VP8 " in _chunks(data))


def near_picture(data: bytes, kind: str, frame: int) -> NearPicture | None:
    """Return picture `frame` (from 0) of a file, to be written in as many bytes as there are; None if it is too large."""
    with Image.open(BytesIO(data), formats=[pillow_format(kind)]) as image:
        if image.width * image.height > MOST_PIXELS:
            return None
        if frame:
            image.seek(frame)
        place = placed(image)
        seen = _grey(opaque(image))
    return NearPicture(seen, place)


@dataclass(frozen=True, slots=True)
class NearPicture:
    """A decoded picture and its place (as that of `ImageObject`), and what was found of it before."""

    seen: Image.Image
    place: tuple[int, int, int, int, int, int]
    known: list[bytes] = field(default_factory=list)
    planes: list[Planes | None] = field(default_factory=list)

    def within(self, room: int) -> ImageObject | Planes:
        """Return the picture in `room` bytes, or in the fewest that look the same if those are more."""
        fewest = self._fewest()
        if len(fewest) > room and (planes := self._in_planes(room)) and planes.size < len(fewest):
            return planes
        if len(fewest) < room:  # then as near as there is room for
            raw = self.seen.width * self.seen.height * len(self.seen.getbands())
            found = self._coded("rates", raw / room)
            if len(fewest) < len(found) <= room and self._alike(found):
                return self._object(found)
        return self._object(fewest)

    def _fewest(self) -> bytes:
        """Return the shortest code that looks the same; found once."""
        if not self.known:
            low, high = _FEWEST, _MOST
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self._alike(self._coded("dB", middle)) else (middle + 1, high)
            self.known.append(self._coded("dB", low))
        return self.known[0]

    def _coded(self, mode: str, value: float) -> bytes:
        buffer = BytesIO()
        how = {"quality_mode": mode, "quality_layers": [value], "irreversible": True, "comment": " "}
        self.seen.save(buffer, "JPEG2000", **how)
        return buffer.getvalue()

    def _alike(self, coded: bytes) -> bool:
        with Image.open(BytesIO(coded)) as image:
            return self._like(np.asarray(image))

    def _like(self, shown: np.ndarray[Any, Any]) -> bool:
        off = (shown.astype(np.float32) - np.asarray(self.seen, np.float32)) ** 2
        off = off.mean(2) if off.ndim == 3 else off
        whole = float(off.mean())
        tall, wide = (-size % _BLOCK for size in off.shape)
        blocks = np.pad(off, ((0, tall), (0, wide)), mode="edge")
        blocks = blocks.reshape(blocks.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).mean((1, 3))
        psnr = 10 * math.log10(255**2 / max(whole, 1e-9))
        return psnr >= LEAST_PSNR and math.sqrt(float(blocks.max())) <= MOST_OFF

    def _in_planes(self, room: int) -> Planes | None:
        """Return the picture in few greys that look the same, if there are; found once."""
        if not self.planes:
            grey = self.seen.mode == "L"
            self.planes.append(planes_of(np.asarray(self.seen), self._like, self.place, room) if grey else None)
        return self.planes[0]

    def _object(self, coded: bytes) -> ImageObject:
        space = "/DeviceGray" if self.seen.mode == "L" else "/DeviceRGB"
        width, height = self.seen.size
        entries = f"/Subtype/Image/Width {width}/Height {height}/ColorSpace{space}/Filter/JPXDecode"
        return ImageObject(entries, coded, self.place)


def _grey(image: Image.Image) -> Image.Image:
    colours = image.convert("RGB")
    red, green, blue = colours.split()
    extremes = [ImageChops.difference(green, other).getextrema() for other in (red, blue)]
    return green if all(float(high) <= _GREY for _, high in extremes) else colours  # type: ignore[arg-type]


def _chunks(data: bytes) -> list[bytes]:
    """Return the names of the chunks of a WebP file, those of its frames too."""
    found, place = [], 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        found.append(name)
        place += 24 if name == b"ANMF" else 8 + size + size % 2
    return found
