"""What the scheduler keeps of documents, pages and processes while they are in work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.ladder import Rung
from dsvl2.pipelines.batch.reader import EngineMaker
from dsvl2.pipelines.batch.rows import DocumentRow
from dsvl2.pipelines.documents import ModelStamp, PageError
from dsvl2.pipelines.formats import Rendered
from dsvl2.pipelines.sources import SourceOptions
from dsvl2.pipelines.tasks import TaskOptions

ASK_AGAIN_SECONDS = 1.0
WHOLE = 0
"""Number under which the answer of a whole document is kept among the results of its pages."""
RENDER = -1
"""Stands among a document's open pages for an output that is made from the original file."""


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
    task_options: TaskOptions = field(default_factory=dict)
    source: SourceOptions = field(default_factory=SourceOptions)
    page_seconds: float = 600.0
    decode_seconds: float = 120.0
    load_seconds: float = 900.0
    decode_memory: int | None = 4_000_000_000
    decoders: int = 1


class Hand(Protocol):
    """A worker elsewhere, asked one thing at a time: a process of its own, or an actor of a cluster."""

    deadline: float | None
    expired: bool

    def ask(self, header: Header, blobs: Sequence[Any] = (), *, seconds: float) -> None:
        """Send a request whose answer is due within `seconds`."""
        ...

    def answer(self) -> tuple[Header, list[Any]] | None:
        """Receive an answer that is there; None if the worker is gone."""
        ...

    def expire(self) -> bool:
        """End the worker if its answer is overdue, and say whether it was."""
        ...

    def end(self) -> int | None:
        """End the worker and return its exit code (negative: the signal)."""
        ...


class Hands(Protocol):
    """Where workers come from. Blobs are bytes, or what stands for them where workers are far away."""

    def decoder(self) -> Hand: ...
    def reader(self, maker: EngineMaker) -> Hand: ...

    def wait(self, hands: Sequence[Hand], seconds: float) -> list[Hand]:
        """Wait until some of them have answered or are gone, and return these."""
        ...

    def close(self) -> None:
        """Let go of what belongs to all of them."""
        ...


@dataclass(slots=True, eq=False)
class PageWork:
    """A page without a result yet (WHOLE: the document's answer). `partial` is a truncated reading, kept in case nothing
    better comes; `blobs` are the pixels.
    """

    document: DocumentWork
    number: int
    rung: Rung = Rung.NORMAL
    dpi: float | None = None
    losses: int = 0
    company: int = 1  # pages that were read together in the last try, this one included
    first_error: PageError | None = None
    partial: tuple[Header, bytes] | None = None
    image: Header | None = None
    blobs: list[Any] = field(default_factory=list)

    def let_go(self) -> None:
        """Drop the pixels."""
        self.blobs = []


@dataclass(slots=True, eq=False)
class DocumentWork:
    """A document in work: `todo` are pages to draw, `open` the numbers without a result, WHOLE and RENDER included."""

    row: DocumentRow
    position: int
    todo: deque[PageWork] = field(default_factory=deque)
    open: set[int] = field(default_factory=set)
    known: bool = False
    asked: bool = False
    losses: int = 0
    rereads: int = 0
    rendered: Rendered | None = None


@dataclass(slots=True, eq=False)
class Errand:
    """Something that a decoder does beside drawing pages to be read: a page that a reader wants to see, or (without a
    reader) an output made from the original file.
    """

    document: DocumentWork
    number: int = RENDER
    reader: Slot | None = None
    task: Any = None
    losses: int = 0


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
    """A place for a worker, which is started when there is work and again after it died."""

    start: Callable[[], Hand]
    hand: Hand | None = None
    document: DocumentWork | None = None  # decoders: the document that is open in the worker
    task: Any = None  # decoders: "open", a PageWork or an Errand; readers: "load" or a list of PageWork
    failures: int = 0
    model: ModelStamp | None = None

    def running(self) -> Hand:
        """Return the worker, started if need be."""
        if self.hand is None:
            self.hand, self.document = self.start(), None
        return self.hand

    def stop(self) -> int | None:
        """End the worker and return its exit code."""
        code = self.hand.end() if self.hand is not None else None
        self.hand = self.document = self.task = None
        return code


def take_group(ready: deque[PageWork], most: int) -> list[PageWork]:
    """Take the next pages to read together: several only on the same one of the first two rungs, none lost before."""
    pages = [ready.popleft()]
    while len(pages) < most and ready and all(_goes_together(page, pages[0]) for page in (pages[0], ready[0])):
        pages.append(ready.popleft())
    return pages


def _goes_together(page: PageWork, first: PageWork) -> bool:
    alike = page.rung is first.rung and page.rung in (Rung.NORMAL, Rung.FEWER)
    return alike and page.number != WHOLE and not page.losses
