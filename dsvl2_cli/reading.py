"""Read the planned documents one after the other. One bad page or document never stops the others.

Results stream to standard output where the format allows it; an output file appears whole or not at all. On Ctrl-C the
pages that are done are kept: in OUTPUT.partial for a file, on standard output otherwise.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.console import Problem
from dsvl2_cli.deliveries import Deliveries, Pieces
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.inputs import Missing
from dsvl2_cli.interrupts import Interrupts
from dsvl2_cli.lexicons import mended
from dsvl2_cli.opening import open_document
from dsvl2_cli.progress import Progress, choose
from dsvl2_cli.reports import Report, closing_line, count, exit_code, run_record

if TYPE_CHECKING:
    from pathlib import Path

    from dsvl2.pipelines import Document, Engine, InputFile, PageResult, Source
    from dsvl2.pipelines.review import ScanKeeper
    from dsvl2.pipelines.run import Drawing
    from dsvl2_cli.figures import FigureFiles
    from dsvl2_cli.outputs import Output
    from dsvl2_cli.plan import Plan
    from dsvl2_cli.session import Session

GPU_BATCH = 8
LOSSES = frozenset(
    {"truncated", "image_truncated", "dark_page"}
)  # notices of missing text are told whatever the verbosity


def read_all(plan: Plan, now: Session) -> Exit:
    """Read every document of the plan, say how it went, and return the exit code.

    Raises:
        UsageError: a PDF for a terminal. ModelError: the model cannot be loaded; nothing was read.
        BrokenPipeError: nobody takes the results.
    """
    to_stdout = [output for output in plan.outputs if None in output.targets.values()]
    shown = now.results.isatty() and not plan.report and bool(to_stdout)
    if shown and to_stdout[0].format.name == "pdf":
        raise UsageError("a PDF is not written to a terminal", "name a file: -o out.pdf")
    progress = choose(plan.settings.progress, now.console.verbosity, text_on_terminal=shown)
    reader = Reader(plan, now, progress)
    started = time.monotonic()
    reports: list[Report] = []
    for document in plan.documents:
        if isinstance(document, Missing):  # what is misspelt is told before the others are read, not hours later
            now.console.problem(document.problem)
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
        how = "; dsvl2 batch goes on where it was stopped" if to_stdout == [] else ""
        now.console.say(f"{left} more of {len(plan.documents)} documents were not begun{how}")
    return code


class Reader:
    """Reads documents with one engine, which is loaded when the first document has been opened."""

    def __init__(self, plan: Plan, now: Session, progress: Progress) -> None:
        self.plan = plan
        self.now = now
        self.progress = progress
        self.deliveries = Deliveries(plan, now)
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
        if report.problem is not None and not isinstance(document, Missing):
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
            self.now.console.detail(f"model {engines.in_words(info)}, loaded in {took:.1f} s")
        return self._engine

    def _read(self, document: InputFile, report: Report) -> None:
        from dsvl2.pipelines import OcrTask, document_head
        from dsvl2.pipelines.run import ahead, run

        with open_document(document, self.plan.source, self.plan.passwords) as source, ExitStack() as stack:
            for notice in source.notices:
                self.now.console.warn(notice.message)
            told = len(source.notices)
            begun = self._drawing(source, stack)
            engine = self.engine() if source.needs_model() else None
            self.progress.begin(report.source, len(source.selected))
            head, lexicon = document_head(source, engine), self.plan.lexicon
            if lexicon is not None:
                head = lexicon.noted(head)
            shown = self._to_stdout(document)
            stream = shown.format.stream(head, self.plan.render) if shown else None
            scans = self._keeper(document, source)
            pieces = Pieces(self.now.results, self.deliveries.gap(shown) if shown else "")
            batch = self.plan.settings.batch_size or _batch_size(engine)
            figures = stack.enter_context(self._figures(document, source)) if self.plan.figures else None
            try:
                drawn = scans or ahead(source, engine, begun)
                seconds = engines.page_seconds(self.plan.settings, engine)
                for page in run(OcrTask(), drawn, engine, batch_size=batch, page_seconds=seconds):
                    page = lexicon.apply(page) if lexicon is not None else page
                    page = figures.with_links(page) if figures is not None else page
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
            if lexicon is not None:
                words = count(mended(report.pages), "word")
                self.now.console.say(f"{report.source}: {words} put right by the lexicon; -v shows them")
            if report.problem is None:
                pieces.flush()
            done = replace(head, pages=tuple(report.pages), notices=tuple(source.notices))
            self.deliveries.deliver(document, done, report, source, streamed=shown if stream else None)
            if figures is not None and figures.written:
                self.now.console.say(f"wrote {count(figures.written, 'figure')} into {self.plan.figures}")
            if scans is not None and report.problem is None and report.pages:
                self._write_review(done, scans, self.plan.reviews[document])

    def _drawing(self, source: Source, stack: ExitStack) -> Drawing | None:
        """Start what draws the pages while the first model is loaded for a GPU."""
        if self._engine is not None or not source.needs_model():
            return None
        from dsvl2.pipelines.run import begin_drawing

        begun = begin_drawing(source, self.plan.settings.device)
        return None if begun is None else stack.enter_context(closing(begun))

    def _to_stdout(self, document: InputFile) -> Output | None:
        """Return the form that goes to standard output, None if none does or all goes into a report."""
        found = [output for output in self.plan.outputs if output.targets[document] is None]
        return found[0] if found and not self.plan.report else None

    def _figures(self, document: InputFile, source: Source) -> FigureFiles:
        """Return what cuts figures out of pages; it draws them in colour from the document opened once more."""
        from dsvl2.pipelines import write_output
        from dsvl2.pipelines.sources import open_source
        from dsvl2_cli.figures import FigureFiles

        def again() -> Source:
            original = source.original
            options = replace(self.plan.source, color=True, text_layer="ignore", password=original.password)
            return open_source(original.read() if document.path is None else document, options)

        assert self.plan.figures is not None
        files = [path for output in self.plan.outputs if (path := output.targets[document]) is not None]
        beside = files[0].parent if files else None
        write = partial(write_output, force=self.plan.force)
        return FigureFiles(self.plan.figures, document.name, beside, again=again, write=write)

    def _keeper(self, document: InputFile, source: Source) -> ScanKeeper | None:
        """Return what keeps the scans for a review page, None if none is wanted."""
        if document not in self.plan.reviews:
            return None
        from dsvl2.pipelines.review import ScanKeeper

        return ScanKeeper(source, None if source.stored is None else source.read_page)

    def _write_review(self, document: Document, scans: ScanKeeper, path: Path) -> None:
        from dsvl2.pipelines import write_output
        from dsvl2.pipelines.review import review_page

        page = review_page(document, scans.images, min_confidence=self.plan.settings.min_confidence)
        write_output(path, page, force=self.plan.force)
        self.now.console.say(f"wrote {path}: open it in a browser to check and correct {document.source}")

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


def _batch_size(engine: Engine | None) -> int:
    return 1 if engine is None or engine.info.device == "cpu" else GPU_BATCH


class EngineFailed(Exception):
    """The model could not be loaded; `error` says why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error
