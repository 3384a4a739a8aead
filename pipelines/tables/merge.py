"""Tables of a document: taken from its pages in reading order, those that go on over a page break joined."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from dsvl2.pipelines.documents import Block, Notice, PageResult
from dsvl2.pipelines.tables.types import TableCell, TableResult, table_of_rows

_MARGIN = 0.12  # of the page height: what stands there beside a table is a running head or foot
_SHIFT = 0.02  # of the page width: borders of the same column on two pages are no further apart
_CONTINUED = re.compile(
    r"\b(?:cont(?:inued|inues|inuation|['\u2019]?d|\.)|forts(?:etzung|\.)|suite|suivante|continu(?:a|aci\u00f3n|a\u00e7\u00e3o|azione)"
    r"|segue|vervolg|(?:carried|brought) (?:over|forward)|\u00fcbertrag)(?!\w)",
    re.IGNORECASE,
)
_LONGEST_NOTE = 80  # letters of a line that says so
_SAME_HEAD = 0.8  # share of a head's columns that must read alike


def tables_of(page: PageResult) -> list[TableResult]:
    """Return the tables of one page in reading order, with the page's number in them and their cells."""
    return [
        _table(block, page.number) for block in page.blocks if block.kind == "table" and (block.table or block.rows)
    ]


def _table(block: Block, number: int) -> TableResult:
    table = block.table or replace(table_of_rows(block.rows), box=block.box, confidence=block.confidence)
    cells = tuple(replace(cell, page=number) for cell in table.cells)
    return replace(table, cells=cells, pages=(number,))


def document_tables(pages: Sequence[PageResult], *, merge: bool = True) -> list[TableResult]:
    """Return all tables of pages that follow each other; with `merge` those that go on over a page break are one.

    The parts must have the same columns at the same places, the second must stand at the top of the next page and the
    first at the bottom of its own, and the second's head, if it has one, must repeat the first's, which is then left out.
    """
    result: list[TableResult] = []
    before: PageResult | None = None
    for page in pages:
        tables = tables_of(page)
        parts = merge and before is not None and page.number == before.number + 1 and _touch(before, page)
        if parts and before is not None and result and tables and _fit(result[-1], tables[0], before, page):
            result[-1] = join_parts(result[-1], tables.pop(0))
        result += tables
        before = page
    return result


def _touch(upper: PageResult, lower: PageResult) -> bool:
    """Say whether a table ends one page and another begins the next, running heads and feet aside."""
    last, first = _last_table(upper.blocks), _last_table(lower.blocks[::-1])
    if last is None or first is None:
        return False
    below, above = upper.blocks[last + 1 :], lower.blocks[: len(lower.blocks) - 1 - first]
    foot = all(_at(block, upper, bottom=True) for block in below)
    return foot and all(_at(block, lower, bottom=False) for block in above)


def _last_table(blocks: Sequence[Block]) -> int | None:
    places = [place for place, block in enumerate(blocks) if block.kind == "table" and (block.table or block.rows)]
    return places[-1] if places else None


def _at(block: Block, page: PageResult, *, bottom: bool) -> bool:
    """Say whether a block stands in the page's lower or upper margin, or only says that the table goes on.

    Without a box a short line passes.
    """
    if len(block.text) < _LONGEST_NOTE and _CONTINUED.search(block.text):
        return True
    if block.box is None or not page.height_px:
        return len(block.text) < 60 and "\n" not in block.text
    edge = block.box.y0 if bottom else page.height_px - block.box.y1
    return edge > (1 - _MARGIN) * page.height_px


def _fit(first: TableResult, second: TableResult, upper: PageResult, lower: PageResult) -> bool:
    """Say whether two parts have the same columns: as many, at the same places, under the same head or none."""
    if first.columns != second.columns or first.columns < 2:
        return False
    one, other = _borders(first, upper), _borders(second, lower)
    if one and other:
        if len(one) != len(other) or max(abs(a - b) for a, b in zip(one, other, strict=True)) > _SHIFT + _slack(one):
            return False
    elif not repeats_head(first, second):
        return False
    return not _head(second) or repeats_head(first, second) or _head(second) >= second.rows


def _borders(table: TableResult, page: PageResult) -> list[float]:
    """Return the column borders as shares of the page width; those without rules stand where white is, so loosely."""
    return [x / page.width_px for x in table.edges] if table.edges and page.width_px else []


def _slack(borders: Sequence[float]) -> float:
    narrowest = min(b - a for a, b in itertools.pairwise(borders))
    return 0.25 * max(0.0, narrowest)


def _head(table: TableResult) -> int:
    return table.header_rows if table.header_rows < table.rows else 0


def repeats_head(first: TableResult, second: TableResult) -> bool:
    """Say whether the second table begins with the head of the first, or with its first row if it has no head."""
    count = _head(first) or 1
    if second.rows < count:
        return False
    texts = [table.texts()[:count] for table in (first, second)]
    pairs = [
        (_letters(a), _letters(b)) for one, other in zip(*texts, strict=True) for a, b in zip(one, other, strict=True)
    ]
    filled = [(a, b) for a, b in pairs if a or b]
    return bool(filled) and sum(a == b for a, b in filled) >= _SAME_HEAD * len(filled)


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def join_parts(first: TableResult, second: TableResult) -> TableResult:
    """Return both parts as one table; a repeated head of the second is left out."""
    skipped = (_head(first) or 1) if repeats_head(first, second) else 0
    moved: list[TableCell] = []
    for cell in second.cells:
        if cell.row + cell.rowspan <= skipped:
            continue
        cut = max(0, skipped - cell.row)
        row = first.rows + cell.row + cut - skipped
        moved.append(replace(cell, row=row, rowspan=cell.rowspan - cut, header=False, lines=()))
    known = [(t.confidence, len(t.cells)) for t in (first, second) if t.confidence is not None]
    weight = sum(n for _, n in known)
    pages = tuple(dict.fromkeys((*first.pages, *second.pages)))
    joined = Notice("table_joined", f"pages {first.pages[-1]} and {second.pages[0]} hold parts of one table")
    return replace(
        first,
        rows=first.rows + second.rows - skipped,
        cells=(*first.cells, *moved),
        pages=pages,
        confidence=sum(c * n for c, n in known) / weight if weight else None,
        notices=(*first.notices, *second.notices, joined),
    )
