"""The loop of a batch: decoders draw pages, readers read them, the manifest keeps what is done.

One thread, one writer of the manifest. Every state a kill can leave behind is one that the next session starts from.
"""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from multiprocessing.connection import wait

from dsvl2.pipelines.batch.books import Books
from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.decoder import decoder_main
from dsvl2.pipelines.batch.endings import EngineFailed, exit_words, failed_ending, text_ending
from dsvl2.pipelines.batch.ladder import FINER, Rung, most_losses, next_rung
from dsvl2.pipelines.batch.reader import reader_main
from dsvl2.pipelines.batch.work import BatchOptions, DocumentWork, EngineSpec, Intake, PageWork, Slot, take_group
from dsvl2.pipelines.documents import ModelStamp, PageError

COMMIT_SECONDS = 0.2
_POLL_SECONDS = 0.25
_MOST_START_FAILURES = 6
_HASH_RATE = 20e6  # bytes a second that a slow disk gives at least


class Scheduler:
    """Reads all that is not read yet. Set `stopping` to finish what is in flight and return."""

    def __init__(self, options: BatchOptions, engines: EngineSpec) -> None:
        self.options = options
        self.engines = engines
        self.stopping = False
        self.expected: ModelStamp | None = None
        self._decoders = [Slot(self._start_decoder) for _ in range(options.decoders)]
        self._readers = [Slot(partial(self._start_reader, maker)) for maker in engines.makers]
        self._early = self._readers if engines.eager else self._readers[:1]  # load before there is a page for them
        self._ready: deque[PageWork] = deque()
        self._open: list[DocumentWork] = []
        self._capacity = max(2, 2 * engines.batch_size * len(engines.makers))

    def _start_decoder(self) -> Child:
        return Child(decoder_main, (self.options.source, self.options.decode_memory))

    def _start_reader(self, maker: object) -> Child:
        return Child(reader_main, (maker, self.options.task))

    def close(self) -> None:
        """End all processes."""
        for slot in (*self._decoders, *self._readers):
            slot.stop()

    def model(self) -> ModelStamp:
        """Load the engine of the first reader and say which model it is.

        Raises:
            EngineFailed. KeyboardInterrupt: it was asked to stop.
        """
        slot = self._readers[0]
        while slot.model is None:
            if self.stopping:
                raise KeyboardInterrupt
            for early in self._early:
                if early.model is None:
                    self._load(early)
            self._turn()
        return slot.model

    def run(self, books: Books) -> None:
        """Read every document of `books`.

        Raises:
            EngineFailed, and what writing an output raises when nobody takes a stream.
        """
        self._books = books
        self._new = Intake(books.waiting(lambda: self.stopping))
        due = 0.0
        while True:
            self._feed()
            busy = any(slot.task is not None for slot in (*self._decoders, *self._readers))
            if not busy and (self.stopping or (self._new.empty and not self._open)):
                break
            if self.stopping and not any(isinstance(slot.task, list) for slot in self._readers):
                break  # drawn pages are cheap to draw again
            self._turn()
            if time.monotonic() > due:
                books.flush()
                due = time.monotonic() + COMMIT_SECONDS
        books.flush()

    def _feed(self) -> None:
        """Give work to all that are idle."""
        if self.stopping:
            return
        for slot in self._readers:
            if slot.task is not None:
                continue
            if slot.child is None and (self._ready or (self._open and slot in self._early)):
                self._load(slot)
            elif self._ready:
                self._dispatch(slot)
        for slot in self._decoders:
            drawing = sum(isinstance(other.task, PageWork) for other in self._decoders)
            if slot.task is None and len(self._ready) + drawing < self._capacity:
                self._draw(slot)

    def _load(self, slot: Slot) -> None:
        if slot.task is None:
            slot.stop()
            slot.running().deadline = time.monotonic() + self.options.load_seconds
            slot.task = "load"

    def _dispatch(self, slot: Slot) -> None:
        """Send pages to a reader: several at once only if none of them has failed before."""
        pages = take_group(self._ready, self.engines.batch_size)
        header = {"pages": [page.image for page in pages], "rung": str(pages[0].rung)}
        slot.task = pages
        slot.running().ask(header, [page.pixels for page in pages], seconds=self.options.page_seconds * len(pages))

    def _draw(self, slot: Slot) -> None:
        """Give a decoder its next page: of the document it has open, of one nobody has open, or of a new one."""
        document = slot.document
        if document is None or not document.todo:
            held = {id(other.document) for other in self._decoders if other is not slot}
            free = (work for work in self._open if id(work) not in held and (work.todo or not work.known))
            document = next(free, None) or self._next_document()
        if document is None:
            return
        child = slot.running()
        if slot.document is not document or not document.known:
            slot.document, slot.task = document, "open"
            row = document.row
            seconds = self.options.decode_seconds + (row.size or 0) / _HASH_RATE
            child.ask({"op": "open", **self._books.opening(document)}, seconds=seconds)
            return
        page = document.todo.popleft()
        slot.task = page
        child.ask({"op": "page", "number": page.number, "dpi": page.dpi}, seconds=self.options.decode_seconds)

    def _next_document(self) -> DocumentWork | None:
        work = self._new.next()
        if work is not None:
            self._open.append(work)
        return work

    def _turn(self) -> None:
        """Wait for answers and deal with them."""
        slots = {slot.child.pipe: slot for slot in (*self._decoders, *self._readers) if slot.child is not None}
        for pipe in wait(list(slots), timeout=_POLL_SECONDS):
            slot = slots[pipe]
            assert slot.child is not None
            message = slot.child.answer()
            if message is None:
                self._lost(slot)
            else:
                self._heard(slot, *message)
        for slot in slots.values():
            if slot.child is not None:
                slot.child.expire()  # the closed pipe is heard in the next turn

    def _heard(self, slot: Slot, header: Header, blobs: list[bytes]) -> None:
        task, slot.task, slot.failures = slot.task, None, 0
        if task == "load":
            self._loaded(slot, header)
        elif task == "open":
            assert slot.document is not None
            self._opened(slot, slot.document, header)
        elif isinstance(task, PageWork):
            self._drawn(task, header, blobs)
        elif isinstance(task, list):
            for page, result, payload in zip(task, header["results"], blobs, strict=True):
                self._read(page, result, payload)

    def _lost(self, slot: Slot) -> None:
        """A child is gone: find out how, and let the page it had go on elsewhere or fail."""
        task, document = slot.task, slot.document
        expired = slot.child is not None and slot.child.expired
        died = slot.stop()
        code = "timeout" if expired else "worker_crashed"
        how = "took too long" if expired else f"ended its process ({exit_words(died)})"
        if task == "load":
            slot.failures += 1
            if slot.failures >= _MOST_START_FAILURES or expired:
                raise EngineFailed(PageError(code, f"loading the model {how}", "see --jobs: every worker loads it"))
        elif task == "open" and document is not None:
            document.losses += 1
            if document.losses >= most_losses(code, died):
                hint = "if you trust the file, raise --decode-memory or --decode-timeout"
                self._fail_document(document, PageError(code, f"opening {document.row.name} {how}", hint))
        elif isinstance(task, PageWork):
            if not self._survives(task, PageError(code, f"drawing page {task.number} {how}"), died):
                self._undrawn(task, PageError(code, f"drawing page {task.number} {how}", "see --decode-timeout"))
            else:
                task.document.todo.appendleft(task)
        elif isinstance(task, list):
            for page in reversed(task):
                error = PageError(code, f"reading page {page.number} {how}", "see --page-timeout and --jobs")
                if self._survives(page, error, died):
                    self._ready.appendleft(page)
                else:
                    self._failed_try(page, error)

    def _survives(self, page: PageWork, error: PageError, died: int | None) -> bool:
        """Count a lost process against a page, and say whether it gets another one for the same try."""
        page.losses += 1
        self._books.attempt(page, error)
        return page.losses < most_losses(error.code, died)

    def _loaded(self, slot: Slot, header: Header) -> None:
        if "failed" in header:
            raise EngineFailed(PageError(*header["failed"]))
        slot.model = ModelStamp(**header["model"])
        expected = self.expected or slot.model
        if slot.model.fingerprint != expected.fingerprint:
            raise EngineFailed(
                PageError("model_error", "the model's files changed since the run began", "run it again")
            )

    def _opened(self, slot: Slot, document: DocumentWork, header: Header) -> None:
        if "error" in header:
            self._fail_document(document, PageError(*header["error"]))
            slot.document = None
        elif not document.known:
            self._books.opened(document, header)
            self._settle_if_done(document)

    def _fail_document(self, document: DocumentWork, error: PageError) -> None:
        if document in self._open:  # else its pages in flight failed it before
            self._open.remove(document)
            self._books.fail_document(document, error)

    def _drawn(self, page: PageWork, header: Header, blobs: list[bytes]) -> None:
        if "error" in header:
            error = PageError(*header["error"])
            self._books.attempt(page, error)
            self._undrawn(page, error)
        elif "result" in header:
            page.rung = Rung.LAYER
            self._done(page, header["result"], blobs[0])
        else:
            page.image, page.pixels = header, blobs[0]
            self._ready.append(page)

    def _undrawn(self, page: PageWork, error: PageError) -> None:
        """A page that cannot be drawn is given up, unless it was drawn before and this was a finer try."""
        (self._failed_try if page.rung is Rung.FINER else self._fail)(page, error)

    def _read(self, page: PageWork, result: Header, payload: bytes) -> None:
        if result["error"] is not None:
            error = PageError(*result["error"])
            self._books.attempt(page, error)
            self._failed_try(page, error)
        elif result["truncated"]:
            error = PageError("truncated", f"page {page.number}: the model hit its length limit")
            self._books.attempt(page, error)
            page.partial = page.partial or (result, payload)
            self._failed_try(page, error)
        else:
            self._done(page, result, payload)

    def _failed_try(self, page: PageWork, error: PageError) -> None:
        """Go one rung up the ladder, or give the page up."""
        page.first_error = page.first_error or error
        image = page.image or {}
        drawn = page.document.row.kind == "pdf"
        rung = next_rung(page.rung, error.code, drawn=drawn, text=bool(image.get("text_layer")))
        if rung is None or (rung is Rung.TEXT and page.partial is not None):
            self._fail(page, error)
            return
        page.rung, page.losses = rung, 0
        self._books.retry(page, error)
        if rung is Rung.ALONE:
            self._ready.append(page)
        elif rung is Rung.FINER:
            page.let_go()
            page.dpi = image["dpi"] * FINER
            page.document.todo.append(page)
        else:
            self._done(page, *text_ending(page))

    def _fail(self, page: PageWork, error: PageError) -> None:
        """Record a page as failed with its first error; one that was read in part keeps that part."""
        self._done(page, *(page.partial or failed_ending(page, page.first_error or error)))

    def _done(self, page: PageWork, result: Header, payload: bytes) -> None:
        page.let_go()
        self._books.page(page, result, payload)
        self._settle_if_done(page.document)

    def _settle_if_done(self, document: DocumentWork) -> None:
        done = document in self._open and document.known and not document.open
        if done and self._books.settle(document):
            self._open.remove(document)
            for slot in self._decoders:
                if slot.document is document and slot.task is None and not document.todo:
                    slot.document = None
