"""A table as CSV, HTML, LaTeX or Markdown. HTML and LaTeX keep spans; CSV and Markdown have none to keep them in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from dsvl2.pipelines.formats.hocr import escape
from dsvl2.pipelines.formats.latex_text import latex_text
from dsvl2.pipelines.formats.markdown_escape import escape_cell
from dsvl2.pipelines.tables.types import TableCell, TableResult


def to_csv(table: TableResult, *, repeat: bool = False) -> str:
    """Return RFC 4180 CSV, lines ending in a newline. A span's text stands once, with `repeat` in all its places."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(table.texts(repeat=repeat))
    return out.getvalue()


def to_html(table: TableResult, name: str = "") -> str:
    """Return a `table` element; `name` is its id. Headings are `th`, line breaks in cells `br`."""
    head = f'<table id="{escape(name)}">' if name else "<table>"
    return "\n".join([head, *html_rows(table), "</table>"]) + "\n"


def html_rows(table: TableResult, show: Callable[[str], str] = escape) -> list[str]:
    """Return the rows of a `table` element, one line each, head and body marked where there is a head.

    `show` makes HTML of a cell's text.
    """
    rows = ["<tr>" + "".join(_html_cell(cell, show) for cell in row) + "</tr>" for row in table.by_row()]
    head = _head_end(table)
    if not 0 < head < table.rows:
        return rows
    return ["<thead>", *rows[:head], "</thead>", "<tbody>", *rows[head:], "</tbody>"]


def _head_end(table: TableResult) -> int:
    """Return the number of head rows that no cell leaves downwards, as `thead` must be whole."""
    head = table.header_rows
    while any(cell.row < head < cell.row + cell.rowspan for cell in table.cells):
        head += 1
    return head


def _html_cell(cell: TableCell, show: Callable[[str], str]) -> str:
    tag = "th" if cell.header else "td"
    spans = [f' {name}="{span}"' for name, span in (("rowspan", cell.rowspan), ("colspan", cell.colspan)) if span > 1]
    return f"<{tag}{''.join(spans)}>" + show(cell.text).replace("\n", "<br>") + f"</{tag}>"


def to_markdown(table: TableResult, *, repeat: bool = False) -> str:
    """Return a pipe table whose head is the first row; line breaks in cells are `<br>`."""
    if not table.columns:
        return ""
    rows = ["| " + " | ".join(map(escape_cell, row)) + " |" for row in table.texts(repeat=repeat)]
    rows.insert(1, "| " + " | ".join(["---"] * table.columns) + " |")
    return "\n".join(rows) + "\n"


def to_latex(table: TableResult, columns: str = "") -> str:
    """Return a `tabular` (packages: multirow where a cell covers several rows). `columns` is the column specification."""
    body = latex_rows(table)
    lines = [f"\\begin{{tabular}}{{{columns or 'l' * table.columns}}}", "\\hline", *body, "\\hline", "\\end{tabular}"]
    return "\n".join(lines) + "\n"


def latex_rows(table: TableResult) -> list[str]:
    """Return the rows, each ending in `\\\\`, with a rule below the head."""
    below = {(cell.row + k, cell.column): cell for cell in table.cells for k in range(1, cell.rowspan)}
    lines = []
    head = max(1, table.header_rows) if table.header_rows < table.rows else 1
    for number, row in enumerate(table.by_row()):
        begun = {cell.column: _latex_cell(cell) for cell in row}
        # A place under a cell of several rows stays empty but keeps the cell's width.
        begun |= {c: _wide("", cell.colspan) for (r, c), cell in below.items() if r == number}
        line = " & ".join(begun[column] for column in sorted(begun)) + " \\\\"
        lines.append(line + (" \\hline" if number == head - 1 and table.rows > 1 else ""))
    return lines


def _latex_cell(cell: TableCell) -> str:
    text = latex_text(" ".join(cell.text.split()))
    text = "{}" + text if text.startswith(("[", "*")) else text
    if cell.rowspan > 1:
        text = f"\\multirow{{{cell.rowspan}}}{{*}}{{{text}}}"
    return _wide(text, cell.colspan)


def _wide(text: str, colspan: int) -> str:
    return f"\\multicolumn{{{colspan}}}{{c}}{{{text}}}" if colspan > 1 else text


TABLE_FORMATS: dict[str, tuple[str, Callable[[TableResult], str]]] = {
    "csv": (".csv", to_csv),
    "html": (".html", to_html),
    "markdown": (".md", to_markdown),
    "latex": (".tex", to_latex),
}
"""Suffix and renderer of each format by name."""

_ALIASES = {"md": "markdown", "tex": "latex", "htm": "html"}


def table_format(name: str) -> str | None:
    """Return the full name of a table format or of its short form, None if there is none such."""
    wanted = _ALIASES.get(name.lower().lstrip("."), name.lower().lstrip("."))
    return wanted if wanted in TABLE_FORMATS else None
