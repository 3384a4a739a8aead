"""Questions in a batch: pages are read once, and every document answers all questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.ask.images import ask_images
from dsvl2.pipelines.ask.plan import CANDIDATES, check_question
from dsvl2.pipelines.ask.task import SPEC
from dsvl2.pipelines.ask.text import ask_text
from dsvl2.pipelines.ask.types import AskPage, AskResult, PageRef
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


class AskBatch(BatchTask):
    """Options: `questions`, a list; `candidates`, how many pages are asked for each."""

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
        lost = tuple(PageRef(document.name, page.result.number) for page in document.pages if page.result.error)
        pages = [_page(document, page.result) for page in document.good]
        ask = ask_text if engine.info.reading.mode == "bands" else ask_images
        results = ask(pages, self.questions, engine, candidates=self.candidates, not_read=lost)
        return PageReading(PageResult(0), to_plain(results))

    def formats(self) -> tuple[ValueFormat, ...]:
        """A line of JSON for each question (as `dsvl2 ask --json` prints it), a list of them, or text."""
        return (*json_formats(_records, single=False), ValueFormat("text", (".txt",), _text))


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
