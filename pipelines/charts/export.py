"""A chart's data as text: CSV with a row a label, long CSV with a row a point, or a Markdown table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from math import floor, log10

from dsvl2.pipelines.charts.numbers import format_number
from dsvl2.pipelines.charts.types import ChartData, Point, Series

LONG_HEADER = ("series", "label", "value", "origin", "uncertainty", "confidence")


def shown(point: Point) -> str:
    """Return a point's value: as printed, or measured and rounded to a digit below its uncertainty."""
    if point.origin == "printed" or point.uncertainty <= 0:
        return format_number(point.value)
    digits = max(0, 1 - floor(log10(point.uncertainty)))
    return format_number(round(point.value, min(digits, 12))) if digits else format_number(float(round(point.value)))


def to_csv(chart: ChartData) -> str:
    """Return one row a label and one column a series, the label's axis first; no rows for an empty chart."""
    if not chart.found:
        return ""
    return _written(table_of(chart))


def to_long_csv(chart: ChartData) -> str:
    """Return one row a point, with where its value is from and how sure it is."""
    rows = [LONG_HEADER]
    for series, point in chart.points():
        given = f"{point.uncertainty:.3g}" if point.uncertainty else "0"
        rows.append((series.name, point.label, shown(point), point.origin, given, f"{point.confidence:.3f}"))
    return _written(rows)


def to_markdown(chart: ChartData) -> str:
    """Return the title as a heading and the data as a pipe table."""
    lines = [f"# {chart.title}", ""] if chart.title else []
    if chart.found:
        header, *rows = table_of(chart)
        lines += [_pipes(header), _pipes(["---"] + ["---:"] * (len(header) - 1))]
        lines += [_pipes(row) for row in rows]
    return "\n".join(lines) + "\n" if lines else ""


def table_of(chart: ChartData) -> list[Sequence[str]]:
    """Return header and rows: labels in order of appearance, a series that lacks a label has an empty cell."""
    name = chart.label_axis.name or ("label" if chart.label_axis.scale == "category" else "x")
    header = [name, *(_heading(chart, series, k) for k, series in enumerate(chart.series))]
    cells = [_by_label(series) for series in chart.series]
    keys = list(dict.fromkeys(key for column in cells for key in column))
    if chart.kind in ("line", "scatter", "area") and all(isinstance(_place(cells, key), float) for key in keys):
        keys.sort(key=lambda key: _place(cells, key) or 0.0)
    rows: list[Sequence[str]] = [header]
    for key in keys:
        rows.append([key[0], *(shown(column[key]) if key in column else "" for column in cells)])
    return rows


def _by_label(series: Series) -> dict[tuple[str, int], Point]:
    """Return a series' points by label; a label that occurs again has a number of its own."""
    found: dict[tuple[str, int], Point] = {}
    for point in series.points:
        number = 0
        while (point.label, number) in found:
            number += 1
        found[(point.label, number)] = point
    return found


def _place(cells: Sequence[dict[tuple[str, int], Point]], key: tuple[str, int]) -> float | None:
    return next((column[key].x for column in cells if key in column), None)


def _heading(chart: ChartData, series: Series, number: int) -> str:
    if series.name:
        return series.name
    if len(chart.series) > 1:
        return f"series {number + 1}"
    return chart.value_axis.name or "value"


def _written(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
