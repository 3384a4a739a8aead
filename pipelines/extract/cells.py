"""A table of a page as cells that can be taken as values: its rows without sums, what its columns are for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract.printed import dates_in, number_in
from dsvl2.pipelines.extract.roles import COUNT, first_sum, products, role_of, words_of
from dsvl2.pipelines.tables.aligned import Grid
from dsvl2.pipelines.tables.tokens import Token

NUMBER, DATE, TEXT = "number", "date", "text"
_UNITS = (("units",), ("unit",), ("einheiten",), ("unités",))  # over numbers: how many; over words: of what
_MOSTLY = 0.6  # of the cells of a column that are of its kind


@dataclass(frozen=True, slots=True)
class Cell:
    """What is printed in a row's column; `reading` is how sure its letters are."""

    printed: str
    box: Box
    reading: float | None

    def meant(self, kind: str | None) -> Any:
        """What it is as a value of a kind; None if it is none, or may be two."""
        if kind == NUMBER:
            number = number_in(self.printed)
            return int(number) if number is not None and number == int(number) else number
        if kind == DATE:
            days = [next(iter(meant)) for _, meant in dates_in(self.printed) if len(meant) == 1]
            return days[0] if len(days) == 1 else None
        return self.printed if kind == TEXT else None


@dataclass(frozen=True)
class Table:
    """A grid as rows of cells, without its sums."""

    grid: Grid

    @cached_property
    def every(self) -> list[list[Cell | None]]:
        """The cells of all rows, sums too."""
        return [[_cell(tokens) for tokens in row] for row in self.grid.cells]

    @cached_property
    def rows(self) -> list[list[Cell | None]]:
        """The rows above the first sum."""
        numbers = [k for k, column in enumerate(self.grid.columns) if column.numbers]
        values = [row[numbers[-1]].meant(NUMBER) if row[numbers[-1]] else None for row in self.every]  # type: ignore[union-attr]
        labels = [
            " ".join(cell.printed for k, cell in enumerate(row) if cell and k not in numbers) for row in self.every
        ]
        return self.every[: first_sum(values, labels)]

    @cached_property
    def roles(self) -> dict[int, str]:
        """What columns are for, by arithmetic, then by their headings."""
        found = {k: role for k in range(len(self.grid.columns)) if (role := role_of(" ".join(self.heading(k))))}
        found |= {
            k: COUNT for k, column in enumerate(self.grid.columns) if column.numbers and self.heading(k) in _UNITS
        }
        numbers = [k for k, column in enumerate(self.grid.columns) if column.numbers]
        columns = [[row[k].meant(NUMBER) if row[k] else None for row in self.rows] for k in numbers]  # type: ignore[union-attr]
        whole = [all(value is None or value == int(value) for value in column) for column in columns]
        return found | {numbers[place]: role for place, role in products(columns, whole).items()}

    def heading(self, column: int) -> tuple[str, ...]:
        """The words of a column's heading."""
        return words_of(" ".join(token.text for token in self.grid.head[column])) if self.grid.head else ()

    def holds(self, column: int, kind: str | None) -> bool:
        """Whether most of a column's cells are of a kind; texts may be anything, what says something has letters."""
        cells = [cell for row in self.rows if (cell := row[column]) is not None]
        if kind == TEXT:
            return bool(cells)
        right = sum(cell.meant(kind) is not None and (kind == DATE or not _is_date(cell)) for cell in cells)
        return bool(cells) and right >= _MOSTLY * len(cells) and (kind == DATE or self.grid.columns[column].numbers)

    @cached_property
    def loose(self) -> bool:
        """Whether numbers stand among the words of most rows: columns that are not known."""
        texts = [k for k, column in enumerate(self.grid.columns) if not column.numbers]
        ends = [row[k][-1].kind == NUMBER for row in self.grid.cells[: len(self.rows)] for k in texts if row[k]]
        return 2 * sum(ends) > len(self.rows)

    def names(self, column: int) -> bool:
        """Whether a column may say what the items are: words, not counts and prices of what stands above."""
        cells = [cell.printed for row in self.rows if (cell := row[column]) is not None]
        return not self.grid.columns[column].numbers and 2 * sum(map(_has_a_word, cells)) > len(cells)

    def place(self, box: Box | None) -> tuple[int, int] | None:
        """The row and column in which the middle of a box lies."""
        if box is None:
            return None
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        for number, row in enumerate(self.rows):
            for column, cell in enumerate(row):
                if cell and cell.box.x0 <= x <= cell.box.x1 and cell.box.y0 <= y <= cell.box.y1:
                    return number, column
        return None


def _has_a_word(printed: str) -> bool:
    return re.search(r"[^\W\d_]{3}", printed) is not None


def _is_date(cell: Cell) -> bool:
    return any(True for _ in dates_in(cell.printed))


def _cell(tokens: Sequence[Token]) -> Cell | None:
    if not tokens:
        return None
    sure = [token.confidence for token in tokens if token.confidence is not None]
    box = reduce(Box.union, (token.box for token in tokens))
    return Cell(" ".join(token.text for token in tokens), box, min(sure) if sure else None)
