"""Searchable PDF: the original's pages with the text on them, invisible and in place."""

from __future__ import annotations

from typing import NoReturn

from dsvl2.pipelines.documents import Document
from dsvl2.pipelines.errors import OutputError
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, Original, Rendered, RenderOptions


class PdfFormat:
    """The original with a text layer (see `dsvl2.pipelines.searchable`); bytes, made by `render_over`."""

    name = "pdf"
    suffixes = (".pdf",)
    title = "searchable PDF: the original with invisible text in place"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> NoReturn:
        """Refuse: a PDF is bytes and needs the original file.

        Raises:
            OutputError: always.
        """
        raise OutputError(
            "a searchable PDF is made from the original file", hint="call render_output with the source's `original`"
        )

    def render_over(self, document: Document, original: Original, options: RenderOptions = DEFAULT_OPTIONS) -> Rendered:
        """Return the PDF, and what is to be said of its pictures and size.

        Raises:
            UnreadableFile, OutputError.
        """
        from dsvl2.pipelines.searchable import searchable_pdf  # PyMuPDF: slow to import

        return searchable_pdf(document, original, images=options.pdf_images)

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """One file needs the whole document."""
        return
