"""The loop of a batch: decoders draw pages, readers read them, the manifest keeps what is done.

One thread, one writer of the manifest. Every state a kill can leave behind is one that the next session starts from.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from dsvl2.pipelines.batch.books import Books
from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.endings import EngineFailed, exit_words
from dsvl2.pipelines.batch.ladder import most_losses
from dsvl2.pipelines.batch.outcomes import Outcomes
from dsvl2.pipelines.batch.work import (
    RENDER,
    WHOLE,
    BatchOptions,
    DocumentWork,
    EngineSpec,
    Errand,
    Hands,
    Intake,
    PageWork,
    Slot,
    take_group,
)
from dsvl2.pipelines.documents import ModelStamp, PageError

COMMIT_SECONDS = 0.2
_POLL_SECONDS = 0.25
_MOST_START_FAILURES = 6
_HASH_RATE = 20e6  # bytes a second that a slow disk gives at least
Stamps = Mapping[str, ModelStamp]


class Scheduler:
    """Reads all that is not read yet. Set `stopping` to finish what is in flight and return."""

    def __init__(self, options: BatchOptions, engines: EngineSpec, hands: Hands) -> None:
        self.options = options
        self.engines = engines
        self.hands = hands
        self.stopping = False
        self.expected: Stamps | None = None
        self._decoders = [Slot(hands.decoder) for _ in range(options.decoders)]
        self._readers = [Slot(partial(hands.reader, maker)) for maker in engines.makers]
        self._early = self._readers if engines.eager else self._readers[:1]  # load before there is a page for them
        self._capacity = max(2, 2 * engines.batch_size * len(engines.makers))

    def close(self) -> None:
        """End all workers."""
        for slot in (*self._decoders, *self._readers):
            slot.stop()
        self.hands.close()

    def models(self) -> Stamps:
        """Load the engine of the first reader and say which models answer ("model") and read pages ("reads").

        Raises:
            EngineFailed. KeyboardInterrupt: it was asked to stop.
        """
        while self.expected is None:
            if self.stopping:
                raise KeyboardInterrupt
            for early in self._early:
                if early.model is None:
                    self._load(early)
            self._turn()
        return self.expected

    def run(self, books: Books, *, reads_text: bool) -> None:
        """Read every document of `books`.

        Raises:
            EngineFailed, and what writing an output raises when nobody takes a stream.
        """
        self._books = books
        self._work = Outcomes(books, reads_text=reads_text)
        self._new = Intake(books.waiting(lambda: self.stopping))
        due = 0.0
        while True:
            self._feed()
            busy = any(slot.task is not None for slot in (*self._decoders, *self._readers))
            if not busy and (self.stopping or (self._new.empty and not self._work.open)):
                break
            if self.stopping and not any(isinstance(slot.task, list) for slot in self._readers):
                break  # drawn pages are cheap to draw again
            self._turn()
            if time.monotonic() > due:
                books.flush()
                due = time.monotonic() + COMMIT_SECONDS
        books.flush()

    def _feed(self) -> None:
        """Give work to all that are idle; to finish what is in flight, only what readers wait for is drawn."""
        work = self._work
        for slot in self._readers if not self.stopping else ():
            if slot.task is not None:
                continue
            if slot.hand is None and (work.ready or (work.open and slot in self._early)):
                self._load(slot)
            elif work.ready:
                self._dispatch(slot)
        for slot in self._decoders:
            if slot.task is not None or self._run_errand(slot) or self.stopping:
                continue
            drawing = sum(isinstance(other.task, PageWork) for other in self._decoders)
            if len(work.ready) + drawing < self._capacity:
                self._draw(slot)

    def _load(self, slot: Slot) -> None:
        if slot.task is None:
            slot.stop()
            slot.running().deadline = time.monotonic() + self.options.load_seconds
            slot.task = "load"

    def _dispatch(self, slot: Slot) -> None:
        """Send pages to a reader, or a document whose pages are read."""
        pages = take_group(self._work.ready, self.engines.batch_size)
        header: Header = {"rung": str(pages[0].rung)}
        seconds = self.options.page_seconds * len(pages)
        slot.task = pages
        if pages[0].number == WHOLE:
            document = pages[0].document
            blobs = self._books.payloads(document)
            header["whole"] = self._books.opening(document)
            seconds *= max(1, len(blobs))
        else:
            header["pages"], blobs = [page.image for page in pages], [page.blobs[0] for page in pages]
        for page in pages:
            page.company = len(pages)
        slot.running().ask(header, blobs, seconds=seconds)

    def _run_errand(self, slot: Slot) -> bool:
        """Have an idle decoder do what another waits for, if there is such a thing."""
        errands = self._work.errands
        errand = next((one for one in errands if one.reader is not None or not self.stopping), None)
        if errand is None:
            return False
        document = errand.document
        if errand.number == RENDER:
            header, blobs = self._books.rendering(document)
            slot.running().ask(header, blobs, seconds=self.options.decode_seconds + len(blobs))
        elif slot.document is not document:
            self._open(slot, document)
            return True
        else:
            header = {"op": "page", "number": errand.number, "dpi": None, "image": True}
            slot.running().ask(header, seconds=self.options.decode_seconds)
        errands.remove(errand)
        slot.task = errand
        return True

    def _draw(self, slot: Slot) -> None:
        """Give a decoder its next page: of the document it has open, of one nobody has open, or of a new one."""
        document = slot.document
        if document is None or not document.todo:
            held = {id(other.document) for other in self._decoders if other is not slot}
            free = (work for work in self._work.open if id(work) not in held and (work.todo or not work.known))
            document = next(free, None) or self._new.next()
            if document is not None and document not in self._work.open:
                self._work.take(document)
        if document is None or (document.known and not document.todo):
            return
        if slot.document is not document or not document.known:
            self._open(slot, document)
            return
        page = document.todo.popleft()
        slot.task = page
        header = {"op": "page", "number": page.number, "dpi": page.dpi}
        slot.running().ask(header, seconds=self.options.decode_seconds)

    def _open(self, slot: Slot, document: DocumentWork) -> None:
        hand = slot.running()
        slot.document, slot.task = document, "open"
        seconds = self.options.decode_seconds + (document.row.size or 0) / _HASH_RATE
        hand.ask({"op": "open", **self._books.opening(document)}, seconds=seconds)

    def _turn(self) -> None:
        """Wait for answers and deal with them."""
        slots = {slot.hand: slot for slot in (*self._decoders, *self._readers) if slot.hand is not None}
        for hand in self.hands.wait(list(slots), _POLL_SECONDS):
            slot = slots[hand]
            message = hand.answer()
            if message is None:
                self._lost(slot)
            else:
                self._heard(slot, *message)
        for slot in slots.values():
            if slot.hand is not None:
                slot.hand.expire()  # that it is gone is heard in the next turn

    def _heard(self, slot: Slot, header: Header, blobs: list[bytes]) -> None:
        task, slot.failures = slot.task, 0
        if "draw" in header:  # the answer comes when the reader has seen that page
            self._work.errands.append(Errand(task[0].document, header["draw"], slot, task))
            return
        slot.task = None
        if task == "load":
            self._loaded(slot, header)
        elif task == "open" and slot.document is not None:
            self._opened(slot, slot.document, header)
        elif isinstance(task, Errand):
            self._ran(task, header, blobs)
        elif isinstance(task, PageWork):
            self._work.drawn(task, header, blobs)
        elif isinstance(task, list):
            for page, result, payload in zip(task, header["results"], blobs, strict=True):
                self._work.read(page, result, payload)

    def _ran(self, errand: Errand, header: Header, blobs: list[bytes]) -> None:
        if errand.reader is None:
            self._work.rendered(errand, header, blobs)
        elif errand.reader.task is errand.task and errand.reader.hand is not None:
            errand.reader.hand.ask(header, blobs, seconds=self.options.page_seconds)

    def _lost(self, slot: Slot) -> None:
        """A worker is gone: find out how, and let the page it had go on elsewhere or fail."""
        task, document = slot.task, slot.document
        expired = slot.hand is not None and slot.hand.expired
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
                self._unopenable(document, PageError(code, f"opening {document.row.name} {how}", hint))
        elif isinstance(task, Errand):
            self._lost_errand(task, code, how, died)
        elif isinstance(task, PageWork):
            if not self._work.survives(task, PageError(code, f"drawing page {task.number} {how}"), died):
                self._work.undrawn(task, PageError(code, f"drawing page {task.number} {how}", "see --decode-timeout"))
            else:
                task.document.todo.appendleft(task)
        elif isinstance(task, list):
            for page in reversed(task):
                what = f"page {page.number}" if page.number else page.document.row.name
                error = PageError(code, f"reading {what} {how}", "see --page-timeout and --jobs")
                if self._work.survives(page, error, died):
                    self._work.ready.appendleft(page)
                else:
                    self._work.failed_try(page, error)

    def _lost_errand(self, errand: Errand, code: str, how: str, died: int | None) -> None:
        errand.losses += 1
        if errand.losses < most_losses(code, died):
            self._work.errands.append(errand)
            return
        what = f"drawing page {errand.number}" if errand.reader else f"making the output of {errand.document.row.name}"
        self._ran(errand, {"error": [code, f"{what} {how}", "see --decode-timeout and --decode-memory"]}, [])

    def _loaded(self, slot: Slot, header: Header) -> None:
        if "failed" in header:
            raise EngineFailed(PageError(*header["failed"]))
        found = {use: ModelStamp(**header[use]) for use in ("model", "reads")}
        slot.model = found["model"]
        self.expected = self.expected or found
        if any(found[use].fingerprint != self.expected[use].fingerprint for use in found):
            raise EngineFailed(
                PageError("model_error", "the model's files changed since the run began", "run it again")
            )

    def _opened(self, slot: Slot, document: DocumentWork, header: Header) -> None:
        if "error" in header:
            slot.document = None
            self._unopenable(document, PageError(*header["error"]))
        elif not document.known:
            self._work.opened(document, header)

    def _unopenable(self, document: DocumentWork, error: PageError) -> None:
        """A document cannot be opened, or not again: whoever waits for a page of it is told."""
        for errand in [one for one in self._work.errands if one.document is document and one.reader is not None]:
            self._work.errands.remove(errand)
            self._ran(errand, {"error": [error.code, error.message, error.hint]}, [])
        if document.todo or not document.known:
            self._work.fail_document(document, error)
