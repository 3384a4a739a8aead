"""The fourth look: the items of a list are the rows of a table, and what stands in a row's column is their value.

A small model that copies a table row by row slips from column to column. Where the columns show by their edges, headings,
arithmetic and where most of the model's own values stand say which field each column is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

from dsvl2.pipelines.documents import Box, Notice
from dsvl2.pipelines.extract.formats import FORMATS
from dsvl2.pipelines.extract.leaves import Path, replaced
from dsvl2.pipelines.extract.printed import dates_in, number_in
from dsvl2.pipelines.extract.roles import WHAT, first_sum, products, role_of, words_of
from dsvl2.pipelines.extract.schema import validation_errors
from dsvl2.pipelines.extract.shapes import Constant, Form, Listing, Numeral, Record, Words, options_at
from dsvl2.pipelines.extract.types import FieldEvidence, Reading, View
from dsvl2.pipelines.tables.aligned import Grid, grids
from dsvl2.pipelines.tables.tokens import Token

_NUMBER, _DATE, _TEXT = "number", "date", "text"
_TOLD, _GUESSED = (
    0.997,
    0.96,
)  # how sure a value of a column is that a heading, arithmetic or nothing else tells; votes tell
_MOSTLY = 0.6  # of the cells of a column that are of its kind
_FEWEST_VOTES = 2


def look_at_rows(form: Form, views: Sequence[View], readings: Sequence[Reading]) -> list[Reading]:
    """Put the rows of tables in the place of the items that a model made of them, where their columns can be told."""
    names = {
        name: kinds
        for name in form.schema.get("properties", {})
        if (kinds := _item_kinds(form, name)) and len(kinds) > 1
    }
    if not names:
        return list(readings)
    result = []
    for view, reading in zip(views, readings, strict=True):
        tables = [Table(grid) for grid in grids(view.lines)] if view.lines else []
        for name, kinds in names.items():
            if tables and isinstance(reading.data.get(name), list):
                reading = _from_tables(form, reading, name, kinds, tables)
        result.append(reading)
    return result


def _item_kinds(form: Form, name: str) -> dict[str, str | None]:
    """The fields of a list's items with what each takes; None for choices. {} if the items are no flat records."""
    kinds: dict[str, str | None] = {}
    if not any(isinstance(shape, Listing) and not shape.first for shape in options_at(form, (name,))):
        return {}
    for shape in options_at(form, (name, 0)):
        for field in shape.fields if isinstance(shape, Record) else ():
            options = options_at(form, (name, 0, field.name))
            if any(not isinstance(option, Constant | Numeral | Words) for option in options):
                return {}
            kinds[field.name] = _kind(options)
    return kinds


def _kind(options: Sequence[Any]) -> str | None:
    if any(isinstance(option, Constant) and option.text != "null" for option in options):
        return None
    if any(isinstance(option, Numeral) for option in options):
        return _NUMBER
    words = [option for option in options if isinstance(option, Words)]
    if any(FORMATS["date"] in option.patterns for option in words):
        return _DATE
    return _TEXT if any(not option.patterns for option in words) else None


@dataclass(frozen=True, slots=True)
class Cell:
    """What is printed in a row's column; `reading` is how sure its letters are."""

    printed: str
    box: Box
    reading: float | None

    def meant(self, kind: str | None) -> Any:
        """What it is as a value of a kind; None if it is none, or may be two."""
        if kind == _NUMBER:
            number = number_in(self.printed)
            return int(number) if number is not None and number == int(number) else number
        if kind == _DATE:
            days = [next(iter(meant)) for _, meant in dates_in(self.printed) if len(meant) == 1]
            return days[0] if len(days) == 1 else None
        return self.printed if kind == _TEXT else None


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
        values = [row[numbers[-1]].meant(_NUMBER) if row[numbers[-1]] else None for row in self.every]  # type: ignore[union-attr]
        labels = [
            " ".join(cell.printed for k, cell in enumerate(row) if cell and k not in numbers) for row in self.every
        ]
        return self.every[: first_sum(values, labels)]

    @cached_property
    def roles(self) -> dict[int, str]:
        """What columns are for, by arithmetic, then by their headings."""
        found = {
            k: role for k, tokens in enumerate(self.grid.head) if (role := role_of(" ".join(t.text for t in tokens)))
        }
        numbers = [k for k, column in enumerate(self.grid.columns) if column.numbers]
        columns = [[row[k].meant(_NUMBER) if row[k] else None for row in self.rows] for k in numbers]  # type: ignore[union-attr]
        whole = [all(value is None or value == int(value) for value in column) for column in columns]
        return found | {numbers[place]: role for place, role in products(columns, whole).items()}

    def heading(self, column: int) -> tuple[str, ...]:
        """The words of a column's heading."""
        return words_of(" ".join(token.text for token in self.grid.head[column])) if self.grid.head else ()

    def holds(self, column: int, kind: str | None) -> bool:
        """Whether most of a column's cells are of a kind."""
        cells = [cell for row in self.rows if (cell := row[column]) is not None]
        if kind == _TEXT:
            return not self.grid.columns[column].numbers
        right = sum(cell.meant(kind) is not None and (kind == _DATE or not _is_date(cell)) for cell in cells)
        return bool(cells) and right >= _MOSTLY * len(cells) and (kind == _DATE or self.grid.columns[column].numbers)

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


def _is_date(cell: Cell) -> bool:
    return any(True for _ in dates_in(cell.printed))


def _cell(tokens: Sequence[Token]) -> Cell | None:
    if not tokens:
        return None
    sure = [token.confidence for token in tokens if token.confidence is not None]
    box = reduce(Box.union, (token.box for token in tokens))
    return Cell(" ".join(token.text for token in tokens), box, min(sure) if sure else None)


def _from_tables(
    form: Form, reading: Reading, name: str, kinds: Mapping[str, str | None], tables: Sequence[Table]
) -> Reading:
    """The reading with a list made of the rows of the table that most of its items stand in."""
    best: tuple[tuple[int, int], Table, dict[str, tuple[int, bool]]] | None = None
    for table in tables:
        places: dict[Path, tuple[int, int]] = {
            path: place
            for path, where in reading.evidence.items()
            if len(path) == 3 and path[0] == name and (place := table.place(where.box)) is not None
        }
        columns = _columns(table, kinds, places)
        sure = sum(told for _, told in columns.values())
        votes = len({place[0] for place in places.values()})
        if columns and table.rows and (votes or sure > 1) and (best is None or (votes, sure) > best[0]):
            best = ((votes, sure), table, columns)
    if best is None:
        return reading
    _, table, columns = best
    items, evidence = _items(reading, name, kinds, table, columns)
    data = replaced(reading.data, (name,), items)
    if validation_errors(form, data):
        return reading
    if items == reading.data[name]:
        fact = f"page {reading.page}: {name}: the columns of the table bear the items out"
    else:
        fact = f"page {reading.page}: {name}: {len(items)} items as the columns of the table have them"
    kept: dict[Path, FieldEvidence] = {}
    for path, where in reading.evidence.items():
        if path[0] != name:
            kept[path] = where
        else:
            kept |= evidence
    return replace(reading, data=data, evidence=kept | evidence, notices=(*reading.notices, Notice("from_table", fact)))


def _columns(
    table: Table, kinds: Mapping[str, str | None], places: Mapping[Path, tuple[int, int]]
) -> dict[str, tuple[int, bool]]:
    """The column of each field that can be told, and whether more than votes tell it."""
    votes: dict[str, Counter[int]] = {}
    for path, (_, column) in places.items():
        votes.setdefault(str(path[-1]), Counter())[column] += 1
    scores = []
    for field, kind in kinds.items():
        fitting = [k for k in range(len(table.grid.columns)) if table.holds(k, kind)]
        for column in fitting:
            alone = len(fitting) == 1 and sum(other == kind for other in kinds.values()) == 1
            told = _told(table, column, field, alone=alone)
            share = votes.get(field, Counter())[column] / max(sum(votes.get(field, Counter()).values()), 1)
            many = votes.get(field, Counter())[column] >= _FEWEST_VOTES and share > _MOSTLY
            if told or many:
                scores.append((told + share, told > 0, field, column))
    found: dict[str, tuple[int, bool]] = {}
    for _, told, field, column in sorted(scores, key=lambda one: -one[0]):
        if field not in found and column not in {k for k, _ in found.values()}:
            found[field] = (column, told)
    return found


def _told(table: Table, column: int, field: str, *, alone: bool) -> float:
    """How plainly a column is a field's: by its heading, by what it is for, or as there is no other; 0 if nothing says so."""
    wanted, heading = words_of(field), table.heading(column)
    if heading and (set(wanted) == set(heading)):
        return 4.0
    role = table.roles.get(column)
    asked = role_of(field)
    if asked is not None and asked == role:
        return 3.0
    if heading and set(wanted) & set(heading) and asked in (role, None):
        return 2.0
    if alone and (role is None or asked is None or asked == WHAT):
        return 1.5
    return 1.0 if alone else 0.0


def _items(
    reading: Reading,
    name: str,
    kinds: Mapping[str, str | None],
    table: Table,
    columns: Mapping[str, tuple[int, bool]],
) -> tuple[list[dict[str, Any]], dict[Path, FieldEvidence]]:
    """The items of a list by the rows of a table; what no column tells is the model's, where it stands in that row."""
    used = {column for column, _ in columns.values()}
    said: dict[tuple[int, str], tuple[Any, FieldEvidence]] = {}
    for path, where in reading.evidence.items():
        if len(path) == 3 and path[0] == name and (place := table.place(where.box)) and place[1] not in used:
            said.setdefault((place[0], str(path[2])), (reading.data[name][path[1]][path[2]], where))
    items: list[dict[str, Any]] = []
    evidence: dict[Path, FieldEvidence] = {}
    for number, row in enumerate(table.rows):
        item: dict[str, Any] = {}
        for field, kind in kinds.items():
            value, where = said.get((number, field), (None, FieldEvidence(reading.page)))
            if field in columns:
                column, told = columns[field]
                cell = row[column]
                value = cell.meant(kind) if cell else None
                sure = (_TOLD if told else _GUESSED) * (1.0 if cell is None or cell.reading is None else cell.reading)
                where = FieldEvidence(reading.page)
                if cell is not None and value is not None:
                    where = FieldEvidence(reading.page, cell.box, cell.printed, sure)
            item[field] = value
            evidence[(name, len(items), field)] = where
        if any(value is not None for value in item.values()):
            items.append(item)
    return items, {path: where for path, where in evidence.items() if int(path[1]) < len(items)}
