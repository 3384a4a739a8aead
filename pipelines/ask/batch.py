"""Questions in a batch: pages are read once, as text or as charts, and every document answers all questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.ask.charts import ask_read_charts, with_charts
from dsvl2.pipelines.ask.images import ask_images
from dsvl2.pipelines.ask.plan import CANDIDATES, check_question
from dsvl2.pipelines.ask.task import SPEC
from dsvl2.pipelines.ask.text import ask_text
from dsvl2.pipelines.ask.types import AskPage, AskResult, PageRef
from dsvl2.pipelines.charts.batch import ChartBatch
from dsvl2.pipelines.charts.types import ChartData
from dsvl2.pipelines.documents import OptionValue, PageResult
from dsvl2.pipelines.errors import QuestionError, UnreadableFile
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
    from PIL.Image import Image

    from dsvl2.pipelines.documents import PageImage
    from dsvl2.pipelines.sources import SourceOptions


def ask_batch(options: TaskOptions) -> BatchTask:
    """Return the task. Options: `questions`, a list; `candidates`, how many pages are asked for each; `chart`: the pages are
    charts, and their data answers.

    Raises:
        QuestionError.
    """
    return ChartAskBatch(options) if options.get("chart") else AskBatch(options)


class AskBatch(BatchTask):
    """Questions that the text of a document answers, and the data of charts where few pages show some."""

    name = "ask"
    asks_whole = True

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(OcrTask())
        self.questions = [check_question(text, number) for number, text in enumerate(options.get("questions") or (), 1)]
        if not self.questions:
            raise QuestionError(
                "no question was asked", hint='dsvl2 batch invoices/ --task ask -Q "total due?" -o out/'
            )
        self.candidates = int(options.get("candidates") or CANDIDATES)

    def facts(self) -> dict[str, OptionValue]:
        """Return the options that can change an answer."""
        return {"questions": json.dumps(self.questions, ensure_ascii=False), "candidates": self.candidates}

    def page_engine(self, engine: Engine) -> Engine:
        """Return the engine that reads pages."""
        return text_engine(engine)

    def answer(self, document: WholeDocument, engine: Engine) -> PageReading:
        """Ask all questions of the pages, by their text or as the model sees them."""
        if not document.good:
            raise UnreadableFile(f"no page of {document.name} could be read")
        lost = _lost(document)
        pages = [_page(document, page.result) for page in document.good]
        bands = engine.info.reading.mode == "bands"
        ask = ask_text if bands else ask_images
        results = ask(pages, self.questions, engine, candidates=self.candidates, not_read=lost)
        if bands:
            results = with_charts(results, pages, self.questions, engine)
        return PageReading(PageResult(0), to_plain(results))

    def formats(self) -> tuple[ValueFormat, ...]:
        """A line of JSON for each question (as `dsvl2 ask --json` prints it), a list of them, or text."""
        return (*json_formats(_records, single=False), ValueFormat("text", (".txt",), _text))


class ChartAskBatch(AskBatch):
    """Questions that the data of charts answers. Pages are read as by the task chart, and not a second time after it."""

    reading = ChartBatch.reading
    reads_text = ChartBatch.reads_text

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(options)
        self._charts = ChartBatch({})

    def facts(self) -> dict[str, OptionValue]:
        """Return the options that can change an answer."""
        return {**super().facts(), "chart": True}

    def source(self, options: SourceOptions) -> SourceOptions:
        """Return the options with colour."""
        return self._charts.source(options)

    def page_engine(self, engine: Engine) -> Engine:
        """Return the engine itself: it reads charts."""
        return engine

    def read(self, pages: Sequence[PageImage], engine: Engine) -> Sequence[PageReading]:
        """Read the chart of each page."""
        return self._charts.read(pages, engine)

    def answer(self, document: WholeDocument, engine: Engine) -> PageReading:
        """Answer all questions from the charts of the document."""
        if not document.good:
            raise UnreadableFile(f"no page of {document.name} could be read")
        charts = [(_page(document, page.result), from_plain(ChartData, page.value)) for page in document.good]
        results = ask_read_charts(charts, self.questions)
        return PageReading(PageResult(0), to_plain([replace(one, pages_not_read=_lost(document)) for one in results]))


def _lost(document: WholeDocument) -> tuple[PageRef, ...]:
    return tuple(PageRef(document.name, page.result.number) for page in document.pages if page.result.error)


def _page(document: WholeDocument, result: PageResult) -> AskPage:
    def draw() -> Image:
        return document.draw(result.number).image

    return AskPage(document.name, result.number, result, draw)


def _results(done: Finished) -> Sequence[AskResult]:
    found: Sequence[AskResult] = from_plain(tuple[AskResult, ...], done.answer)
    return found


def _records(done: Finished) -> list[Any]:
    return [SPEC.record(result) for result in _results(done)]


def _text(done: Finished) -> str:
    lines = [f"# {done.document.source}"]
    for result in _results(done):
        place = f" (page {result.page})" if result.found else ""
        lines += [f"Q: {result.question}", f"A: {result.answer or 'not in the document'}{place}"]
    return "\n".join(lines) + "\n"
