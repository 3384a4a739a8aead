"""JSON Schemas of the records that belong to no task: how a run of `ocr` ended, and an error."""

from __future__ import annotations

from typing import Any

from dsvl2_cli.comparing import SCHEMA as COMPARE_SCHEMA
from dsvl2_cli.console import ERROR_SCHEMA
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.reports import SCHEMA as RUN_SCHEMA

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SUMMARIES = {
    "compare": "What dsvl2 compare --json writes: every place that differs, with error rates",
    "run": "What dsvl2 ocr --json writes: what became of each document",
    "error": "What --json writes when a command fails as a whole",
}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, **more}


def _error() -> dict[str, Any]:
    return _object({"code": {"type": "string"}, "message": {"type": "string"}, "hint": {"type": "string"}})


def _codes() -> list[int]:
    return [int(code) for code in Exit]


def error_schema() -> dict[str, Any]:
    """The schema of an error record."""
    properties = {"schema": {"const": ERROR_SCHEMA}, "error": _error(), "exit_code": {"enum": _codes()}}
    return {"$schema": DRAFT, "title": ERROR_SCHEMA, **_object(properties, additionalProperties=False)}


def run_schema() -> dict[str, Any]:
    """The schema of a run record. Without -o each document carries its content, as text or as `dsvl2 schema ocr` has it."""
    count, numbers = {"type": "integer", "minimum": 0}, {"type": "array", "items": {"type": "integer", "minimum": 1}}
    document = _object(
        {
            "source": {"type": "string"},
            "status": {"enum": ["ok", "partial", "failed", "interrupted"]},
            "output": {"type": ["string", "null"]},
            "outputs": {"type": "array", "items": {"type": "string"}},
            "pages": count,
            "failed_pages": numbers,
            "blank_pages": numbers,
            "characters": count,
            "seconds": {"type": "number", "minimum": 0},
            "notices": {
                "type": "array",
                "items": _object({"code": {"type": "string"}, "message": {"type": "string"}}),
            },
            "error": {"anyOf": [{"type": "null"}, _error()]},
        }
    )
    properties = {
        "schema": {"const": RUN_SCHEMA},
        "exit_code": {"enum": _codes()},
        "seconds": {"type": "number", "minimum": 0},
        "documents": {"type": "array", "items": document},
    }
    return {"$schema": DRAFT, "title": RUN_SCHEMA, **_object(properties, additionalProperties=False)}


def compare_schema() -> dict[str, Any]:
    """The schema of a comparison. Rates are fractions of A's characters and words; boxes are pixels of the page's image."""
    count, rate = {"type": "integer", "minimum": 0}, {"type": "number", "minimum": 0}
    page, text, maybe = {"type": "integer", "minimum": 1}, {"type": "string"}, {"type": ["string", "null"]}
    numbers = {"type": "array", "items": page}
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    passage = _object({"text": text, "boxes": {"type": "array", "items": _object({"page": page, "box": box})}})
    side = _object(
        {
            "name": text,
            "source": maybe,
            "sha256": maybe,
            "model": maybe,
            "fingerprint": maybe,
            "pages": numbers,
            "failed_pages": numbers,
        }
    )
    change = _object(
        {
            "number": page,
            "page": {"type": ["integer", "null"], "minimum": 1},
            "kind": {"enum": ["replaced", "removed", "added"]},
            "characters": count,
            "a": passage,
            "b": passage,
        }
    )
    comparison = _object(
        {
            "a": side,
            "b": side,
            "same": {"type": "boolean"},
            "read_alike": {"type": ["boolean", "null"]},
            **dict.fromkeys(("characters", "words", "character_errors", "word_errors"), count),
            "cer": rate,
            "wer": rate,
            "changes": {"type": "array", "items": change},
        }
    )
    document = _object(
        {
            "name": text,
            "within": {"type": "boolean"},
            "missing": {"enum": ["A", "B", None]},
            "comparison": {"anyOf": [{"type": "null"}, comparison]},
        }
    )
    properties = {
        "schema": {"const": COMPARE_SCHEMA},
        "exit_code": {"enum": _codes()},
        "tolerance": {"type": "number", "minimum": 0, "maximum": 1},
        "ignored": {"type": "array", "items": text},
        "documents": {"type": "array", "items": document},
    }
    return {"$schema": DRAFT, "title": COMPARE_SCHEMA, **_object(properties, additionalProperties=False)}


RECORDS = {"compare": compare_schema, "run": run_schema, "error": error_schema}
