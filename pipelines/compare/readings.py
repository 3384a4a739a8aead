"""Turn what was read into words: a document, its JSON in any of our forms, Markdown, or plain text of anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dsvl2.pipelines.compare.types import Reading, Token
from dsvl2.pipelines.documents import Box, Document
from dsvl2.pipelines.errors import InputError
from dsvl2.pipelines.formats import document_record

READING_SUFFIXES = (".json", ".jsonl", ".ndjson", ".md", ".markdown", ".mkd", ".txt", ".text")
"""Suffixes of files that hold a reading, the most telling first."""
OTHER_OUTPUTS = (".html", ".htm", ".hocr", ".alto", ".xml", ".tsv", ".tex", ".csv", ".xlsx", ".docx")
_MARKER = re.compile(r"^<!-- page (\d+) -->$|^--- page (\d+) ---$", re.MULTILINE)
_BULLETS = frozenset("-*+\u2022\u25e6\u25aa\u2023")
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


class BadReading(InputError):
    """A file holds no reading that can be compared."""

    code = "bad_reading"
    default_hint = (
        "compare what dsvl2 ocr writes (.json, .jsonl, .md, .txt), any text file, or the documents themselves"
    )


def reading_of(document: Document, name: str | None = None) -> Reading:
    """Return the words of a document."""
    return _from_document(document_record(document), name or document.source)


def parse_reading(data: bytes, name: str) -> Reading:
    """Read a file's content: JSON by its `schema`, else text. `name` tells Markdown by its suffix.

    Text is cut into pages by form feeds and by the page markers that `--page-markers` writes.

    Raises:
        BadReading: it is binary, broken, or JSON of another kind.
    """
    suffix = Path(name).suffix.lower()
    if suffix in OTHER_OUTPUTS:
        raise BadReading(f"{name} is not compared as it stands", hint="write it as .json or .txt and compare that")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadReading(f"{name} is neither JSON nor text in UTF-8") from error
    if "\0" in text:
        raise BadReading(f"{name} is neither JSON nor text in UTF-8")
    if suffix in READING_SUFFIXES[:3] or (suffix not in READING_SUFFIXES and text.lstrip()[:1] == "{"):
        try:
            return _from_json(text, name)
        except BadReading:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise BadReading(f"{name} is no reading ({type(error).__name__}: {str(error)[:120]})") from error
    return _from_text(text.replace("\r\n", "\n"), name, markdown=suffix in READING_SUFFIXES[3:6])


def _from_json(text: str, name: str) -> Reading:
    try:
        records = [json.loads(text)]
    except ValueError:
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not records:
        raise BadReading(f"{name} is empty")
    schema = str(records[0].get("schema"))
    if schema == "dsvl2/ocr-page/v1":
        if len({record["source"]["name"] for record in records}) > 1:
            raise BadReading(f"{name} holds the pages of several documents", hint="compare one document at a time")
        return _from_document({**records[0], "model": None, "pages": [record["page"] for record in records]}, name)
    if schema.startswith("dsvl2/corrections/"):
        from dsvl2.pipelines.review import apply_corrections, parse_corrections

        return reading_of(apply_corrections(parse_corrections(text)), name)
    if schema == "dsvl2/run/v1":
        records = [entry["document"] for entry in records[0]["documents"] if "document" in entry]
        schema = str(records[0].get("schema")) if records else schema
    if schema == "dsvl2/ocr/v1" and len(records) == 1:
        return _from_document(records[0], name)
    if schema == "dsvl2/ocr/v1":
        raise BadReading(f"{name} holds {len(records)} documents", hint="compare one document at a time")
    raise BadReading(f"{name} is JSON, but no reading of a document (its schema is {schema[:60]!r})")


def _from_document(record: dict[str, Any], name: str) -> Reading:
    pages = record["pages"]
    model = record.get("model")
    tokens = [token for page in pages for token in _page_tokens(page)]
    sizes = tuple((int(page["number"]), (int(page["width_px"]), int(page["height_px"]))) for page in pages)
    return Reading(
        name=name,
        tokens=tuple(tokens),
        sizes=tuple((number, size) for number, size in sizes if min(size) > 0),
        pages=tuple(int(page["number"]) for page in pages),
        source=record["source"]["name"],
        sha256=record["source"].get("sha256"),
        model=None if model is None else str(model["name"]),
        fingerprint=record.get("fingerprint"),
        failed=tuple(int(page["number"]) for page in pages if page.get("error")),
    )


def _page_tokens(page: dict[str, Any]) -> Iterator[Token]:
    for block in page["blocks"]:
        if block["kind"] == "figure" and not block["text"]:
            continue
        yield from _placed(block, int(page["number"]))


def _placed(block: dict[str, Any], page: int) -> Iterator[Token]:
    """Yield a block's words, each with the box of the first unused word of its lines that is spelt so.

    A word that was broken at a line's end has its first half's box; what is found nowhere has the block's.
    """
    free: dict[str, list[Box]] = {}
    for line in block.get("lines", ()):
        for word in line.get("words", ()):
            if word["box"] is not None:
                free.setdefault(word["text"], []).append(Box(*word["box"]))
    halves = [word for word in free if word.endswith("-") and len(word) > 1]
    whole = Box(*block["box"]) if block.get("box") else None
    words = block["text"].split()
    for place, text in enumerate(words):
        found = free.get(text)
        if not found:
            half = next((h for h in halves if free[h] and text.startswith(h[:-1])), None)
            found = free[half] if half is not None else None
        box = found.pop(0) if found else whole
        yield Token(text, page, box, ends_block=place == len(words) - 1)


def _from_text(text: str, name: str, *, markdown: bool) -> Reading:
    if markdown:
        text = _FRONT.sub("", text, count=1)
    pages = list(_pages(text))
    tokens = [token for number, body in pages for token in _text_tokens(body, number, markdown=markdown)]
    return Reading(name, tuple(tokens), pages=tuple(number for number, _ in pages if number is not None))


def _pages(text: str) -> Iterator[tuple[int | None, str]]:
    """Cut a text at form feeds and page markers; a text without them has no page numbers."""
    marks = list(_MARKER.finditer(text))
    if marks:
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        for mark, end in zip(marks, ends, strict=True):
            yield int(mark[1] or mark[2]), text[mark.end() : end].strip("\f")
    elif "\f" in text.rstrip("\f\n"):
        yield from enumerate(text.rstrip("\f\n").split("\f"), 1)
    else:
        yield None, text.replace("\f", "\n")


def _text_tokens(text: str, page: int | None, *, markdown: bool) -> Iterable[Token]:
    if markdown:
        from dsvl2.pipelines.evaluation.metrics import strip_markdown

        text = "\n\n".join(strip_markdown(part) for part in re.split(r"\n[ \t]*\n", text))
    lines = [line.split() for line in text.splitlines()]
    for number, words in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else []
        kept = words[_is_item(words) :]  # how an item is marked is a matter of format
        for place, word in enumerate(kept, 1):
            last = place == len(kept)
            yield Token(word, page, ends_line=last, ends_block=last and (not following or _is_item(following)))


def _is_item(words: list[str]) -> bool:
    """Whether a line begins with a list's bullet."""
    return len(words) > 1 and words[0] in _BULLETS
