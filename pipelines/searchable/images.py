"""Image files as PDF image objects, without loss and, where the format allows it, without touching a byte.

JPEG data, in TIFF files too, PNG and JPEG 2000 data go in as they are. Other files are decoded: black and white is
packed as CCITT group 4, everything else as PNG does it. Transparent parts are laid over white, as on the way to the
model. In small files, where the text weighs, PNG data are packed anew if that makes them smaller. Where the text
would make a file too large all the same, everything may be (`harder`): two colours as JBIG2, JPEG data with codes of
their own and deflated. The pixels stay the same.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image, ImageChops

from dsvl2.pipelines.searchable.jbig2 import jbig2
from dsvl2.pipelines.searchable.jpeg2000 import without_comments
from dsvl2.pipelines.searchable.jpeg_codes import fitted_codes
from dsvl2.pipelines.searchable.jpeg_notes import without_notes
from dsvl2.pipelines.searchable.objects import deflated, deflated_twice
from dsvl2.pipelines.searchable.tiff_jpeg import JoinedJpeg, joined_jpeg
from dsvl2.pipelines.sources.decoders import pillow_format

_ORIENTATION = 274
_GROUP4_STRIP = 1 << 30
_WORTH_UNFILTERED = 10_000_000  # pixels
_PLAIN_MODES = {("RGB", 8), *((mode, depth) for mode in ("L", "P") for depth in (1, 2, 4, 8))}  # and bits of a sample
_WORTH_PACKING = 250_000  # bytes of a PNG file up to which it is tried
MOST_PIXELS, MOST_JPEG = 20_000_000, 1_000_000
"""Pixels and bytes up to which pictures are packed harder: about 4 and 2 seconds of work."""
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"  # a bare code stream is not what PDF takes (32000-1, 7.4.9)
_JPX_SPACES = {"L": "/DeviceGray", "RGB": "/DeviceRGB"}
_PALETTE = 256  # colours that one byte tells apart
# Where the unit square of the image goes on a unit page, by EXIF orientation.
PLACES = {
    1: (1, 0, 0, 1, 0, 0), 2: (-1, 0, 0, 1, 1, 0), 3: (-1, 0, 0, -1, 1, 1), 4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1), 6: (0, -1, 1, 0, 0, 1), 7: (0, 1, 1, 0, 0, 0), 8: (0, 1, -1, 0, 1, 0),
}  # fmt: skip
_DCT, _BOTH = "/Filter/DCTDecode", "/Filter[/FlateDecode/DCTDecode]"
_PNG_COMPONENTS = {0: 1, 2: 3, 3: 1}  # by colour type; those with transparency are missing


@dataclass(frozen=True, slots=True)
class ImageObject:
    """The entries of an image dictionary (PDF 32000-1, 8.9.5), its data as they stand in the file, and its place."""

    entries: str
    data: bytes
    place: tuple[int, int, int, int, int, int] = PLACES[1]

    @property
    def size(self) -> int:
        """Bytes of the entries and the data."""
        return len(self.entries) + len(self.data)


def image_object(data: bytes, kind: str, frame: int, *, harder: bool = False) -> ImageObject:
    """Return picture `frame` (from 0) of an image file as a PDF image object.

    Raises:
        OSError, ValueError: it cannot be decoded.
    """
    with Image.open(BytesIO(data), formats=[pillow_format(kind)]) as image:
        if kind == "jpeg" and image.mode in ("L", "RGB", "CMYK"):
            return _fitted(_jpeg(image, data)) if harder else _jpeg(image, data)
        if frame:
            image.seek(frame)
        if kind == "tiff" and (joined := joined_jpeg(data, image.tag_v2)):  # type: ignore[attr-defined]
            return _fitted(_joined(joined, image)) if harder else _joined(joined, image)
        place = PLACES[1] if kind == "tiff" else placed(image)  # Pillow turns TIFFs itself
        few = harder and image.width * image.height <= MOST_PIXELS
        own = None
        if kind == "jp2" and image.mode in _JPX_SPACES and data.startswith(_JP2_SIGNATURE):
            how = f"/Subtype/Image/Width {image.width}/Height {image.height}"
            how += "" if harder else f"/ColorSpace{_JPX_SPACES[image.mode]}"  # the data say it too (7.4.9)
            own = ImageObject(how + "/Filter/JPXDecode", without_comments(data) if harder else data)
            if not few:
                return own
        if kind == "png" and (found := _png(data)) and "exif" not in image.info:
            if len(data) <= _WORTH_PACKING:
                found = _smallest(found, image, depth=data[24] if few else 0)
        else:
            image.load()
            found = _decoded(image, place, harder=few)
        tries = [own, found, _two_colours(image, place) if few else None]
        return min((one for one in tries if one), key=lambda one: one.size)


def placed(image: Image.Image) -> tuple[int, int, int, int, int, int]:
    """Return where the unit square of an open image goes on a unit page, as its EXIF data have it turned."""
    return PLACES.get(image.getexif().get(_ORIENTATION, 1), PLACES[1])


def jpeg_data(picture: ImageObject) -> bytes:
    """Return the JPEG file that an image object holds; nothing if it holds none, or one in inks."""
    if "DCTDecode" not in picture.entries or "DeviceCMYK" in picture.entries:
        return b""
    return zlib.decompress(picture.data) if _BOTH in picture.entries else picture.data


def with_jpeg(picture: ImageObject, data: bytes) -> ImageObject:
    """Return an image object of JPEG data with other such data of the same size and colours in it, deflated if that is less."""
    entries = picture.entries.replace(_BOTH, _DCT).replace("/DecodeParms[null<<", "/DecodeParms<<").replace(">>]", ">>")
    return _deflated_jpeg(replace(picture, entries=entries, data=data))


def _fitted(jpeg: ImageObject) -> ImageObject:
    """Return JPEG data with codes of their own, and deflated: an empty block takes two bits, thousands of them nothing."""
    data = without_notes(jpeg.data)
    data = fitted_codes(data) or data if len(data) <= MOST_JPEG else data
    return _deflated_jpeg(replace(jpeg, data=data))


def _deflated_jpeg(jpeg: ImageObject) -> ImageObject:
    data = jpeg.data
    packed = deflated(data)
    if len(packed) + len(_BOTH) - len(_DCT) >= len(data):
        return jpeg
    entries = jpeg.entries.replace(_DCT, _BOTH).replace("/DecodeParms<<", "/DecodeParms[null<<").replace(">>", ">>]")
    return replace(jpeg, entries=entries, data=packed)


def _two_colours(image: Image.Image, place: tuple[int, int, int, int, int, int]) -> ImageObject | None:
    """Return a picture of at most two colours as JBIG2; None if it has more, or finer ones than are compared here."""
    if image.mode.startswith(("I", "F")):
        return None
    seen = image if image.mode == "1" else opaque(image)
    colours = seen.convert("RGB").getcolors(2)
    if colours is None:
        return None
    samples = np.asarray(seen.convert("RGB"))
    paper = np.array(max(colours)[1], np.uint8)
    other = np.array(min(colours)[1] if len(colours) == 2 else (0, 0, 0), np.uint8)
    ink = (samples != paper).any(2)
    space = "/DeviceGray"
    if other.any() or not (paper == 255).all():
        space = f"[/Indexed/DeviceRGB 1<{other.tobytes().hex()}{paper.tobytes().hex()}>]"
    return ImageObject(_entries(image.size, 1, space) + "/Filter/JBIG2Decode", jbig2(ink), place)


def _jpeg(image: Image.Image, data: bytes) -> ImageObject:
    space, more = {"L": ("DeviceGray", ""), "RGB": ("DeviceRGB", ""), "CMYK": ("DeviceCMYK", "")}[image.mode]
    if image.mode == "CMYK" and "adobe" in image.info:
        more = "/Decode[1 0 1 0 1 0 1 0]"  # Adobe writes ink upside down
    return ImageObject(_entries(image.size, 8, f"/{space}") + f"/Filter/DCTDecode{more}", data, placed(image))


def _joined(jpeg: JoinedJpeg, image: Image.Image) -> ImageObject:
    tags = image.tag_v2  # type: ignore[attr-defined]
    size = (int(tags[256]), int(tags[257]))  # Pillow's is that of the picture turned upright
    space = "/DeviceGray" if jpeg.colours == "gray" else "/DeviceRGB"
    plain = "/DecodeParms<</ColorTransform 0>>" if jpeg.colours == "rgb" else ""
    turn = PLACES.get(tags.get(_ORIENTATION, 1), PLACES[1])
    return ImageObject(_entries(size, 8, space) + f"/Filter/DCTDecode{plain}", jpeg.data, turn)


def _twice(one: ImageObject) -> ImageObject:
    place = one.entries.index("/Filter")
    data, how = deflated_twice(one.data, one.entries[place:])
    return replace(one, data=data, entries=one.entries[:place] + how)


def _smallest(found: ImageObject, image: Image.Image, *, depth: int) -> ImageObject:
    """Return the same pixels in the fewest bytes: as they are, packed harder, or as a fax.

    depth: bits of a sample, for samples without filters and a palette of their own to be tried too; or 0.
    """
    pixels = zlib.decompress(found.data)
    tries = [found]
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
        packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
        tries.append(replace(found, data=packer.compress(pixels) + packer.flush()))
    if image.mode == "1" or (depth == 8 and image.mode == "RGB"):
        tries.append(_decoded(image, found.place, harder=True))
    if depth:
        tries += _unfiltered(found, image, depth)
        tries += [_twice(one) for one in tries if "/Filter/FlateDecode" in one.entries]
    return min(tries, key=lambda one: one.size)


def _unfiltered(png: ImageObject, image: Image.Image, depth: int) -> list[ImageObject]:
    """Return samples as they are, deflated: drawn letters are found again better than as differences.

    png: the same picture as PNG data; depth: bits of its samples. A byte for each may take less than half a byte: a
    letter looks the same in odd columns then.
    """
    if (image.mode, depth) not in _PLAIN_MODES or image.width * image.height > _WORTH_UNFILTERED:
        return []
    how = png.entries.split("/DecodeParms")[0]
    found = [replace(png, entries=how.replace(f"Component {depth}/", "Component 8/"), data=deflated(image.tobytes()))]
    if depth < 8:
        samples = np.asarray(image) >> (8 - depth if image.mode == "L" else 0)
        bits = np.unpackbits(samples[..., None].astype(np.uint8), axis=2)[..., 8 - depth :]
        packed = np.packbits(bits.reshape(image.height, -1), axis=1).tobytes()
        found.append(replace(png, entries=how, data=deflated(packed)))
    return found


def _decoded(image: Image.Image, place: tuple[int, int, int, int, int, int], *, harder: bool = False) -> ImageObject:
    if image.mode == "1":
        buffer = BytesIO()
        image.save(buffer, "TIFF", compression="group4", strip_size=_GROUP4_STRIP)
        with Image.open(buffer) as packed:
            tags = packed.tag_v2  # type: ignore[attr-defined]
            start, length, photometric = tags[273][0], tags[279][0], tags[262]
        white_first = "true" if photometric == 1 else "false"
        parameters = f"<</K -1/Columns {image.width}/Rows {image.height}/BlackIs1 {white_first}>>"
        entries = _entries(image.size, 1, "/DeviceGray") + f"/Filter/CCITTFaxDecode/DecodeParms{parameters}"
        return ImageObject(entries, buffer.getvalue()[start : start + length], place)
    buffer, seen = BytesIO(), fewest_channels(opaque(image))
    seen.save(buffer, "PNG", optimize=True)
    found = _png(buffer.getvalue())
    assert found is not None
    tries = [found, *(_unfiltered(found, seen, buffer.getvalue()[24]) if harder else [])]
    tries += [_twice(one) for one in tries] if harder else []
    return replace(min(tries, key=lambda one: one.size), place=place)


def opaque(image: Image.Image) -> Image.Image:
    """Return an image of mode L, RGB or P without transparency."""
    if image.mode.startswith("I") or image.mode == "F":
        low, high = image.getextrema()
        scale = 255.0 / max(float(high), 255.0) if float(low) >= 0 else 1.0  # type: ignore[arg-type]
        return image.point(lambda value: value * scale).convert("L")
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode == "P" and "transparency" not in image.info:
        return image
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa", "P", "L", "RGB"):
        colours = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, colours).convert("L" if image.mode in ("LA", "La", "L") else "RGB")
    return image.convert("RGB")


def fewest_channels(image: Image.Image) -> Image.Image:
    """Return the same pixels in one channel where that is possible: grey in three, or few colours.

    Ink of one colour with transparent edges is that once it lies on white, and was one channel of the file it came in.
    """
    if image.mode != "RGB":
        return image
    red, green, blue = image.split()
    if ImageChops.difference(red, green).getbbox() is None and ImageChops.difference(green, blue).getbbox() is None:
        return red
    if image.getcolors(_PALETTE) is None:
        return image
    few = image.quantize(_PALETTE, dither=Image.Dither.NONE)
    return few if ImageChops.difference(few.convert("RGB"), image).getbbox() is None else image


def _indexed(palette: bytes) -> str:
    """Return the colour space of a palette of red, green and blue; greys take a byte each."""
    space = "RGB"
    if palette[::3] == palette[1::3] == palette[2::3]:
        space, last, palette = "Gray", len(palette) // 3 - 1, palette[::3]
    else:
        last = len(palette) // 3 - 1
    return f"[/Indexed/Device{space} {last}<{palette.hex()}>]"


def _png(data: bytes) -> ImageObject | None:
    """Take a PNG file apart; None if PDF cannot hold its data as they are (transparency, interlacing)."""
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    if colours not in _PNG_COMPONENTS or interlaced:
        return None
    parts, palette, place = [], b"", 8
    while place + 8 <= len(data):
        length, tag = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        place += 12 + length
        if tag == b"tRNS":
            return None
        if tag == b"PLTE":
            palette = body
        elif tag == b"IDAT":
            parts.append(body)
    components = _PNG_COMPONENTS[colours]
    space = "/DeviceRGB" if colours == 2 else "/DeviceGray"
    if colours == 3:
        space = _indexed(palette)
    # One colour of 8 bits is what is meant where nothing is said (PDF 32000-1, 7.4.4.4).
    unusual = ("" if components == 1 else f"/Colors {components}") + (
        "" if depth == 8 else f"/BitsPerComponent {depth}"
    )
    parameters = f"<</Predictor 15{unusual}/Columns {width}>>"
    entries = _entries((width, height), depth, space) + f"/Filter/FlateDecode/DecodeParms{parameters}"
    return ImageObject(entries, b"".join(parts))


def _entries(size: tuple[int, int], bits: int, space: str) -> str:
    return f"/Subtype/Image/Width {size[0]}/Height {size[1]}/BitsPerComponent {bits}/ColorSpace{space}"
