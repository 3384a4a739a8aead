"""Reading pages while the next ones are drawn: for engines that answer requests as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dsvl2.pipelines.documents import PageImage, PageResult
from dsvl2.pipelines.reading import PreparedPage
from dsvl2.pipelines.tasks.way_up import worth_turning

if TYPE_CHECKING:
    from collections.abc import Generator

    from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo

BANDS = 16  # requests that a page read by bands makes, about
Prepare = Callable[[PageImage], PreparedPage | PageResult]
Finish = Callable[[PreparedPage, Sequence["GenerationResult"]], PageResult]
Retry = Callable[[PreparedPage], PageResult]
Again = Callable[[PreparedPage, PageResult], PageResult]


@runtime_checkable
class StreamingEngine(Protocol):
    """An engine that draws requests in a thread of its own and gives out each answer, or error, with its number."""

    @property
    def info(self) -> ModelInfo: ...

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]: ...

    def stream(
        self, requests: Iterable[GenerationRequest], expected: int | None = None
    ) -> Generator[tuple[int, GenerationResult | Exception], None, None]: ...


@dataclass(slots=True, eq=False)
class _Entry:
    """A page on its way: what is known of it, and the answers so far by place."""

    page: PreparedPage | PageResult
    answers: dict[int, GenerationResult | Exception] = field(default_factory=dict)
    read: PageResult | None = None

    @property
    def done(self) -> bool:
        return isinstance(self.page, PageResult) or self.aside or len(self.answers) == len(self.page.requests)

    @property
    def aside(self) -> bool:
        """Whether it is read by itself, as no stream can: a look first, and then on or not."""
        return isinstance(self.page, PreparedPage) and self.page.odd


class Flow:
    """Turns drawn pages into results, in order. `retry` reads one page that the stream could not, or that is odd; `again`
    has another look at a page that is `worth_turning`.

    Both ask the engine, which answers one caller at a time: for `again` no more pages are drawn, the stream runs out, and
    another begins behind it. expected: about how many pages there are.
    """

    def __init__(
        self, engine: StreamingEngine, prepare: Prepare, finish: Finish, retry: Retry, again: Again, *, expected: int
    ) -> None:
        self._engine, self._prepare, self._finish, self._retry, self._again = engine, prepare, finish, retry, again
        self._expected = expected * (BANDS if engine.info.reading.mode == "bands" else 1)
        self._entries = deque[_Entry]()
        self._owners: dict[int, tuple[_Entry, int]] = {}
        self._asked = self._drawn = 0
        self._over = self._pause = False
        self._trouble: Exception | None = None

    def read(self, pages: Iterable[PageImage | PageResult]) -> Iterator[PageResult]:
        """Yield one result for each page; those that are results already take their place among them.

        What drawing a page raises is raised behind the results of the pages before it.
        """
        source = iter(pages)
        while not self._over:
            try:
                yield from self._stream(source)
            except Exception:  # the engine broke: what was under way is tried page by page, what follows as before
                if not self._drawn:
                    raise
            while self._entries:
                yield self._settled(self._entries.popleft())
        if self._trouble is not None:
            raise self._trouble

    def _stream(self, source: Iterator[PageImage | PageResult]) -> Iterator[PageResult]:
        self._owners.clear()
        self._asked = self._drawn = 0
        self._pause = False
        with closing(self._engine.stream(self._requests(source), self._expected)) as answers:
            for number, answer in answers:
                entry, place = self._owners.pop(number)
                entry.answers[place] = answer
                while not self._pause and self._entries and self._entries[0].done:
                    self._pause = self._wants_another(self._entries[0])
                    if not self._pause:
                        yield self._result(self._entries.popleft())

    def _requests(self, source: Iterator[PageImage | PageResult]) -> Iterator[GenerationRequest]:
        """Draw and prepare pages: runs in the engine's thread."""
        while True:
            if self._pause:
                return
            try:
                page = next(source)
            except StopIteration:
                break
            except Exception as error:
                self._trouble = error
                break
            self._drawn += 1
            entry = _Entry(page if isinstance(page, PageResult) else self._prepare(page))
            del page
            requests = () if isinstance(entry.page, PageResult) or entry.aside else entry.page.requests
            for place in range(len(requests)):
                self._owners[self._asked + place] = entry, place
            self._asked += len(requests)
            self._entries.append(entry)
            self._pause |= entry.aside
            yield from requests
        self._over = True

    def _wants_another(self, entry: _Entry) -> bool:
        return isinstance(entry.page, PreparedPage) and (entry.aside or worth_turning(entry.page, self._result(entry)))

    def _settled(self, entry: _Entry) -> PageResult:
        """Return the result of a page when no stream is running."""
        result = self._result(entry)
        return self._again(entry.page, result) if isinstance(entry.page, PreparedPage) else result

    def _result(self, entry: _Entry) -> PageResult:
        if entry.read is None:
            entry.read = self._first(entry)
        return entry.read

    def _first(self, entry: _Entry) -> PageResult:
        if isinstance(entry.page, PageResult):
            return entry.page
        if entry.aside:
            return self._retry(entry.page)
        answers = [entry.answers.get(place) for place in range(len(entry.page.requests))]
        good = [answer for answer in answers if answer is not None and not isinstance(answer, Exception)]
        return self._finish(entry.page, good) if len(good) == len(answers) else self._retry(entry.page)
