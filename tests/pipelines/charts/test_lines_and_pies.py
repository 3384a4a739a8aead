"""Lines, points and sectors, drawn and measured."""

from __future__ import annotations

import pytest
from drawing import measured, table, truth


@pytest.mark.parametrize("seed", [200, 205])
def test_printed_values_of_a_line_belong_to_their_years(seed: int) -> None:
    spec, chart = measured(seed, "line", printed=True)
    assert chart.kind == "line"
    got = table(chart)
    right = [key for key, value in truth(spec).items() if got.get(key) == value]
    assert len(right) >= 0.85 * len(truth(spec))


@pytest.mark.parametrize(("kind", "seed"), [("line", 200), ("lines", 202), ("lines", 203)])
def test_curves_are_measured_at_their_labels(kind: str, seed: int) -> None:
    spec, chart = measured(seed, kind, printed=False)
    want = truth(spec)
    assert [series.name for series in chart.series] == list(spec.series)
    for series, point in chart.points():
        assert abs(point.value - want[series.name, point.label]) <= 2.5 * point.uncertainty
    assert len(table(chart)) == len(want)


def test_sectors_have_names_and_shares() -> None:
    spec, chart = measured(204, "pie", printed=True)
    assert chart.kind == "pie"
    assert table(chart) == truth(spec)


def test_points_lie_where_both_axes_say() -> None:
    spec, chart = measured(207, "scatter", printed=False)
    assert chart.kind == "scatter"
    assert len(list(chart.points())) == len(spec.x)
    for point, x, y in zip(chart.series[0].points, spec.x, spec.values[0], strict=True):
        assert point.x == pytest.approx(x, abs=0.3)
        assert point.value == pytest.approx(y, abs=2 * point.uncertainty)
