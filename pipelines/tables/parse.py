"""Tables in what a whole-page model prints: pipe tables and HTML. Any text is accepted; what is dropped is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.parsing import parse_markdown
from dsvl2.pipelines.tables.types import TableCell, TableResult, table_of

_MOST_SPAN, _MOST_CELLS = 200, 20_000
_HTML = re.compile(r"<table\b", re.IGNORECASE)
_FENCE = re.compile(r"^[^\S\n]*```[a-z]*[^\S\n]*$", re.MULTILINE | re.IGNORECASE)


@dataclass(slots=True)
class _Open:
    """A table while its markup is read: its cells, and the grid places that they cover."""

    cells: list[TableCell] = field(default_factory=list)
    taken: set[tuple[int, int]] = field(default_factory=set)
    row: int = -1
    head: bool = False
    cell: tuple[int, int, bool] | None = None
    text: list[str] = field(default_factory=list)


def parse_tables(output: str) -> tuple[tuple[TableResult, ...], tuple[Notice, ...]]:
    """Return the tables in a model's answer, in order, and a notice for everything that had to be dropped or mended."""
    reader = _Reader()
    text = _FENCE.sub("", output)
    found: list[TableResult] = []
    notices: list[Notice] = []
    rest = text
    if _HTML.search(text):
        reader.feed(text.replace("<![", "&lt;!["))  # Python's parser raises on marked sections that it does not know
        reader.close()
        found, notices = reader.finish()
        rest = "".join(reader.outside)
    for parsed in parse_markdown(rest):
        if parsed.block.kind == "table":
            rows = parsed.block.rows
            cells = [
                TableCell(r, c, t, header=r == 0 and len(rows) > 1)
                for r, row in enumerate(rows)
                for c, t in enumerate(row)
            ]
            found.append(table_of(cells))
            if len({len(row) for row in rows}) > 1:
                notices.append(
                    Notice("table_rows_uneven", "a table's rows had different lengths; short ones were filled up")
                )
        elif parsed.block.text.strip():
            shown = " ".join(parsed.block.text.split())[:60]
            notices.append(Notice("text_outside_tables", f"the model also wrote: {shown}"))
    return tuple(found), (*notices, *(notice for table in found for notice in table.notices))


class _Reader(HTMLParser):
    """Collects tables from HTML, however broken. A table inside a cell becomes text of the cell."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[TableResult] = []
        self.notices: list[Notice] = []
        self.outside: list[str] = []
        self.open: _Open | None = None
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.depth += 1
            if self.open is None:
                self.open = _Open()
            else:
                self._tell("table_nested", "a table inside a cell was taken as the cell's text")
            return
        if self.open is None or self.depth > 1:
            if self.open is not None and tag in ("td", "th", "br", "tr"):
                self.open.text.append(" ")
            return
        if tag in ("thead", "tbody", "tfoot"):
            self._end_cell()
            self.open.head = tag == "thead"
        elif tag == "tr":
            self._end_cell()
            self.open.row += 1
        elif tag in ("td", "th"):
            self._end_cell()
            if self.open.row < 0:
                self.open.row = 0
            spans = dict(attrs)
            self.open.cell = (
                self._span(spans.get("rowspan")),
                self._span(spans.get("colspan")),
                tag == "th" or self.open.head,
            )
        elif tag == "br":
            self.open.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self.open is None:
            return
        if tag == "table":
            self.depth -= 1
            if self.depth == 0:
                self._end_table()
        elif self.depth == 1 and tag in ("td", "th", "tr"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self.open is None:
            self.outside.append(data)
        elif self.open.cell is not None:
            self.open.text.append(data)
        elif data.strip():
            self._tell("text_outside_cells", f"text between the cells was dropped: {' '.join(data.split())[:60]}")

    def finish(self) -> tuple[list[TableResult], list[Notice]]:
        """Close what was left open and return everything."""
        if self.open is not None:
            self._tell("table_unfinished", "the last table had no end; what was there of it is kept")
            self._end_table()
        return self.tables, self.notices

    def _span(self, value: str | None) -> int:
        if value is None:
            return 1
        digits = re.match(r"\s*\+?(\d{1,6})", value)
        span = int(digits[1]) if digits else 0
        if not 1 <= span <= _MOST_SPAN:
            self._tell("table_span", f"a span of {value[:20]!r} was taken as {min(max(span, 1), _MOST_SPAN)}")
        return min(max(span, 1), _MOST_SPAN)

    def _end_cell(self) -> None:
        table = self.open
        if table is None or table.cell is None:
            return
        (tall, wide, header), table.cell = table.cell, None
        lines = [" ".join(line.split()) for line in "".join(table.text).split("\n")]
        table.text = []
        if len(table.taken) > _MOST_CELLS:
            self._tell("table_too_large", f"a table has more than {_MOST_CELLS} cells; the rest was dropped")
            return
        column = 0
        while (table.row, column) in table.taken:
            column += 1
        text = "\n".join(line for line in lines if line)
        cell = TableCell(table.row, column, text, tall, wide, header=header)
        table.cells.append(cell)
        table.taken.update(cell.places)

    def _end_table(self) -> None:
        self._end_cell()
        table, self.open, self.depth = self.open, None, 0
        if table is None or not table.cells:
            self._tell("table_empty", "a table without cells was dropped")
            return
        rows = max(cell.row for cell in table.cells) + 1
        # A rowspan may not add rows that the markup does not have.
        self.tables.append(table_of(table.cells, rows))

    def _tell(self, code: str, message: str) -> None:
        notice = Notice(code, message)
        if notice not in self.notices:
            self.notices.append(notice)
