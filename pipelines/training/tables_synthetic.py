"""Tables with known cells, drawn as PDF pages: ruled, half ruled and unruled, wrapped, grouped, headed on two levels.

The same page serves as an image at any resolution and as a born-digital page. Nothing here is taken from a data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from dsvl2.pipelines.tables.types import TableCell, TableResult, table_of
from dsvl2.pipelines.training.table_words import figure, header_word, label, phrase

STYLES = ("grid", "rows", "booktabs", "none", "zebra", "filled", "boxed", "columns")
_FONTS = (("helv", "hebo"), ("tiro", "tibo"), ("helv", "hebo"))


@dataclass(frozen=True, slots=True)
class Look:
    """How a table is drawn; lengths in points."""

    style: str
    plain: str
    bold: str
    size: float
    leading: float
    pad_x: float
    pad_y: float
    middle: bool
    rule: float
    tone: float

    @property
    def walled(self) -> bool:
        """Whether every cell has walls, so that a span can be seen."""
        return self.style in ("grid", "filled")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what stands in it, how it is aligned, and how wide its text may be."""

    kind: str
    align: str
    width: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn table: the page (a PyMuPDF document of one page), and the truth."""

    document: Any
    truth: TableResult
    style: str


def draw(rng: Random, style: str | None = None, *, around: bool = False) -> Drawn:
    """Return a random table; with `around` there is a paragraph above and below it."""
    look = _look(rng, style or rng.choice(STYLES))
    columns = _columns(rng, look)
    cells = _cells(rng, look, columns)
    return _page(rng, look, columns, cells, around)


def _look(rng: Random, style: str) -> Look:
    plain, bold = rng.choice(_FONTS)
    size = rng.uniform(7.0, 11.0)
    pad = rng.uniform(0.18, 0.55) if style in ("none", "booktabs", "zebra", "columns") else rng.uniform(0.12, 0.5)
    return Look(
        style,
        plain,
        bold,
        size,
        rng.uniform(1.12, 1.3) * size,
        rng.uniform(0.45, 1.0) * size,
        pad * size,
        rng.random() < 0.3,
        rng.choice((0.4, 0.5, 0.75, 1.0, 1.5)),
        rng.choice((0.0, 0.0, 0.0, 0.4, 0.6)),
    )


def _columns(rng: Random, look: Look) -> list[Column]:
    count = rng.randint(2, 7)
    kinds = ["label"] + [rng.choices(("figure", "text", "word"), (6, 1.5, 1.5))[0] for _ in range(count - 1)]
    columns = []
    for kind in kinds:
        if kind == "figure":
            columns.append(
                Column(kind, rng.choice(("right", "right", "center", "decimal")), rng.uniform(5, 8) * look.size)
            )
        elif kind == "word":
            columns.append(Column(kind, rng.choice(("left", "left", "center")), rng.uniform(5, 8) * look.size))
        elif kind == "text":
            columns.append(Column(kind, "left", rng.uniform(9, 15) * look.size))
        else:
            columns.append(Column(kind, "left", rng.uniform(9, 16) * look.size))
    return columns


def _cells(rng: Random, look: Look, columns: Sequence[Column]) -> list[TableCell]:
    """Return the cells of head and body."""
    cells = _head(rng, look, columns)
    row = max(cell.row + cell.rowspan for cell in cells)
    sections = rng.random() < 0.2
    empty = rng.choice((0.0, 0.0, 0.08))
    for number in range(rng.randint(3, 16)):
        if sections and number % 4 == 0:
            cells.append(TableCell(row, 0, label(rng, 2), colspan=len(columns) if look.walled else 1))
            row += 1
        for c, column in enumerate(columns):
            text = _content(rng, column, empty if c else 0.0)
            if text:
                cells.append(TableCell(row, c, text))
        row += 1
    return cells


def _content(rng: Random, column: Column, empty: float) -> str:
    if rng.random() < empty:
        return ""
    if column.kind == "figure":
        return figure(rng, column.align)
    if column.kind == "word":
        return header_word(rng)
    if column.kind == "text":
        return phrase(rng, rng.randint(1, 7))
    return label(rng, rng.choice((1, 2, 2, 3, 6)))


def _head(rng: Random, look: Look, columns: Sequence[Column]) -> list[TableCell]:
    """Return the head: one level, or two with headings over groups of columns."""
    groups = _groups(rng, len(columns)) if len(columns) >= 4 and rng.random() < 0.4 else []
    level = 1 if groups else 0
    cells = [TableCell(0, a, phrase(rng, rng.randint(1, 2)), 1, b - a + 1, header=True) for a, b in groups]
    grouped = {c for a, b in groups for c in range(a, b + 1)}
    for c, column in enumerate(columns):
        words = 1 if column.kind in ("figure", "word") and rng.random() < 0.7 else 2
        text = "" if c == 0 and rng.random() < 0.2 else " ".join(header_word(rng) for _ in range(words))
        if not text:
            continue
        if groups and c not in grouped and look.walled:
            cells.append(TableCell(0, c, text, 2, header=True))
        else:
            cells.append(TableCell(level, c, text, header=True))
    return cells


def _groups(rng: Random, count: int) -> list[tuple[int, int]]:
    """Return runs of two or three columns, from the second on."""
    groups, place = [], 1
    while place + 1 < count:
        wide = min(rng.choice((2, 2, 3)), count - place)
        if rng.random() < 0.8:
            groups.append((place, place + wide - 1))
        place += wide
    return groups or [(1, 2)]


def wrap(text: str, width: float, font: str, size: float) -> list[str]:
    """Break a text into lines that fit the width (points); a word that does not fit stands alone."""
    import pymupdf

    lines: list[str] = []
    for word in text.split():
        trial = f"{lines[-1]} {word}" if lines else word
        if lines and pymupdf.get_text_length(trial, font, size) <= width:
            lines[-1] = trial
        else:
            lines.append(word)
    return lines


def _page(rng: Random, look: Look, columns: Sequence[Column], cells: Sequence[TableCell], around: bool) -> Drawn:
    from dsvl2.pipelines.training.tables_drawing import Pen

    grid = table_of(cells, columns=len(columns))
    grid = _with_walls(grid) if look.walled else grid
    pen = Pen(look, columns, grid)
    document = pen.draw(rng, around)
    wrapped = {(cell.row, cell.column): "\n".join(pen.lines(cell)) for cell in grid.cells}
    truth = replace(grid, cells=tuple(replace(c, text=wrapped[c.row, c.column]) for c in grid.cells))
    return Drawn(document, truth, look.style)


def _with_walls(table: TableResult) -> TableResult:
    """An empty corner of a two-level head is one cell over both rows where walls show it."""
    head = table.header_rows
    texts = {(cell.row, cell.column): cell.text for cell in table.cells}
    if (
        head < 2
        or any(texts.get((row, 0)) for row in range(head))
        or any(c.rowspan > 1 and not c.column for c in table.cells)
    ):
        return table
    kept = [cell for cell in table.cells if cell.column or cell.row >= head]
    return table_of([TableCell(0, 0, "", head), *kept], table.rows, table.columns)
