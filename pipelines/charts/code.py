"""Matplotlib code that draws a chart's data again: plain, readable, with nothing in it but the data."""

from __future__ import annotations

from collections.abc import Sequence

from dsvl2.pipelines.charts.export import shown
from dsvl2.pipelines.charts.types import ChartData, Series


def to_code(chart: ChartData) -> str:
    """Return a program that draws the chart on the current figure; it saves or shows nothing itself.

    Every text goes through `repr`, so that nothing read from a picture can become code.
    """
    lines = ["import matplotlib.pyplot as plt", "", "fig, ax = plt.subplots(figsize=(8, 5))"]
    if chart.kind == "pie":
        lines += _pie(chart)
    elif chart.kind in ("line", "area", "scatter"):
        lines += _lines(chart)
    else:
        lines += _bars(chart)
    if chart.title:
        lines.append(f"ax.set_title({chart.title!r}, wrap=True)")
    if chart.kind != "pie":
        flat, tall = chart.label_axis.name, chart.value_axis.name
        if chart.kind == "hbar":
            flat, tall = tall, flat
        lines += [f"ax.set_xlabel({flat!r})"] if flat else []
        lines += [f"ax.set_ylabel({tall!r})"] if tall else []
        if chart.value_axis.scale == "log":
            lines.append(f"ax.set_{'x' if chart.kind == 'hbar' else 'y'}scale('log')")
        lines += ["ax.legend()"] if any(series.name for series in chart.series) else []
    return "\n".join([*lines, "fig.tight_layout()"]) + "\n"


def _values(series: Series, labels: Sequence[str]) -> str:
    known = {point.label: shown(point) for point in reversed(series.points)}
    return "[" + ", ".join(known.get(label, "float('nan')") for label in labels) + "]"


def _colour(series: Series) -> str:
    return "'#{:02x}{:02x}{:02x}'".format(*series.colour)


def _bars(chart: ChartData) -> list[str]:
    labels = list(chart.labels())
    lines = [f"labels = {labels!r}", "places = range(len(labels))"]
    count = len(chart.series)
    draw, thick = ("barh", "height") if chart.kind == "hbar" else ("bar", "width")
    side = "left" if chart.kind == "hbar" else "bottom"
    if chart.stacked:
        lines.append("foot = [0.0] * len(labels)")
    width = 0.8 if chart.stacked else round(0.8 / max(count, 1), 4)
    for number, series in enumerate(chart.series):
        shift = 0.0 if chart.stacked else round((number - (count - 1) / 2) * width, 4)
        lines.append(f"values = {_values(series, labels)}")
        where = f"[place + {shift} for place in places]" if shift else "list(places)"
        extra = f", {side}=foot" if chart.stacked else ""
        lines.append(
            f"ax.{draw}({where}, values, {thick}={width}{extra}, color={_colour(series)}, label={series.name!r})"
        )
        if chart.stacked:
            lines.append("foot = [a + (b if b == b else 0.0) for a, b in zip(foot, values)]")
    if chart.kind == "hbar":
        lines += ["ax.set_yticks(list(places), labels)", "ax.invert_yaxis()"]
    else:
        turned = ", rotation=45, ha='right'" if max(map(len, labels), default=0) * len(labels) > 60 else ""
        lines.append(f"ax.set_xticks(list(places), labels{turned})")
    return lines


def _lines(chart: ChartData) -> list[str]:
    lines: list[str] = []
    labels = list(chart.labels())
    numeric = all(point.x is not None for _, point in chart.points())
    for series in chart.series:
        if numeric:
            across = "[" + ", ".join(f"{point.x:.10g}" for point in series.points) + "]"
        else:
            across = repr([labels.index(point.label) for point in series.points])
        values = "[" + ", ".join(shown(point) for point in series.points) + "]"
        options = f"color={_colour(series)}, label={series.name!r}"
        if chart.kind == "scatter":
            lines.append(f"ax.scatter({across}, {values}, {options})")
        elif chart.kind == "area":
            lines.append(f"ax.fill_between({across}, {values}, {options})")
        else:
            lines.append(f"ax.plot({across}, {values}, marker='o', {options})")
    if not numeric:
        lines.append(f"ax.set_xticks(list(range({len(labels)})), {labels!r}, rotation=45, ha='right')")
    return lines


def _pie(chart: ChartData) -> list[str]:
    points = [(series, point) for series, point in chart.points() if point.value > 0]
    values = "[" + ", ".join(shown(point) for _, point in points) + "]"
    names = [point.label or series.name for series, point in points]
    return [f"ax.pie({values}, labels={names!r})"] if points else []
