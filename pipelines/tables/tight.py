"""Tables without rules whose columns stand a word space apart, put right after reading: a page's lines cut at aligned edges.

Before it is read, such a table looks like running text, or like one of fewer columns. Only what is sure is cut: three rows
and more with numbers that keep two edges, and no contents, listing or equation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate, pairwise

from dsvl2.pipelines.documents import Block, Box, Line, PageResult
from dsvl2.pipelines.tables.aligned import FEWEST, Grid, grids
from dsvl2.pipelines.tables.drawn import block_of
from dsvl2.pipelines.tables.running import is_text
from dsvl2.pipelines.tables.tokens import WORD, Token, TokenLine, kind_of, token_lines
from dsvl2.pipelines.tables.types import TableCell, TableResult, compacted, table_of

_NUMBERS = 2  # columns of numbers that a table has to have
_FILLED = 0.8  # of its rows have something in each of them
_MERGED = 0.3  # of its rows have columns of which the page made one
_MOST_TABLES = 30
_LETTERS = re.compile(r"[^\W\d_]{2}")
_CUT = ("paragraph", "list_item", "table")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a word stands in a block."""

    line: int
    word: int


def with_tight_tables(page: PageResult) -> PageResult:
    """Return the page with its lines cut into the cells of tables where columns a word space apart are sure."""
    tried = 0
    while tried < _MOST_TABLES:
        cut = next((blocks for number in range(len(page.blocks)) if (blocks := _cut_block(page, number))), None)
        if cut is None:
            break
        page, tried = replace(page, blocks=cut), tried + 1
    return page


def _may_have_one(block: Block) -> bool:
    """Whether there are lines with several numbers that nothing parts: cheap to see, and rare."""
    if block.kind not in _CUT:
        return False
    return sum(sum(kind_of(word.text) != WORD for word in line.words) >= _NUMBERS for line in block.lines) >= FEWEST


def _cut_block(page: PageResult, number: int) -> tuple[Block, ...] | None:
    """The blocks of the page with a table among them that one of them hides; None if it hides none."""
    block = page.blocks[number]
    if not _may_have_one(block):
        return None
    places = {id(word.box): _Place(n, w) for n, line in enumerate(block.lines) for w, word in enumerate(line.words)}
    lines = token_lines(replace(page, blocks=(block,)))
    found = next((parts for grid in grids(lines) if (parts := _cut(page, block, grid, places)) is not None), None)
    return None if found is None else (*page.blocks[:number], *found, *page.blocks[number + 1 :])


def _cut(page: PageResult, block: Block, grid: Grid, places: dict[int, _Place]) -> list[Block] | None:
    """A block in parts, this table among them; None where it is not sure, or cut so already."""
    numbers = [k for k, column in enumerate(grid.columns) if column.numbers]
    filled = sum(all(row[k] for k in numbers) for row in grid.cells)
    if len(numbers) < _NUMBERS or len(grid.cells) < FEWEST or filled < _FILLED * len(grid.cells) or not _is_named(grid):
        return None
    rows = [*([grid.head] if grid.head else []), *grid.cells]
    if is_text([[_text(cell) for cell in row if cell] for row in rows]):
        return None
    at = {id(token.box): places[id(token.box)] for row in rows for cell in row for token in cell}
    if not _is_merged(grid, at):
        return None
    gone = {place.line for place in at.values()}
    whole = {(place.line, place.word) for place in at.values()}
    if any((line, word) not in whole for line in gone for word in range(len(block.lines[line].words))):
        return None  # a line goes on beyond the table
    rest = _rest(block, gone)
    return None if rest is None else [*rest[0], _block(page, block, rows, grid, at), *rest[1]]


def _is_named(grid: Grid) -> bool:
    """Whether words say what rows or columns are: figures alone may be a listing's."""
    texts = [k for k, column in enumerate(grid.columns) if not column.numbers]
    for k in texts[1:]:
        if len({_text(row[k]) for row in grid.cells if row[k]}) == 1:
            return False  # a unit, or what a program lists: part of the number beside it
    rows = sum(any(_LETTERS.search(_text(row[k])) for k in texts) for row in grid.cells)
    return rows >= _FILLED * len(grid.cells) or sum(bool(_LETTERS.search(_text(cell))) for cell in grid.head) > 1


def _is_merged(grid: Grid, at: dict[int, _Place]) -> bool:
    """Whether in enough rows words of several columns stand in one line of the block."""
    count = 0
    for row in grid.cells:
        lines = [{at[id(t.box)].line for t in cell} for cell in row]
        count += any(one & other for k, one in enumerate(lines) for other in lines[:k])
    return count >= _MERGED * len(grid.cells)


def _text(cell: Sequence[Token]) -> str:
    return " ".join(token.text for token in cell)


def _rest(block: Block, gone: set[int]) -> tuple[list[Block], list[Block]] | None:
    """What a block has above and below the lines that became a table; None if they are mixed up."""
    first, last = min(gone), max(gone)
    if block.table is not None:
        return _rest_of_table(block, block.table, gone)
    if set(range(first, last + 1)) != gone:
        return None
    return _paragraph(block, block.lines[:first]), _paragraph(block, block.lines[last + 1 :])


def _paragraph(block: Block, lines: Sequence[Line]) -> list[Block]:
    if not lines:
        return []
    text = " ".join(line.text for line in lines)
    return [Block("paragraph", text, _around(lines), 0, tuple(lines), block.confidence)]


def _rest_of_table(block: Block, table: TableResult, gone: set[int]) -> tuple[list[Block], list[Block]] | None:
    """The rows above and below as tables of their own; None where a cell stands across, or a row is in part gone."""
    touched = {cell.row for cell in table.cells if gone.intersection(cell.lines)}
    top, bottom = min(touched), max(touched)
    for cell in table.cells:
        inside = top <= cell.row <= bottom
        if (inside and set(cell.lines) - gone) or inside != (top <= cell.row + cell.rowspan - 1 <= bottom):
            return None
    above = [cell for cell in table.cells if cell.row < top]
    below = [replace(cell, row=cell.row - bottom - 1) for cell in table.cells if cell.row > bottom]
    return _as_table(block, table, above, top), _as_table(block, table, below, table.rows - bottom - 1)


def _as_table(block: Block, table: TableResult, cells: Sequence[TableCell], rows: int) -> list[Block]:
    numbers = sorted({line for cell in cells for line in cell.lines})
    if not numbers:
        return []
    lines = [block.lines[number] for number in numbers]
    filled = [replace(c, lines=tuple(map(numbers.index, c.lines))) for c in cells if c.text]
    part = compacted(replace(table_of(filled, rows, 0), edges=table.edges, confidence=table.confidence))
    if part.columns > 1 and part.rows > 1:
        return [block_of(replace(part, box=_around(lines), edges=()), lines)]
    return _by_tabs(lines) or _paragraph(block, lines)


def _by_tabs(lines: Sequence[Line]) -> list[Block]:
    """The table of lines that wide gaps cut into equally many parts each; none if they do not."""
    counts = [[len(part.split()) for part in line.text.split("\t")] for line in lines]
    if len(lines) < 2 or len({len(count) for count in counts}) > 1 or len(counts[0]) < 2:
        return []
    parts: list[Line] = []
    cells: list[TableCell] = []
    for row, (line, count) in enumerate(zip(lines, counts, strict=True)):
        ends = list(accumulate(count, initial=0))
        if ends[-1] != len(line.words) or 0 in count:
            return []
        for column, (start, stop) in enumerate(pairwise(ends)):
            part = _part(line, range(start, stop))
            cells.append(TableCell(row, column, part.text, box=part.box, lines=(len(parts),)))
            parts.append(part)
    return [block_of(replace(table_of(cells), box=_around(parts)), parts)]


def _around(lines: Sequence[Line]) -> Box | None:
    boxes = [line.box for line in lines if line.box is not None]
    return reduce(Box.union, boxes) if boxes else None


def _block(
    page: PageResult, block: Block, rows: Sequence[Sequence[TokenLine]], grid: Grid, at: dict[int, _Place]
) -> Block:
    """The block of a table: each cell has a line for every line of print that its words are from."""
    lines: list[Line] = []
    cells: list[TableCell] = []
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            own: dict[int, list[int]] = {}
            for token in cell:
                own.setdefault(at[id(token.box)].line, []).append(at[id(token.box)].word)
            made = [_part(block.lines[line], words) for line, words in own.items()]
            if made:
                numbers = tuple(range(len(lines), len(lines) + len(made)))
                text = "\n".join(line.text for line in made)
                header = bool(grid.head) and number == 0
                cells.append(TableCell(number, column, text, box=_around(made), header=header, lines=numbers))
                lines += made
    borders = [(a.x1 + b.x0) / 2 for a, b in pairwise(grid.columns)]
    edges = (grid.columns[0].x0, *borders, grid.columns[-1].x1) if page.rotation == 0 and not page.skew else ()
    table = table_of(cells, len(rows), len(grid.columns))
    return block_of(replace(table, box=_around(lines), edges=edges), lines)


def _part(line: Line, words: Sequence[int]) -> Line:
    """Some neighbouring words of a line as a line of its own, with the probabilities of their letters."""
    starts, at = [], 0
    for word in line.words:
        found = line.text.find(word.text, at)
        starts.append(found)
        at = max(at, found + len(word.text))
    kept = [line.words[word] for word in sorted(words)]
    text, start = " ".join(word.text for word in kept), starts[min(words)]
    known = len(line.logprobs) == len(line.text) and line.text[start : start + len(text)] == text
    box = reduce(Box.union, (word.box for word in kept))
    return Line(text, box, line.confidence, tuple(kept), line.logprobs[start : start + len(text)] if known else ())
