"""Bars: upright, level, grouped, stacked; values printed or measured."""

from __future__ import annotations

import pytest
from drawing import measured, table, truth

from dsvl2.pipelines.charts import to_csv, to_long_csv


@pytest.mark.parametrize("seed", [3, 8])
@pytest.mark.parametrize("kind", ["bar", "hbar", "grouped"])
def test_printed_values_belong_to_their_bars(kind: str, seed: int) -> None:
    spec, chart = measured(seed, kind, printed=True)
    assert chart.kind == ("hbar" if kind == "hbar" else "bar")
    assert table(chart) == truth(spec)
    assert {point.origin for _, point in chart.points()} == {"printed"}


@pytest.mark.parametrize("seed", [4, 9])
@pytest.mark.parametrize("kind", ["bar", "hbar", "grouped", "stacked"])
def test_values_that_are_not_printed_are_measured_within_their_uncertainty(kind: str, seed: int) -> None:
    spec, chart = measured(seed, kind, printed=False)
    want, got = truth(spec), table(chart)
    known = {key: value for key, value in got.items() if key in want}
    assert len(known) >= 0.9 * len(want)
    for series, point in chart.points():
        assert point.origin == "measured"
        assert abs(point.value - want[series.name, point.label]) <= 2.5 * point.uncertainty


def test_titles_and_axes_are_named() -> None:
    spec, chart = measured(3, "bar", printed=False)
    assert chart.title == spec.title
    assert chart.label_axis.name == spec.label_name
    assert chart.value_axis.name == spec.value_name
    assert chart.value_axis.scale == "linear"


def test_the_long_csv_says_where_values_are_from() -> None:
    spec, chart = measured(4, "bar", printed=False)
    header, first, *_ = to_long_csv(chart).splitlines()
    assert header == "series,label,value,origin,uncertainty,confidence"
    assert first.split(",")[1] == spec.labels[0]
    assert "measured" in first
    assert to_csv(chart).count("\n") == 1 + len(spec.labels)
