"""What whole-page checkpoints print when asked for a chart's data: Markdown, CSV or JSON tables. Nothing raises."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

from dsvl2.pipelines.charts.numbers import parse_number
from dsvl2.pipelines.charts.types import Axis, ChartData, Point, Series
from dsvl2.pipelines.documents import Box, Notice
from dsvl2.pipelines.tasks import Parsed

_FENCE = re.compile(r"```[a-zA-Z]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SPECIAL = re.compile(r"<\|[^|<>\n]{0,40}\|>")
_RULE = re.compile(r"^[\s|:+-]*-[\s|:+-]*$")
_NOWHERE = Box(0.0, 0.0, 0.0, 0.0)
_CONFIDENCE = 0.5  # nothing on the picture vouches for a value that a model wrote
MOST_ROWS, MOST_COLUMNS = 2000, 100


def parse_chart(output: str) -> Parsed[ChartData]:
    """Return the data of a model's answer as a chart of kind "table", and a notice for everything left out."""
    dropped: list[Notice] = []
    text = _SPECIAL.sub("", output)
    fenced = _FENCE.search(text)
    body = fenced[1] if fenced else text
    rows, title = _rows_of_json(body), ""
    if rows is None:
        rows, title, loose = _rows_of_text(body)
        if loose:
            dropped.append(Notice("text_dropped", f"{loose} line(s) outside the table were left out"))
    chart = _chart(rows, title, dropped)
    if not chart.found:
        dropped.append(Notice("no_table", "the answer holds no table with numbers"))
    return Parsed(chart, tuple(dropped))


def _rows_of_json(body: str) -> list[list[str]] | None:
    """Return the rows of a JSON answer: a list of objects or lists, or an object of values or of lists."""
    start = min((k for k in (body.find("{"), body.find("[")) if k >= 0), default=-1)
    if start < 0:
        return None
    try:
        data, _ = json.JSONDecoder().raw_decode(body[start:])
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        if len(lists) == 1 and lists[0] and isinstance(lists[0][0], (dict, list)):
            data = lists[0]
    if isinstance(data, dict):
        return _rows_of_object(data)
    if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        keys = list(dict.fromkeys(str(key) for item in data for key in item))
        return [keys, *([_cell(item.get(key)) for key in keys] for item in data)]
    if isinstance(data, list) and data and all(isinstance(item, list) for item in data):
        return [[_cell(cell) for cell in item] for item in data]
    return None


def _rows_of_object(data: dict[Any, Any]) -> list[list[str]] | None:
    if data and all(isinstance(value, list) for value in data.values()):
        length = max(len(value) for value in data.values())
        columns = [[str(key), *(_cell(cell) for cell in value)] for key, value in data.items()]
        return [[column[k] if k < len(column) else "" for column in columns] for k in range(length + 1)]
    if data and all(isinstance(value, dict) for value in data.values()):
        keys = list(dict.fromkeys(str(inner) for value in data.values() for inner in value))
        return [["", *keys], *([str(k), *(_cell(value.get(key)) for key in keys)] for k, value in data.items())]
    if data and not any(isinstance(value, (list, dict)) for value in data.values()):
        return [["", ""], *([str(key), _cell(value)] for key, value in data.items())]
    return None


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)[:200]


def _rows_of_text(body: str) -> tuple[list[list[str]], str, int]:
    """Return the rows of a pipe, tab or comma table, the heading before it, and how many lines were neither."""
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    separator = next((sign for sign in ("|", "\t", ",") if sum(sign in line for line in lines) >= 2), "")
    title, rows, loose = "", [], 0
    for line in lines:
        if separator and separator in line:
            if separator == "|" and _RULE.match(line):
                continue
            rows.append(_split(line, separator))
        elif not rows and not title and len(line) < 300:
            title = line.lstrip("# ").removeprefix("TITLE").strip(" :|")
        else:
            loose += 1
    return rows, title, loose


def _split(line: str, separator: str) -> list[str]:
    if separator == "|":
        inner = re.sub(r"^\||(?<!\\)\|$", "", line)
        return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", inner)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    except (csv.Error, StopIteration):
        return [cell.strip() for cell in line.split(separator)]


def _chart(rows: Sequence[Sequence[str]], title: str, dropped: list[Notice]) -> ChartData:
    if len(rows) > MOST_ROWS or any(len(row) > MOST_COLUMNS for row in rows):
        dropped.append(
            Notice("table_cut", f"more than {MOST_ROWS} rows or {MOST_COLUMNS} columns: the rest is left out")
        )
        rows = [row[:MOST_COLUMNS] for row in rows[:MOST_ROWS]]
    if len(rows) < 2:
        return ChartData(title=title)
    header, *body = rows
    width = max(len(row) for row in rows)
    if not any(map(_value_of, header[1:])) or any(_value_of(cell) is None for cell in header[1:]):
        names = [header[k] if k < len(header) else "" for k in range(1, width)]
    else:
        names, body = [""] * (width - 1), list(rows)
    series, bad = [], 0
    for column, name in enumerate(names, start=1):
        points = []
        for row in body:
            cell = row[column] if column < len(row) else ""
            value = _value_of(cell)
            if value is not None:
                points.append(Point(row[0], value, "printed", _NOWHERE, _CONFIDENCE, text=cell))
            elif cell not in ("", "-", "null"):
                bad += 1
        series.append(Series(name, tuple(points)))
    if bad:
        dropped.append(Notice("cells_dropped", f"{bad} cell(s) that are no numbers were left out"))
    kept = tuple(one for one in series if one.points)
    axis = Axis(header[0] if header else "", scale="category")
    return ChartData("table" if kept else "none", title, axis, Axis(), kept)


def _value_of(cell: str) -> float | None:
    number = parse_number(cell[:60])
    return number.value if number is not None and isfinite(number.value) else None
