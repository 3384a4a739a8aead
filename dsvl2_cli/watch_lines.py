"""What watch tells: one line for each document that came, for people or as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsvl2_cli.batch_progress import BatchReporter, Display, EventDisplay
from dsvl2_cli.doubting import Doubts
from dsvl2_cli.reports import count

if TYPE_CHECKING:
    from dsvl2.pipelines import Notice, PageError
    from dsvl2.pipelines.batch import Place
    from dsvl2_cli.session import Session

SCHEMA = "dsvl2/watch/v1"


class Teller(BatchReporter):
    """One line for each document that came, for people or as JSON.

    fresh: names of those that were not looked at before; there: of those whose result was written in an earlier session.
    """

    def __init__(self, now: Session, display: Display, fresh: set[str], there: set[str]) -> None:
        super().__init__(now.console, display)
        self._now = now
        self.fresh, self._there = fresh, there
        self.ended: dict[str, str] = {}
        self._pages: dict[str, list[int]] = {}
        self._unsure: dict[str, Doubts] = {}
        self._begun: dict[str, tuple[float, int]] = {}  # when it was opened, and how many pages it has
        self._notices: dict[str, list[dict[str, str]]] = {}
        self._quiet = isinstance(display, EventDisplay)

    def document(self, name: str, pages: int, notices: Sequence[str]) -> None:
        super().document(name, pages, notices)
        self._begun.setdefault(name, (time.monotonic(), pages))

    def page(
        self, name: str, number: int, status: str, error: PageError | None, characters: int, doubts: Sequence[str]
    ) -> None:
        super().page(name, number, status, error, characters, doubts)
        self._pages.setdefault(name, []).append(characters)
        self._unsure.setdefault(name, Doubts()).add(name, number, doubts)

    def output(self, name: str, notices: Sequence[Notice]) -> None:
        super().output(name, notices)
        self._notices[name] = [{"code": notice.code, "message": notice.message} for notice in notices]

    def document_end(self, name: str, status: str, output: Place | None, error: PageError | None) -> None:
        if name not in self.fresh:
            return
        self.ended[name] = status
        super().document_end(name, status, output, error)
        read = self._pages.get(name, [])
        if name in self._there and not read:
            return
        begun, pages = self._begun.get(name, (time.monotonic(), 0))
        seconds = time.monotonic() - begun
        if self._now.json:
            record: dict[str, Any] = {"schema": SCHEMA, "source": name, "status": status}
            record |= {"output": None if output is None else str(output), "pages": pages, "pages_read": len(read)}
            record |= {"characters": sum(read), "seconds": round(seconds, 3)}
            record["notices"] = self._notices.get(name, [])
            told = None if error is None else {"code": error.code, "message": error.message, "hint": error.hint}
            self._now.results.write(json.dumps({**record, "error": told}, ensure_ascii=False) + "\n")
        if output is not None and not self._quiet:
            took = f"{count(sum(read), 'character')}, {seconds:.1f} s" if read else "read before"
            unsure = self._unsure.get(name, Doubts()).phrases(sources=1, pages=pages)
            self._now.console.say("; ".join([f"{name}: {count(pages, 'page')}, {took}", *unsure, f"wrote {output}"]))
