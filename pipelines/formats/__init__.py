"""Output formats, by name and by suffix. A new one is a class with the `Format` protocol and one line in FORMATS."""

from __future__ import annotations

from pathlib import Path

from dsvl2.pipelines.documents import Document
from dsvl2.pipelines.errors import UnknownFormat
from dsvl2.pipelines.formats.alto import AltoFormat
from dsvl2.pipelines.formats.base import (
    DEFAULT_OPTIONS,
    Format,
    Original,
    OriginalFormat,
    PageStream,
    RenderOptions,
)
from dsvl2.pipelines.formats.facts import fingerprint, page_list
from dsvl2.pipelines.formats.hocr import HocrFormat
from dsvl2.pipelines.formats.html import HtmlFormat
from dsvl2.pipelines.formats.json import JsonFormat, JsonLinesFormat, document_record, page_record, published_schema
from dsvl2.pipelines.formats.latex import LatexFormat
from dsvl2.pipelines.formats.markdown import MarkdownFormat
from dsvl2.pipelines.formats.pdf import PdfFormat
from dsvl2.pipelines.formats.text import TextFormat
from dsvl2.pipelines.formats.tsv import TsvFormat

FORMATS: tuple[Format, ...] = (
    MarkdownFormat(),
    TextFormat(),
    JsonFormat(),
    JsonLinesFormat(),
    LatexFormat(),
    HtmlFormat(),
    TsvFormat(),
    HocrFormat(),
    AltoFormat(),
    PdfFormat(),
)

_MADE_OF_OURS = frozenset({"docx", "odt", "epub", "rtf", "rst", "pptx"})
_ALIASES = {"md": "markdown", "txt": "text", "ndjson": "jsonl", "tex": "latex", "htm": "html", "xml": "alto"}


def get_format(name: str) -> Format:
    """Return the format of that name (or its short form, such as "md").

    Raises:
        UnknownFormat: lists the known ones.
    """
    wanted = _ALIASES.get(name.lower().lstrip("."), name.lower())
    for known in FORMATS:
        if known.name == wanted:
            return known
    known_ones = ", ".join(f.suffixes[0].removeprefix(".") for f in FORMATS)
    raise UnknownFormat(f"unknown format '{name}'", hint=f"{_by_way(name)}known formats: {known_ones}")


def format_for_path(path: str | Path) -> Format:
    """Return the format that a file name's suffix stands for.

    Raises:
        UnknownFormat: lists the known suffixes.
    """
    suffix = Path(path).suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    suffixes = ", ".join(f.suffixes[0] for f in FORMATS)
    what = f"the suffix '{suffix}' stands for no format" if suffix else f"'{path}' has no suffix to tell the format by"
    hint = f"{_by_way(suffix)}known suffixes: {suffixes}; or name the format with -f"
    raise UnknownFormat(what, hint=hint)


def _by_way(name: str) -> str:
    """Say how a format comes about that others make of ours; "" for any other."""
    wanted = name.lower().lstrip(".")
    return f"write Markdown and convert it: pandoc out.md -o out.{wanted}; " if wanted in _MADE_OF_OURS else ""


def render_output(
    chosen: Format, document: Document, original: Original, options: RenderOptions = DEFAULT_OPTIONS
) -> str | bytes:
    """Return the document in any format: text, or bytes for one that is made from the original file.

    `original` is `source.original` of the source that was read; it is only opened by formats that need it.

    Raises:
        DocumentError: the format cannot be made of this document or original.
    """
    if isinstance(chosen, OriginalFormat):
        return chosen.render_over(document, original, options)
    return chosen.render(document, options)


__all__ = [
    "DEFAULT_OPTIONS",
    "FORMATS",
    "Format",
    "Original",
    "OriginalFormat",
    "PageStream",
    "RenderOptions",
    "document_record",
    "fingerprint",
    "format_for_path",
    "get_format",
    "page_list",
    "page_record",
    "published_schema",
    "render_output",
]
