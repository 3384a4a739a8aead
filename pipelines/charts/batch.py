"""Charts in a batch: one a page, each page by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.charts.export import to_csv, to_long_csv, to_markdown
from dsvl2.pipelines.charts.read import read_page
from dsvl2.pipelines.charts.task import SPEC
from dsvl2.pipelines.charts.types import ChartData, Charts, PageChart
from dsvl2.pipelines.documents import PageImage, PageResult
from dsvl2.pipelines.tasks.base import Engine
from dsvl2.pipelines.tasks.batching import BatchTask, Finished, PageReading, TaskOptions, ValueFormat, json_formats
from dsvl2.pipelines.tasks.ocr import failed_page
from dsvl2.pipelines.tasks.plain import from_plain, to_plain

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import SourceOptions


class ChartBatch(BatchTask):
    """Takes no options. Pages are drawn in colour, and their text layer is not looked at."""

    name = "chart"
    reading = "chart"
    reads_text = False

    def __init__(self, options: TaskOptions) -> None:
        super().__init__()

    def source(self, options: SourceOptions) -> SourceOptions:
        """Return the options with colour."""
        return replace(options, color=True, text_layer="ignore")

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageReading]:
        """Read the chart of each page; a page without one is a result all the same."""
        return [_read(page, engine) for page in pages]

    def formats(self) -> tuple[ValueFormat, ...]:
        """CSV with a row for each label, or for each point, Markdown, and JSON as `dsvl2 schema chart` describes it."""
        lines, whole = json_formats(_records, single=True)
        csv, long = _each(to_csv), _each(to_long_csv)
        return (
            ValueFormat("csv", (".csv",), csv),
            whole,
            lines,
            ValueFormat("markdown", (".md",), _each(to_markdown)),
            ValueFormat("long", (".csv",), long),
        )


def _read(page: PageImage, engine: Engine) -> PageReading:
    try:
        chart = read_page(page.image, engine)
    except Exception as error:  # one bad page must not stop the others
        return PageReading(failed_page(page, error))
    width, height = page.image.size
    result = PageResult(page.number, (), width, height, page.dpi, warnings=page.notices + chart.notices)
    return PageReading(result, to_plain(chart))


def _charts(done: Finished) -> tuple[PageChart, ...]:
    return tuple(PageChart(page.result.number, from_plain(ChartData, page.value)) for page in done.good)


def _records(done: Finished) -> Sequence[Any]:
    return [SPEC.record(Charts(done.document.source, _charts(done)))]


def _each(render: Callable[[ChartData], str]) -> Callable[[Finished], str]:
    return lambda done: "\n".join(render(page.chart) for page in _charts(done) if page.chart.found)
