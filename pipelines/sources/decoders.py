"""Which of Pillow's decoders opens which kind of picture, and what is missing where one cannot be opened."""

from __future__ import annotations

import importlib
from functools import cache

from PIL import features

from dsvl2.pipelines.errors import UnsupportedFile

_NAMES = {"jp2": "JPEG2000", "heic": "HEIF"}  # those that are not the kind in capitals
_PARTS = {"avif": "avif", "jp2": "jpg_2000", "webp": "webp"}  # what a Pillow may have been built without


def pillow_format(kind: str, name: str = "the file") -> str:
    """Return the name to give to `Image.open(formats=[...])` for a kind of `sniff`; `name` is for the message.

    Raises:
        UnsupportedFile: this installation cannot decode it; the hint says what to install.
    """
    if kind == "heic" and not _heif_registered():
        hint = "pip install 'dsvl2[heic]' brings it; or save the photo as JPEG"
        raise UnsupportedFile(
            f"{name} is an HEIC photo, and the library that decodes those is not installed", hint=hint
        )
    if kind in _PARTS and not features.check(_PARTS[kind]):
        hint = "pip install --upgrade pillow; or save it as PNG"
        raise UnsupportedFile(
            f"{name} is a {kind.upper()} picture, which this build of Pillow cannot decode", hint=hint
        )
    return _NAMES.get(kind, kind.upper())


@cache
def _heif_registered() -> bool:
    """Teach Pillow to open HEIC by pi-heif, if that is installed."""
    try:
        module = importlib.import_module("pi_heif")
    except ImportError:
        return False
    module.register_heif_opener(thumbnails=False)
    return True
