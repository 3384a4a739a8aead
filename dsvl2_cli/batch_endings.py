"""How a batch ends: by signals in good order, with an exit code, with a closing line."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from dsvl2_cli.exit_codes import Exit, exit_for
from dsvl2_cli.reports import count

if TYPE_CHECKING:
    from dsvl2.pipelines.batch import Counts, Stop
    from dsvl2_cli.console import Console
    from dsvl2_cli.doubting import Doubts


STOPPING = "finishing the pages in work; the same signal again ends it at once"


@contextmanager
def signals(stop: Stop, console: Console, told: Callable[[], str] = lambda: STOPPING) -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM asks the batch to stop in good order, and says so; the second ends it at once."""
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if seen:
            os._exit(128 + number)
        seen.append(number)
        stop.ask()
        said = told()
        if console.verbosity >= 0 and said:  # not by `print`, which may be interrupted just now
            text = json.dumps({"event": "message", "message": said}) if console.events else f"\ndsvl2: {said}"
            with suppress(OSError):
                os.write(2, f"{text}\n".encode())

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ended(counts: Counts | None, fail_on: str, seen: list[int]) -> Exit:
    """Return the exit code of a batch; the same rules as for `dsvl2 ocr`, but that pages in doubt are not counted."""
    if seen or counts is None:
        return Exit.TERMINATED if seen and seen[0] == signal.SIGTERM else Exit.INTERRUPTED
    if counts.documents == 0:
        return Exit.NOTHING_TO_DO
    if fail_on == "never":
        return Exit.OK
    if counts.documents_failed == counts.documents:
        return exit_for(counts.first_error.code if counts.first_error else "internal")
    partial_pages = counts.pages_failed + counts.pages_fallback
    if counts.documents_failed or (partial_pages and fail_on != "failure"):
        return Exit.PARTIAL
    return Exit.OK


def can_be_retried(counts: Counts) -> bool:
    """Whether something failed that another try may mend: not where nothing was found under any name."""
    lost = counts.documents_failed == counts.documents and counts.first_error is not None
    if lost and counts.first_error and counts.first_error.code in ("file_missing", "no_documents"):
        return False
    return bool(counts.pages_failed + counts.pages_fallback + counts.documents_failed)


def closing_line(counts: Counts, seconds: float, doubts: Doubts) -> str:
    """Sum up a batch in one line."""
    parts = [f"{count(counts.pages_done, 'page')} done ({count(counts.characters, 'character')}, {seconds:.1f} s)"]
    if counts.reused:
        parts.append(f"{counts.reused} done before")
    if counts.pages_blank:
        parts.append(f"{counts.pages_blank} blank")
    if counts.pages_failed:
        parts.append(f"{count(counts.pages_failed, 'page')} failed")
    if counts.pages_fallback:
        parts.append(f"{counts.pages_fallback} taken from the text layer")
    parts += doubts.phrases(sources=counts.documents, pages=counts.pages)
    if counts.answers:
        parts.append(count(counts.answers, "answer"))
    if counts.elsewhere:
        parts.append(f"{count(counts.elsewhere, 'document')} done by others")
    good = counts.documents_done - counts.documents_failed
    parts.append(f"{good} of {count(counts.documents, 'document')} done")
    if counts.documents_failed:
        parts.append(f"{counts.documents_failed} failed")
    if counts.outputs:
        parts.append(f"wrote {count(counts.outputs, 'file')}")
    return "; ".join(parts)
