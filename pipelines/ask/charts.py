"""Questions about charts: answered from the chart's data, which stands on the page as marks and printed values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsvl2.pipelines.ask.plan import check_question
from dsvl2.pipelines.ask.types import AskPage, AskResult, Evidence, PageRef
from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.tasks.base import Engine

if TYPE_CHECKING:
    from dsvl2.pipelines.charts import ChartData


def ask_charts(pages: Sequence[AskPage], questions: Sequence[str], engine: Engine) -> list[AskResult]:
    """Answer the questions from the charts on the pages; the surest answer counts. A page without a chart is said."""
    from dsvl2.pipelines.charts import read_page

    charts = [(page, read_page(page.draw(), engine)) for page in pages]
    refs = tuple(page.ref for page in pages)
    none = tuple(
        Notice("no_chart", f"{page.source} page {page.number}: no chart was found")
        for page, chart in charts
        if not chart.found
    )
    return [_answer(question, charts, refs, none) for question in questions]


def _answer(
    question: str, charts: Sequence[tuple[AskPage, ChartData]], refs: tuple[PageRef, ...], notices: tuple[Notice, ...]
) -> AskResult:
    from dsvl2.pipelines.charts import answer_chart

    found = [(answer, page, chart) for page, chart in charts if (answer := answer_chart(chart, question)) is not None]
    if not found:
        return AskResult(check_question(question), None, False, None, None, None, (), refs, (), (), notices)
    answer, page, chart = max(found, key=lambda one: one[0].confidence)
    quote = ", ".join(f"{point.label}: {point.value:g}" for point in answer.points) or answer.text
    evidence = Evidence(page.source, page.number, quote, answer.box, chart.size, answer.confidence)
    return AskResult(
        question, answer.text, True, answer.confidence, page.source, page.number, (evidence,), refs, (), (), notices
    )
