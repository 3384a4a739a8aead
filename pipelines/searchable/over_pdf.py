"""A searchable PDF of a PDF: its bytes with the text behind them, or the file written anew where that is too much."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsvl2.pipelines.documents import Document
from dsvl2.pipelines.errors import UnreadableFile
from dsvl2.pipelines.formats.base import Original
from dsvl2.pipelines.searchable.layer import TextLayer
from dsvl2.pipelines.searchable.repack import Packed, collected, repacked
from dsvl2.pipelines.searchable.text import Thrift
from dsvl2.pipelines.searchable.ways import MOST, Fitted, document_fonts


@dataclass(frozen=True, slots=True)
class OverPdf:
    """The PDF, and what was found of its streams."""

    data: bytes
    document: Document
    original: Original
    known: Packed = field(default_factory=dict)

    def written(self, thrift: Thrift) -> bytes:
        """Return the PDF with its pictures as they are."""
        pymupdf: Any = importlib.import_module("pymupdf")
        with tempfile.TemporaryDirectory(prefix="dsvl2-") as folder:
            path = Path(folder) / "original.pdf"
            path.write_bytes(self.data)
            with pymupdf.open(str(path), filetype="pdf") as pdf:
                if pdf.needs_pass and not pdf.authenticate(self.original.password or ""):
                    raise UnreadableFile(f"{self.original.name} is encrypted")
                layer = TextLayer(pdf, document_fonts(self.document.pages, thrift), thrift)
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

    def nearest(self, most: int) -> Fitted | None:
        """Return None: pictures inside a PDF stay as they are."""
        return None

    def why_larger(self, most: int, *, exact: bool) -> str:
        """Say what keeps the PDF from being smaller."""
        return "it holds little beside its text"
