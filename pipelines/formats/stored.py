"""Read back what `formats.json` wrote: the document behind a JSON file or JSON lines, so that nothing is read twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from dsvl2.pipelines.documents import (
    Block,
    BlockKind,
    Box,
    Coverage,
    Document,
    Line,
    ModelStamp,
    Notice,
    PageError,
    PageResult,
    TextLayerUse,
    Word,
)
from dsvl2.pipelines.errors import UnreadableFile, UnsupportedFile
from dsvl2.pipelines.formats.json import DOCUMENT_SCHEMA, PAGE_SCHEMA
from dsvl2.pipelines.formats.places import line_id
from dsvl2.pipelines.tables.types import TableCell, TableResult, table_of

if TYPE_CHECKING:
    from dsvl2.model import Usage

RUN_SCHEMA = "dsvl2/run/v1"
HINT = "give a scan, or what dsvl2 ocr wrote with -f json or jsonl"
KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
MOST_PLACES = 1_000_000  # of a table's grid
T = TypeVar("T")


def parse_document(data: str | bytes, name: str) -> Document:
    """Return the document that was written as JSON, as JSON lines, or into the report of a run with --json.

    It renders to the bytes it was read from. JSON lines do not say which model read them; then nor does the document.

    Raises:
        UnsupportedFile: JSON of another kind, or several documents. UnreadableFile: damaged, or cut short.
    """
    try:
        records = _records(data if isinstance(data, str) else data.decode("utf-8-sig"))
        return _document(_only(records, name))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:120]
        raise UnreadableFile(f"{name} is no whole reading: {what}", hint=HINT) from error


def schema_of(data: str | bytes) -> str | None:
    """Return the word that JSON (or its first line) says its form with; None if it says none.

    Raises:
        ValueError: it is no JSON.
    """
    first = _records(data if isinstance(data, str) else data.decode("utf-8-sig"))[:1]
    schema = first[0].get("schema") if first and isinstance(first[0], dict) else None
    return schema if isinstance(schema, str) else None


def _records(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith("}"):
            raise  # one object, cut short
        return [json.loads(line) for line in lines]


def _only(records: Sequence[Any], name: str) -> dict[str, Any]:
    """Return the one document's record."""
    schema = records[0].get("schema")
    if schema == RUN_SCHEMA:
        records = [entry["document"] for entry in records[0]["documents"] if "document" in entry]
        schema = DOCUMENT_SCHEMA
    if schema == PAGE_SCHEMA and len({(r["source"]["name"], r["source"]["sha256"]) for r in records}) == 1:
        return {**records[0], "pages": [record["page"] for record in records]}
    if schema not in (DOCUMENT_SCHEMA, PAGE_SCHEMA):
        what = f"its schema is {schema[:60]!r}" if isinstance(schema, str) else "it names no schema of ours"
        raise UnsupportedFile(f"{name} is JSON, but no reading of a document: {what}", hint=HINT)
    if len(records) != 1:
        many = f"{len(records)} documents" if schema == DOCUMENT_SCHEMA else "the pages of several documents"
        raise UnsupportedFile(f"{name} holds {many}", hint="write a file for each: dsvl2 ocr FOLDER -o OUT/ -f json")
    return cast(dict[str, Any], records[0])


def _document(record: dict[str, Any]) -> Document:
    source, model = record["source"], record.get("model")
    pages = tuple(_page(page) for page in record["pages"])
    numbers = [page.number for page in pages]
    if len(set(numbers)) < len(numbers) or min(numbers, default=1) < 1:
        raise ValueError("its pages are not numbered as pages are")
    facts = ("name", "fingerprint", "scheme", "dtype", "device")
    return Document(
        source=_text(source["name"]),
        pages=pages,
        page_count=max([int(source["page_count"]), *numbers]),
        sha256=None if source["sha256"] is None else _text(source["sha256"]),
        model=None if model is None else ModelStamp(*(_text(model[fact]) for fact in facts)),
        options=tuple((_text(key), value) for key, value in record.get("options", {}).items()),
        notices=_notices(record.get("notices", ())),
    )


def _page(record: dict[str, Any]) -> PageResult:
    number = _whole(record["number"])
    error, use = record["error"], record.get("text_layer")
    layer = None if use is None else TextLayerUse(_one_of(use["decision"], ("used", "read")), *_told(use, "reason"))
    return PageResult(
        number=number,
        blocks=tuple(_block(block, number, place) for place, block in enumerate(record["blocks"], 1)),
        width_px=_whole(record["width_px"]),
        height_px=_whole(record["height_px"]),
        dpi=_number(record["dpi"] or 0.0),
        rotation=_one_of(record["rotation"], (0, 90, 180, 270)),
        skew=_number(record["skew"] or 0.0),
        blank=bool(record["blank"]),
        warnings=_notices(record["warnings"]),
        error=None if error is None else PageError(*_told(error, "code"), _text(error["hint"])),
        usage=_usage(record["usage"]),
        confidence=_maybe(_share, record["confidence"]),
        text_layer=layer,
        calibrated=bool(record.get("calibrated", False)),
        coverage=_coverage(record.get("coverage")),
    )


def _block(record: dict[str, Any], page: int, place: int) -> Block:
    box = _maybe(_box, record["box"])
    lines = tuple(_line(line) for line in record["lines"])
    sure = _maybe(_share, record["confidence"])
    ids = {line_id(page, place, number): number - 1 for number in range(1, len(lines) + 1)}
    table = _table(record, page, box, sure, ids) if "cells" in record else None
    rows = tuple(tuple(map(_text, row)) for row in record.get("rows", ()))
    image = _maybe(_text, record.get("image"))
    kind = _one_of(record["kind"], KINDS)
    return Block(kind, _text(record["text"]), box, _whole(record["level"], most=99), lines, sure, rows, table, image)


def _table(
    record: dict[str, Any], page: int, box: Box | None, sure: float | None, ids: dict[str, int]
) -> TableResult | None:
    cells = [
        TableCell(
            row=_whole(cell["row"]),
            column=_whole(cell["column"]),
            text=_text(cell["text"]),
            rowspan=max(_whole(cell["rowspan"]), 1),
            colspan=max(_whole(cell["colspan"]), 1),
            box=_maybe(_box, cell["box"]),
            confidence=_maybe(_share, cell["confidence"]),
            header=bool(cell["header"]),
            page=page,
            lines=tuple(ids[name] for name in cell.get("lines", ())),
        )
        for cell in record["cells"]
    ]
    size = [
        max((place + 1 for place in places), default=0)
        for places in zip(*((c.row, c.column) for c in cells), strict=True)
    ]
    if size and size[0] * size[1] > MOST_PLACES:
        raise ValueError(f"a table of {size[0]} x {size[1]} cells is more than any page holds")
    edges = tuple(_number(edge) for edge in record.get("edges", ()))
    return replace(table_of(cells), box=box, pages=(page,), edges=edges, confidence=sure)


def _line(record: dict[str, Any]) -> Line:
    words = tuple(
        Word(_text(word["text"]), _box(word["box"]), _maybe(_share, word["confidence"]))
        for word in record.get("words", ())
        if word["box"] is not None
    )
    return Line(_text(record["text"]), _maybe(_box, record["box"]), _maybe(_share, record["confidence"]), words)


def _coverage(record: dict[str, Any] | None) -> Coverage | None:
    if record is None:
        return None
    places = [name.split("_")[2:] for name in record["unsupported"]]  # line_PAGE_BLOCK_LINE
    lines = tuple((int(block), int(line)) for block, line in places)
    return Coverage(_share(record["explained"]), tuple(map(_box, record["unexplained"])), lines)


def _usage(record: dict[str, Any] | None) -> Usage | None:
    if record is None:
        return None
    from dsvl2.model import Usage  # slow to import, and text layers have none

    names = ("prompt_tokens", "image_tokens", "completion_tokens", "tiles")
    return Usage(**{name: _whole(record[name]) for name in names})


def _notices(records: Sequence[dict[str, Any]]) -> tuple[Notice, ...]:
    return tuple(Notice(*_told(notice, "code")) for notice in records)


def _told(record: dict[str, Any], word: str) -> tuple[str, str]:
    return _text(record[word]), _text(record["message"])


def _maybe(make: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else make(value)


def _one_of(value: Any, known: Sequence[T]) -> T:
    if value not in known:
        raise ValueError(f"{str(value)[:40]!r} is none of {', '.join(map(str, known))}")
    return cast(T, value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} stands where text belongs")
    return value.encode("utf-8", "replace").decode("utf-8")


def _whole(value: Any, *, most: int = 10**9) -> int:
    if not isinstance(value, int) or not 0 <= value <= most:
        raise TypeError(f"{str(value)[:40]!r} stands where a count belongs")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError(f"{str(value)[:40]!r} stands where a number belongs")
    return float(value)


def _share(value: Any) -> float:
    return min(max(_number(value), 0.0), 1.0)


def _box(sides: Sequence[Any]) -> Box:
    left, top, right, bottom = map(_number, sides)
    return Box(left, top, right, bottom)
