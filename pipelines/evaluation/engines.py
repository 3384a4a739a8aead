"""What can be measured: anything that turns items into predictions. Others than our own only read text."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.evaluation.items import Item, Prediction
from dsvl2.pipelines.evaluation.sets import SetError
from dsvl2.pipelines.sources import SourceOptions, open_source


class EngineUnavailable(DocumentError):
    """An engine to compare with cannot be run here."""

    code = "evaluation_engine"


class Measured(Protocol):
    """An engine under measurement. `about` is one line for the report; `tasks` is what it can do."""

    name: str
    about: str
    tasks: frozenset[str]

    def predict(self, items: Sequence[Item]) -> list[Prediction]:
        """One prediction per item; all items are of the same file and task. A failure is a prediction with `error`."""
        ...


class TextEngine:
    """Any function from a page image to its text."""

    tasks = frozenset({"ocr"})

    def __init__(self, name: str, about: str, read: Callable[[PageImage], str]) -> None:
        self.name, self.about, self._read = name, about, read

    def read_page(self, page: PageImage) -> str:
        """The text of one page."""
        return self._read(page)

    def predict(self, items: Sequence[Item]) -> list[Prediction]:
        """Read every page of the file, once for all items."""
        start = time.perf_counter()
        try:
            text = "\n".join(self._read(page) for page in pages_of(items[0]))
        except (DocumentError, OSError, ValueError) as error:
            return [Prediction(None, error=str(error)) for _ in items]
        share = (time.perf_counter() - start) / len(items)
        return [Prediction(text, share) for _ in items]


def pages_of(item: Item, *, color: bool = False) -> list[PageImage]:
    """The pages of an item's file as images, grey unless `color`; a good text layer of a PDF is not used."""
    with open_source(str(item.file), SourceOptions(text_layer="ignore", color=color)) as source:
        return [page for page in source if isinstance(page, PageImage)]


def tesseract(languages: str = "eng") -> TextEngine:
    """The `tesseract` program; raises EngineUnavailable when it is not installed."""
    from dsvl2.pipelines.evaluation.page_sets import EvalPage
    from dsvl2.pipelines.evaluation.readers import TesseractReader

    reader = TesseractReader(languages)

    def read(page: PageImage) -> str:
        line = page.image.width > 6 * page.image.height
        return reader.read(EvalPage("", page.source, page.image.convert("L"), page.dpi, "", line=line)).text

    return TextEngine(reader.name, reader.about, read)


def rapidocr() -> TextEngine:
    """RapidOCR's ONNX models (package rapidocr-onnxruntime); raises EngineUnavailable when it is not installed."""
    try:
        from rapidocr_onnxruntime import RapidOCR  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise EngineUnavailable(
            "the package rapidocr-onnxruntime is not installed", hint="pip install 'dsvl2[rapidocr]'"
        ) from error
    network = cache(RapidOCR)

    def read(page: PageImage) -> str:
        found: Any = network()(np.asarray(page.image.convert("RGB"))[..., ::-1])[0]
        return "\n".join(row[1] for row in found or ())

    return TextEngine("rapidocr", "RapidOCR, ONNX Runtime, its own models", read)


def engine_named(name: str) -> TextEngine:
    """tesseract, tesseract:LANGUAGES or rapidocr. Raises EngineUnavailable."""
    program, _, languages = name.partition(":")
    if program == "tesseract":
        return tesseract(languages or "eng")
    if program == "rapidocr":
        return rapidocr()
    raise EngineUnavailable(f"no engine is called {name!r}", hint="known: tesseract, tesseract:eng+deu, rapidocr")


def check_pictures(items: Sequence[Item]) -> None:
    """Raise SetError naming the first file of a set that is not there, before anything is measured."""
    for item in items:
        if not item.file.is_file():
            raise SetError(f"{item.file} does not exist", hint="unpack the set's pictures beside its list")
