"""What a shell offers for an option whose value is one of a few words. Other values complete as file names."""

from __future__ import annotations

from collections.abc import Callable

DOCUMENT_FORMATS = ("md", "txt", "json", "jsonl", "tex", "html", "tsv", "hocr", "alto", "docling", "pdf")
TABLE_FORMATS = ("csv", "xlsx", "html", "md", "tex", "json")
MODELS = ("nano", "tiny", "small", "base")
SCHEMES = ("4bit", "8bit", "e4a8", "w4", "nf4", "int8", "int8-bnb")
TASKS = ("ocr", "ask", "extract", "chart", "table", "formula", "ground", "page2code")


def words(*choices: str) -> Callable[[str], list[str]]:
    """Return what completes to one of these; they are written down so that no library is loaded for a tab key."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete
