"""Read the planned documents one after the other. One bad page or document never stops the others.

Results stream to standard output where the format allows it; an output file appears whole or not at all. On Ctrl-C the
pages that are done are kept: in OUTPUT.partial for a file, on standard output otherwise.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dsvl2_cli import engines
from dsvl2_cli.console import Problem
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.inputs import Missing
from dsvl2_cli.interrupts import Interrupts
from dsvl2_cli.opening import open_document
from dsvl2_cli.progress import Progress, choose
from dsvl2_cli.reports import Report, closing_line, count, exit_code, run_record

if TYPE_CHECKING:
    from pathlib import Path

    from dsvl2.pipelines import Document, Engine, InputFile, PageResult, Source
    from dsvl2.pipelines.review import ScanKeeper
    from dsvl2_cli.figures import FigureFiles
    from dsvl2_cli.plan import Plan
    from dsvl2_cli.session import Session
    from dsvl2_cli.stdio import Results

GPU_BATCH = 8
LOSSES = frozenset({"truncated", "image_truncated"})  # notices of missing text are told whatever the verbosity
PROSE = frozenset({"markdown", "text"})  # formats whose documents are kept apart by an empty line


def read_all(plan: Plan, now: Session) -> Exit:
    """Read every document of the plan, say how it went, and return the exit code.

    Raises:
        UsageError: a PDF for a terminal. ModelError: the model cannot be loaded; nothing was read.
        BrokenPipeError: nobody takes the results.
    """
    shown = now.results.isatty() and not plan.report and None in plan.targets.values()
    if shown and plan.format.name == "pdf":
        raise UsageError("a PDF is not written to a terminal", "name a file: -o out.pdf")
    progress = choose(plan.settings.progress, now.console.verbosity, text_on_terminal=shown)
    reader = Reader(plan, now, progress)
    started = time.monotonic()
    reports: list[Report] = []
    progress.start(len(plan.documents))
    try:
        with Interrupts():
            for document in plan.documents:
                reports.append(reader.read(document))
                if reports[-1].interrupted:
                    break
    except EngineFailed as failure:
        raise failure.error from None
    finally:
        progress.stop()
    seconds = time.monotonic() - started
    least = plan.settings.min_confidence
    code = exit_code(reports, plan.settings.fail_on, least)
    if plan.report:
        now.emit(run_record(reports, code, seconds))
    now.console.say(closing_line(reports, seconds, least))
    left = len(plan.documents) - len(reports)
    if left:
        now.console.say(f"{left} more of {len(plan.documents)} documents were not begun")
    return code


class Reader:
    """Reads documents with one engine, which is loaded when the first document has been opened."""

    def __init__(self, plan: Plan, now: Session, progress: Progress) -> None:
        self.plan = plan
        self.now = now
        self.progress = progress
        self._engine: Engine | None = None

    def read(self, document: InputFile | Missing) -> Report:
        """Read one document and write its result. Its errors end up in the report and on standard error."""
        report = Report(document.name)
        started = time.monotonic()
        if isinstance(document, Missing):
            report.problem = document.problem
        else:
            try:
                self._read(document, report)
            except (BrokenPipeError, EngineFailed):
                raise
            except KeyboardInterrupt:  # while opening, loading or writing
                report.interrupted = True
                self.now.console.say(f"interrupted before a page of {report.source} was done")
            except Exception as error:
                report.problem = Problem.of(error)
                if self.now.debug:
                    self.now.console.trace(error)
        report.seconds = time.monotonic() - started
        if report.problem is not None:
            self.now.console.problem(report.problem)
        self.progress.end(document.name, status=report.status, output=report.output)
        return report

    def engine(self) -> Engine:
        """Load the engine once; a failure to do so ends the run, as it would fail for every document."""
        if self._engine is None:
            started = time.monotonic()
            try:
                self._engine = engines.make_engine(self.plan.settings)
            except Exception as error:
                raise EngineFailed(error) from error
            info = self._engine.info
            took = time.monotonic() - started
            self.now.console.detail(
                f"model {info.name}, {info.scheme}, {info.dtype} on {info.device}, loaded in {took:.1f} s"
            )
        return self._engine

    def _read(self, document: InputFile, report: Report) -> None:
        from dsvl2.pipelines import OcrTask, document_head
        from dsvl2.pipelines.run import ahead, run

        with open_document(document, self.plan.source, self.plan.passwords) as source, ExitStack() as stack:
            for notice in source.notices:
                self.now.console.warn(notice.message)
            told = len(source.notices)
            engine = self.engine() if source.needs_model() else None
            self.progress.begin(report.source, len(source.selected))
            head = document_head(source, engine)
            target = self.plan.targets[document]
            stream = None
            if target is None and not self.plan.report:
                stream = self.plan.format.stream(head, self.plan.render)
            scans = self._keeper(document, source)
            pieces = Pieces(self.now.results, self._gap())
            batch = self.plan.settings.batch_size or _batch_size(engine)
            figures = stack.enter_context(self._figures(document, source, target)) if self.plan.figures else None
            try:
                for read in run(OcrTask(), scans or ahead(source, engine), engine, batch_size=batch):
                    page = figures.with_links(read) if figures is not None else read
                    report.pages.append(page)
                    self._tell(report.source, page, alone=len(source.selected) == 1)
                    if stream is not None:
                        pieces.add(stream.page(page), good=page.error is None)
            except KeyboardInterrupt:
                report.interrupted = True
            for notice in source.notices[told:]:
                self.now.console.warn(notice.message)
            report.settle()
            self._tell_raw(report.source, report.pages)
            if report.problem is None:
                pieces.flush()
            done = replace(head, pages=tuple(report.pages), notices=tuple(source.notices))
            self._deliver(done, report, source, target, streamed=stream is not None)
            if figures is not None and figures.written:
                self.now.console.say(f"wrote {count(figures.written, 'figure')} into {self.plan.figures}")
            if scans is not None and report.problem is None and report.pages:
                self._write_review(done, scans, self.plan.reviews[document])

    def _figures(self, document: InputFile, source: Source, target: Path | None) -> FigureFiles:
        """Return what cuts figures out of pages; it draws them in colour from the document opened once more."""
        from dsvl2.pipelines.sources import open_source
        from dsvl2_cli.figures import FigureFiles

        def again() -> Source:
            original = source.original
            options = replace(self.plan.source, color=True, text_layer="ignore", password=original.password)
            return open_source(original.read() if document.path is None else document, options)

        assert self.plan.figures is not None
        beside = target.parent if target is not None else None
        write = partial(self._write, force=self.plan.force)
        return FigureFiles(self.plan.figures, document.name, beside, again=again, write=write)

    def _keeper(self, document: InputFile, source: Source) -> ScanKeeper | None:
        """Return what keeps the scans for a review page, None if none is wanted."""
        if document not in self.plan.reviews:
            return None
        from dsvl2.pipelines.review import ScanKeeper

        return ScanKeeper(source)

    def _write_review(self, document: Document, scans: ScanKeeper, path: Path) -> None:
        from dsvl2.pipelines.review import review_page

        page = review_page(document, scans.images, min_confidence=self.plan.settings.min_confidence)
        self._write(path, page, force=self.plan.force)
        self.now.console.say(f"wrote {path}: open it in a browser to check and correct {document.source}")

    def _gap(self) -> str:
        """What goes between two documents on standard output."""
        return "\n" if self.now.results.wrote and self.plan.format.name in PROSE else ""

    def _tell(self, source: str, page: PageResult, *, alone: bool) -> None:
        """Say what is worth saying about a page that is done."""
        self.progress.page(source, page)
        place = f"{source} page {page.number}"
        if page.error is not None and not alone:  # a single page's error is the document's, told at its end
            self.now.console.page_failed(place, page.error.code, page.error.message)
        for warning in page.warnings:
            tell = self.now.console.warn if warning.code in LOSSES else self.now.console.detail
            tell(f"{place}: {warning.message}")
        if page.text_layer is not None:
            done = "text layer used" if page.text_layer.decision == "used" else "read by the model"
            self.now.console.detail(f"{place}: {done}: {page.text_layer.message}")
        if page.blank:
            self.now.console.detail(f"{place} is blank")

    def _tell_raw(self, source: str, pages: list[PageResult]) -> None:
        """Say so if --min-confidence is held against figures that are no calibrated probabilities."""
        raw = any(page.confidence is not None and not page.calibrated for page in pages)
        if raw and self.plan.settings.min_confidence is not None:
            self.now.console.warn(f"{source}: this model's confidences are not calibrated; they are mostly too high")

    def _deliver(
        self, document: Document, report: Report, source: Source, target: Path | None, *, streamed: bool
    ) -> None:
        """Put the result where it belongs; nothing is written of a document that failed."""
        if report.problem is not None or (report.interrupted and not report.pages):
            if report.interrupted:
                self.now.console.say(f"interrupted before a page of {report.source} was done")
            return
        from dsvl2.pipelines import render_output

        text = "" if streamed else render_output(self.plan.format, document, source.original, self.plan.render)
        if target is None:
            if self.plan.report:
                report.content = self._content(document, text)
            elif not streamed:
                self.now.results.write(self._gap() + text if isinstance(text, str) else text)
            place = "standard output"
        else:
            path = target.with_name(target.name + ".partial") if report.interrupted else target
            self._write(path, text, force=self.plan.force or report.interrupted)
            report.output = place = str(path)
        if report.interrupted:
            self._say_how_to_go_on(report, source, place)

    def _content(self, document: Document, text: str | bytes) -> dict[str, Any]:
        """What a --json report without -o carries: the document itself."""
        from dsvl2.pipelines import document_record

        if self.plan.format.name == "json":
            return {"document": document_record(document, self.plan.settings.min_confidence)}
        return {"format": self.plan.format.name, "text": text}

    def _write(self, path: Path, text: str | bytes, *, force: bool) -> None:
        from dsvl2.pipelines import write_output

        write_output(path, text, force=force)

    def _say_how_to_go_on(self, report: Report, source: Source, place: str) -> None:
        from dsvl2.pipelines.formats import page_list

        done = {page.number for page in report.pages}
        rest = [number for number in source.selected if number not in done]
        self.now.console.say(f"interrupted: pages {page_list(sorted(done))} of {report.source} are in {place}")
        if rest:
            self.now.console.say(f"go on with: --pages {page_list(rest)}")


def _batch_size(engine: Engine | None) -> int:
    return 1 if engine is None or engine.info.device == "cpu" else GPU_BATCH


class Pieces:
    """Streams to standard output, holding back until a page was read: nothing is written of a document that failed."""

    def __init__(self, results: Results, gap: str) -> None:
        self._results = results
        self._gap = gap
        self._held = ""
        self._begun = False

    def add(self, text: str, *, good: bool) -> None:
        """Write a page's text, or keep it while there have only been failed pages."""
        self._held += text
        self._begun = self._begun or good
        if self._begun:
            self.flush()

    def flush(self) -> None:
        """Write what was held back."""
        if self._held:
            self._results.write(self._gap + self._held)
            self._gap = self._held = ""


class EngineFailed(Exception):
    """The model could not be loaded; `error` says why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error
