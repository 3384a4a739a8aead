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

    def __init__(self, engine: Engine, *, charts: bool = False) -> None:
        """`charts` says that questions are about charts: they are answered from the charts' data."""
        info = engine.info
        self.engine, self._charts = engine, charts
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
        ways: dict[str, Callable[[Sequence[Item]], list[Told]]] = {
            "ocr": self._ocr,
            "ask": self._ask,
            "choice": self._choice,
            "formula": self._formula,
        }
        ways |= {"table": self._table, "extract": self._extract, "ground": self._ground, "chart": self._chart}
        return ways

    def _read(self, pages: Sequence[PageImage]) -> list[PageResult]:
        return list(run(OcrTask(), pages, self.engine))

    def _ocr(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.evaluation.metrics import strip_markdown

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

    def _table(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.tables import TableTask, document_tables

        found = document_tables(list(run(TableTask(), pages_of(items[0]), self.engine)))
        largest = max(found, key=lambda table: table.rows * table.columns, default=None)
        return [(largest, None) for _ in items]

    def _chart(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.charts.read import read_page

        charts = [read_page(page.image, self.engine) for page in pages_of(items[0], color=True)]
        points = [(series.name, point) for chart in charts for series, point in chart.points()]
        data = [{"series": name, "label": point.label, "value": point.value} for name, point in points]
        return [(data, None) for _ in items]

    def _extract(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.extract import Asker, Options, View, extract, read_schema
        from dsvl2.pipelines.extract import pages_of as views_of

        pages = pages_of(items[0])
        told: list[Told] = []
        bands = self.engine.info.reading.mode == "bands"
        read = self._read(pages) if bands else []
        for item in items:
            form = read_schema(
                ", ".join(f"{name}[]" if isinstance(item.truth[name], list) else name for name in item.truth)
            )
            asker = Asker(self.engine, form, Options())
            views = views_of(read, asker.room) if bands else [View(p.number, None, lambda p=p: p.image) for p in pages]  # type: ignore[misc]
            found = extract(item.file.name, views, self.engine, form, asker=asker)
            told.append((found.data, None))
        return told

    def _ground(self, items: Sequence[Item]) -> list[Told]:
        from dsvl2.pipelines.grounding import ground_image, ground_read

        (page, *_) = pages_of(items[0])
        bands = self.engine.info.reading.mode == "bands"
        read = self._read([page])[0] if bands else None
        told: list[Told] = []
        for item in items:
            found = (
                ground_read(page.source, read, item.prompt)
                if read is not None
                else ground_image(page.source, page.number, page.image, item.prompt, self.engine)
            )
            best = found.boxes[0] if found.boxes else None
            told.append(((best.box.x0, best.box.y0, best.box.x1, best.box.y1) if best else None, None))
        return told

    def _ask(self, items: Sequence[Item]) -> list[Told]:
        return self._questions(items, [item.prompt for item in items])

    def _choice(self, items: Sequence[Item]) -> list[Told]:
        if self.engine.info.reading.mode == "bands":  # copies from the page: its answer is compared with the options
            return self._ask(items)
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
        from dsvl2.pipelines.ask import AskPage, ask_charts, ask_images, ask_text

        pages = pages_of(items[0], color=self._charts)  # as `dsvl2 ask --chart` draws them
        bands = self.engine.info.reading.mode == "bands"
        texts = self._read(pages) if bands and not self._charts else [None] * len(pages)
        askable = [
            AskPage(page.source, page.number, text, lambda page=page: page.image)  # type: ignore[misc]
            for page, text in zip(pages, texts, strict=True)
        ]
        ask = ask_charts if self._charts else ask_text if bands else ask_images
        results = ask(askable, list(questions), self.engine)
        return [(result.answer, result.confidence) for result in results]
