"""Columns that nothing but their edges shows: numbers that end or begin at one place in line after line.

Columns of a table may stand no further apart than words do. Numbers in running text never keep one edge over several
lines, those of a column always do; what stands left of, between and right of such columns are columns of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from dsvl2.pipelines.tables.tokens import WORD, Token, TokenLine, edge_room

FEWEST = 3  # lines that an edge has to hold over
_MOSTLY = 0.6  # of the lines of a table that a column has something in
_STEP = 2.6  # usual line distances: a wider gap ends a table
_HEAD = 3.2  # usual line distances from the headings to the first row
_STARTS = 3  # lines of a table from which its edges are looked for: the first may have cells that are empty or odd
_BETWEEN = 2  # lines without a number of a column that may stand between two rows: a text that runs over
_RUNS_OVER = 1.6  # usual line distances from a row to the line that its text goes on in
_WIDER = 1.6  # times the gaps between words: white that parts columns of words
_WHITE = 0.4  # heights of a word: a stripe through all rows that parts two columns of words, at least


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its sides on the upright page; `numbers` says whether it is one of numbers or dates."""

    x0: float
    x1: float
    numbers: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A table found by its edges: `cells` has for each row and column the words in it, `head` those of the headings.

    `lines` are the numbers of the text lines that the rows begin in.
    """

    columns: tuple[Column, ...]
    cells: tuple[tuple[TokenLine, ...], ...]
    head: tuple[TokenLine, ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(slots=True)
class _Edge:
    """An edge that numbers of several lines share; `tokens` are those by line."""

    right: bool
    x: float
    tokens: dict[int, Token] = field(default_factory=dict)

    def sides(self) -> tuple[float, float]:
        return min(t.x0 for t in self.tokens.values()), max(t.x1 for t in self.tokens.values())


def grids(lines: Sequence[TokenLine]) -> list[Grid]:
    """Return the tables among the text lines of a page, top down."""
    if len(lines) < FEWEST:
        return []
    room = edge_room(lines)
    steps = [b - a for a, b in pairwise(map(_middle, lines)) if b - a > room]
    pitch = median(steps) if steps else 0.0
    tried = _runs(lines, room, pitch)
    tried.sort(key=lambda run: -len(run[0]) * len(run[1]))
    found: list[Grid] = []
    taken: set[int] = set()
    for rows, edges in tried:
        if not taken.intersection(range(rows[0], rows[-1] + 1)):
            grid = _grid(lines, rows, edges, room, pitch)
            if grid is not None:
                taken.update(range(rows[0], rows[-1] + 1))
                found.append(grid)
    return sorted(found, key=lambda grid: grid.lines)


def _middle(line: TokenLine) -> float:
    return sum(token.y for token in line) / len(line)


def _runs(lines: Sequence[TokenLine], room: float, pitch: float) -> list[tuple[list[int], list[_Edge]]]:
    """Every run of lines with common edges; inside one others are looked for from its second and third line only."""
    found: list[tuple[list[int], list[_Edge]]] = []
    start, inside, end = 0, 0, 0
    while start < len(lines):
        run = _run(lines, start, room, pitch)
        if run is not None:
            found.append(run)
            inside, end = (0, run[0][-1]) if start >= end else (inside, max(end, run[0][-1]))
        inside += 1
        start = max(start + 1, end) if inside > _STARTS else start + 1
    return found


def _run(lines: Sequence[TokenLine], start: int, room: float, pitch: float) -> tuple[list[int], list[_Edge]] | None:
    """The lines from `start` on that share edges with it, and these edges; None if they are too few."""
    edges = [
        _Edge(right, token.x1 if right else token.x0, {start: token})
        for token in lines[start]
        if token.kind != WORD
        for right in (True, False)
    ]
    rows, last = [start], start
    for number in range(start + 1, len(lines)) if edges else ():
        if _middle(lines[number]) - _middle(lines[number - 1]) > _STEP * pitch or number - last > _BETWEEN + 1:
            break
        if sum(_takes(edge, number, lines[number], room) for edge in edges):  # each of them is to take its own
            rows.append(number)
            last = number
        elif any(token.kind != WORD for token in lines[number]):
            break
    if not edges:
        return None
    ends = sorted({rows.index(max(edge.tokens)) + 1 for edge in edges} | {len(rows)})
    runs = [(rows[:end], _kept(edges, rows[:end], room)) for end in ends]
    rows, kept = max(runs, key=lambda run: len(run[0]) * len(run[1]))
    full = [number for number in rows if sum(number in edge.tokens for edge in kept) * 2 >= max(len(kept), 1)]
    if len(full) < FEWEST or not kept:
        return None
    return [
        number for number in rows if full[0] <= number <= full[-1]
    ], kept  # what is left of others at the ends are sums


def _kept(edges: Sequence[_Edge], rows: Sequence[int], room: float) -> list[_Edge]:
    """The edges that most of some lines keep: sums below a table keep one of its edges, and would hide the others."""
    inside = [replace(edge, tokens={n: token for n, token in edge.tokens.items() if n <= rows[-1]}) for edge in edges]
    return _apart([edge for edge in inside if len(edge.tokens) >= max(FEWEST, _MOSTLY * len(rows))], room)


def _takes(edge: _Edge, number: int, line: TokenLine, room: float) -> bool:
    """Add the number of a line that keeps an edge, if there is one."""
    for token in line:
        if token.kind != WORD and abs((token.x1 if edge.right else token.x0) - edge.x) <= room:
            edge.tokens[number] = token
            return True
    return False


def _apart(edges: Sequence[_Edge], room: float) -> list[_Edge]:
    """The edges of different columns from left to right: of those that overlap the one that more lines keep."""
    kept: list[_Edge] = []
    for edge in sorted(edges, key=lambda edge: (-len(edge.tokens), not edge.right)):
        low, high = edge.sides()
        if all(high <= a + room / 2 or low >= b - room / 2 for a, b in (other.sides() for other in kept)):
            kept.append(edge)
    return sorted(kept, key=lambda edge: edge.sides())


def _grid(
    lines: Sequence[TokenLine], rows: Sequence[int], edges: Sequence[_Edge], room: float, pitch: float
) -> Grid | None:
    """The table of some lines by the edges of its numbers; None where other text stands across them."""
    whole = [lines[number] for number in rows]
    columns = [Column(*edge.sides(), numbers=True) for edge in edges]
    spaces = [(float("-inf"), columns[0].x0)]
    spaces += [(a.x1, b.x0) for a, b in pairwise(columns)] + [(columns[-1].x1, float("inf"))]
    for low, high in spaces:
        columns += _word_columns(whole, low - room / 2, high + room / 2, room)
    columns.sort(key=lambda column: column.x0)
    if len(columns) < 2 or any(b.x0 < a.x1 - room for a, b in pairwise(columns)):
        return None
    cells, firsts, place = [], [], rows[0]
    least = 0.9 * min(_middle(lines[b]) - _middle(lines[a]) for a, b in pairwise(rows))
    while place <= rows[-1]:
        end = next((number for number in rows if number > place), min(place + _BETWEEN + 1, len(lines)))
        more = list(_continued(lines, place, end, columns, least if place == rows[-1] else _RUNS_OVER * pitch))
        row = _cells([token for line in (lines[place], *more) for token in line], columns)
        if place in rows or sum(map(bool, row)) > 1:  # a row without numbers has something in several columns
            cells.append(row)
            firsts.append(place)
        place += 1 + len(more)
    return Grid(tuple(columns), tuple(cells), _head(lines, rows[0], columns, pitch), tuple(firsts))


def _word_columns(rows: Sequence[TokenLine], low: float, high: float, room: float) -> list[Column]:
    """The columns of words in a space between columns of numbers: parted by white through all rows at an aligned edge."""
    inside = [[token for token in row if token.x0 >= low and token.x1 <= high] for row in rows]
    filled = [part for part in inside if part]
    if len(filled) < max(2, _MOSTLY * len(rows)):
        return []
    sides = sorted((token.x0, token.x1) for part in filled for token in part)
    least = _WHITE * median(token.tall for part in filled for token in part)
    groups: list[list[float]] = []
    for x0, x1 in sides:
        begins = sum(any(abs(token.x0 - x0) <= room for token in part) for part in filled)
        white = x0 - groups[-1][1] if groups else 0.0
        if groups and (white < least or begins < _MOSTLY * len(filled) or white < _between(filled, x0 - white, x0)):
            groups[-1][1] = max(groups[-1][1], x1)
        else:
            groups.append([x0, x1])
    return [Column(x0, x1, numbers=False) for x0, x1 in groups]


def _between(rows: Sequence[Sequence[Token]], low: float, high: float) -> float:
    """How wide white has to be to part columns: wider than between words elsewhere, as those of typewriters align too."""
    gaps = [b.x0 - a.x1 for row in rows for a, b in pairwise(row) if not (a.x1 <= low and b.x0 >= high)]
    return _WIDER * median(gaps) if gaps else 0.0


def _continued(
    lines: Sequence[TokenLine], number: int, end: int, columns: Sequence[Column], most: float
) -> Iterator[TokenLine]:
    """The lines below a row that go on in one of its columns of words, no further than `most` from line to line."""
    texts = [column for column in columns if not column.numbers]
    for below in range(number + 1, end):
        line = lines[below]
        near = _middle(line) - _middle(lines[below - 1]) <= most
        column = next((c for c in texts if line[0].x0 >= c.x0 - 1 and line[-1].x1 <= c.x1 + 1), None)
        if not near or column is None or any(token.kind != WORD for token in line):
            return
        yield line


def _cells(tokens: Sequence[Token], columns: Sequence[Column]) -> tuple[TokenLine, ...]:
    """Each word in the column that it lies in, or nearest to."""
    held: list[list[Token]] = [[] for _ in columns]
    for token in tokens:
        held[min(range(len(columns)), key=lambda k: _away(token, columns[k]))].append(token)
    return tuple(map(tuple, held))


def _away(token: Token, column: Column) -> tuple[float, float]:
    """How far a word is from a column, and how little it shares with it."""
    shared = min(token.x1, column.x1) - max(token.x0, column.x0)
    return max(-shared, 0.0), -shared


def _head(lines: Sequence[TokenLine], first: int, columns: Sequence[Column], pitch: float) -> tuple[TokenLine, ...]:
    """The headings right above the first row, by column; none if the line there is none."""
    if first == 0 or _middle(lines[first]) - _middle(lines[first - 1]) > _HEAD * pitch:
        return ()
    line = lines[first - 1]
    if any(token.kind != WORD for token in line):
        return ()
    held = _cells(line, columns)
    return held if sum(map(bool, held)) >= 2 else ()
