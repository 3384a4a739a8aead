"""JSON of one published, versioned schema (schema/ocr-v1.json): a whole document, or one record a page (JSON lines)."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from dsvl2.pipelines.documents import Block, Box, Document, Line, Notice, PageError, PageResult, TextLayerUse
from dsvl2.pipelines.formats.base import DEFAULT_OPTIONS, PageStream, RenderOptions
from dsvl2.pipelines.formats.doubt import is_doubtful
from dsvl2.pipelines.formats.facts import fingerprint
from dsvl2.pipelines.formats.places import block_id, line_id
from dsvl2.pipelines.tables.types import TableCell

DOCUMENT_SCHEMA = "dsvl2/ocr/v1"
PAGE_SCHEMA = "dsvl2/ocr-page/v1"


def published_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of documents; `$defs/page_record` is that of JSON lines records."""
    from importlib.resources import files  # not needed to write documents

    text = (files("dsvl2.pipelines.formats") / "schema" / "ocr-v1.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


class JsonFormat:
    """One JSON object for the whole document."""

    name = "json"
    suffixes = (".json",)
    title = "JSON with boxes, confidence and usage (published schema)"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return the document as indented JSON."""
        return _dumps(document_record(document, options.min_confidence), indent=1) + "\n"

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> None:
        """One object needs the whole document."""
        return


class JsonLinesFormat:
    """One JSON record per page and line, written as soon as the page is read."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson")
    title = "JSON lines, one record per page"

    def render(self, document: Document, options: RenderOptions = DEFAULT_OPTIONS) -> str:
        """Return one line per page."""
        stream = self.stream(document, options)
        return "".join(stream.page(page) for page in document.pages)

    def stream(self, head: Document, options: RenderOptions = DEFAULT_OPTIONS) -> PageStream:
        """Records stand alone, so they can be written as they come."""
        return _JsonLinesStream(head, options.min_confidence)


class _JsonLinesStream:
    def __init__(self, head: Document, least: float | None) -> None:
        self._head = head
        self._least = least
        self._fingerprint = fingerprint(head)

    def page(self, page: PageResult) -> str:
        record = {
            "schema": PAGE_SCHEMA,
            "source": _source(self._head),
            "fingerprint": self._fingerprint,
            "page": page_record(page, self._least),
        }
        return _dumps(record, indent=None) + "\n"


def document_record(document: Document, min_confidence: float | None = None) -> dict[str, Any]:
    """Return the document as the plain data that the schema describes, keys in a fixed order.

    Words and lines that are less sure than `min_confidence` are flagged as `doubtful`.
    """
    model = document.model
    return {
        "schema": DOCUMENT_SCHEMA,
        "source": _source(document),
        "model": None
        if model is None
        else {
            "name": model.name,
            "fingerprint": model.fingerprint,
            "scheme": model.scheme,
            "dtype": model.dtype,
            "device": model.device,
        },
        "options": dict(document.options),
        "fingerprint": fingerprint(document),
        "notices": [_notice(notice) for notice in document.notices],
        "failed_pages": list(document.failed),
        "usage": _usage(document.usage),
        "pages": [page_record(page, min_confidence) for page in document.pages],
    }


def page_record(page: PageResult, min_confidence: float | None = None) -> dict[str, Any]:
    """Return one page as plain data; see `document_record`."""
    return {
        "number": page.number,
        "width_px": page.width_px,
        "height_px": page.height_px,
        "dpi": _round(page.dpi, 2),
        "rotation": page.rotation,
        "skew": _round(page.skew, 3),
        "blank": page.blank,
        "confidence": _round(page.confidence, 3),
        "calibrated": page.calibrated,
        "blocks": [_block(block, page.number, place, min_confidence) for place, block in enumerate(page.blocks, 1)],
        "warnings": [_notice(notice) for notice in page.warnings],
        "error": _error(page.error),
        "usage": _usage(page.usage),
        "text_layer": _text_layer(page.text_layer),
        "coverage": _coverage(page),
    }


def _block(block: Block, page: int, place: int, least: float | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": block_id(page, place),
        "kind": block.kind,
        "text": block.text,
        "level": block.level,
        "box": _box(block.box),
        "confidence": _round(block.confidence, 3),
        "lines": [_line(line, line_id(page, place, number), least) for number, line in enumerate(block.lines, 1)],
    }
    if block.image is not None:
        record["image"] = block.image
    if block.rows:
        record["rows"] = [list(row) for row in block.rows]
    if block.table is not None:
        if block.table.edges:
            record["edges"] = [_round(edge, 1) for edge in block.table.edges]
        names = [line["id"] for line in record["lines"]]
        record["cells"] = [_cell(cell, names) for cell in block.table.cells]
    return record


def _line(line: Line, name: str, least: float | None) -> dict[str, Any]:
    record: dict[str, Any] = {"id": name, "text": line.text, "box": _box(line.box)}
    record |= _sure(line.confidence, least)
    if line.words:
        record["words"] = [
            {"text": word.text, "box": _box(word.box), **_sure(word.confidence, least)} for word in line.words
        ]
    return record


def _sure(confidence: float | None, least: float | None) -> dict[str, Any]:
    doubt = {"doubtful": True} if is_doubtful(confidence, least) else {}
    return {"confidence": _round(confidence, 3), **doubt}


def _cell(cell: TableCell, names: list[str]) -> dict[str, Any]:
    return {
        "row": cell.row,
        "column": cell.column,
        "rowspan": cell.rowspan,
        "colspan": cell.colspan,
        "header": cell.header,
        "text": cell.text,
        "box": _box(cell.box),
        "confidence": _round(cell.confidence, 3),
        "lines": [names[line] for line in cell.lines if line < len(names)],
    }


def _source(document: Document) -> dict[str, Any]:
    return {"name": document.source, "sha256": document.sha256, "page_count": document.page_count}


def _notice(notice: Notice) -> dict[str, str]:
    return {"code": notice.code, "message": notice.message}


def _text_layer(use: TextLayerUse | None) -> dict[str, str] | None:
    return None if use is None else {"decision": use.decision, "reason": use.reason, "message": use.message}


def _coverage(page: PageResult) -> dict[str, Any] | None:
    found = page.coverage
    if found is None:
        return None
    return {
        "explained": _round(found.explained, 3),
        "unexplained": [_box(box) for box in found.unexplained],
        "unsupported": [line_id(page.number, block, line) for block, line in found.unsupported],
    }


def _error(error: PageError | None) -> dict[str, str] | None:
    return None if error is None else {"code": error.code, "message": error.message, "hint": error.hint}


def _usage(usage: Any) -> dict[str, int] | None:
    if usage is None:
        return None
    return {name: int(getattr(usage, name)) for name in ("prompt_tokens", "image_tokens", "completion_tokens", "tiles")}


def _box(box: Box | None) -> list[float] | None:
    return None if box is None else [round(float(side), 1) + 0.0 for side in (box.x0, box.y0, box.x1, box.y1)]


def _round(value: float | None, digits: int) -> float | None:
    if value is None or not isfinite(value):
        return None
    return round(float(value), digits) + 0.0  # + 0.0 turns -0.0 into 0.0


def _dumps(record: dict[str, Any], *, indent: int | None) -> str:
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "replace").decode("utf-8").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
