"""Tables: found by their lines and white space, read cell by cell, kept as a grid, written as CSV, HTML and more.

Names are imported when first used: documents carry tables, and must not load what finds them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsvl2.pipelines.tables.merge import document_tables, tables_of
    from dsvl2.pipelines.tables.parse import parse_tables
    from dsvl2.pipelines.tables.render import TABLE_FORMATS, table_format, to_csv, to_html, to_latex, to_markdown
    from dsvl2.pipelines.tables.sheet import table_sheet
    from dsvl2.pipelines.tables.task import TableTask, tables_record
    from dsvl2.pipelines.tables.types import TableCell, TableResult, table_of, table_of_rows
    from dsvl2.pipelines.tables.workbook import to_xlsx

_HOMES = {
    "merge": "document_tables tables_of",
    "parse": "parse_tables",
    "render": "TABLE_FORMATS table_format to_csv to_html to_latex to_markdown",
    "sheet": "table_sheet",
    "task": "TableTask tables_record",
    "types": "TableCell TableResult table_of table_of_rows",
    "workbook": "to_xlsx",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


__all__ = [
    "TABLE_FORMATS",
    "TableCell",
    "TableResult",
    "TableTask",
    "document_tables",
    "parse_tables",
    "table_format",
    "table_of",
    "table_of_rows",
    "table_sheet",
    "tables_of",
    "tables_record",
    "to_csv",
    "to_html",
    "to_latex",
    "to_markdown",
    "to_xlsx",
]
