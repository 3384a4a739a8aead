"""Output formats, by name and by suffix. A new one is a class with the `Format` protocol and one line in FORMATS.

Other packages add theirs without a line here: see `plugins`.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    Rendered,
    RenderOptions,
)
from dsvl2.pipelines.formats.docling import DoclingFormat
from dsvl2.pipelines.formats.facts import fingerprint, page_list
from dsvl2.pipelines.formats.hocr import HocrFormat
from dsvl2.pipelines.formats.html import HtmlFormat
from dsvl2.pipelines.formats.json import JsonFormat, JsonLinesFormat, document_record, page_record, published_schema
from dsvl2.pipelines.formats.latex import LatexFormat
from dsvl2.pipelines.formats.markdown import MarkdownFormat
from dsvl2.pipelines.formats.pdf import PdfFormat
from dsvl2.pipelines.formats.plugins import declared_formats, load_declared, loadable_formats
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
    DoclingFormat(),
    PdfFormat(),
)

_MADE_OF_OURS = frozenset({"docx", "odt", "epub", "rtf", "rst", "pptx"})
_ALIASES = {"md": "markdown", "txt": "text", "ndjson": "jsonl", "tex": "latex", "htm": "html", "xml": "alto"}


def get_format(name: str) -> Format:
    """Return the format of that name (or its short form, such as "md"), ours or another package's.

    Raises:
        UnknownFormat: lists the known ones.
    """
    wanted = name.lower().lstrip(".")
    wanted = _ALIASES.get(wanted, wanted)
    for known in FORMATS:
        if known.name == wanted:
            return known
    others = declared_formats()
    for point in others:
        if point.name.lower() == wanted:
            return load_declared(point)
    known_ones = ", ".join([*map(_word, FORMATS), *(point.name for point in others)])
    raise UnknownFormat(f"unknown format '{name}'", hint=f"{_by_way(name)}known formats: {known_ones}")


def format_for_path(path: str | Path) -> Format:
    """Return the format that a file name's suffix stands for; the longest suffix wins: .docling.json before .json.

    Raises:
        UnknownFormat: lists the known suffixes.
    """
    name, suffix = Path(path).name.lower(), Path(path).suffix.lower()
    ours = _ending(name, FORMATS)
    if ours is None or len(Path(path).suffixes) > 1:
        found = _ending(name, (*FORMATS, *loadable_formats()))
        if found is not None:
            return found
    if ours is not None:
        return ours
    suffixes = ", ".join(f.suffixes[0] for f in FORMATS)
    what = f"the suffix '{suffix}' stands for no format" if suffix else f"'{path}' has no suffix to tell the format by"
    hint = f"{_by_way(suffix)}known suffixes: {suffixes}; or name the format with -f"
    raise UnknownFormat(what, hint=hint)


def _ending(name: str, among: Sequence[Format]) -> Format | None:
    """Return the first format with the longest suffix that a name ends in."""
    fits = [(len(suffix), known) for known in among for suffix in known.suffixes if name.endswith(suffix)]
    longest = max((length for length, _ in fits), default=0)
    return next((known for length, known in fits if length == longest), None)


def _word(known: Format) -> str:
    """Return the shortest word for -f."""
    suffix = known.suffixes[0].removeprefix(".")
    return known.name if "." in suffix else suffix


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
    return rendered(chosen, document, original, options).data


def rendered(
    chosen: Format, document: Document, original: Original, options: RenderOptions = DEFAULT_OPTIONS
) -> Rendered:
    """Return the same as `render_output`, with what is to be said of it.

    Raises:
        DocumentError: the format cannot be made of this document or original.
    """
    if isinstance(chosen, OriginalFormat):
        return chosen.render_over(document, original, options)
    return Rendered(chosen.render(document, options))


__all__ = [
    "DEFAULT_OPTIONS",
    "FORMATS",
    "Format",
    "Original",
    "OriginalFormat",
    "PageStream",
    "RenderOptions",
    "Rendered",
    "declared_formats",
    "document_record",
    "fingerprint",
    "format_for_path",
    "get_format",
    "load_declared",
    "page_list",
    "page_record",
    "published_schema",
    "render_output",
    "rendered",
]
