"""Where pages come from: PDF and image files, folders of them, bytes and standard input."""

from dsvl2.pipelines.sources.base import PageInfo, Source, SourceOptions
from dsvl2.pipelines.sources.limits import Limits
from dsvl2.pipelines.sources.open import (
    STDIN,
    InputFile,
    find_documents,
    matching,
    not_there,
    open_source,
    printable,
    walk_folder,
)
from dsvl2.pipelines.sources.sniff import READING_SUFFIXES, SUFFIXES

__all__ = [
    "READING_SUFFIXES",
    "STDIN",
    "SUFFIXES",
    "InputFile",
    "Limits",
    "PageInfo",
    "Source",
    "SourceOptions",
    "find_documents",
    "matching",
    "not_there",
    "open_source",
    "printable",
    "walk_folder",
]
