"""Several schedulers side by side, one processor core each, taking jobs from one queue.

A small model's decode step is too short to be divided among cores, so the answers are. Which lane a job runs in changes
nothing in its answer: every lane computes the same shapes on one thread.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event

import torch

from dsvl2.model.answers import Answer, Job
from dsvl2.model.scheduler import Scheduler, limited_threads
from dsvl2.model.steps import ROWS
from dsvl2.model.transfer import on_device


class Lanes:
    """Runs jobs on up to `count` schedulers; `threads` limits the CPU threads inside each, None leaves them."""

    def __init__(self, make: Callable[[], Scheduler], *, count: int, threads: int | None) -> None:
        self._make, self._threads = make, threads
        self._schedulers = [make()]
        self._count = max(1, count)

    @property
    def first(self) -> Scheduler:
        """The scheduler that there always is: on a GPU the only one."""
        return self._schedulers[0]

    def run(self, jobs: Sequence[Job]) -> dict[int, Answer]:
        """Answer all jobs; returns the answers by job index. The first exception of any lane ends them all."""
        if not jobs:
            return {}
        lanes = min(self._count, len(jobs))
        queue, halt = deque(jobs), Event()
        while len(self._schedulers) < lanes:
            self._schedulers.append(self._make())
        capacity = max(job.room for job in jobs)
        if lanes <= 1:
            with limited_threads(self._threads):
                return _drain(self._schedulers[0], queue, capacity, halt, waiting=len(jobs))
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


def _drain(
    scheduler: Scheduler,
    queue: deque[Job],
    capacity: int,
    halt: Event,
    threads: int | None = None,
    *,
    waiting: int = ROWS,
) -> dict[int, Answer]:
    """Answer jobs until the queue is empty or a halt is called."""
    if threads is not None:
        torch.set_num_threads(threads)  # OpenMP keeps this number for each thread apart

    def pull(wait: bool) -> Job | None:
        try:
            return None if halt.is_set() else queue.popleft()
        except IndexError:
            return None

    with on_device(scheduler.device):
        return {answer.job.index: answer for answer in scheduler.serve(pull, capacity, halt.is_set, waiting=waiting)}
