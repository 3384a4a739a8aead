"""What runs inside a Ray cluster: the desk that work is pulled from, the actors that read, the tasks that open files.

Nothing here is imported by a batch on one machine, and Ray itself only by those who call `remote_parts`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any

from dsvl2.pipelines.batch.children import Child
from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.decoder import decoder_main
from dsvl2.pipelines.batch.reader import EngineMaker, Reader, drawn_image
from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.errors import page_error
from dsvl2.pipelines.sources import SourceOptions
from dsvl2.pipelines.tasks import TaskOptions, batch_task

Item = tuple[int, Header, list[Any]]
OVER: Item = (0, {}, [])
HAND_OVER_SECONDS = 5.0  # that a call for work or news waits before it comes back empty-handed


@dataclass(frozen=True, slots=True)
class DecodeSpec:
    """How files are opened on any node: source options, address space in bytes, seconds to draw a page."""

    source: SourceOptions
    memory: int | None
    seconds: float


class Desk:
    """The queue: tickets with a request and references to its pixels, and who holds which. Runs as an async actor.

    A reader holds the ticket that it works at, and behind it those that it took ahead.
    """

    def __init__(self) -> None:
        self._waiting: deque[Item] = deque()
        self._held: dict[int, deque[Item]] = {}
        self._life: dict[int, int] = {}  # how often a reader was lost
        self._news: list[tuple[Any, ...]] = []
        self._work, self._told = asyncio.Event(), asyncio.Event()

    async def put(self, ticket: int, header: Header, blobs: list[Any]) -> None:
        """Add work."""
        self._waiting.append((ticket, header, blobs))
        self._work.set()

    async def take(self, reader: int, life: int) -> Item | None:
        """Give a reader the next work; None: ask again. A life that counts as lost is told that it is OVER."""
        until = time.monotonic() + HAND_OVER_SECONDS
        while not self._waiting:
            self._work.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), max(0.01, until - time.monotonic()))
            if not self._waiting and time.monotonic() >= until:
                return None if self._life.get(reader, 0) == life else OVER
        if self._life.get(reader, 0) != life:
            return OVER
        item = self._waiting.popleft()
        held = self._held.setdefault(reader, deque())
        held.append(item)
        if len(held) == 1:
            self._tell("begun", item[0], reader)
        return item

    async def give(self, reader: int, ticket: int, header: Header, blobs: list[bytes]) -> None:
        """Take an answer from a reader, which begins with the next one that it holds."""
        held = self._held.get(reader, deque())
        item = next((item for item in held if item[0] == ticket), None)
        if item is None:
            return
        first = held[0] is item
        held.remove(item)
        self._tell("given", ticket, header, blobs)
        if first and held:
            self._tell("begun", held[0][0], reader)

    async def lost(self, reader: int) -> int | None:
        """A reader is gone: return the ticket that it worked at. Those that it took ahead go back to the head of the queue."""
        self._life[reader] = self._life.get(reader, 0) + 1
        held = self._held.pop(reader, deque())
        ticket = held.popleft()[0] if held else None
        self._waiting.extendleft(reversed(held))
        if held:
            self._work.set()
        return ticket

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


class Ahead:
    """Work that is fetched, pixels and all, while the reader is at the work before: it never waits for the cluster."""

    def __init__(self, take: Callable[[], Item | None], fetch: Callable[[list[Any]], list[bytes]]) -> None:
        self._take, self._fetch = take, fetch
        self._room, self._ready = Semaphore(1), SimpleQueue[Any]()
        Thread(target=self._run, name="dsvl2-ahead", daemon=True).start()

    def next(self) -> tuple[int, Header, list[bytes]] | None:
        """Return the next work, and have the one after it fetched; None: it is over. Raises what fetching raised."""
        found: Any = self._ready.get()
        if isinstance(found, BaseException):
            raise found
        self._room.release()
        ticket, header, blobs = found
        return (ticket, header, blobs) if ticket else None

    def _run(self) -> None:
        try:
            while True:
                self._room.acquire()
                while (item := self._take()) is None:
                    pass
                ticket, header, blobs = item
                self._ready.put((ticket, header, self._fetch(blobs)))
                if not ticket:
                    return
        except BaseException as error:
            self._ready.put(error)


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

    def work(self, life: int) -> None:
        """Pull work from the desk, for ever or until it counts as lost. life: how often this reader was lost before."""
        import ray

        def take() -> Any:
            return ray.get(self._desk.take.remote(self._number, life))

        reader, ahead = self._loaded(), Ahead(take, fetched)
        while (item := ahead.next()) is not None:
            ticket, header, blobs = item
            self._desk.give.remote(self._number, ticket, *reader.answer(header, blobs))

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


def fetched(blobs: list[Any]) -> list[bytes]:
    """Return blobs, of which those that lie in the cluster's store are named by references."""
    import ray

    return [one if isinstance(one, bytes) else ray.get(one) for one in blobs]


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
