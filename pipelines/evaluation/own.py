"""Our own engine under measurement: every task as its command does it, on any checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from dsvl2.pipelines.documents import Document, PageImage, PageResult
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.engines import pages_of
from dsvl2.pipelines.evaluation.items import Item, Prediction
from dsvl2.pipelines.formats import get_format
from dsvl2.pipelines.run import run
from dsvl2.pipelines.tasks import Engine, OcrTask

Told = tuple[Any, float | None]  # a value and its confidence


class OwnEngine:
    """A loaded checkpoint. Pages are read once for all items about them, and the time is shared out among these."""

    def __init__(self, engine: Engine) -> None:
        info = engine.info
        self.engine = engine
        self.name = info.name
        self.about = f"{info.name} {info.scheme} {info.dtype} {info.device} {info.fingerprint[:12]}"
        self.tasks = frozenset(self._ways())

    def predict(self, items: Sequence[Item]) -> list[Prediction]:
        """One prediction per item of the same file and task; a failure is one with `error`."""
        start = time.perf_counter()
        try:
            told = self._ways()[items[0].task](items)
        except (DocumentError, OSError, ValueError, RuntimeError) as error:
            return [Prediction(None, error=f"{type(error).__name__}: {error}") for _ in items]
        share = (time.perf_counter() - start) / len(items)
        return [Prediction(value, share, confidence) for value, confidence in told]

    def _ways(self) -> dict[str, Callable[[Sequence[Item]], list[Told]]]:
        return {"ocr": self._ocr, "ask": self._ask, "choice": self._choice, "formula": self._formula}

    def _read(self, pages: Sequence[PageImage]) -> list[PageResult]:
        return list(run(OcrTask(), pages, self.engine))

    def _ocr(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.training.metrics import strip_markdown

        pages = pages_of(items[0])
        read = tuple(self._read(pages))
        document = Document(pages[0].source, read, page_count=len(read))
        text = strip_markdown(str(get_format("markdown").render(document)))
        known = [page.confidence for page in read if page.confidence is not None]
        return [(text, min(known, default=None)) for _ in items]

    def _formula(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.formulas import read_formulas

        found = read_formulas(pages_of(items[0]), self.engine, whole=True)
        known = [result.confidence for result in found if result.confidence is not None]
        told = r"\\".join(result.latex for result in found)
        return [(told, min(known, default=None)) for _ in items]

    def _ask(self, items: Sequence[Item]) -> list[Told]:
        return self._questions(items, [item.prompt for item in items])

    def _choice(self, items: Sequence[Item]) -> list[Told]:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        asked = [
            "\n".join(
                [item.prompt, *(f"{letter}. {text}" for letter, text in zip(letters, item.options, strict=False))]
            )
            + "\nAnswer with the option's letter."
            for item in items
        ]
        return self._questions(items, asked)

    def _questions(self, items: Sequence[Item], questions: Sequence[str]) -> list[Told]:
        from dsvl2.pipelines.ask import AskPage, ask_images, ask_text

        pages = pages_of(items[0])
        bands = self.engine.info.reading.mode == "bands"
        texts = self._read(pages) if bands else [None] * len(pages)
        askable = [
            AskPage(page.source, page.number, text, lambda page=page: page.image)  # type: ignore[misc]
            for page, text in zip(pages, texts, strict=True)
        ]
        results = (ask_text if bands else ask_images)(askable, list(questions), self.engine)
        return [(result.answer, result.confidence) for result in results]
