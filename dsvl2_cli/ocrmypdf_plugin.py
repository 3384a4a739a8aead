"""dsvl2 as OCRmyPDF's engine: `ocrmypdf --plugin dsvl2_cli.ocrmypdf_plugin in.pdf out.pdf`.

OCRmyPDF sees to pages, images, PDF/A and sizes; the text and its places come from here. Model and device are dsvl2's own
settings (DSVL2_MODEL, dsvl2.toml ...). The extra `dsvl2[ocrmypdf]` installs what it needs. Tesseract has to be there too:
OCRmyPDF asks for it whatever engine reads.

It is not registered as an entry point: being installed must not make it the engine of every ocrmypdf run.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrmypdf import hookimpl

from dsvl2_cli import __version__

if TYPE_CHECKING:
    from dsvl2.pipelines import Document, Engine

LANGUAGES = (
    "eng deu fra spa ita por nld swe dan nor nob fin pol ces slk slv hrv hun ron est lav lit tur cat glg eus afr lat"
)
"""What nano reads: Latin script. OCRmyPDF refuses any other -l."""

SURE = 15.0  # OCRmyPDF's figure for a page that stands as it should beyond doubt

_lock = threading.Lock()  # pages may come in threads; the engine serves one call at a time


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Load the model of this process, as dsvl2's settings say; one thread unless they say more: pages run in parallel."""
    from dataclasses import replace

    from dsvl2_cli import engines
    from dsvl2_cli.settings import resolve

    settings = resolve().settings
    return engines.make_engine(replace(settings, threads=settings.threads or 1))


class Dsvl2Engine:
    """What OCRmyPDF asks of an engine (`ocrmypdf.pluginspec.OcrEngine`)."""

    @staticmethod
    def version() -> str:
        """Return this program's version."""
        return __version__

    @staticmethod
    def creator_tag(options: Any) -> str:
        """Return what the PDF names as its maker, beside OCRmyPDF."""
        return f"dsvl2 {__version__}"

    def __str__(self) -> str:
        return f"dsvl2 {__version__}"

    @staticmethod
    def languages(options: Any) -> set[str]:
        """Return the languages that -l may name; they do not change what is read."""
        return set(LANGUAGES.split())

    @staticmethod
    def get_orientation(input_file: Path, options: Any) -> Any:
        """Return the quarter turns that the page cutter finds; of a blank page nothing is known."""
        from ocrmypdf.pluginspec import OrientationConfidence

        layout = _layout(input_file)
        angle = -layout.rotation % 360  # how it lies, counted as Tesseract counts: OCRmyPDF turns it back
        return OrientationConfidence(angle, 0.0 if layout.blank else SURE)

    @staticmethod
    def get_deskew(input_file: Path, options: Any) -> float:
        """Return the angle in degrees by which --deskew turns the page, counter-clockwise."""
        return float(_layout(input_file).skew)

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: Any) -> None:
        """Read a page image into hOCR and plain text."""
        from dsvl2.pipelines import get_format

        document = read(input_file)
        output_hocr.write_text(get_format("hocr").render(document), encoding="utf-8")
        output_text.write_text(get_format("text").render(document), encoding="utf-8")

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: Any) -> None:
        """Read a page image into a PDF page with nothing but invisible text (--pdf-renderer sandwich)."""
        from dsvl2.pipelines import get_format
        from dsvl2.pipelines.searchable import text_only_pdf

        document = read(input_file)
        output_pdf.write_bytes(text_only_pdf(document))
        output_text.write_text(get_format("text").render(document), encoding="utf-8")

    @staticmethod
    def supports_generate_ocr() -> bool:
        """Say that hOCR is what pages come as."""
        return False


def read(path: Path) -> Document:
    """Read one page image; an image that cannot be read raises its error, which OCRmyPDF reports with the page."""
    from dsvl2.pipelines import read_document
    from dsvl2.pipelines.sources import Limits, SourceOptions

    with _lock:
        document = read_document(path, engine(), options=SourceOptions(limits=Limits(megapixels=0)))
    failed = [page.error for page in document.pages if page.error is not None]
    if failed:
        raise RuntimeError(f"dsvl2: {failed[0].message}")
    return document


def _layout(path: Path) -> Any:
    """Return how the page lies; that does not depend on the model, nor on the profile that the cutter asks for."""
    import numpy as np
    from PIL import Image

    from dsvl2.model import ReadingProfile
    from dsvl2.pipelines.layout import analyse

    profile = ReadingProfile(mode="bands", line_pitch=32.0, x_height=12.0, location_bins=48)
    with Image.open(path) as image:
        return analyse(np.asarray(image.convert("L")), profile)


def get_ocr_engine(options: Any) -> Dsvl2Engine | None:
    """Offer this engine unless another one was asked for by name."""
    chosen = "auto" if options is None else getattr(options, "ocr_engine", "auto")
    return Dsvl2Engine() if chosen == "auto" else None


def check_options(options: Any) -> None:
    """Refuse at once what the settings have wrong, with the remedy, instead of a traceback from the first page."""
    from ocrmypdf.exceptions import BadArgsError

    from dsvl2_cli.console import Problem
    from dsvl2_cli.engines import check_model
    from dsvl2_cli.settings import resolve

    if get_ocr_engine(options) is None:
        return
    try:
        check_model(resolve().settings.model)
    except Exception as error:
        problem = Problem.of(error)
        raise BadArgsError(f"dsvl2: {problem.message}; {problem.hint}") from error


hookimpl(get_ocr_engine)
hookimpl(check_options)
