"""Questions about charts are answered from their data, and a page without one is said."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.ask import AskPage, AskResult, ask_charts, with_charts
from dsvl2.pipelines.charts import Axis, ChartData, Point, Series
from dsvl2.pipelines.documents import Block, Box, Line, PageResult

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


def read(*lines: str) -> AskPage:
    text = tuple(Line(line, Box(0, 10.0 * k, 30, 10.0 * k + 8), 0.9) for k, line in enumerate(lines))
    result = PageResult(1, (Block("paragraph", " ".join(lines), lines=text),), 40, 30, 100.0)
    return AskPage("sales.png", 1, result, lambda: Image.new("RGB", (40, 30), "white"))


def said(question: str, answer: str | None) -> AskResult:
    found = answer is not None
    return AskResult(question, answer, found, 0.5, "sales.png", 1 if found else None, (), (read().ref,), (), ())


def test_a_page_that_turns_out_to_be_a_chart_is_answered_from_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsvl2.pipelines.charts.read_page", lambda image, engine: chart())
    monkeypatch.setattr("dsvl2.pipelines.charts.shows_chart", lambda image, page: True)
    engine: Any = None
    asked = ["What were the sales in 2019?", "Who drew it?"]
    known, other = with_charts([said(asked[0], "3"), said(asked[1], "A. Smith")], [read("2018 2019")], asked, engine)
    assert known.answer == "5.5" and known.notices[0].code == "from_chart"
    assert other.answer == "A. Smith"


def test_pages_full_of_words_and_blank_pages_are_not_looked_at() -> None:
    engine: Any = None
    before = [said("how much?", None)]
    assert with_charts(before, [read("word " * 200)], ["how much?"], engine) == before
    assert with_charts(before, [read("no chart here")], ["how much?"], engine) == before
    assert with_charts(before, [read("2018 2019")] * 4, ["how much?"], engine) == before
