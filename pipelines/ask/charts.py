"""Questions about charts: answered from the chart's data, which stands on the page as marks and printed values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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

    return ask_read_charts([(page, read_page(page.draw(), engine)) for page in pages], questions)


def ask_read_charts(charts: Sequence[tuple[AskPage, ChartData]], questions: Sequence[str]) -> list[AskResult]:
    """As `ask_charts`, of charts that have been read already."""
    refs = tuple(page.ref for page, _ in charts)
    none = tuple(
        Notice("no_chart", f"{page.source} page {page.number}: no chart was found")
        for page, chart in charts
        if not chart.found
    )
    return [_answer(question, charts, refs, none) for question in questions]


MOST_WORDS = 150
"""A page with more words is no chart, whatever is drawn on it."""
MOST_PAGES = 3
"""So many pages are looked at for charts that were not announced."""


def with_charts(
    results: Sequence[AskResult], pages: Sequence[AskPage], questions: Sequence[str], engine: Engine
) -> list[AskResult]:
    """Return results with those answered from charts, where a page that was read turns out to be one.

    Whether it is one is told from its marks and the words that were read already; only then its data is read. An answer
    that was found on another page stays.
    """
    found = [page for page in pages if _is_chart(page)] if len(pages) <= MOST_PAGES else []
    if not found:
        return list(results)
    told = (Notice("from_chart", f"page {found[0].number} is a chart: answered from its data"),)
    refs = {page.ref for page in found}
    merged = []
    for result, other in zip(results, ask_charts(found, questions, engine), strict=True):
        elsewhere = result.found and PageRef(result.source or "", result.page or 0) not in refs
        merged.append(result if elsewhere or not other.found else _joined(result, other, told))
    return merged


def _joined(result: AskResult, other: AskResult, told: tuple[Notice, ...]) -> AskResult:
    return replace(
        other,
        pages_asked=result.pages_asked,
        pages_not_asked=result.pages_not_asked,
        pages_not_read=result.pages_not_read,
        notices=(*told, *other.notices),
    )


def _is_chart(page: AskPage) -> bool:
    """Whether a page that was read from its image shows a chart: marks with an axis or with printed values."""
    from dsvl2.pipelines.charts import shows_chart

    text = page.text
    if (
        text is None
        or text.blank
        or text.rotation
        or (text.text_layer is not None and text.text_layer.decision == "used")
    ):
        return False
    words = sum(len(line.text.split()) for block in text.blocks for line in block.lines)
    if words > MOST_WORDS:
        return False
    try:
        picture = page.draw()
    except Exception:  # it could be drawn when it was read; its text answers without
        return False
    return shows_chart(picture, text)


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
