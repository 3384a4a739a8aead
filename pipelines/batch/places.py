"""Names of places: files of this machine are Paths, things at URLs are strings. Looks at none of them."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from dsvl2.pipelines.sources import printable

Place = Path | str
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(word: str) -> bool:
    """Whether a word of the command line names something elsewhere."""
    return _URL.match(word) is not None


def shown(url: str) -> str:
    """A URL without the password in it."""
    return printable(re.sub(r"://[^/@]*@", "://", url))


def place_of(text: str) -> Place:
    """Return what a word of the command line, or of the manifest, stands for."""
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return text if is_url(text) else Path(text)


def below(top: Place, relative: Path) -> Place:
    """Return a place below another. What a URL cannot hold of a name is spelt out."""
    if isinstance(top, Path):
        return top / relative
    return posixpath.join(top, *(os.fsencode(part).decode("utf-8", "backslashreplace") for part in relative.parts))


def key_of(place: Place) -> bytes:
    """Return what a place is kept under in the manifest."""
    return os.fsencode(place if isinstance(place, str) else os.path.abspath(place))


def named(place: Place) -> str:
    """Return a place as people may see it: without a password."""
    return shown(place) if isinstance(place, str) else printable(str(place))
