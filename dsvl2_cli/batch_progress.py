"""What a batch shows while it works: two bars for people, NDJSON events for programs, and a line for every failure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsvl2_cli.console import Console, Problem, one_line
from dsvl2_cli.doubting import Doubts
from dsvl2_cli.progress import Events, on_a_terminal

if TYPE_CHECKING:
    from dsvl2.pipelines import Notice, PageError
    from dsvl2.pipelines.batch import Counts, Place

_REFRESH = 0.1
_SUM_SECONDS = 1.0


class BatchReporter:
    """Takes what a batch tells: failures become lines on standard error whatever the display."""

    def __init__(self, console: Console, display: Display) -> None:
        self._console = console
        self._display = display
        self.counts: Counts | None = None
        self.doubts = Doubts()
        self._named = set[str]()  # documents of which a page's error was printed

    def begin(self, counts: Counts) -> None:
        self.counts = counts
        self._display.begin(counts)

    def document(self, name: str, pages: int, notices: Sequence[str]) -> None:
        self._display.event("document", source=name, pages=pages)
        for notice in notices:
            self._console.warn(one_line(notice))

    def page(
        self, name: str, number: int, status: str, error: PageError | None, characters: int, doubts: Sequence[str]
    ) -> None:
        facts: dict[str, Any] = {} if error is None else {"code": error.code}
        if doubts:
            facts["doubts"] = list(doubts)
            self.doubts.add(name, number, doubts)
        self._display.event("page", source=name, page=number, status=status, characters=characters, **facts)
        if error is not None:
            what = error.message if status == "failed" else f"{error.message}; the PDF's own text was taken"
            self._named.add(name)
            self._console.page_failed(one_line(f"{name} page {number}"), error.code, one_line(what))

    def retry(self, name: str, number: int, rung: str, error: PageError) -> None:
        self._display.event("retry", source=name, page=number, next=rung, code=error.code)
        self._console.detail(one_line(f"{name} page {number}: {error.message}; trying again ({rung})"))

    def output(self, name: str, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self._display.event("notice", source=name, code=notice.code, message=notice.message)
            self._console.warn(one_line(notice.message))

    def document_end(self, name: str, status: str, output: Place | None, error: PageError | None) -> None:
        place = None if output is None else str(output).encode("utf-8", "replace").decode()
        self._display.event("document_end", source=name, status=status, output=place)
        told = name in self._named
        self._named.discard(name)
        if error is not None and status == "failed" and not told:
            self._console.problem(Problem(error.code, one_line(error.message), error.hint))

    def prepare(self, what: str) -> None:
        """Say what is done before the first page can be read: it may take a minute."""
        self._display.prepare(what)

    def stop(self) -> None:
        self._display.stop()


class Display:
    """Shows nothing."""

    def prepare(self, what: str) -> None:
        pass

    def begin(self, counts: Counts) -> None:
        pass

    def event(self, event: str, **facts: Any) -> None:
        pass

    def stop(self) -> None:
        pass


def summed(counts: Counts, opened: int, seconds: float) -> dict[str, Any]:
    """Return how far a batch is, at which rates, and a guess of the seconds left.

    opened: documents whose pages are counted; the others count as many on average.
    """
    done = counts.reused + counts.pages_done
    rate = counts.pages_done / max(seconds, 1e-3)
    unopened = counts.documents - max(opened, counts.documents_done)
    left = max(0, counts.pages - done) + (unopened * counts.pages / opened if opened else 0)
    return {
        "documents": counts.documents,
        "documents_done": counts.documents_done,
        "documents_failed": counts.documents_failed,
        "pages": counts.pages,
        "pages_done": done,
        "pages_failed": counts.pages_failed + counts.pages_fallback,
        "pages_per_second": round(rate, 3),
        "tokens_per_second": round(counts.tokens / max(seconds, 1e-3), 1),
        "seconds_left": round(left / rate, 1) if rate else None,
    }


class EventDisplay(Display):
    """One JSON object a line on standard error."""

    def __init__(self) -> None:
        self._events = Events()
        self._counts: Counts | None = None
        self._zero = self._summed = time.monotonic()
        self._opened = 0

    def prepare(self, what: str) -> None:
        self._events.emit("prepare", what=what)

    def begin(self, counts: Counts) -> None:
        self._counts, self._zero = counts, time.monotonic()
        self._events.emit("start", documents=counts.documents)

    def event(self, event: str, **facts: Any) -> None:
        self._events.emit(event, **facts)
        self._opened += event == "document"
        now = time.monotonic()
        if self._counts is not None and now - self._summed >= _SUM_SECONDS:
            self._summed = now
            self._events.emit("progress", **summed(self._counts, self._opened, now - self._zero))

    def stop(self) -> None:
        counts, seconds = self._counts, max(time.monotonic() - self._zero, 1e-3)
        facts = {} if counts is None else {"documents": counts.documents_done, "pages": counts.pages_done}
        rate = 0.0 if counts is None else counts.pages_done / seconds
        self._events.emit("stop", **facts, pages_per_second=round(rate, 3))


class BarDisplay(Display):
    """A bar for documents and one for pages, with the rate, the time left and the number of failures."""

    def __init__(self, *, forced: bool = False) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=RichConsole(stderr=True, force_terminal=forced or None),
            transient=True,
            redirect_stdout=False,  # standard output is not ours to touch here
        )
        self._shown = 0.0

    def prepare(self, what: str) -> None:
        self._pages = self._bars.add_task(what, total=None, note="")
        self._bars.start()

    def begin(self, counts: Counts) -> None:
        self._counts, self._zero = counts, time.monotonic()
        self._bars.remove_task(self._pages)
        self._documents = self._bars.add_task("documents", total=counts.documents, note="")
        self._pages = self._bars.add_task("pages", total=None, note="")

    def event(self, event: str, **facts: Any) -> None:
        now = time.monotonic()
        if now - self._shown < _REFRESH:
            return
        self._shown, counts = now, self._counts
        seconds = max(now - self._zero, 1e-3)
        failed = counts.pages_failed + counts.pages_fallback
        note = f"{counts.documents_failed} failed" if counts.documents_failed else ""
        self._bars.update(self._documents, completed=counts.documents_done, note=note)
        speed = f"{counts.pages_done / seconds:.1f} pages/s {counts.tokens / seconds:,.0f} tokens/s"
        speed += f", {failed} failed" if failed else ""
        done = counts.reused + counts.pages_done
        self._bars.update(self._pages, completed=done, total=max(counts.pages, done), note=speed)

    def stop(self) -> None:
        self._bars.stop()


def choose_display(mode: str, verbosity: int, *, text_on_terminal: bool) -> Display:
    """Return the display for --progress; `auto` as for `dsvl2 ocr`."""
    if mode == "json":
        return EventDisplay()
    if mode == "always" or (mode == "auto" and verbosity >= 0 and not text_on_terminal and on_a_terminal()):
        return BarDisplay(forced=mode == "always")
    return Display()
