"""The typed table: cells on a grid that is rectangular by construction, spans and all. Knows nothing of pages and models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dsvl2.pipelines.documents import Box, Notice


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell: the grid place of its upper left corner (from 0), how many rows and columns it covers, and its text.

    Lines of the text are parted by newlines. `box` is in page-image pixels of `page`; `confidence` is the mean token
    probability of what was read in it, None for an empty cell or where nobody knows. `lines` are the numbers of its
    lines among those of the page's block.
    """

    row: int
    column: int
    text: str = ""
    rowspan: int = 1
    colspan: int = 1
    box: Box | None = None
    confidence: float | None = None
    header: bool = False
    page: int = 0
    lines: tuple[int, ...] = ()

    @property
    def places(self) -> list[tuple[int, int]]:
        """All grid places that the cell covers."""
        rows = range(self.row, self.row + self.rowspan)
        return [(row, column) for row in rows for column in range(self.column, self.column + self.colspan)]


@dataclass(frozen=True, slots=True)
class TableResult:
    """A table of `rows` x `columns` places, every one of them covered by exactly one cell, cells in reading order.

    Make it with `table_of`, which sees to that. `pages` are the pages it stands on, `edges` the x coordinates of its
    column borders on the first of them (empty where they are not known), `notices` what had to be set right.
    """

    rows: int
    columns: int
    cells: tuple[TableCell, ...]
    box: Box | None = None
    pages: tuple[int, ...] = ()
    edges: tuple[float, ...] = ()
    confidence: float | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def header_rows(self) -> int:
        """How many rows from the top consist of nothing but header cells."""
        plain = [cell.row for cell in self.cells if not cell.header]
        return min(plain, default=self.rows)

    def texts(self, *, repeat: bool = False) -> tuple[tuple[str, ...], ...]:
        """Return the grid as text; a span's text stands in its first place, with `repeat` in all of them."""
        grid = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            for row, column in cell.places if repeat else cell.places[:1]:
                grid[row][column] = cell.text
        return tuple(map(tuple, grid))

    def by_row(self) -> list[list[TableCell]]:
        """Return the cells that begin in each row, from left to right: the rows of an HTML table."""
        result: list[list[TableCell]] = [[] for _ in range(self.rows)]
        for cell in self.cells:
            result[cell.row].append(cell)
        return result


def table_of(cells: Iterable[TableCell], rows: int = 0, columns: int = 0) -> TableResult:
    """Return the table of these cells, whatever they are.

    The grid is at least `rows` x `columns` and large enough for every cell's first place. Spans that run off the grid
    or over another cell are cut short, a cell on a taken place is dropped (`table_cell_dropped` tells its text), and
    free places get empty cells.
    """
    wanted = sorted(cells, key=lambda cell: (cell.row, cell.column))
    wanted = [cell for cell in wanted if cell.row >= 0 and cell.column >= 0]
    rows = max([rows, *(cell.row + 1 for cell in wanted)])
    columns = max([columns, *(cell.column + 1 for cell in wanted)])
    taken: set[tuple[int, int]] = set()
    kept: list[TableCell] = []
    notices: list[Notice] = []
    starts = {(cell.row, cell.column) for cell in wanted if cell.text}
    for cell in wanted:
        if (cell.row, cell.column) in taken:
            if cell.text:
                notices.append(Notice("table_cell_dropped", f"no place is free for the cell '{cell.text[:60]}'"))
            continue
        fitted = _fitted(cell, rows, columns, taken, starts)
        taken.update(fitted.places)
        kept.append(fitted)
    holes = [(r, c) for r in range(rows) for c in range(columns) if (r, c) not in taken]
    kept += [TableCell(row, column) for row, column in holes]
    kept.sort(key=lambda cell: (cell.row, cell.column))
    return TableResult(rows, columns, tuple(kept), notices=tuple(notices))


def _fitted(
    cell: TableCell, rows: int, columns: int, taken: set[tuple[int, int]], starts: set[tuple[int, int]]
) -> TableCell:
    """Cut a cell's spans to what is free: first to the right, then down."""
    first = (cell.row, cell.column)
    closed = taken | (starts - {first})
    wide = 1
    while wide < min(cell.colspan, columns - cell.column) and (cell.row, cell.column + wide) not in closed:
        wide += 1
    across = range(cell.column, cell.column + wide)
    tall = 1
    while tall < min(cell.rowspan, rows - cell.row) and not any((cell.row + tall, k) in closed for k in across):
        tall += 1
    return cell if (tall, wide) == (cell.rowspan, cell.colspan) else replace(cell, rowspan=tall, colspan=wide)


def compacted(table: TableResult) -> TableResult:
    """Return the table without rows and columns in which no cell begins: they only stretch the cells beside them."""
    rows = sorted({cell.row for cell in table.cells})
    columns = sorted({cell.column for cell in table.cells})
    if len(rows) == table.rows and len(columns) == table.columns:
        return table

    def moved(cell: TableCell) -> TableCell:
        tall = sum(cell.row <= row < cell.row + cell.rowspan for row in rows)
        wide = sum(cell.column <= column < cell.column + cell.colspan for column in columns)
        return replace(cell, row=rows.index(cell.row), column=columns.index(cell.column), rowspan=tall, colspan=wide)

    edges = table.edges
    if len(edges) == table.columns + 1:
        edges = (*(edges[column] for column in columns), edges[-1])
    return replace(table, rows=len(rows), columns=len(columns), cells=tuple(map(moved, table.cells)), edges=edges)


def table_of_rows(rows: Sequence[Sequence[str]]) -> TableResult:
    """Return a table without spans; short rows are filled up with empty cells."""
    return table_of(TableCell(r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row))
