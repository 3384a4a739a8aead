"""Tables in a batch: pages are read one by one, tables joined over page breaks when a document is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dsvl2.pipelines.tables.merge import document_tables
from dsvl2.pipelines.tables.render import to_csv, to_html, to_latex, to_markdown
from dsvl2.pipelines.tables.sheet import table_sheet
from dsvl2.pipelines.tables.task import TableTask, tables_record
from dsvl2.pipelines.tables.types import TableResult
from dsvl2.pipelines.tables.workbook import to_xlsx
from dsvl2.pipelines.tasks.batching import BatchTask, Finished, TaskOptions, ValueFormat, json_formats


class TableBatch(BatchTask):
    """Takes no options."""

    name = "table"
    reading = "table"
    reads_text = False

    def __init__(self, options: TaskOptions) -> None:
        super().__init__(TableTask())

    def formats(self) -> tuple[ValueFormat, ...]:
        """CSV, HTML, Markdown and LaTeX, a blank line between tables; a workbook; JSON as in `dsvl2 schema table`."""
        lines, whole = json_formats(_records, single=True)
        return (
            ValueFormat("csv", (".csv",), _each(to_csv)),
            whole,
            lines,
            ValueFormat("xlsx", (".xlsx",), _workbook, joins=False),
            ValueFormat("html", (".html", ".htm"), _each(to_html)),
            ValueFormat("markdown", (".md",), _each(to_markdown)),
            ValueFormat("latex", (".tex",), _each(to_latex)),
        )


def _tables(done: Finished) -> list[TableResult]:
    return document_tables([page.result for page in done.good])


def _records(done: Finished) -> Sequence[Any]:
    failed = [page.result.number for page in done.pages if page.result.error is not None]
    return [tables_record([(done.document.source, table) for table in _tables(done)], failed)]


def _workbook(done: Finished) -> bytes:
    return to_xlsx([table_sheet(table, f"Table {number}") for number, table in enumerate(_tables(done), 1)])


def _each(render: Callable[[TableResult], str]) -> Callable[[Finished], str]:
    return lambda done: "\n".join(render(table) for table in _tables(done))
