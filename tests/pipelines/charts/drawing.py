"""Made-up charts as the tests need them: drawn, and understood from the words where they were drawn."""

from __future__ import annotations

import numpy as np

from dsvl2.pipelines.charts import ChartData, understand
from dsvl2.pipelines.charts.ground import look
from dsvl2.pipelines.training.charts_pillow import draw_chart
from dsvl2.pipelines.training.charts_specs import ChartSpec, make_spec


def measured(seed: int, kind: str, *, printed: bool) -> tuple[ChartSpec, ChartData]:
    """Draw the chart of a seed and return what is understood of it, the words being known."""
    spec = make_spec(seed, kind, printed)
    drawing = draw_chart(spec)
    return spec, understand(look(np.asarray(drawing.image)), drawing.texts)


def table(chart: ChartData) -> dict[tuple[str, str], float]:
    """Return (series, label) -> value."""
    return {(series.name, point.label): point.value for series, point in chart.points()}


def truth(spec: ChartSpec) -> dict[tuple[str, str], float]:
    """Return the same of what was drawn."""
    return {
        (name, label): value
        for name, values in zip(spec.series, spec.values, strict=True)
        for label, value in zip(spec.labels, values, strict=True)
    }
