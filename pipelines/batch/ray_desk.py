"""What runs inside a Ray cluster: the desk that work is pulled from, the actors that read, the tasks that open files.

Nothing here is imported by a batch on one machine, and Ray itself only by those who call `remote_parts`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.decoder import decoder_main
from dsvl2.pipelines.batch.reader import EngineMaker, Reader, drawn_image
from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.errors import page_error
from dsvl2.pipelines.sources import SourceOptions
from dsvl2.pipelines.tasks import TaskOptions, batch_task

HAND_OVER_SECONDS = 5.0  # that a call for work or news waits before it comes back empty-handed


@dataclass(frozen=True, slots=True)
class DecodeSpec:
    """How files are opened on any node: source options, address space in bytes, seconds to draw a page."""

    source: SourceOptions
    memory: int | None
    seconds: float


class Desk:
    """The queue: tickets with a request and references to its pixels, and who holds which. Runs as an async actor."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Header, list[Any]]] = deque()
        self._held: dict[int, int] = {}  # ticket -> reader; calls overtake each other, so one may seem to hold two
        self._news: list[tuple[Any, ...]] = []
        self._work, self._told = asyncio.Event(), asyncio.Event()

    async def put(self, ticket: int, header: Header, blobs: list[Any]) -> None:
        """Add work."""
        self._waiting.append((ticket, header, blobs))
        self._work.set()

    async def take(self, reader: int) -> tuple[int, Header, list[Any]] | None:
        """Give a reader the next work; None: ask again."""
        until = time.monotonic() + HAND_OVER_SECONDS
        while not self._waiting:
            self._work.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), max(0.01, until - time.monotonic()))
            if not self._waiting and time.monotonic() >= until:
                return None
        item = self._waiting.popleft()
        self._held[item[0]] = reader
        self._tell("taken", item[0], reader)
        return item

    async def give(self, reader: int, ticket: int, header: Header, blobs: list[bytes]) -> None:
        """Take an answer from a reader."""
        if self._held.pop(ticket, None) == reader:
            self._tell("given", ticket, header, blobs)

    async def lost(self, reader: int) -> list[int]:
        """A reader is gone: return what it held."""
        tickets = [ticket for ticket, holder in self._held.items() if holder == reader]
        for ticket in tickets:
            del self._held[ticket]
        return tickets

    async def withdraw(self, ticket: int) -> None:
        """Nobody wants the answer any more."""
        self._waiting = deque(item for item in self._waiting if item[0] != ticket)

    async def news(self) -> list[tuple[Any, ...]]:
        """Return what happened since the last call, as soon as something did."""
        if not self._news:
            self._told.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), HAND_OVER_SECONDS)
        news, self._news = self._news, []
        return news

    def _tell(self, *what: Any) -> None:
        self._news.append(what)
        self._told.set()


class RayReader:
    """An engine in an actor. It loads when it is first asked, and again after Ray started it anew."""

    def __init__(
        self, number: int, desk: str, make: EngineMaker, task: tuple[str, TaskOptions], spec: DecodeSpec
    ) -> None:
        import ray

        self._number, self._make, self._task, self._spec = number, make, task, spec
        self._desk = ray.get_actor(desk)  # by name: Ray could not start an actor anew whose arguments it has to store
        self._reader: Reader | None = None

    def load(self) -> Header:
        """Load the engine and say which models answer and read, and which process this is."""
        try:
            return {**self._loaded().stamps(), "pid": os.getpid()}
        except Exception as error:
            failure = page_error(error)
            return {"failed": [failure.code, failure.message, failure.hint]}

    def work(self) -> None:
        """Pull work from the desk for ever."""
        import ray

        reader = self._loaded()
        while True:
            item: Any = ray.get(self._desk.take.remote(self._number))
            if item is None:
                continue
            ticket, header, blobs = item
            answer, packed = reader.answer(header, [one if isinstance(one, bytes) else ray.get(one) for one in blobs])
            self._desk.give.remote(self._number, ticket, answer, packed)

    def _loaded(self) -> Reader:
        if self._reader is None:
            name, options = self._task
            self._reader = Reader(self._make(), batch_task(name, options), self._draw)
        return self._reader

    def _draw(self, document: Header, number: int) -> PageImage:
        """Have a page drawn by a task, for a document's answer that needs to see it."""
        import ray

        header = {"op": "page", "number": number, "dpi": None, "image": True}
        told, pixels = remote_parts().decode.remote(self._spec, document, header, self._spec.seconds)
        found = ray.get(told)
        if "lost" in found:
            found = {"error": ["worker_crashed", f"drawing page {number} failed", "see --decode-timeout"]}
        return drawn_image(found, [] if "error" in found else [ray.get(pixels)])


_CHILDREN: dict[DecodeSpec, tuple[Child, Header | None]] = {}


def decode(spec: DecodeSpec, opened: Header | None, header: Header, seconds: float) -> tuple[Header, bytes]:
    """Open a file, draw a page or make an output in a process with limits, which stays for the next call on this worker.

    opened: the document that the call is about, which is opened first if that process has another. Returns the decoder's
    answer with one blob, or `lost`: the exit code, and whether it took too long.
    """
    child, current = _CHILDREN.pop(spec) if spec in _CHILDREN else (_started(spec), None)
    blobs: Sequence[bytes] = header.pop("blobs", ())
    there = header["op"] != "page" or (current is not None and opened is not None and _place(opened) == _place(current))
    steps = [header] if there else [{"op": "open", **(opened or {})}, header]
    found, made = Header(), list[bytes]()
    for step in steps:
        child.ask(step, blobs, seconds=seconds)
        if not child.pipe.poll(seconds):
            child.deadline = 0.0
            child.expire()
        answer = child.answer()
        if answer is None:
            return {"lost": child.end(), "expired": child.expired}, b""
        found, made = answer
        if "error" in found:
            break
    if header["op"] != "render":
        current = (header if header["op"] == "open" else opened) if "error" not in found else None
    _CHILDREN[spec] = child, current
    return found, made[0] if made else b""


def _started(spec: DecodeSpec) -> Child:
    return Child(decoder_main, (spec.source, spec.memory))


def _place(document: Header) -> tuple[Any, Any]:
    return document["path"], document["name"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The above as Ray knows them."""

    desk: Any
    reader: Any
    decode: Any


@cache
def remote_parts() -> Parts:
    """Return actors and task. A reader that dies is started anew; a call that it held is not repeated by Ray."""
    import ray

    return Parts(
        desk=ray.remote(num_cpus=0)(Desk),
        reader=ray.remote(max_restarts=-1, max_task_retries=0)(RayReader),
        decode=ray.remote(num_cpus=1, num_returns=2)(decode),
    )
