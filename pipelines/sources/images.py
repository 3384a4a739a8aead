"""Image files as pages: PNG, JPEG, WebP, HEIC, AVIF, JPEG 2000, BMP, GIF, and every page of a TIFF."""

from __future__ import annotations

import ctypes
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, _imaging

from dsvl2.pipelines.documents import Notice, PageImage
from dsvl2.pipelines.errors import UnreadableFile
from dsvl2.pipelines.sources.base import Blob, PageInfo, Source, SourceOptions
from dsvl2.pipelines.sources.decoders import pillow_format
from dsvl2.pipelines.sources.pixels import normalise, whiten_missing_rows

DEFAULT_DPI = 150.0
_SANE_DPI = (50.0, 2400.0)
_SCREEN_DPI = (71.0, 97.0)
_SCREEN_PIXELS = 1600
_ORIENTATION, _PHOTOMETRIC = 274, 262
_TIFF_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
_PILLOW_GLOBALS = threading.Lock()
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError, RuntimeError, ArithmeticError)
"""What Pillow's decoders raise on damaged data."""


class ImageSource(Source):
    """An image file; only TIFF has more than one page. Of an animation the first picture is read, with a notice.

    Raises:
        UnreadableFile, PageRangeError, PageMissing, TooLarge.
    """

    def __init__(self, blob: Blob, options: SourceOptions, kind: str) -> None:
        super().__init__(blob, options)
        self.kind = kind
        self._format = pillow_format(kind, self.name)
        if kind == "tiff":
            _quiet_libtiff()
        self._file = blob.open()
        try:
            with _own_pixel_limit():
                self._image: Image.Image = Image.open(self._file, formats=[self._format])
                frames = int(getattr(self._image, "n_frames", 1))
            if frames > 1 and kind != "tiff":
                self.notices.append(
                    Notice("first_picture_only", f"{self.name} has {frames} pictures: the first is read")
                )
                frames = 1
            self.select(frames)
        except (UnidentifiedImageError, *_DAMAGE) as error:
            self._file.close()
            raise UnreadableFile(f"{self.name} is damaged: {_reason(error)}") from error
        except BaseException:
            self._file.close()
            raise

    def read_page(self, number: int) -> PageImage:
        """Decode picture `number`, turned as its EXIF orientation says; a cut-off one is read as far as it goes."""
        with _own_pixel_limit():
            return self._read(number)

    def _read(self, number: int) -> PageImage:
        self._seek(number)
        self.options.limits.check_pixels(*self._image.size, self._what(number))
        raw_dpi = _file_dpi(self._image)
        min_is_white = getattr(self._image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
        if raw_dpi is not None and self._is_sideways():
            raw_dpi = (raw_dpi[1], raw_dpi[0])
        notices = self._load(number)
        image = normalise(_upright(self._image.copy()), color=self.options.color, min_is_white=min_is_white)
        if notices:
            image = whiten_missing_rows(image)
        image, dpi, stretch = _square_pixels(image, raw_dpi)
        size = None if dpi is None else (image.width / dpi * 72, image.height / dpi * 72)
        dpi = dpi or self.options.dpi or DEFAULT_DPI
        return PageImage(number, image, dpi, size, None, self.name, notices + stretch)

    def page_info(self, number: int) -> PageInfo:
        """Describe picture `number` from its header alone."""
        with _own_pixel_limit():
            self._seek(number)
            width, height = self._image.size
            raw_dpi = _file_dpi(self._image)
            if self._is_sideways():
                width, height = height, width
        if raw_dpi is None:
            return PageInfo(number, width, height, self.options.dpi or DEFAULT_DPI, None)
        dpi = max(raw_dpi)
        return PageInfo(number, width, height, dpi, (width / raw_dpi[0] * 72, height / raw_dpi[1] * 72))

    def _is_sideways(self) -> bool:
        """Say from the header alone whether EXIF turns the picture on its side. (Pillow turns TIFFs itself.)"""
        if self.kind == "tiff" or (self.kind == "png" and "exif" not in self._image.info):
            return False  # asking a PNG without that chunk would decode it
        try:
            return self._image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        except _DAMAGE:
            return False

    def _what(self, number: int) -> str:
        return self.name if self.page_count == 1 else f"{self.name}, page {number},"

    def _seek(self, number: int) -> None:
        if self.page_count > 1:
            self._image.seek(number - 1)

    def _load(self, number: int) -> tuple[Notice, ...]:
        """Decode the current picture; if it ends early, decode what is there."""
        try:
            self._image.load()
            return ()
        except _DAMAGE as error:
            reason = _reason(error)
        if not self._load_damaged(number):
            raise UnreadableFile(f"{self._what(number)} is damaged: {reason}")
        what = "the picture" if self.page_count == 1 else f"page {number}"
        return (Notice("image_truncated", f"{what} is damaged or cut short: the rest of it is missing"),)

    def _load_damaged(self, number: int) -> bool:
        """Decode again from a new file handle, taking what comes; say whether there is anything to see."""
        self._file.close()
        self._file = self._blob.open()
        with _PILLOW_GLOBALS:
            before = ImageFile.LOAD_TRUNCATED_IMAGES
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                self._image = Image.open(self._file, formats=[self._format])
                self._seek(number)
                self._image.load()
            except _DAMAGE:
                return False
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = before
        extremes = self._image.convert("L").getextrema()
        return extremes[0] != extremes[1]

    def close(self) -> None:
        """Let go of the file."""
        self._image.close()
        self._file.close()


def image_file(image: Image.Image) -> bytes:
    """Return a picture that is open in Pillow as the bytes of a file without loss, turned as its EXIF data say.

    Raises:
        TypeError: it is no picture of Pillow's.
    """
    if not isinstance(image, Image.Image):
        raise TypeError(f"a document is a path, bytes or a PIL image, not {type(image).__name__}")
    upright = _upright(image)
    plain = (
        upright if upright.mode in _TIFF_MODES else upright.convert("RGBA" if upright.mode in ("PA", "RGBa") else "RGB")
    )
    buffer = io.BytesIO()
    known = {"dpi": dpi} if (dpi := _file_dpi(image)) else {}
    plain.save(buffer, "TIFF", **known)
    return buffer.getvalue()


@contextmanager
def _own_pixel_limit() -> Iterator[None]:
    """Switch Pillow's fixed bomb check off in favour of ours, which has an option, and silence its warnings."""
    with _PILLOW_GLOBALS:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        with _PILLOW_GLOBALS:
            Image.MAX_IMAGE_PIXELS = before


@cache
def _quiet_libtiff() -> None:
    """Take libtiff's printing to stderr away; what is wrong with a page arrives as Pillow's exception all the same."""
    with suppress(OSError, AttributeError):  # a Pillow without a shared libtiff keeps its messages
        library = ctypes.CDLL(str(_imaging.__file__))
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)


def _file_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Return the (x, y) resolution that the file names, None if it names none that can be true of a page."""
    try:
        x, y = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (_SANE_DPI[0] <= x <= _SANE_DPI[1] and _SANE_DPI[0] <= y <= _SANE_DPI[1] and 0.25 <= x / y <= 4):
        return None
    if _SCREEN_DPI[0] <= x <= _SCREEN_DPI[1] and max(image.size) > _SCREEN_PIXELS:
        return None  # 72 or 96 is what programs write that do not know
    return x, y


def _square_pixels(
    image: Image.Image, dpi: tuple[float, float] | None
) -> tuple[Image.Image, float | None, tuple[Notice, ...]]:
    """Stretch pages with oblong pixels (faxes: 204 x 98 dpi) to square ones."""
    if dpi is None:
        return image, None, ()
    x, y = dpi
    if abs(x / y - 1) < 0.02:
        return image, x, ()
    best = max(x, y)
    size = (round(image.width * best / x), round(image.height * best / y))
    notice = Notice("pixels_stretched", f"{x:g} x {y:g} dpi was stretched to {best:g} dpi")
    return image.resize(size, Image.Resampling.BICUBIC), best, (notice,)


def _upright(image: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF orientation says; damaged EXIF data says nothing."""
    try:
        return ImageOps.exif_transpose(image) or image
    except _DAMAGE:
        return image


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "its header cannot be read"
    return " ".join(str(error).split())[:200] or type(error).__name__
