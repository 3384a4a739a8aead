"""Pages to HTML in a batch: one file for each document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.errors import TooManyPages, UnreadableFile
from dsvl2.pipelines.page2code.task import SPEC, PageCode, page_from_image, page_from_reading
from dsvl2.pipelines.tasks.base import Engine
from dsvl2.pipelines.tasks.batching import (
    BatchTask,
    Finished,
    PageReading,
    TaskOptions,
    ValueFormat,
    WholeDocument,
    json_formats,
)
from dsvl2.pipelines.tasks.companions import text_engine
from dsvl2.pipelines.tasks.ocr import OcrTask
from dsvl2.pipelines.tasks.plain import from_plain, to_plain

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import SourceOptions


class PageCodeBatch(BatchTask):
    """Takes no options."""

    name = "page2code"
    asks_whole = True

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(OcrTask())

    def source(self, options: SourceOptions) -> SourceOptions:
        """Return the options with colour, for the pictures."""
        return replace(options, color=True)

    def page_engine(self, engine: Engine) -> Engine:
        """Return the engine that reads pages."""
        return text_engine(engine)

    def answer(self, document: WholeDocument, engine: Engine) -> PageReading:
        """Place what was read, or show the one page to the model."""
        good = [page.result for page in document.good]
        if not good:
            raise UnreadableFile(f"no page of {document.name} could be read")
        if engine.info.reading.mode == "bands":
            code = page_from_reading(document.name, [(page, document.draw(page.number).image) for page in good])
        elif len(good) > 1:
            fact = f"{document.name} has {len(good)} pages; one makes an HTML file"
            raise TooManyPages(fact, hint="choose with --pages 1")
        else:
            image = document.draw(good[0].number).image
            code = page_from_image(document.name, good[0].number, image, engine)
        return PageReading(PageResult(0, warnings=code.notices), to_plain(code))

    def formats(self) -> tuple[ValueFormat, ...]:
        """HTML, or JSON as `dsvl2 schema page2code` describes it."""
        lines, whole = json_formats(_records, single=True)
        return (ValueFormat("html", (".html", ".htm"), lambda done: _code(done).html, joins=False), whole, lines)


def _code(done: Finished) -> PageCode:
    found: PageCode = from_plain(PageCode, done.answer)
    return found


def _records(done: Finished) -> Sequence[Any]:
    return [SPEC.record(_code(done))]
