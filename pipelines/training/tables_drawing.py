"""Draws a table of known cells on a PDF page: places of rows and columns, print, fills and rules."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.tables.types import TableCell, TableResult
from dsvl2.pipelines.training.table_words import phrase

if TYPE_CHECKING:
    from dsvl2.pipelines.training.tables_synthetic import Column, Look

_MARGIN = 40.0


class Pen:
    """One table on one page; all lengths in points."""

    def __init__(self, look: Look, columns: Sequence[Column], table: TableResult) -> None:
        self.look, self.columns, self.table = look, columns, table
        self.xs = [_MARGIN]
        self.fractions: list[float] = []
        for number, column in enumerate(columns):
            own = [c for c in table.cells if c.column == number and c.colspan == 1]
            least = max((self._longest(cell, column.width) for cell in own), default=0.0)
            self.fractions.append(max((self._fraction(cell) for cell in own if not cell.header), default=0.0))
            whole = max((self._longest(c, column.width) - self._fraction(c) for c in own if not c.header), default=0.0)
            least = max(least, whole + self.fractions[-1]) if column.align == "decimal" else least
            self.xs.append(self.xs[-1] + max(least, 2 * look.size) + 2 * look.pad_x)
        self.ys: list[float] = []

    def _longest(self, cell: TableCell, width: float) -> float:
        return max((self._length(line, cell) for line in self._wrapped(cell, width)), default=0.0)

    def _fraction(self, cell: TableCell) -> float:
        """Return the length of a figure from its decimal point on."""
        return self._length("." + cell.text.split(".", 1)[1], cell) if "." in cell.text else 0.0

    def _font(self, cell: TableCell) -> str:
        return self.look.bold if cell.header else self.look.plain

    def _length(self, text: str, cell: TableCell) -> float:
        import pymupdf

        return float(pymupdf.get_text_length(text, self._font(cell), self.look.size))

    def _wrapped(self, cell: TableCell, width: float) -> list[str]:
        from dsvl2.pipelines.training.tables_synthetic import wrap

        return wrap(cell.text, width, self._font(cell), self.look.size)

    def lines(self, cell: TableCell) -> list[str]:
        """Return the lines a cell is printed in."""
        width = self.xs[cell.column + cell.colspan] - self.xs[cell.column] - 2 * self.look.pad_x
        return self._wrapped(cell, width + 0.01)

    def draw(self, rng: Random, around: bool) -> Any:
        """Return a document of one page, as large as the table needs."""
        import pymupdf

        look = self.look
        top = _MARGIN + (6 * look.leading if around else 0.0)
        self.ys = [top]
        for row in range(self.table.rows):
            own = [len(self.lines(c)) for c in self.table.cells if c.row == row and c.rowspan == 1]
            self.ys.append(self.ys[-1] + max([1, *own]) * look.leading + 2 * look.pad_y)
        width, height = self.xs[-1] + _MARGIN, self.ys[-1] + _MARGIN + (6 * look.leading if around else 0.0)
        document: Any = pymupdf.open()  # type: ignore[no-untyped-call]
        page = document.new_page(width=max(width, 300.0), height=height)
        self._fills(page)
        for cell in self.table.cells:
            self._print(page, cell)
        self._rules(page)
        if around:
            for place in (_MARGIN, self.ys[-1] + 2 * look.leading):
                for line in range(4):
                    text = phrase(rng, 12)
                    page.insert_text(
                        (_MARGIN, place + line * look.leading), text, fontname=look.plain, fontsize=look.size
                    )
        return document

    def _fills(self, page: Any) -> None:
        head = self.table.header_rows
        left, right = self.xs[0], self.xs[-1]
        if self.look.style == "filled":
            page.draw_rect((left, self.ys[0], right, self.ys[head]), color=None, fill=(0.25, 0.3, 0.45))
        if self.look.style == "zebra":
            for row in range(head, self.table.rows, 2):
                page.draw_rect((left, self.ys[row], right, self.ys[row + 1]), color=None, fill=(0.9, 0.9, 0.92))

    def _print(self, page: Any, cell: TableCell) -> None:
        look = self.look
        left, right = self.xs[cell.column] + look.pad_x, self.xs[cell.column + cell.colspan] - look.pad_x
        top, bottom = self.ys[cell.row] + look.pad_y, self.ys[cell.row + cell.rowspan] - look.pad_y
        lines = self.lines(cell)
        centred = look.middle or cell.rowspan > 1
        y = (top + bottom - len(lines) * look.leading) / 2 if centred else top
        if cell.header and not centred:
            y = bottom - len(lines) * look.leading
        align = "center" if cell.colspan > 1 else self.columns[cell.column].align
        ink = (1, 1, 1) if look.style == "filled" and cell.header else (0, 0, 0)
        for line in lines:
            y += look.leading
            length = self._length(line, cell)
            x = left
            if align == "center":
                x = (left + right - length) / 2
            elif align == "right" or (align == "decimal" and "." not in line):
                x = right - length
            elif align == "decimal":
                x = right - length
                if not cell.header:
                    x = right - self.fractions[cell.column] - self._length(line.split(".", 1)[0], cell)
            base = (x, y - 0.25 * look.size)
            page.insert_text(base, line, fontname=self._font(cell), fontsize=look.size, color=ink)

    def _rules(self, page: Any) -> None:
        look, head = self.look, self.table.header_rows
        left, right, top, bottom = self.xs[0], self.xs[-1], self.ys[0], self.ys[-1]

        def line(x0: float, y0: float, x1: float, y1: float) -> None:
            page.draw_line((x0, y0), (x1, y1), color=(look.tone,) * 3, width=look.rule)

        if look.walled:
            for cell in self.table.cells:
                x0, x1 = self.xs[cell.column], self.xs[cell.column + cell.colspan]
                y0, y1 = self.ys[cell.row], self.ys[cell.row + cell.rowspan]
                for ends in ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)):
                    line(*ends)
        if look.style in ("rows", "boxed", "columns"):
            edges = self.ys if look.style == "rows" else [top, self.ys[head], bottom]
            for y in [y for k, y in enumerate(edges) if look.style != "rows" or not 0 < k < head]:
                line(left, y, right, y)
        if look.style in ("boxed", "columns"):
            for x in (left, right):
                line(x, top, x, bottom)
        if look.style == "columns":
            for number in range(1, len(self.xs) - 1):
                spanned = [c for c in self.table.cells if c.header and c.column < number < c.column + c.colspan]
                line(self.xs[number], self.ys[1] if spanned else top, self.xs[number], bottom)
        if look.style == "booktabs":
            for y in (top, self.ys[head], bottom):
                line(left, y, right, y)
        if look.style in ("booktabs", "rows", "columns", "boxed"):
            for cell in self.table.cells:
                if cell.header and cell.colspan > 1:
                    x0, x1 = self.xs[cell.column] + look.pad_x / 2, self.xs[cell.column + cell.colspan] - look.pad_x / 2
                    line(x0, self.ys[cell.row + 1], x1, self.ys[cell.row + 1])
