"""A table as a sheet of a workbook: spans merged, and numbers as numbers where they can be read in one way only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dsvl2.pipelines.tables.types import TableResult
from dsvl2.pipelines.tables.workbook import Cell, Sheet

_MARKED = re.compile(
    r"[-−]?(?:0|[1-9]\d{0,2}(?P<group>[.,’'])\d{3}(?:(?P=group)\d{3})*|[1-9]\d*)(?:(?P<mark>[.,])(?P<rest>\d+))?"
)
_MOST_DIGITS = 15  # a spreadsheet's numbers hold no more


def table_sheet(table: TableResult, name: str, *, repeat: bool = False) -> Sheet:
    """Return a table as a sheet; with `repeat` a span's text stands in each of its places instead of a merged cell.

    "1,234" alone may be a thousand or a decimal, so numbers with marks are numbers only if the table shows somewhere
    which mark is which ("1,234.50", "0.5", "1,234,567"); figures with leading zeros stay text.
    """
    texts = [cell.text for cell in table.cells if not cell.header]
    decimal = decimal_mark(texts)
    rows: list[list[Cell | None]] = [[None] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        value, shown = (cell.text, "") if cell.header else number_of(cell.text, decimal)
        for row, column in cell.places if repeat else cell.places[:1]:
            spans = (1, 1) if repeat else (cell.rowspan, cell.colspan)
            rows[row][column] = Cell(value, shown, *spans)
    return Sheet(name, rows, table.header_rows if table.header_rows < table.rows else 0)


def decimal_mark(texts: Iterable[str]) -> str:
    """Return the decimal mark of a table, "." or ",", or "" if its numbers do not tell or contradict each other."""
    said = set()
    for text in texts:
        found = _MARKED.fullmatch(text.strip())
        if found is None:
            continue
        group, mark = found["group"], found["mark"]
        if mark is not None and mark != group:  # three digits behind one mark alone would have matched as a group
            said.add(mark)
        elif mark is None and group in (".", ",") and text.count(group) > 1:
            said.add("," if group == "." else ".")
    return said.pop() if len(said) == 1 else ""


def number_of(text: str, decimal: str) -> tuple[str | int | float, str]:
    """Return the number that a cell shows and the format that shows it alike, or the text and ""."""
    plain = text.strip()
    found = _MARKED.fullmatch(plain)
    if found is None or sum(map(str.isdigit, plain)) > _MOST_DIGITS:
        return text, ""
    group, mark, rest = found["group"], found["mark"], found["rest"] or ""
    if group is None and mark is None:
        return int(_digits(plain)), "0"
    if group == decimal and mark is None and plain.count(decimal) == 1:  # 1,234 where the comma is the decimal mark
        group, mark, rest = None, decimal, plain.partition(decimal)[2]
    if not decimal or group == decimal or mark not in (None, decimal):
        return text, ""
    shown = ("#,##0" if group else "0") + ("." + "0" * len(rest) if rest else "")
    digits = _digits(plain.replace(group, "") if group else plain)
    return (float(digits) if rest else int(digits)), shown


def _digits(text: str) -> str:
    return text.replace("−", "-").replace(",", ".")
