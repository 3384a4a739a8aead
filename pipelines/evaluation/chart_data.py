"""How much of a chart's data comes back: F1 of the relative mapping similarity of DePlot (Liu et al. 2023, section 4.2).

A datum is a key (series and label) and a value; the similarity of two is (1 - NL(keys)) (1 - min(1, |p - t| / |t|)), NL the
normalised edit distance (number labels are equal within 2 %), zeroed above 0.5, relative errors above 0.5 counted as 1;
data are matched one to one, best pairs first; precision and recall divide the sum by the number of data predicted and true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsvl2.pipelines.charts import ChartData
from dsvl2.pipelines.charts.numbers import parse_number

_FAR = 0.5


@dataclass(frozen=True, slots=True)
class Datum:
    """A value and what it is of."""

    series: str
    label: str
    value: float


def mapping_f1(got: Sequence[Datum], want: Sequence[Datum]) -> float:
    """Return the F1 of the relative mapping similarity."""
    if not got or not want:
        return 0.0
    pairs = sorted(((_similar(g, w), i, j) for i, g in enumerate(got) for j, w in enumerate(want)), reverse=True)
    used_got: set[int] = set()
    used_want: set[int] = set()
    total = 0.0
    for similarity, i, j in pairs:
        if i not in used_got and j not in used_want:
            used_got.add(i)
            used_want.add(j)
            total += similarity
    precision, recall = total / len(got), total / len(want)
    return 2 * precision * recall / (precision + recall) if total else 0.0


def _similar(got: Datum, want: Datum) -> float:
    label = _same_number(got.label, want.label)
    if label is None:
        key = 1.0 - _distance(f"{got.series} {got.label}".strip(), f"{want.series} {want.label}".strip())
    else:
        key = label * (1.0 - _distance(got.series, want.series))
    off = abs(got.value - want.value) / abs(want.value) if want.value else float(abs(got.value) > 1e-3)
    return key * (1.0 - (1.0 if off > _FAR else off))


def _same_number(got: str, want: str) -> float | None:
    """Return 1 for number labels within 2 % (or 0.05) of each other, 0 for others; None if one is no number."""
    a, b = parse_number(got), parse_number(want)
    if a is None or b is None:
        return None
    return float(
        abs(a.value - b.value) <= max(0.02 * abs(b.value), 0.05) and (abs(b.value) < 1000 or a.value == b.value)
    )


def _distance(first: str, second: str) -> float:
    """Return the edit distance over the longer length, 1 above the limit."""
    if first == second:
        return 0.0
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    share = row[-1] / max(len(first), len(second), 1)
    return share if share <= _FAR else 1.0


def data_of(chart: ChartData) -> list[Datum]:
    """Return a chart's data."""
    return [Datum(series.name, point.label, point.value) for series, point in chart.points()]


def data_of_records(truth: Mapping[str, Any]) -> list[Datum]:
    """Return the data of `{"data": [{series?, label, value}]}`, or of a Vega-Lite chart where there is an `encoding`."""
    if "encoding" in truth:
        return data_of_vega(truth)
    return [Datum(str(row.get("series", "")), str(row["label"]), float(row["value"])) for row in truth["data"]]


def data_of_vega(record: Mapping[str, Any]) -> list[Datum]:
    """Return the data of a Vega-Lite chart: the number channel's values by the other channel's, averaged if it says so."""
    encoding = record["encoding"]
    up, across = encoding.get("y", {}), encoding.get("x", {})
    value, label = (up, across) if up.get("type") == "quantitative" or "x" not in encoding else (across, up)
    colour: dict[str, Any] = next((encoding[key] for key in ("color", "fill") if "field" in encoding.get(key, {})), {})
    groups: dict[tuple[str, str], list[float]] = {}
    for row in record["data"]:
        number = row.get(_field(value))
        if isinstance(number, (int, float)):
            key = (_text(row.get(_field(colour), "")), _text(row.get(_field(label), "")))
            groups.setdefault(key, []).append(float(number))
    mean = value.get("aggregate") in ("average", "mean")
    return [Datum(*key, v) for key, found in groups.items() for v in ([sum(found) / len(found)] if mean else found)]


def _field(channel: dict[str, Any]) -> str:
    return str(channel.get("field", "")).replace("\\.", ".")


def _text(value: Any) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
