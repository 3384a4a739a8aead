"""Progress on standard error: a bar for people, NDJSON events for programs, or nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import TaskID

    from dsvl2.pipelines.documents import PageResult


class Progress(Protocol):
    """Told what happens, in order: start, then for every document its begin, pages and end, then stop."""

    def start(self, documents: int) -> None: ...
    def begin(self, source: str, pages: int) -> None: ...
    def page(self, source: str, page: PageResult) -> None: ...
    def end(self, source: str, **facts: Any) -> None: ...
    def stop(self) -> None: ...


def choose(mode: str, verbosity: int, *, text_on_terminal: bool = False) -> Progress:
    """Return the reporter for --progress.

    `auto` is a bar if standard error is a terminal, -q was not given, and the text itself is not written there too.
    """
    if mode == "json":
        return Events()
    if mode == "always" or (mode == "auto" and verbosity >= 0 and not text_on_terminal and on_a_terminal()):
        return Bar(forced=mode == "always")
    return Silent()


def on_a_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def characters(page: PageResult) -> int:
    """Number of characters read on a page."""
    return sum(len(block.text) for block in page.blocks)


def status(page: PageResult) -> str:
    """One word for what became of a page: ok, blank or failed."""
    return "failed" if page.error is not None else "blank" if page.blank else "ok"


class Silent:
    """Says nothing."""

    def start(self, documents: int) -> None:
        pass

    def begin(self, source: str, pages: int) -> None:
        pass

    def page(self, source: str, page: PageResult) -> None:
        pass

    def end(self, source: str, **facts: Any) -> None:
        pass

    def stop(self) -> None:
        pass


class Events(Silent):
    """One JSON object a line on standard error, each with `event` and `time` (seconds since the start)."""

    def __init__(self) -> None:
        self._zero = time.monotonic()

    def emit(self, event: str, **facts: Any) -> None:
        record = {"event": event, "time": round(time.monotonic() - self._zero, 3), **facts}
        print(json.dumps(record, ensure_ascii=False), file=sys.stderr, flush=True)

    def start(self, documents: int) -> None:
        self.emit("start", documents=documents)

    def begin(self, source: str, pages: int) -> None:
        self.emit("document", source=source, pages=pages)

    def page(self, source: str, page: PageResult) -> None:
        self.emit("page", source=source, page=page.number, status=status(page), characters=characters(page))

    def end(self, source: str, **facts: Any) -> None:
        self.emit("document_end", source=source, **facts)

    def stop(self) -> None:
        self.emit("stop")


class Bar(Silent):
    """A bar per document: pages done, characters a second, time left."""

    def __init__(self, *, forced: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True, force_terminal=forced or None),
            transient=True,
            redirect_stdout=False,  # standard output is not ours to touch here
        )
        self._task: TaskID | None = None
        self._read = 0
        self._zero = 0.0

    def start(self, documents: int) -> None:
        self._bars.start()

    def begin(self, source: str, pages: int) -> None:
        self._read, self._zero = 0, time.monotonic()
        self._task = self._bars.add_task(source.rpartition("/")[2][-40:], total=pages, speed="")

    def page(self, source: str, page: PageResult) -> None:
        if self._task is None:
            return
        self._read += characters(page)
        seconds = max(time.monotonic() - self._zero, 1e-3)
        self._bars.update(self._task, advance=1, speed=f"{self._read / seconds:,.0f} chars/s")

    def end(self, source: str, **facts: Any) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    def stop(self) -> None:
        self._bars.stop()
