"""Questions about charts are answered from their data, and a page without one is said."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.ask import AskPage, ask_charts
from dsvl2.pipelines.charts import Axis, ChartData, Point, Series
from dsvl2.pipelines.documents import Box

PAGE = AskPage("sales.png", 1, None, lambda: Image.new("RGB", (40, 30), "white"))


def chart() -> ChartData:
    points = tuple(
        Point(label, value, "printed", Box(x, 0, x + 5, 20), 0.9, text=f"{value:g}")
        for x, (label, value) in enumerate([("2018", 3.0), ("2019", 5.5)])
    )
    series = (Series("sales", points),)
    return ChartData("bar", label_axis=Axis("year"), value_axis=Axis("sales"), series=series, size=(40, 30))


def test_a_chart_answers_with_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2.pipelines.charts.read_page", lambda image, engine: chart())
    engine: Any = None
    known, unknown = ask_charts(
        [PAGE], ["What were the sales in 2019?", "What were the sales of Norway in 1875?"], engine
    )
    assert known.answer == "5.5" and known.page == 1 and known.evidence[0].box == Box(1, 0, 6, 20)
    assert not unknown.found and unknown.answer is None


def test_a_page_without_a_chart_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2.pipelines.charts.read_page", lambda image, engine: ChartData())
    engine: Any = None
    (result,) = ask_charts([PAGE], ["How much?"], engine)
    assert not result.found and [notice.code for notice in result.notices] == ["no_chart"]
