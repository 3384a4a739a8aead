"""What commands that look into documents share: files opened, an engine loaded once, pages read with progress, results put
where they were asked for.

    with common.session() as now, Work(common, now) as work:
        work.check_output(output, force)
        with work.open(work.document(file)) as source:
            for page in work.read(source): ...
        work.deliver(text, output, force)
        work.leave()
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.console import Problem, error_json
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.interrupts import Interrupts
from dsvl2_cli.progress import Progress, choose
from dsvl2_cli.session import Leave

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsvl2.pipelines import Engine, InputFile, PageResult, Source, Task
    from dsvl2.pipelines.documents import PageError
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session
    from dsvl2_cli.settings import Settings


class Work:
    """One command's work. Use it in `with`: Ctrl-C then raises KeyboardInterrupt, and progress ends in good order."""

    def __init__(self, common: Common, now: Session, **more: str | float | bool | None) -> None:
        self.now = now
        self.settings: Settings = common.settings(now, **more)
        self.passwords = common.passwords()
        self.options = common.source(self.settings, self.passwords)
        self.failed: list[PageResult] = []
        self.pages = 0
        self.closed = 0  # folders that could not be looked into
        self._engine: Engine | None = None
        self._nano: Engine | None = None
        self._interrupts = Interrupts()
        self._progress: Progress | None = None
        engines.check_model(self.settings.model)

    def __enter__(self) -> Work:
        self._interrupts.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_progress()
        self._interrupts.__exit__(kind, error, trace)

    def forgive(self) -> None:
        """Forget a Ctrl-C that was answered: the next one interrupts again instead of ending the program."""
        self._interrupts.seen = False

    @property
    def engine(self) -> Engine:
        """The engine, loaded when first needed."""
        if self._engine is None:
            self._engine = self.load(self.settings)
        return self._engine

    def load(self, settings: Settings) -> Engine:
        """Load an engine and say under -v which one."""
        started = time.monotonic()
        engine = engines.make_engine(settings)
        info = engine.info
        took = time.monotonic() - started
        self.now.console.detail(f"model {engines.in_words(info)}, loaded in {took:.1f} s")
        return engine

    @property
    def nano(self) -> Engine:
        """A model that reads by bands: the one that --model names, or the embedded one beside it."""
        if engines.reading_profile(self.settings).mode == "bands":
            return self.engine
        if self._nano is None:
            self._nano = self.load(replace(self.settings, model="nano", dtype=None, quant=None, adapter=None, kv=None))
        return self._nano

    def documents(self, words: Sequence[str], files_from: str | None = None) -> list[InputFile]:
        """Return the documents behind words, folders searched.

        Raises:
            UsageError: nothing was named. DocumentError: a word leads nowhere, or to nothing that may be looked at.
        """
        from dsvl2.pipelines import find_documents
        from dsvl2.pipelines.errors import FileMissing
        from dsvl2_cli.inputs import expand, left_out

        others: Counter[str] = Counter()
        closed: list[FileMissing] = []
        named = expand(words, files_from)
        found = list(dict.fromkeys(file for word in named for file in find_documents([word], others, closed)))
        if closed and not found:
            raise closed[0]
        for error in closed:
            self.now.console.problem(Problem.of(error))
        self.closed += len(closed)
        if others:
            self.now.console.say(left_out(others))
        return found

    def document(self, word: str) -> InputFile:
        """Return the one document that a word names.

        Raises:
            UsageError: it is a folder of several.
        """
        found = self.documents([word])
        if len(found) != 1:
            raise UsageError(f"{word} holds {len(found)} documents", "name one of them")
        return found[0]

    @contextmanager
    def open(self, document: InputFile, **changes: object) -> Iterator[Source]:
        """Open a document with the source options (some of them changed) and pass on its warnings."""
        from dsvl2_cli.opening import open_document

        options = replace(self.options, **changes) if changes else self.options  # type: ignore[arg-type]
        with open_document(document, options, self.passwords) as source:
            try:
                yield source
            finally:
                for notice in source.notices:
                    self.now.console.warn(notice.message)

    def read(
        self,
        source: Source,
        task: Task | None = None,
        numbers: Sequence[int] | None = None,
        engine: Engine | None = None,
    ) -> list[PageResult]:
        """Read selected pages (or those of `numbers`), with progress; failed ones are told and remembered.

        Without an `engine` the one that --model names is loaded, if a page has no good text of its own.
        """
        from dsvl2.pipelines import OcrTask
        from dsvl2.pipelines.run import run

        wanted = tuple(source.selected if numbers is None else numbers)
        if engine is None and source.needs_model():
            engine = self.engine
        batch = self.settings.batch_size or (1 if engine is None or engine.info.device == "cpu" else 8)
        progress = self.progress()
        progress.begin(source.name, len(wanted))
        pages = []
        seconds = engines.page_seconds(self.settings, engine)
        drawn = map(source.page, wanted)
        for page in run(task or OcrTask(), drawn, engine, batch_size=batch, page_seconds=seconds):
            progress.page(source.name, page)
            self._tell(source.name, page)
            pages.append(page)
        progress.end(source.name)
        return pages

    def limit(self) -> AbstractContextManager[None]:
        """Return what ends a page that is not read with `read` when it has taken longer than --page-timeout.

        Raises:
            OutOfTime: in its block.
        """
        from dsvl2.pipelines.clock import PageClock

        return PageClock(engines.page_seconds(self.settings, self.engine)).page()

    def fail(self, source: str, number: int, error: PageError) -> PageResult:
        """Tell and remember that a page failed which is not read with `read`."""
        from dsvl2.pipelines import PageResult

        failed = PageResult(number, error=error)
        self.failed.append(failed)
        self.now.console.page_failed(f"{source} page {number}", error.code, error.message)
        return failed

    def progress(self) -> Progress:
        """Return the progress reporter, begun."""
        if self._progress is None:
            self._progress = choose(self.settings.progress, self.now.console.verbosity)
            self._progress.start(1)
        return self._progress

    def stop_progress(self) -> None:
        """Take the bar away before something is written."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def check_output(self, output: str | None, force: bool) -> None:
        """Look before any work is done whether the result can be written.

        Raises:
            OutputError.
        """
        if output is not None and output != "-":
            from dsvl2.pipelines.output import check_writable

            check_writable(Path(output), force=force)

    def deliver(self, data: str | bytes, output: str | None = None, force: bool = False) -> None:
        """Write a result to standard output, or whole or not at all to a file."""
        self.stop_progress()
        if output is None or output == "-":
            self.now.results.write(data)
            return
        from dsvl2.pipelines import write_output

        write_output(Path(output), data, force=force)
        self.now.console.say(f"wrote {output}")

    @property
    def exit(self) -> Exit:
        """OK; PARTIAL if some pages failed or a folder was closed; the first page's error if all pages failed."""
        if not self.failed:
            return Exit.PARTIAL if self.closed else Exit.OK
        from dsvl2_cli.exit_codes import exit_for

        error = self.failed[0].error
        assert error is not None
        return exit_for(error.code) if len(self.failed) == self.pages else Exit.PARTIAL

    def leave(self) -> None:
        """End the command with the exit code of what happened to the pages; --json is told if it was told nothing."""
        if not self.exit:
            return
        error = self.failed[0].error if self.failed else None
        if self.now.json and not self.now.results.wrote and self.exit != Exit.PARTIAL and error is not None:
            message = f"page {self.failed[0].number}: {error.message}"
            self.now.results.write(error_json(Problem(error.code, message, error.hint)))
        raise Leave(self.exit)

    def _tell(self, source: str, page: PageResult) -> None:
        self.pages += 1
        place = f"{source} page {page.number}"
        if page.error is not None:
            self.failed.append(page)
            self.now.console.page_failed(place, page.error.code, page.error.message)
        for warning in page.warnings:
            self.now.console.detail(f"{place}: {warning.message}")
