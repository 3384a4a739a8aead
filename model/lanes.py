"""Several schedulers side by side, one processor core each, taking jobs from one queue.

A small model's decode step is too short to be divided among cores, so the answers are: at once where a step is compiled,
else when they fill the rows of one lane, as a step costs nearly the same for one answer as for all its rows. Cores without
a lane encode images ahead. Which lane a job runs in changes nothing in its answer: every lane computes the same shapes on
one thread.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event, Lock

import torch
from torch import Tensor

from dsvl2.model.answers import Answer, Job
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.steps import FEWEST
from dsvl2.model.transfer import on_device


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Let PyTorch use at most so many CPU threads inside a `with` block; None leaves them."""
    before = torch.get_num_threads()
    if threads is None or threads >= before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Lanes:
    """Runs jobs on up to `count` schedulers; `threads` limits the CPU threads inside each, None leaves them."""

    def __init__(
        self, make: Callable[[], Scheduler], *, count: int, threads: int | None, filling: int = FEWEST
    ) -> None:
        """filling: jobs of one lane before there is a second."""
        self._make, self._threads, self._filling = make, threads, filling
        self._schedulers = [make()]
        self._count = max(1, count)

    @property
    def first(self) -> Scheduler:
        """The scheduler that there always is: on a GPU the only one."""
        return self._schedulers[0]

    def release(self) -> None:
        """Give up the caches that are kept between calls; the next call makes new ones."""
        for scheduler in self._schedulers:
            scheduler.room.kept = None

    def run(self, jobs: Sequence[Job]) -> dict[int, Answer]:
        """Answer all jobs; returns the answers by job index. The first exception of any lane ends them all."""
        if not jobs:
            return {}
        lanes = min(self._count, -(-len(jobs) // self._filling))
        while len(self._schedulers) < lanes:
            self._schedulers.append(self._make())
        capacity = max(job.room for job in jobs)
        if lanes > 1:
            return self._side_by_side(jobs, lanes, capacity)
        with limited_threads(self._threads), self._made_ahead(jobs) as ready:
            return _drain(self._schedulers[0], deque(ready), capacity, Event(), waiting=len(jobs))

    @contextmanager
    def _made_ahead(self, jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
        """Let the cores that have no lane encode the images of what waits."""
        if self._count == 1 or len(jobs) == 1:
            yield jobs
            return
        ahead = {job.index: _Ahead(job.embed) for job in jobs if not job.parts}
        with ThreadPoolExecutor(self._count - 1, "dsvl2-ahead", _limit, (self._threads,)) as pool:
            try:  # from the last one on: the lane begins with the first, and makes what is not made yet itself
                for one in reversed(ahead.values()):
                    pool.submit(one.begin)
                yield [replace(job, embed=ahead[job.index].take) if job.index in ahead else job for job in jobs]
            finally:
                pool.shutdown(cancel_futures=True)

    def _side_by_side(self, jobs: Sequence[Job], lanes: int, capacity: int) -> dict[int, Answer]:
        queue, halt = deque(jobs), Event()
        with limited_threads(self._threads), ThreadPoolExecutor(lanes, "dsvl2-lane") as pool:
            futures = [
                pool.submit(_drain, scheduler, queue, capacity, halt, self._threads)
                for scheduler in self._schedulers[:lanes]
            ]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:  # all done, one failed, or an interrupt, which reaches this thread only
                halt.set()
            return {index: answer for future in futures for index, answer in future.result().items()}


class _Ahead:
    """The embeddings of one prompt, made once, by whoever comes first."""

    def __init__(self, make: Callable[[], Tensor]) -> None:
        self._make, self._lock = make, Lock()
        self._made: Tensor | None = None
        self._taken = False

    def begin(self) -> None:
        """Make them, unless they have been taken; what goes wrong is raised where they are."""
        with self._lock, suppress(Exception):
            if not self._taken:
                self._made = self._make()

    def take(self) -> Tensor:
        """What was made, or is made now; kept no longer."""
        with self._lock:
            made, self._made, self._taken = self._made, None, True
            return self._make() if made is None else made


def _limit(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)  # OpenMP keeps this number for each thread apart


def _drain(
    scheduler: Scheduler,
    queue: deque[Job],
    capacity: int,
    halt: Event,
    threads: int | None = None,
    *,
    waiting: int = FEWEST,
) -> dict[int, Answer]:
    """Answer jobs until the queue is empty or a halt is called."""
    _limit(threads)

    def pull(wait: bool) -> Job | None:
        try:
            return None if halt.is_set() else queue.popleft()
        except IndexError:
            return None

    with on_device(scheduler.device):
        return {answer.job.index: answer for answer in scheduler.serve(pull, capacity, halt.is_set, waiting=waiting)}
