"""A scheduler in a thread of its own, fed by another: whoever makes requests or takes answers never keeps a GPU waiting."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

from dsvl2.model.answers import Answer, Job
from dsvl2.model.running import LATER, Later
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.transfer import on_device

AHEAD = 24  # requests that may wait for their turn; those not yet asked for are not made
SWITCH = 2e-4  # seconds that the scheduler waits for the interpreter at most, per call: 5 ms by default, half a step of small
T = TypeVar("T")
LOOK = 0.1  # seconds between two looks whether to stop


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing more comes, and why."""

    trouble: BaseException | None = None


def stream(scheduler: Scheduler, jobs: Iterable[Job], *, capacity: int, waiting: int) -> Generator[Answer, None, None]:
    """Yield answers as they finish. `jobs` are drawn in a thread of their own, at most AHEAD before their turn.

    What drawing a job raises is raised here when the answers before it are out; what the scheduler raises, at once. Closing
    the iterator stops everything.
    """
    asked, done, halt = Queue[Job | _End](AHEAD), Queue[Answer | _End](), Event()
    threads = [
        Thread(target=_feed, args=(jobs, asked, halt), name="dsvl2-feed", daemon=True),
        Thread(target=_work, args=(scheduler, asked, done, halt, capacity, waiting), name="dsvl2-work", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        while True:
            item = _patient(done.get, Event())
            if isinstance(item, _End):
                if item.trouble is not None:
                    raise item.trouble
                return
            assert item is not None  # nobody stops this queue
            yield item
    finally:
        halt.set()
        for thread in threads:
            thread.join()


def _feed(jobs: Iterable[Job], asked: "Queue[Job | _End]", halt: Event) -> None:
    trouble: BaseException | None = None
    try:
        for job in jobs:
            if not _put(asked, job, halt):
                return
    except BaseException as error:  # handed to whoever takes the answers
        trouble = error
    _put(asked, _End(trouble), halt)


def _put(asked: "Queue[Job | _End]", item: Job | _End, halt: Event) -> bool:
    while not halt.is_set():
        with suppress(Full):
            asked.put(item, timeout=LOOK)
            return True
    return False


def _work(
    scheduler: Scheduler,
    asked: "Queue[Job | _End]",
    done: "Queue[Answer | _End]",
    halt: Event,
    capacity: int,
    waiting: int,
) -> None:
    end = _End()

    def pull(wait: bool) -> Job | Later | None:
        if not wait:
            with suppress(Empty):
                return settled(asked.get_nowait())
            return LATER
        return settled(_patient(asked.get, halt))

    def settled(item: Job | _End | None) -> Job | None:
        nonlocal end
        if isinstance(item, _End):
            end = item
            return None
        return item

    try:
        with on_device(scheduler.device), _alert():
            for answer in scheduler.serve(pull, capacity, halt.is_set, waiting=waiting):
                done.put(answer)
    except BaseException as error:  # likewise
        end = _End(error)
    done.put(end)


@contextmanager
def _alert() -> Iterator[None]:
    """Let threads take turns more often: one that draws pages or packs results would keep the device waiting."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _patient(get: Callable[..., T], halt: Event) -> T | None:
    """Wait for an item, and look now and then whether to stop: an interrupt reaches a thread only between two waits."""
    while not halt.is_set():
        with suppress(Empty):
            return get(timeout=LOOK)
    return None
