"""The task that reads: everything on a page, as the checkpoint's reading profile says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dsvl2.model import GenerationResult, ReadingProfile
from dsvl2.pipelines.confidence import Calibration, calibration_of
from dsvl2.pipelines.documents import Block, Document, PageImage, PageResult
from dsvl2.pipelines.errors import page_error
from dsvl2.pipelines.formats import published_schema
from dsvl2.pipelines.parsing import parse_markdown
from dsvl2.pipelines.reading import PreparedPage, finish, prepare
from dsvl2.pipelines.tasks.base import Engine, Parsed, Prompts, TaskSpec
from dsvl2.pipelines.tasks.flowing import Flow, StreamingEngine
from dsvl2.pipelines.tasks.wary import read_warily
from dsvl2.pipelines.tasks.way_up import the_surer, worth_turning


class OcrTask:
    """Read everything on the page, as the checkpoint's reading profile says.

    All parts of all the pages in one call go to the model together. If that fails the pages are tried one by one, so
    that only those that cannot be read fail.
    """

    name = "ocr"

    def __init__(self, profile: ReadingProfile | None = None) -> None:
        self.profile = profile

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageResult]:
        """Read the pages; blank ones never reach the model."""
        profile = self.profile or engine.info.reading
        prepared = [_prepare(page, profile) for page in pages]
        waiting = [page for page in prepared if isinstance(page, PreparedPage)]
        first = _read_together(waiting, engine)
        results = iter([_either_way(page, read, engine) for page, read in zip(waiting, first, strict=True)])
        return [next(results) if isinstance(page, PreparedPage) else page for page in prepared]

    def flow(
        self, pages: Iterable[PageImage | PageResult], engine: StreamingEngine, *, expected: int
    ) -> Iterator[PageResult]:
        """Read pages as they are drawn, in order; results among them, of pages that need no reading, keep their places."""
        profile, calibration = self.profile or engine.info.reading, calibration_of(engine.info)
        return Flow(
            engine,
            lambda page: _prepare(page, profile),
            lambda page, answers: _finish(page, answers, calibration),
            lambda page: _read_together([page], engine)[0],
            lambda page, read: _either_way(page, read, engine),
            expected=expected,
        ).read(pages)


def _prepare(page: PageImage, profile: ReadingProfile) -> PreparedPage | PageResult:
    try:
        return prepare(page, profile)
    except Exception as error:  # one bad page must not stop the others, whatever is wrong with it
        return failed_page(page, error)


def _read_together(pages: Sequence[PreparedPage], engine: Engine) -> list[PageResult]:
    """Read pages at once, those that are odd one by one behind them."""
    plain = iter(_read_plain([page for page in pages if not page.odd], engine))
    return [_read_odd(page, engine) if page.odd else next(plain) for page in pages]


def _read_odd(page: PreparedPage, engine: Engine) -> PageResult:
    calibration = calibration_of(engine.info)
    try:
        return read_warily(page, engine, lambda part, answers: _finish(part, answers, calibration))
    except Exception as error:
        return replace(page.result, error=page_error(error))


def _read_plain(pages: Sequence[PreparedPage], engine: Engine) -> list[PageResult]:
    requests = [request for page in pages for request in page.requests]
    try:
        answers = iter(engine.generate(requests) if requests else [])
    except Exception as error:
        if len(pages) > 1:
            return [result for page in pages for result in _read_plain([page], engine)]
        return [replace(page.result, error=page_error(error)) for page in pages]
    calibration = calibration_of(engine.info)
    return [_finish(page, [next(answers) for _ in page.requests], calibration) for page in pages]


def _either_way(page: PreparedPage, read: PageResult, engine: Engine) -> PageResult:
    if not worth_turning(page, read):
        return read
    return the_surer(page, read, lambda other: _read_together([other], engine)[0])


def _finish(page: PreparedPage, answers: Sequence[GenerationResult], calibration: Calibration | None) -> PageResult:
    try:
        return finish(page, answers, calibration)
    except Exception as error:
        return replace(page.result, error=page_error(error))


def failed_page(page: PageImage, error: BaseException) -> PageResult:
    """Return the result of a page that could not be read because of `error`."""
    width, height = page.image.size
    return PageResult(page.number, (), width, height, page.dpi, warnings=page.notices, error=page_error(error))


def _parse(output: str) -> Parsed[tuple[Block, ...]]:
    return Parsed(tuple(parsed.block for parsed in parse_markdown(output)))


SPEC = TaskSpec(
    name="ocr",
    summary="Read everything on the page",
    prompts=Prompts(page=ReadingProfile().prompt, nano="<image>\nRead."),
    parse=_parse,
    result=Document,  # written by the output formats, not by `record`
    schema=published_schema,
)
