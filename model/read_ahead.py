"""Reading the next tensors of a checkpoint while the last one is worked on: a GPU waits for one thread's page faults otherwise.

One thread reads some 2 GB/s from the page cache, most of it spent on fresh memory; four read as fast as a GPU takes them.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

THREADS = 4
WINDOW = 1 << 28  # bytes read ahead at most: they count against the memory of the host


class ReadAhead:
    """Wraps `read` for names that are asked for roughly in the order of `sizes` (name -> bytes). Use as a context manager."""

    def __init__(self, read: Callable[[str], Tensor], sizes: Mapping[str, int]) -> None:
        self._read, self._sizes = read, sizes
        self._coming: Iterator[str] = iter(sizes)
        self._next = next(self._coming, None)
        self._pool = ThreadPoolExecutor(THREADS, "dsvl2-read")
        self._begun: OrderedDict[str, Future[Tensor]] = OrderedDict()
        self._held = 0

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def read(self, name: str) -> Tensor:
        """The tensor, from what was read ahead or directly; raises what `read` raises."""
        begun = self._begun.pop(name, None)
        if begun is not None:
            self._held -= self._sizes[name]
        self._begin()
        return self._read(name) if begun is None else begun.result()

    def _begin(self) -> None:
        while self._next is not None and (self._held + self._sizes[self._next] <= WINDOW or not self._begun):
            self._begun[self._next] = self._pool.submit(self._read, self._next)
            self._held += self._sizes[self._next]
            self._next = next(self._coming, None)
