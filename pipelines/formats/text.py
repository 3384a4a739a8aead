"""Plain text: a blank line between blocks, a form feed between pages, tabs between table cells."""

from __future__ import annotations

from dsvl2.pipelines.documents import Block, Document, PageResult
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, PageStream, RenderOptions
from dsvl2.pipelines.formats.doubt import marked
from dsvl2.pipelines.formats.facts import item_label


class TextFormat:
    """Text without any markup. Pages are separated by a form feed, as pdftotext and Tesseract do."""

    name = "text"
    suffixes = (".txt", ".text")
    title = "plain text, pages separated by form feeds"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return all pages as text."""
        stream = self.stream(document, options)
        return "".join(stream.page(page) for page in document.pages)

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> PageStream:
        """Text can always be written page by page."""
        return _TextStream(options)


class _TextStream:
    def __init__(self, options: RenderOptions) -> None:
        self._options = options
        self._first = True

    def page(self, page: PageResult) -> str:
        feed = "" if self._first else "\f"
        self._first = False
        mark = f"--- page {page.number} ---\n\n" if self._options.page_markers else ""
        body = page_text(marked(page.blocks, self._options.min_confidence))
        if page.error is not None:
            body = f"[page {page.number} could not be read: {page.error.message}]"
        return feed + mark + (body + "\n" if body else "")


def page_text(blocks: tuple[Block, ...]) -> str:
    """Return the blocks as plain text; items of one list follow each other without a blank line."""
    parts: list[str] = []
    previous = ""
    for block in blocks:
        text = _block_text(block)
        if not text:
            continue
        if parts:
            parts.append("\n" if block.kind == previous == "list_item" else "\n\n")
        parts.append(text)
        previous = block.kind
    return "".join(parts)


def _block_text(block: Block) -> str:
    if block.kind == "table" and block.rows:
        return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in block.rows)
    if block.kind == "list_item":
        mark = "" if item_label(block.text) else "- "
        return "  " * block.level + mark + block.text.strip()
    return block.text.strip("\n") if block.kind == "code" else block.text.strip()
