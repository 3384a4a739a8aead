"""Extractions as text: JSON with the places of every field, the data alone, lines for many documents, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from dsvl2.pipelines.errors import SchemaError
from dsvl2.pipelines.extract.shapes import Choice, Form, Listing, Mapping, Record, Reference, Shape
from dsvl2.pipelines.extract.types import Extraction
from dsvl2.pipelines.tables.workbook import Cell, Sheet, Value, to_xlsx


def extraction_record(extraction: Extraction) -> dict[str, Any]:
    """Return an extraction as the JSON object that `dsvl2 schema extract` describes; data and candidates are not rounded."""
    from dsvl2.pipelines.extract.task import SPEC

    record = SPEC.record(extraction)
    groups = [(record["fields"], extraction.fields)]
    groups += [(one["fields"], item.fields) for one, item in zip(record["left_out"], extraction.left_out, strict=True)]
    for fields, known in groups:
        for name, where in known.items():
            fields[name]["candidate"] = where.candidate
    return {**record, "data": extraction.data}


def json_text(extraction: Extraction, *, data_only: bool = False, lines: bool = False) -> str:
    """Return an extraction as JSON, in one line for NDJSON."""
    record = extraction.data if data_only else extraction_record(extraction)
    return json.dumps(record, ensure_ascii=False, indent=None if lines else 2) + "\n"


def columns_of(form: Form) -> tuple[str, ...]:
    """Return the columns of a form that is flat enough for a table: single values, or one list of such.

    Raises:
        SchemaError: it is not.
    """
    names = []
    for field in form.root.fields if isinstance(form.root, Record) else ():
        if _is_single(field.shape, form):
            names.append(field.name)
    lists = _lists(form)
    deep = isinstance(form.root, Record) and len(names) + len(lists) < len(form.root.fields)
    if not isinstance(form.root, Record) or deep or len(lists) > 1 or not (names or lists):
        raise SchemaError(
            "a table needs a flat schema: single values, and at most one list of flat records",
            hint="write JSON (-f json), or leave the nested fields out of the schema",
        )
    return (*names, *(f"{name}.{sub}" if sub else name for name, subs in lists for sub in subs))


def csv_text(extractions: Sequence[Extraction], form: Form, *, source: bool = True) -> str:
    """Return a table: a row for each document, or for each item of the list that the schema has.

    Raises:
        SchemaError: the schema is not flat.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head, *rows = _rows(extractions, form, source=source)
    writer.writerow(head)
    named = 1 if source else 0
    for row in rows:
        writer.writerow([*row[:named], *map(_cell, row[named:])])
    return out.getvalue()


def xlsx_data(extractions: Sequence[Extraction], form: Form, *, source: bool = True) -> bytes:
    """Return the same table as an Excel workbook, numbers as numbers.

    Raises:
        SchemaError: the schema is not flat.
    """
    rows = [[Cell(_value(value)) for value in row] for row in _rows(extractions, form, source=source)]
    return to_xlsx([Sheet("Fields", rows, head=1)])


def _rows(extractions: Sequence[Extraction], form: Form, *, source: bool) -> list[list[Any]]:
    """The head, and a row for each document or item; the name of the document first if `source`."""
    columns = columns_of(form)
    lists = _lists(form)
    rows: list[list[Any]] = [[*(["source"] if source else []), *columns]]
    for extraction in extractions:
        data = extraction.data
        for item in (data.get(lists[0][0]) or [None]) if lists else [None]:
            row = [_column(data, item, name, lists) for name in columns]
            rows.append([*([extraction.source] if source else []), *row])
    return rows


def _value(value: Any) -> Value:
    """A number of more digits than a spreadsheet holds is kept as text."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**15:
        return str(value)
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _column(data: Any, item: Any, column: str, lists: list[tuple[str, tuple[str, ...]]]) -> Any:
    for name, subs in lists:
        if column == name and subs == ("",):
            return item
        if column.startswith(f"{name}.") and column[len(name) + 1 :] in subs:
            return item.get(column[len(name) + 1 :]) if isinstance(item, dict) else None
    return data.get(column)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # a cell that a spreadsheet would take for a formula is written as text
        return "'" + value if value[:1] in ("=", "@", "\t", "\r") else value
    return json.dumps(value)


def _lists(form: Form) -> list[tuple[str, tuple[str, ...]]]:
    """The lists of a record with the names of their columns; "" for a list of single values."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for field in form.root.fields if isinstance(form.root, Record) else ():
        for shape in field.shape.options if isinstance(field.shape, Choice) else (field.shape,):
            if isinstance(shape, Listing) and not shape.first and shape.rest is not None:
                rest = shape.rest
                if _is_single(rest, form):
                    found.append((field.name, ("",)))
                elif isinstance(rest, Record) and all(_is_single(sub.shape, form) for sub in rest.fields):
                    found.append((field.name, tuple(sub.name for sub in rest.fields)))
    return found


def _is_single(shape: Shape, form: Form, deep: int = 0) -> bool:
    if isinstance(shape, Choice):
        return all(_is_single(option, form, deep + 1) for option in shape.options)
    if isinstance(shape, Reference):
        return deep < 20 and _is_single(form.definitions[shape.pointer], form, deep + 1)
    return not isinstance(shape, Record | Mapping | Listing)
