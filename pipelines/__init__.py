"""Documents in, documents out: the public door of the layer.

    document = read_document("scan.pdf", load_engine())
    text = get_format("markdown").render(document)

To have pages as they are read, iterate `dsvl2.pipelines.run.run(OcrTask(), source, engine)` over an open source.
Names are imported when first used, so that looking at a file or an error does not load the model's layer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsvl2.pipelines.documents import (
        Block,
        Box,
        Document,
        Line,
        ModelStamp,
        Notice,
        PageError,
        PageImage,
        PageResult,
        ReadPage,
        TextLayerUse,
        UnreadablePage,
        Word,
    )
    from dsvl2.pipelines.errors import DocumentError, InputError, OutputError
    from dsvl2.pipelines.formats import (
        FORMATS,
        Format,
        RenderOptions,
        document_record,
        format_for_path,
        get_format,
        page_record,
        published_schema,
        render_output,
    )
    from dsvl2.pipelines.output import OutputFile, Target, open_output, plan_outputs, write_output
    from dsvl2.pipelines.pages import check_pages, parse_pages
    from dsvl2.pipelines.run import document_head, read_document
    from dsvl2.pipelines.sources import (
        InputFile,
        Limits,
        PageInfo,
        Source,
        SourceOptions,
        find_documents,
        open_source,
    )
    from dsvl2.pipelines.tasks import TASKS, Engine, OcrTask, Task

_HOMES = {
    "documents": "Block Box Document Line ModelStamp Notice PageError PageImage PageResult ReadPage"
    " TextLayerUse UnreadablePage Word",
    "errors": "DocumentError InputError OutputError",
    "formats": "FORMATS Format RenderOptions document_record format_for_path get_format page_record published_schema"
    " render_output",
    "output": "OutputFile Target open_output plan_outputs write_output",
    "pages": "check_pages parse_pages",
    "run": "document_head read_document",
    "sources": "InputFile Limits PageInfo Source SourceOptions find_documents open_source",
    "tasks": "TASKS Engine OcrTask Task",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})


__all__ = [
    "FORMATS",
    "TASKS",
    "Block",
    "Box",
    "Document",
    "DocumentError",
    "Engine",
    "Format",
    "InputError",
    "InputFile",
    "Limits",
    "Line",
    "ModelStamp",
    "Notice",
    "OcrTask",
    "OutputError",
    "OutputFile",
    "PageError",
    "PageImage",
    "PageInfo",
    "PageResult",
    "ReadPage",
    "RenderOptions",
    "Source",
    "SourceOptions",
    "Target",
    "Task",
    "TextLayerUse",
    "UnreadablePage",
    "Word",
    "check_pages",
    "document_head",
    "document_record",
    "find_documents",
    "format_for_path",
    "get_format",
    "open_output",
    "open_source",
    "page_record",
    "parse_pages",
    "plan_outputs",
    "published_schema",
    "read_document",
    "render_output",
    "write_output",
]
