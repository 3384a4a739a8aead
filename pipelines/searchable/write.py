"""Put the text of a document on the pages of its original: a PDF is added to, an image is put into a new PDF."""

from __future__ import annotations

from typing import Any

from dsvl2.pipelines.documents import Document
from dsvl2.pipelines.errors import DocumentError, OutputError, UnreadableFile
from dsvl2.pipelines.formats.base import Original, Rendered
from dsvl2.pipelines.searchable.fresh import new_pdf
from dsvl2.pipelines.searchable.over_images import OverImages
from dsvl2.pipelines.searchable.over_pdf import OverPdf
from dsvl2.pipelines.searchable.ways import MOST, THRIFT, changed_notice, document_fonts, larger_notice

EXACT = "exact"


def searchable_pdf(document: Document, original: Original, *, images: str = "fit") -> Rendered:
    """Return the original as a PDF with the document's text on it, invisible and in place, and what is to be said of it.

    A PDF keeps every byte it has, the text is appended to it (an incremental update). It is written anew only if it is
    damaged, or if it grew by more than a tenth, does not that way, and is neither signed nor encrypted. Pictures are
    packed anew, without loss, where a file would grow by more than a tenth otherwise, and what cannot be kept to that has
    its words in place in a font of its own. Where even that does not do, pictures become what looks the same in fewer
    bytes (`near`), with a notice. Pages that were
    not read, failed, or whose own text was used stay as they are; where its own text is good but not all there is, as
    beside filled-in forms, only other words are added; garbled text of its own stays beside the new. Of an image file the
    pages that were read become PDF pages of the same size in inches.

    Args:
        images: "fit", or "exact": no pixel changes, however much the file grows.

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
        over = OverPdf(data, document, original) if original.kind == "pdf" else OverImages(data, document, original)
        return _smallest(over, original.name, int(MOST * len(data)), images)
    except DocumentError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreadableFile(f"{original.name} cannot be made a searchable PDF: {reason}") from error


def _smallest(over: OverPdf | OverImages, name: str, most: int, images: str) -> Rendered:
    tried: list[bytes] = []
    for thrift in THRIFT:
        tried.append(over.written(thrift))
        if len(tried[-1]) <= most:
            return Rendered(tried[-1])
    near = None if images == EXACT else over.nearest(most)
    made = near.data if near else min((made for made, way in zip(tried, THRIFT, strict=True) if not way.bare), key=len)
    notices = [changed_notice(name, near)] if near and near.decibels else []
    if len(made) > most:
        why = over.why_larger(most, exact=images == EXACT)
        notices.append(larger_notice(name, len(made) / len(over.data), why))
    return Rendered(made, tuple(notices))


def text_only_pdf(document: Document) -> bytes:
    """Return a PDF of the document's pages with the invisible text alone: a layer to lay under or over scans.

    Raises:
        OutputError: no page has a size.
    """
    pages = [page for page in document.pages if page.width_px and page.height_px and page.dpi]
    if not pages:
        raise OutputError(f"{document.source} has no page that text could be put on")
    return new_pdf(pages, document_fonts(pages))
