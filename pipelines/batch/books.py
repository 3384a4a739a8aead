"""The bookkeeping of a batch: what the manifest, the writer and the reporter are told about documents and pages."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dsvl2.pipelines.batch.codec import Header, unpack_result
from dsvl2.pipelines.batch.events import Counts, Reporter
from dsvl2.pipelines.batch.folder import STDIN_FILE
from dsvl2.pipelines.batch.leases import LeaseBoard, lease_key
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.places import Place
from dsvl2.pipelines.batch.rows import DocumentRow, FileFacts, Recipes, StoredResult
from dsvl2.pipelines.batch.sharing import ours, told_facts
from dsvl2.pipelines.batch.work import RENDER, WHOLE, DocumentWork, PageWork
from dsvl2.pipelines.batch.writer import Writer
from dsvl2.pipelines.documents import PageError
from dsvl2.pipelines.errors import OutputError, page_error

_MOST_REREADS = 2
TRANSIENT = frozenset({"file_missing", "file_encrypted", "wrong_password", "no_documents"})
"""Errors of documents that are looked at again in every session; others only after the file changed or a retry."""


class Books:
    """Turns what happens to documents and pages into rows, outputs and reports."""

    def __init__(
        self,
        manifest: Manifest,
        writer: Writer,
        reporter: Reporter,
        *,
        recipes: Recipes,
        view: str,
        documents: int,
        leases: LeaseBoard | None = None,
    ) -> None:
        self.manifest = manifest
        self.writer = writer
        self.reporter = reporter
        self.counts = Counts(documents=documents)
        self._recipes = recipes
        self._view = view
        self._leases = leases
        reporter.begin(self.counts)

    def flush(self) -> None:
        """Make what is done survive a kill, and the outputs a power loss."""
        self.writer.sync()
        self.manifest.commit()

    def waiting(self, stopping: Callable[[], bool]) -> Iterator[DocumentWork | None]:
        """Yield the documents that need work, in order; those that need none are settled on the way.

        None means that others still work on what is left: ask again later.
        """
        for found in ours(self.manifest, self._leases, self._elsewhere):
            if stopping():
                return
            if found is None:
                yield None
                continue
            position, row = found
            if position % 64 == 0:
                self.flush()
            work = DocumentWork(row, position)
            facts = row.facts()
            same = row.size == facts.size and row.mtime_ns == facts.mtime_ns and row.view == self._view
            error = self._known_error(row, same, facts)
            if error is not None:
                self.fail_document(work, error)
                continue
            if row.sha256 is not None and same and row.code is None:
                self._take_up(work)
                if not work.open:
                    if not self.settle(work):  # it changed this moment
                        yield work
                    continue
            elif not same:
                work.row = self._forget(row)
            yield work

    def _elsewhere(self, row: DocumentRow) -> None:
        """Another process of a shared batch did it."""
        self.manifest.update(row.id, state="elsewhere")
        self.counts.elsewhere += 1

    def _known_error(self, row: DocumentRow, same: bool, facts: FileFacts) -> PageError | None:
        """Return why a document fails without opening it."""
        if facts.size is None:
            return self.manifest.error_of(row.id) or PageError(
                "file_missing", f"{row.name} does not exist", "check the path"
            )
        if row.code is None or not same or row.code in TRANSIENT or row.code.startswith("output"):
            if row.code == "no_documents" or row.path.is_dir():
                return self.manifest.error_of(row.id)
            return None
        return self.manifest.error_of(row.id)

    def _forget(self, row: DocumentRow) -> DocumentRow:
        self.manifest.update(row.id, sha256=None, kind=None, page_count=None, selected=None, notices=None, code=None)
        return replace(row, sha256=None, kind=None, page_count=None, selected=(), notices=(), code=None)

    def opening(self, document: DocumentWork) -> Header:
        """Return what a decoder must know to open a document."""
        row = document.row
        facts = row.facts()
        if not document.known:
            self.manifest.update(row.id, size=facts.size, mtime_ns=facts.mtime_ns, view=self._view)
        return {
            "path": str(row.path),
            "url": row.url,
            "name": row.name,
            "spooled": row.path.name == STDIN_FILE and row.name == "<stdin>",
            "sha256": row.sha256 if document.known else None,
        }

    def opened(self, document: DocumentWork, header: Header) -> None:
        """Take down what a document is."""
        row = document.row
        self.manifest.update(
            row.id,
            sha256=header["sha256"],
            kind=header["kind"],
            page_count=header["page_count"],
            selected=json.dumps(header["selected"]),
            notices=json.dumps(header["notices"]),
            code=None,
            message=None,
            hint=None,
        )
        fresh = self.manifest.document_at(document.position)
        assert fresh is not None and fresh.id == row.id
        document.row = fresh
        self._take_up(document, notices=[message for _, message in fresh.notices])

    def _take_up(self, document: DocumentWork, notices: Sequence[str] = ()) -> None:
        row = document.row
        done = self.manifest.done_pages(row.sha256 or "", self._recipes.pages)
        missing = [number for number in row.selected if number not in done]
        document.known, document.open = True, {*missing, *self._beside_pages(row)}
        document.todo = deque(PageWork(document, number) for number in missing)
        self.counts.pages += len(row.selected)
        self.counts.reused += len(row.selected) - len(missing)
        self.reporter.document(row.name, len(row.selected), notices)

    def _beside_pages(self, row: DocumentRow) -> Iterator[int]:
        """What is to be done for a document beside its pages: its answer, its output made from the original."""
        whole = self._recipes.whole
        if whole is not None and not self.manifest.done_pages(row.sha256 or "", whole):
            yield WHOLE
        if self.writer.over_original and not self.writer.is_current(row):
            yield RENDER

    def payloads(self, document: DocumentWork) -> list[bytes]:
        """Return the packed results of a document's pages, in order."""
        row = document.row
        return [self.manifest.payload(row.sha256 or "", page, self._recipes.pages) or b"" for page in row.selected]

    def rendering(self, document: DocumentWork) -> tuple[Header, list[bytes]]:
        """Return what a decoder must know to make a document's output from the original file."""
        head = {"op": "render", **self.opening(document), **self.writer.rendering(document.row)}
        return head, self.payloads(document) if self.writer.plan.mend is None else self.writer.packed(document.row)

    def readable(self, document: DocumentWork) -> bool:
        """Whether anything of a document was read."""
        return self.writer.readable(document.row)

    def attempt(self, page: PageWork, error: PageError) -> None:
        """Take down a try that failed."""
        sha256 = page.document.row.sha256 or ""
        self.manifest.attempt(sha256, page.number, self._recipes.of(page.number), str(page.rung), error)

    def retry(self, page: PageWork, error: PageError) -> None:
        """Report that a page goes on to another try."""
        self.reporter.retry(page.document.row.name, page.number, str(page.rung), error)

    def page(self, page: PageWork, result: Header, payload: bytes) -> None:
        """Keep a page's result."""
        row, error = page.document.row, result["error"]
        stored = StoredResult(
            page.number,
            result["status"],
            error[0] if error else None,
            str(page.rung),
            result["characters"],
            result["tokens"],
            result["seconds"],
            payload,
        )
        self.manifest.store(row.sha256 or "", self._recipes.of(page.number), stored)
        page.document.open.discard(page.number)
        counts = self.counts
        counts.pages_done += page.number != WHOLE
        counts.answers += page.number == WHOLE
        counts.characters += result["characters"]
        counts.tokens += result["tokens"]
        failure = PageError(*error) if error else None
        doubts = result["doubts"] if page.number != WHOLE else ()
        self.reporter.page(row.name, page.number, result["status"], failure, result["characters"], doubts)

    def settle(self, document: DocumentWork) -> bool:
        """Finish a document whose pages all have results; False if the file changed meanwhile and is read again."""
        row = document.row
        facts = row.facts()
        if facts.size is not None and facts != FileFacts(row.size, row.mtime_ns):
            if document.rereads < _MOST_REREADS:
                document.rereads += 1
                for recipe in self._recipes.all:
                    self.manifest.forget_results(row.sha256 or "", recipe)
                document.row, document.known = self._forget(row), False
                document.asked, document.rendered = False, None
                self.counts.pages -= len(row.selected)
                return False
            message = f"{row.name} changes while it is read"
            self.fail_document(document, PageError("file_missing", message, "wait until it is written"))
            return True
        error = self._answer_error(row) or self._count_pages(row)
        output: Place | None = None
        try:
            output = self.writer.settle(row, document.position, document.rendered)
        except OutputError as failure:
            error = page_error(failure)
            self.manifest.update(row.id, code=error.code, message=error.message, hint=error.hint)
        if output is not None and document.rendered is not None and document.rendered.notices:
            self.reporter.output(row.name, document.rendered.notices)
        readable = self.writer.readable(row) and (error is None or not error.code.startswith("output"))
        status = "failed" if not readable else "partial" if error is not None else "ok"
        self.manifest.update(row.id, state="done" if readable else "failed")
        self._settled(document, status, output, error)
        return True

    def _answer_error(self, row: DocumentRow) -> PageError | None:
        """Why a document that was asked as a whole gave no answer."""
        if self._recipes.whole is None:
            return None
        payload = self.manifest.payload(row.sha256 or "", WHOLE, self._recipes.whole)
        return None if payload is None else unpack_result(payload, row.name).error

    def fail_document(self, document: DocumentWork, error: PageError) -> None:
        """Record a document of which nothing can be read."""
        row = document.row
        self.manifest.update(row.id, code=error.code, message=error.message, hint=error.hint, state="failed")
        if not self.writer.plan.tree:
            self.writer.settle(row, document.position)
        self._settled(document, "failed", None, error)

    def _settled(self, document: DocumentWork, status: str, output: Place | None, error: PageError | None) -> None:
        counts = self.counts
        if self._leases is not None:
            self.manifest.commit()
            self._leases.finish(lease_key(document.row.relative), told_facts(document.row))
        counts.documents_done += 1
        counts.documents_failed += status == "failed"
        if status == "failed":
            counts.first_error = counts.first_error or error
        self.writer.advance(counts.documents)
        counts.outputs = self.writer.written
        self.reporter.document_end(document.row.name, status, output, error)

    def _count_pages(self, row: DocumentRow) -> PageError | None:
        """Count a document's pages by status; return the first page's error if there is one."""
        query = "SELECT page, status, code FROM results WHERE sha256 = ? AND recipe = ? ORDER BY page"
        chosen, first = set(row.selected), None
        for page, status, code in self.manifest.db.execute(query, (row.sha256, self._recipes.pages)):
            if page not in chosen:
                continue
            self.counts.pages_failed += status == "failed"
            self.counts.pages_fallback += status == "fallback"
            self.counts.pages_blank += status == "blank"
            if code is not None and first is None:
                first = PageError(code, f"{row.name} page {page}: {code}")
        return first
