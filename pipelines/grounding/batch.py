"""Places in a batch: a phrase looked for on every page of every document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsvl2.pipelines.documents import OptionValue, PageResult
from dsvl2.pipelines.errors import UnreadableFile
from dsvl2.pipelines.grounding.ground import check_phrase, ground_image, ground_read
from dsvl2.pipelines.grounding.task import SPEC
from dsvl2.pipelines.grounding.types import GroundResult
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


class GroundBatch(BatchTask):
    """Option: `phrase`, what to look for."""

    name = "ground"
    asks_whole = True

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(OcrTask())
        self.phrase = check_phrase(str(options.get("phrase") or ""))

    def facts(self) -> dict[str, OptionValue]:
        """Return the options that can change what is found."""
        return {"phrase": self.phrase}

    def page_engine(self, engine: Engine) -> Engine:
        """Return the engine that reads pages."""
        return text_engine(engine)

    def answer(self, document: WholeDocument, engine: Engine) -> PageReading:
        """Look for the phrase on every page, among its words or by showing it to the model."""
        if not document.good:
            raise UnreadableFile(f"no page of {document.name} could be read")
        found = [self._on(document, page.result, engine) for page in document.good]
        return PageReading(PageResult(0), to_plain(found))

    def _on(self, document: WholeDocument, page: PageResult, engine: Engine) -> GroundResult:
        if engine.info.reading.mode == "bands":
            return ground_read(document.name, page, self.phrase)
        image = document.draw(page.number).image
        return ground_image(document.name, page.number, image, self.phrase, engine)

    def formats(self) -> tuple[ValueFormat, ...]:
        """A line of JSON for each page, as `dsvl2 ground --json` prints it, or a list of them."""
        return json_formats(_records, single=False)


def _records(done: Finished) -> Sequence[Any]:
    return [SPEC.record(one) for one in from_plain(tuple[GroundResult, ...], done.answer)]
