"""How a searchable PDF is written, the roomiest way first, and what is said where that is not the whole of the original."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsvl2.pipelines.documents import Notice, PageResult
from dsvl2.pipelines.formats.facts import page_list
from dsvl2.pipelines.searchable.fonts import InvisibleFonts, likest_face
from dsvl2.pipelines.searchable.text import PLAIN, Thrift, word_lengths

MOST = 1.1
"""Times its size that a file may grow to; a PDF up to there keeps its bytes."""
THRIFT = (
    PLAIN,
    Thrift(2.0),
    Thrift(2.0, whole=True),
    Thrift(2.0, whole=True, bare=True),
    Thrift(packed=True),
    Thrift(2.0, packed=True, whole=True),
    Thrift(2.0, packed=True, whole=True, bare=True),
    Thrift(2.0, packed=True, whole=True, bare=True, named=True, unit=0.3),
    Thrift(2.0, packed=True, whole=True, bare=True, named=True, unit=0.3, steady=True),
)
"""How text is written: the first way that does not let a file grow more."""
NEAR = (THRIFT[5], THRIFT[-1])
"""The same where pictures may change: the last, or the first if both leave them `FINE`."""
FINE = 42.0
"""Decibels from which a change of pixels is not worth words that are less well placed."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A file whose pictures were changed to fit, how near they are (decibels by page), and whether all look the same."""

    data: bytes
    decibels: Mapping[int, float]
    alike: bool = True


def document_fonts(pages: Sequence[PageResult], thrift: Thrift = PLAIN) -> InvisibleFonts:
    """Return the fonts for the words of these pages."""
    lines = [line for page in pages for line in word_lengths(page)]
    letters = Counter("".join(text for line in lines for text, _ in line)) if thrift.bare else None
    return InvisibleFonts(likest_face(lines), bare=thrift.bare, named=thrift.named, letters=letters)


def changed_notice(name: str, near: Fitted) -> Notice:
    """Say that pictures are not the same to the pixel, how near they are, and how to avoid it."""
    pages, least = page_list(sorted(near.decibels)), min(near.decibels.values())
    which = f"the picture of page {pages} was" if len(near.decibels) == 1 else f"the pictures of pages {pages} were"
    how = (
        f"looks the same: {least:.1f} dB"
        if near.alike
        else f"differs a little along the edges of letters: {least:.1f} dB"
    )
    return Notice(
        "pdf_pictures_changed",
        f"{name}: {which} changed to keep the searchable PDF within {MOST} times the original, which {how}; "
        "--pdf-images exact keeps every pixel",
    )


def larger_notice(name: str, factor: float, why: str) -> Notice:
    """Say that a file is larger than it should be."""
    return Notice("pdf_larger", f"{name}: the searchable PDF is {factor:.2f} times the size of the original: {why}")
