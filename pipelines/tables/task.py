"""The task that finds tables, its entry in the registry, and what `dsvl2 table --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.pipelines.documents import Box, Notice, PageImage, PageResult, geometric_mean
from dsvl2.pipelines.reading import is_blank
from dsvl2.pipelines.tables.drawn import block_of
from dsvl2.pipelines.tables.parse import parse_tables
from dsvl2.pipelines.tables.types import TableResult
from dsvl2.pipelines.tasks.base import Engine, Parsed, Prompts, TaskSpec
from dsvl2.pipelines.tasks.ocr import OcrTask, failed_page

PROMPT = "<image>\nConvert every table on this page to HTML. Keep merged cells as rowspan and colspan."


@dataclass(frozen=True, slots=True)
class FoundCell:
    """A cell. `box` is in pixels of the image of `page`; `confidence` is None where nothing was read."""

    row: int
    column: int
    rowspan: int
    colspan: int
    header: bool
    text: str
    page: int
    box: Box | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table: every place of its rows x columns is in exactly one cell. `pages` are those that it stands on."""

    source: str
    pages: tuple[int, ...]
    box: Box | None
    rows: int
    columns: int
    confidence: float | None
    cells: tuple[FoundCell, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class TablesFound:
    """All tables of the documents, in order."""

    tables: tuple[FoundTable, ...]
    failed_pages: tuple[int, ...] = ()


def tables_record(found: Sequence[tuple[str, TableResult]], failed: Sequence[int] = ()) -> dict[str, Any]:
    """Return tables, each with the name of its document, as the JSON object that `dsvl2 schema table` describes."""
    return SPEC.record(TablesFound(tuple(found_table(table, source) for source, table in found), tuple(failed)))


def found_table(table: TableResult, source: str) -> FoundTable:
    """Return a table as the JSON output has it."""
    cells = tuple(
        FoundCell(c.row, c.column, c.rowspan, c.colspan, c.header, c.text, c.page, c.box, c.confidence)
        for c in table.cells
    )
    return FoundTable(source, table.pages, table.box, table.rows, table.columns, table.confidence, cells, table.notices)


class TableTask:
    """Read pages for their tables. A model that reads by bands reads the page; a whole-page one is asked for tables only."""

    name = "table"

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageResult]:
        """Return one result per page; the blocks of a page that was asked for tables are these alone."""
        if engine.info.reading.mode == "bands":
            return OcrTask().read(pages, engine)
        blank = [is_blank(page.image) for page in pages]
        wanted = [page for page, empty in zip(pages, blank, strict=True) if not empty]
        limit = SamplingParams(max_new_tokens=engine.info.reading.max_new_tokens)
        requests = [GenerationRequest((Message("user", PROMPT, (page.image,)),), limit) for page in wanted]
        answers = iter(engine.generate(requests) if requests else [])
        return [
            _blank(page) if empty else self._page(page, next(answers)) for page, empty in zip(pages, blank, strict=True)
        ]

    def _page(self, page: PageImage, answer: GenerationResult) -> PageResult:
        try:
            tables, notices = parse_tables(answer.text)
        except Exception as error:
            return failed_page(page, error)
        sure = geometric_mean(answer.logprobs)
        blocks = tuple(block_of(replace(table, confidence=sure)) for table in tables)
        if answer.truncated:
            told = f"the model {answer.ending}: rows may be missing"
            notices = (*notices, Notice("truncated", told))
        return replace(
            _blank(page),
            blocks=blocks,
            warnings=page.notices + notices,
            usage=answer.usage,
            confidence=sure,
            blank=False,
        )


def _blank(page: PageImage) -> PageResult:
    width, height = page.image.size
    return PageResult(page.number, (), width, height, page.dpi, blank=True, warnings=page.notices)


def _parse(output: str) -> Parsed[tuple[TableResult, ...]]:
    return Parsed(*parse_tables(output))


SPEC: TaskSpec[Any] = TaskSpec(
    name="table",
    summary="Find the tables of documents as CSV, HTML, Markdown or LaTeX",
    prompts=Prompts(page=PROMPT, nano="<image>\nRead."),
    parse=_parse,
    result=TablesFound,
    batch="dsvl2.pipelines.tables.batch:TableBatch",
)
