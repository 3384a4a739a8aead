"""What follows from what happened to a page: it is kept, goes one rung up the ladder, or is given up.

Holds what lies between the processes: open documents, pages ready to be read, errands for decoders. Starts and stops nothing.
"""

from __future__ import annotations

from collections import deque

from dsvl2.pipelines.batch.books import Books
from dsvl2.pipelines.batch.codec import Header, unpack_notices
from dsvl2.pipelines.batch.endings import failed_ending, text_ending
from dsvl2.pipelines.batch.ladder import FINER, Rung, most_losses, next_rung
from dsvl2.pipelines.batch.work import RENDER, WHOLE, DocumentWork, Errand, PageWork
from dsvl2.pipelines.documents import PageError
from dsvl2.pipelines.formats import Rendered


class Outcomes:
    """Turns answers into rows of the books and into more work. `reads_text`: a text layer can stand in for a reading."""

    def __init__(self, books: Books, *, reads_text: bool) -> None:
        self.books = books
        self.open: list[DocumentWork] = []
        self.ready: deque[PageWork] = deque()
        self.errands: deque[Errand] = deque()
        self._reads_text = reads_text

    def take(self, document: DocumentWork) -> None:
        """Begin with a document, or go on with one of which a part was done before."""
        self.open.append(document)
        self._settle_if_done(document)

    def opened(self, document: DocumentWork, header: Header) -> None:
        """A decoder has said what a document is."""
        self.books.opened(document, header)
        self._settle_if_done(document)

    def fail_document(self, document: DocumentWork, error: PageError) -> None:
        """Give up a whole document."""
        if document in self.open:  # else its pages in flight failed it before
            self.open.remove(document)
            self.books.fail_document(document, error)

    def survives(self, page: PageWork, error: PageError, died: int | None) -> bool:
        """Count a lost process against a page, and say whether it gets another one for the same try."""
        page.losses += 1
        self.books.attempt(page, error)
        return page.losses < most_losses(error.code, died)

    def drawn(self, page: PageWork, header: Header, blobs: list[bytes]) -> None:
        """A decoder has drawn a page, taken it from its text layer, or said why not."""
        if "error" in header:
            error = PageError(*header["error"])
            self.books.attempt(page, error)
            self.undrawn(page, error)
        elif "result" in header:
            page.rung = Rung.LAYER
            self._done(page, header["result"], blobs[0])
        else:
            page.image, page.blobs = header, blobs
            self.ready.append(page)

    def undrawn(self, page: PageWork, error: PageError) -> None:
        """A page that cannot be drawn is given up, unless it was drawn before and this was a finer try."""
        (self.failed_try if page.rung is Rung.FINER else self._fail)(page, error)

    def read(self, page: PageWork, result: Header, payload: bytes) -> None:
        """A reader has read a page, or said why not."""
        if result["error"] is not None:
            error = PageError(*result["error"])
            self.books.attempt(page, error)
            self.failed_try(page, error)
        elif result["truncated"] and page.number != WHOLE:
            error = PageError("truncated", f"page {page.number}: the model hit its length limit")
            self.books.attempt(page, error)
            page.partial = page.partial or (result, payload)
            self.failed_try(page, error)
        else:
            self._done(page, result, payload)

    def failed_try(self, page: PageWork, error: PageError) -> None:
        """Go one rung up the ladder, or give the page up."""
        page.first_error = page.first_error or error
        image = page.image or {}
        drawn = page.document.row.kind == "pdf" and page.number != WHOLE
        text = self._reads_text and bool(image.get("text_layer"))
        rung = next_rung(page.rung, error.code, drawn=drawn, text=text, company=page.company)
        if rung is None or (rung is Rung.TEXT and page.partial is not None):
            self._fail(page, error)
            return
        page.rung, page.losses = rung, 0
        self.books.retry(page, error)
        if rung in (Rung.FEWER, Rung.ALONE):
            self.ready.append(page)
        elif rung is Rung.FINER:
            page.let_go()
            page.dpi = image["dpi"] * FINER
            page.document.todo.append(page)
        else:
            self._done(page, *text_ending(page))

    def rendered(self, errand: Errand, header: Header, blobs: list[bytes]) -> None:
        """A decoder has made an output from the original file, or said why not."""
        document = errand.document
        if "error" in header:
            self.fail_document(document, PageError(*header["error"]))
        else:
            document.rendered = Rendered(bytes(blobs[0]), unpack_notices(header["notices"]))
            document.open.discard(RENDER)
            self._settle_if_done(document)

    def _fail(self, page: PageWork, error: PageError) -> None:
        """Record a page as failed with its first error; one that was read in part keeps that part."""
        self._done(page, *(page.partial or failed_ending(page, page.first_error or error)))

    def _done(self, page: PageWork, result: Header, payload: bytes) -> None:
        page.let_go()
        self.books.page(page, result, payload)
        self._settle_if_done(page.document)

    def _settle_if_done(self, document: DocumentWork) -> None:
        """Ask a document whose pages are done, have its output made, or finish it."""
        if document not in self.open or not document.known:
            return
        if WHOLE in document.open and document.open <= {WHOLE, RENDER} and not document.asked:
            document.asked = True
            self.ready.append(PageWork(document, WHOLE))
        elif document.open == {RENDER} and not document.asked:
            document.asked = True
            if self.books.readable(document):
                self.errands.append(Errand(document))
                return
            document.open.clear()
        if not document.open and self.books.settle(document):
            self.open.remove(document)
