"""A limit on the time of a page: what is going on when it is over is ended by an exception, and the next page begins."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dsvl2.pipelines.errors import OutOfTime

_AGAIN = 2.0  # seconds until it is raised once more, should something have caught it that goes on


class PageClock:
    """Raises OutOfTime in the main thread when a page has taken longer than `seconds`; None, or no main thread: never.

    As with Ctrl-C the exception comes between two steps of Python: a library that does not return is not ended (a batch
    ends its process). Systems without SIGALRM have no such limit: `works` says so.
    """

    works = hasattr(signal, "setitimer")

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._running = False

    @contextmanager
    def page(self) -> Iterator[None]:
        """Limit the time of the block."""
        if not self._seconds or not self.works or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGALRM, self._over)
        self._running = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN)
        try:
            yield
        finally:
            self._running = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _over(self, number: int, frame: FrameType | None) -> None:
        if self._running:
            raise OutOfTime(f"it was not read within {self._seconds:g} s")
