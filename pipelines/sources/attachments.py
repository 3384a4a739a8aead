"""Files that travel inside a PDF: a portfolio's documents, a mail's enclosures. They are named, not read."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.sources.sniff import SUFFIXES

_NAMED = 3


def attachment_notice(document: Any, name: str) -> Notice | None:
    """Say that files attached to an opened PDF are not read; None where nothing is lost by that.

    In a portfolio every attachment counts, as its one page only says which program opens it. Elsewhere those that could
    be read here do: the XML inside an electronic invoice repeats what its page shows.

    Args:
        document: of PyMuPDF, unlocked.
        name: how messages call the file.
    """
    try:
        names = [str(document.embfile_info(key)["filename"] or key) for key in document.embfile_names()]
        portfolio = document.xref_get_key(document.pdf_catalog(), "Collection")[0] != "null"
    except Exception:  # a broken table of attachments is no reason not to read the pages
        return None
    readable = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
    lost = [each for each in names if portfolio or PurePath(each).suffix.lower() in readable]
    if not lost:
        return None
    shown = ", ".join(lost[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
    files, them = ("a file", "it") if len(lost) == 1 else (f"{len(lost)} files", "them")
    return Notice(
        "pdf_attachments",
        f"{name} carries {files} inside that {'is' if len(lost) == 1 else 'are'} not read: {shown}; "
        f"save {them} with a viewer (or pdfdetach -saveall) and read {them} too",
    )
