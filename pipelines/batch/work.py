"""What the scheduler keeps of documents, pages and processes while they are in work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.ladder import Rung
from dsvl2.pipelines.batch.manifest import DocumentRow
from dsvl2.pipelines.batch.reader import EngineMaker
from dsvl2.pipelines.documents import ModelStamp, PageError
from dsvl2.pipelines.sources import SourceOptions

ASK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """How workers get their engines: one maker for each worker, all of the same model.

    key: names the model, numbers and files that the makers load; a run that knows the key's model loads no engine to
    learn what it could reuse. batch_size: pages that a worker reads together. eager: workers have hardware of their own,
    so that all load at once; otherwise each does when there is work for it.
    """

    makers: tuple[EngineMaker, ...]
    key: str
    batch_size: int = 1
    eager: bool = False


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch reads. Seconds are of wall time; `decode_memory` is the address space of a decoder in bytes."""

    task: str = "ocr"
    source: SourceOptions = field(default_factory=SourceOptions)
    page_seconds: float = 600.0
    decode_seconds: float = 120.0
    load_seconds: float = 900.0
    decode_memory: int | None = 4_000_000_000
    decoders: int = 1


@dataclass(slots=True, eq=False)
class PageWork:
    """A page without a result yet. `partial` is a truncated reading, kept in case nothing better comes."""

    document: DocumentWork
    number: int
    rung: Rung = Rung.NORMAL
    dpi: float | None = None
    losses: int = 0
    first_error: PageError | None = None
    partial: tuple[Header, bytes] | None = None
    image: Header | None = None
    pixels: bytes = b""

    def let_go(self) -> None:
        """Drop the pixels."""
        self.pixels = b""


@dataclass(slots=True, eq=False)
class DocumentWork:
    """A document in work: `todo` are pages to draw, `open` the numbers without a result."""

    row: DocumentRow
    position: int
    todo: deque[PageWork] = field(default_factory=deque)
    open: set[int] = field(default_factory=set)
    known: bool = False
    losses: int = 0
    rereads: int = 0


class Intake:
    """The documents still to be taken up; in a shared batch there may be none now and some later."""

    def __init__(self, documents: Iterator[DocumentWork | None]) -> None:
        self.empty = False
        self._documents = documents
        self._again = 0.0

    def next(self) -> DocumentWork | None:
        """Return the next document, None if there is none now; `empty` says that none will come."""
        if self.empty or time.monotonic() < self._again:
            return None
        for work in self._documents:
            if work is None:  # the rest is in other hands
                self._again = time.monotonic() + ASK_AGAIN_SECONDS
            return work
        self.empty = True
        return None


@dataclass(slots=True, eq=False)
class Slot:
    """A place for a child, which is started when there is work and again after it died."""

    start: Callable[[], Child]
    child: Child | None = None
    document: DocumentWork | None = None  # decoders: the document that is open in the child
    task: Any = None  # decoders: "open" or a PageWork; readers: "load" or a list of PageWork
    failures: int = 0
    model: ModelStamp | None = None

    def running(self) -> Child:
        """Return the child, started if need be."""
        if self.child is None:
            self.child, self.document = self.start(), None
        return self.child

    def stop(self) -> int | None:
        """End the child and return its exit code."""
        code = self.child.end() if self.child is not None else None
        self.child = self.document = self.task = None
        return code


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What tells a changed file without reading it."""

    size: int | None
    mtime_ns: int | None

    @classmethod
    def of(cls, path: Path) -> FileFacts:
        try:
            facts = path.stat()
        except (OSError, ValueError):
            return cls(None, None)
        return cls(facts.st_size, facts.st_mtime_ns)


def take_group(ready: deque[PageWork], most: int) -> list[PageWork]:
    """Take the next pages to read together: several only if none of them has failed before."""
    pages = [ready.popleft()]
    while (
        len(pages) < most
        and ready
        and all(page.rung is Rung.NORMAL and not page.losses for page in (pages[0], ready[0]))
    ):
        pages.append(ready.popleft())
    return pages
