"""Facts about a document that several formats state: the fingerprint of model and options, and page lists."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

from dsvl2.pipelines.documents import Document

_LABEL = re.compile(r"(\(?(?:[0-9]{1,9}|[a-zA-Z]|[ivxlc]{1,6})[.)])\s+(.*)", re.DOTALL)


def item_label(text: str) -> tuple[str, str] | None:
    """Split a list item that has a label of its own ("3.", "(a)", "iv)") into label and rest; None if it has none."""
    match = _LABEL.fullmatch(text.strip())
    return (match[1], match[2]) if match else None


def fingerprint(document: Document) -> str:
    """Return the sha256 that names how pages were read: model weights, numeric scheme, and the options.

    A page of a file read twice with the same fingerprint has the same text. Which pages were chosen is not part of it,
    nor is the device.
    """
    model = document.model
    facts = {
        "model": [model.fingerprint, model.scheme, model.dtype] if model else None,
        "options": [[name, value] for name, value in document.options if name != "pages"],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def page_list(numbers: Iterable[int]) -> str:
    """Return ascending page numbers in the short form of page lists: 1-3,8."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
