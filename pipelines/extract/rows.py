"""The fourth look: the items of a list are the rows of a table, and what stands in a row's column is their value.

A small model that copies a table row by row slips from column to column. Where the columns show by their edges, headings,
arithmetic and where most of the model's own values stand say which field each column is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.cells import DATE, NUMBER, TEXT, Table
from dsvl2.pipelines.extract.formats import FORMATS
from dsvl2.pipelines.extract.leaves import Path, replaced
from dsvl2.pipelines.extract.roles import AMOUNT, PRICE, WHAT, role_of, words_of
from dsvl2.pipelines.extract.schema import validation_errors
from dsvl2.pipelines.extract.shapes import Constant, Form, Listing, Numeral, Record, Words, options_at
from dsvl2.pipelines.extract.types import FieldEvidence, Reading, View
from dsvl2.pipelines.tables.aligned import grids

_TOLD, _GUESSED = (
    0.997,
    0.96,
)  # how sure a value of a column is that a heading, arithmetic or nothing else tells; votes tell
_MOSTLY = 0.6  # of the votes for a field's column
_FEWEST_VOTES, _FEWEST_ROWS = 2, 2


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
        return NUMBER
    words = [option for option in options if isinstance(option, Words)]
    if any(FORMATS["date"] in option.patterns for option in words):
        return DATE
    return TEXT if any(not option.patterns for option in words) else None


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
        if (
            columns
            and len(table.rows) >= _FEWEST_ROWS
            and (votes or sure > 1)
            and (best is None or (votes, sure) > best[0])
        ):
            best = ((votes, sure), table, columns)
    if best is None:
        return reading
    _, table, columns = best
    if _stand_elsewhere(reading, name, table, set(kinds) - set(columns)):
        return reading
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
        fitting = [k for k in range(len(table.grid.columns)) if _fits(table, k, field, kind)]
        same = [other for other in kinds if kinds[other] == kind and _is_name(other, kinds) == _is_name(field, kinds)]
        for column in fitting:
            told = _told(table, column, field, kinds, alone=len(fitting) == 1 == len(same))
            share = votes.get(field, Counter())[column] / max(sum(votes.get(field, Counter()).values()), 1)
            many = votes.get(field, Counter())[column] >= _FEWEST_VOTES and share > _MOSTLY
            if told or many:
                scores.append((told + share, told > 0, field, column))
    found: dict[str, tuple[int, bool]] = {}
    for _, told, field, column in sorted(scores, key=lambda one: -one[0]):
        if field not in found and column not in {k for k, _ in found.values()}:
            found[field] = (column, told)
    return found


def _is_name(field: str, kinds: Mapping[str, str | None]) -> bool:
    """Whether a field is a text that is no count, price or amount."""
    return kinds[field] == TEXT and role_of(field) in (WHAT, None)


def _fits(table: Table, column: int, field: str, kind: str | None) -> bool:
    """Whether a column may be a field's by what stands in it; figures given as text are known by their heading alone."""
    if not table.holds(column, kind):
        return False
    if kind != TEXT or set(words_of(field)) == set(table.heading(column)):
        return True
    role = role_of(field)
    return table.names(column) if role in (WHAT, None) else table.grid.columns[column].numbers


def _told(table: Table, column: int, field: str, kinds: Mapping[str, str | None], *, alone: bool) -> float:
    """How plainly a column is a field's: by its heading, by what it is for, or as there is no other; 0 if nothing says so."""
    wanted, heading = set(words_of(field)), set(table.heading(column))
    if wanted == heading:
        return 4.0
    role, asked = table.roles.get(column), role_of(field)
    if asked is not None and asked == role:
        return 3.0
    others = {word for other in kinds if other != field for word in words_of(other)} - wanted
    if wanted & heading and asked in (role, None) and not others & heading:
        return 2.0
    if not alone or (kinds[field] == NUMBER and table.loose):
        return 0.0
    # the only column of numbers is hardly how many there are, the only one of words what they are
    sole = asked == WHAT if kinds[field] == TEXT else asked in (PRICE, AMOUNT, None)
    return 1.0 if sole and (role is None or asked is None or asked == WHAT) else 0.5 if sole else 0.0


def _stand_elsewhere(reading: Reading, name: str, table: Table, fields: set[str]) -> bool:
    """Whether what the model gave for a field without a column stands beside the rows: items of two lines, say."""
    found: dict[str, list[bool]] = {}
    for path, where in reading.evidence.items():
        if len(path) == 3 and path[0] == name and path[2] in fields and where.box is not None:
            found.setdefault(str(path[2]), []).append(table.place(where.box) is None)
    return any(2 * sum(elsewhere) > len(elsewhere) for elsewhere in found.values())


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
                    where = FieldEvidence(reading.page, cell.box, cell.printed, sure, reading=cell.reading)
            item[field] = value
            evidence[(name, len(items), field)] = where
        if any(value is not None for value in item.values()):
            items.append(item)
    return items, {path: where for path, where in evidence.items() if int(path[1]) < len(items)}
