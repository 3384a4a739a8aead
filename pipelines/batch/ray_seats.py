"""What a batch keeps of a Ray cluster's workers: its readers, requests on the desk, and calls of the decoding task."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dsvl2.pipelines.batch.codec import Header
from dsvl2.pipelines.batch.ray_desk import DecodeSpec
from dsvl2.pipelines.documents import PageError

KILLED = -9
PAUSE, LONGEST_PAUSE = 0.1, 2.0


class Counter(Protocol):
    """Where requests are handed in."""

    def put(self, seat: Seat, header: Header, blobs: Sequence[Any]) -> int: ...
    def withdraw(self, ticket: int) -> None: ...
    def kill(self, number: int) -> None: ...


def unstartable(error: Exception) -> PageError | None:
    """Why an actor can never be started, if that is so: Ray tries those again that die, and not those."""
    if not getattr(error, "actor_init_failed", False):
        return None
    fact = str(error).strip().splitlines()[-1].strip()[:200]
    remedy = "every node needs the same Python, Ray and dsvl2 as this one; see examples/cluster"
    return PageError("worker_crashed", f"the Ray cluster cannot start a worker: {fact}", remedy)


@dataclass(slots=True)
class Actor:
    """A reader: what it was asked, and its process."""

    number: int
    handle: Any
    load: Any = None
    work: Any = None
    lives: int = 0
    pid: int = 0
    pause: float = PAUSE
    _due: float | None = 0.0

    def go(self) -> None:
        """Have it load, and then work for ever, when that is due."""
        if self._due is not None and time.monotonic() >= self._due:
            self._due = None
            self.load = self.load or self.handle.load.remote()
            self.work = self.work or self.handle.work.remote(self.lives)

    def rest(self) -> None:
        """Leave it alone for a moment: until Ray has started it anew every call fails at once."""
        self._due = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)


@dataclass(eq=False)
class Seat:
    """One request on the desk at a time, whoever answers it."""

    hands: Counter
    deadline: float | None = None
    expired: bool = False
    inbox: deque[tuple[Header, list[Any]] | None] = field(default_factory=deque)
    _ticket: int = 0
    _seconds: float = 0.0
    _actor: int | None = None

    def ask(self, header: Header, blobs: Sequence[Any] = (), *, seconds: float) -> None:
        """Lay a request on the desk; its time begins when somebody works at it."""
        self.deadline, self._seconds, self._actor = None, seconds, None
        self._ticket = self.hands.put(self, header, blobs)

    def begun(self, actor: int) -> None:
        """Somebody works at it."""
        self._actor, self.deadline = actor, time.monotonic() + self._seconds

    def answer(self) -> tuple[Header, list[Any]] | None:
        """Return what came."""
        self.deadline = None
        return self.inbox.popleft()

    def expire(self) -> bool:
        """End the actor that takes too long."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        self.expired, self.deadline = True, None
        self.hands.withdraw(self._ticket)
        self.inbox.append(None)  # without a ticket: no engine was loaded in time
        if self._actor is not None:
            self.hands.kill(self._actor)
        return True

    def end(self) -> int | None:
        """Leave."""
        self.hands.withdraw(self._ticket)
        return KILLED


@dataclass(eq=False)
class Caller:
    """One call of the decoding task at a time; limits are kept where it runs."""

    task: Any
    spec: DecodeSpec
    deadline: float | None = None
    expired: bool = False
    inbox: deque[tuple[Header, list[Any]] | None] = field(default_factory=deque)
    told: Any = None
    _blob: Any = None
    _opened: Header | None = None
    _died: int | None = KILLED

    def ask(self, header: Header, blobs: Sequence[Any] = (), *, seconds: float) -> None:
        """Call the task; which document is open is said with every call."""
        if header["op"] == "open":
            self._opened = {key: value for key, value in header.items() if key != "op"}
        sent = {**header, "blobs": list(blobs)} if blobs else dict(header)
        self.told, self._blob = self.task.remote(self.spec, self._opened, sent, seconds)

    def hear(self) -> None:
        """Take the answer; pixels stay where they are."""
        import ray

        try:
            header = ray.get(self.told)
            if "lost" in header:
                self.expired, self._died = header["expired"], header["lost"]
                self.inbox.append(None)
            elif "sha256" in header and self._opened is not None:
                self._opened = {**self._opened, "sha256": header["sha256"]}  # another worker need not hash it again
                self.inbox.append((header, []))
            elif "size" in header:
                self.inbox.append((header, [self._blob]))
            else:
                self.inbox.append((header, [ray.get(self._blob)]))
        except ray.exceptions.RayError:
            self.inbox.append(None)
        self.told = self._blob = None

    def answer(self) -> tuple[Header, list[Any]] | None:
        """Return what came."""
        return self.inbox.popleft()

    def expire(self) -> bool:
        """Nothing: the task itself ends what takes too long."""
        return False

    def end(self) -> int | None:
        """Leave."""
        return self._died
