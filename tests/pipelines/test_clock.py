"""A page that takes too long fails alone; the others are read, and nothing is raised once a page is done."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from dsvl2.pipelines.clock import PageClock
from dsvl2.pipelines.documents import PageImage, PageResult
from dsvl2.pipelines.errors import OutOfTime
from dsvl2.pipelines.run import run
from dsvl2.pipelines.tasks import Engine

pytestmark = pytest.mark.skipif(not PageClock.works, reason="no SIGALRM here")


class Slow:
    """A task that takes its time over one page, and lets the first exception pass as some libraries do."""

    name = "slow"

    def __init__(self, number: int) -> None:
        self.number = number

    def read(self, pages: list[PageImage], engine: Engine) -> list[PageResult]:
        for page in pages:
            if page.number == self.number:
                try:
                    time.sleep(30)
                except OutOfTime:
                    time.sleep(30)
        return [PageResult(page.number) for page in pages]


def drawn() -> Iterator[PageImage]:
    for number in (1, 2, 3):
        yield PageImage(number, Image.new("L", (9, 9)), 72)


def test_a_page_that_takes_too_long_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2.pipelines.clock._AGAIN", 0.2)
    started = time.monotonic()
    results = list(run(Slow(2), drawn(), object(), page_seconds=0.3))  # type: ignore[arg-type]
    assert time.monotonic() - started < 10
    assert [page.error and page.error.code for page in results] == [None, "timeout", None]
    assert "0.3 s" in results[1].error.message and "--page-timeout" in results[1].error.hint  # type: ignore[union-attr]


def test_nothing_is_raised_behind_a_page_and_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with PageClock(0.1).page():
        pass
    time.sleep(0.2)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_without_a_limit_or_outside_the_main_thread_nothing_is_set() -> None:
    done = []

    def block() -> None:
        with PageClock(0.05).page():
            time.sleep(0.1)
            done.append(1)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    with PageClock(None).page():
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert done == [1]
