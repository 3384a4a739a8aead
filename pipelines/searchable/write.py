"""Put the text of a document on the pages of its original: a PDF is added to, an image is put into a new PDF."""

from __future__ import annotations

import importlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsvl2.pipelines.documents import Document, PageResult
from dsvl2.pipelines.errors import DocumentError, OutputError, UnreadableFile
from dsvl2.pipelines.formats.base import Original
from dsvl2.pipelines.searchable.fonts import InvisibleFonts, likest_face
from dsvl2.pipelines.searchable.fresh import new_pdf
from dsvl2.pipelines.searchable.images import ImageObject, image_object
from dsvl2.pipelines.searchable.layer import TextLayer
from dsvl2.pipelines.searchable.near import NearPicture, is_lossy, near_picture
from dsvl2.pipelines.searchable.planes import Planes
from dsvl2.pipelines.searchable.repack import Packed, collected, repacked
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
NEAR = (
    Thrift(packed=True, near=True),
    Thrift(2.0, packed=True, whole=True, near=True),
    Thrift(2.0, packed=True, whole=True, bare=True, near=True, named=True, unit=0.3),
)
"""The same for pictures of lossy formats that PDF has no place for, where these do not do it."""


def searchable_pdf(document: Document, original: Original) -> bytes:
    """Return the original as a PDF with the document's text on it, invisible and in place.

    A PDF keeps every byte it has, the text is appended to it (an incremental update). It is written anew only if it is
    damaged, or if it grew by more than a tenth, does not that way, and is neither signed nor encrypted. Pictures are
    packed anew, without loss, where a file would grow by more than a tenth otherwise; those of lossy WebP, AVIF and HEIC
    files, which only grow that way, as JPEG 2000 or in few greys that look the same (`near`). What cannot be kept to that at all
    has its words in place in a font of its own instead. Pages that were
    not read, failed, or whose own text was used stay as they are; where its own text is good but not all there is, as
    beside filled-in forms, only other words are added; garbled text of its own stays beside the new. Of an image file the
    pages that were read become PDF pages of the same size in inches.

    Raises:
        UnreadableFile: the original is not what it was, or cannot be written as PDF.
        OutputError: there is no page to write.
    """
    import pymupdf

    tools: Any = pymupdf.TOOLS
    tools.mupdf_display_errors(False)
    tools.mupdf_display_warnings(False)
    try:
        data = original.read()
        over = _OverPdf(data, document, original) if original.kind == "pdf" else _OverImages(data, document, original)
        tried: list[bytes] = []
        ways = THRIFT + (NEAR if is_lossy(data, original.kind) else ())
        for thrift in ways:
            tried.append(over.written(thrift))
            if len(tried[-1]) <= MOST * len(data):
                return tried[-1]
        return min((made for made, thrift in zip(tried, ways, strict=True) if not thrift.bare), key=len)
    except DocumentError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreadableFile(f"{original.name} cannot be made a searchable PDF: {reason}") from error


@dataclass(frozen=True, slots=True)
class _OverPdf:
    data: bytes
    document: Document
    original: Original
    known: Packed = field(default_factory=dict)

    def written(self, thrift: Thrift) -> bytes:
        pymupdf: Any = importlib.import_module("pymupdf")
        with tempfile.TemporaryDirectory(prefix="dsvl2-") as folder:
            path = Path(folder) / "original.pdf"
            path.write_bytes(self.data)
            with pymupdf.open(str(path), filetype="pdf") as pdf:
                if pdf.needs_pass and not pdf.authenticate(self.original.password or ""):
                    raise UnreadableFile(f"{self.original.name} is encrypted")
                layer = TextLayer(pdf, _fonts(self.document.pages, thrift), thrift)
                for page in self.document.pages:
                    if page.blocks and 0 < page.number <= pdf.page_count:
                        layer.add(pdf.load_page(page.number - 1), page)
                wrote, may_change = layer.finish(), pdf.get_sigflags() <= 0 and not pdf.metadata["encryption"]
                if not pdf.can_save_incrementally():
                    return bytes(pdf.tobytes(deflate=True, encryption=pymupdf.PDF_ENCRYPT_KEEP))
                if wrote:
                    pdf.saveIncr()
            result = path.read_bytes()
        most = MOST * len(self.data)
        if may_change and len(result) > most:
            anew = repacked(result, self.known) if thrift.packed else collected(result)
            result = anew if len(anew) <= most else result
        return result


_NO_PICTURE = ImageObject("", b"")
_ENTRIES = 100  # bytes of a picture's dictionary


@dataclass(frozen=True, slots=True)
class _OverImages:
    data: bytes
    document: Document
    original: Original
    known: dict[tuple[int, bool], ImageObject] = field(default_factory=dict)
    near: dict[int, NearPicture | None] = field(default_factory=dict)

    def written(self, thrift: Thrift) -> bytes:
        pages = [page for page in self.document.pages if page.width_px and page.height_px and page.dpi]
        if not pages:
            raise OutputError(f"{self.original.name} has no page that could be put into a PDF")
        if not thrift.near:
            return new_pdf(pages, _fonts(pages, thrift), lambda page: self._picture(page.number, thrift.packed), thrift)
        blank = new_pdf(pages, _fonts(pages, thrift), lambda _: _NO_PICTURE, thrift)
        room = int(MOST * len(self.data)) - len(blank) - _ENTRIES * len(pages)
        areas = {page.number: page.width_px * page.height_px for page in pages}
        share = room / sum(areas.values())
        return new_pdf(
            pages, _fonts(pages, thrift), lambda page: self._near(page.number, int(share * areas[page.number])), thrift
        )

    def _picture(self, number: int, packed: bool) -> ImageObject:
        if (number, packed) not in self.known:
            made = image_object(self.data, self.original.kind, number - 1, harder=packed)
            self.known[number, packed] = made
        return self.known[number, packed]

    def _near(self, number: int, room: int) -> ImageObject | Planes:
        if number not in self.near:
            self.near[number] = near_picture(self.data, self.original.kind, number - 1)
        near, kept = self.near[number], self._picture(number, packed=True)
        return kept if near is None else min(near.within(room), kept, key=lambda one: one.size)


def _fonts(pages: Sequence[PageResult], thrift: Thrift = PLAIN) -> InvisibleFonts:
    lines = [line for page in pages for line in word_lengths(page)]
    letters = Counter("".join(text for line in lines for text, _ in line)) if thrift.bare else None
    return InvisibleFonts(likest_face(lines), bare=thrift.bare, named=thrift.named, letters=letters)


def text_only_pdf(document: Document) -> bytes:
    """Return a PDF of the document's pages with the invisible text alone: a layer to lay under or over scans.

    Raises:
        OutputError: no page has a size.
    """
    pages = [page for page in document.pages if page.width_px and page.height_px and page.dpi]
    if not pages:
        raise OutputError(f"{document.source} has no page that text could be put on")
    return new_pdf(pages, _fonts(pages))
