"""Whether what stands in columns is no table after all, judged by its words: contents, indexes, listings, running text.

Geometry alone cannot tell a page of contents from a table of two columns. Where the words are known before anything is
decided (a page with its own text), they say it: leaders, line numbers, page numbers, sentences that go on below.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from dsvl2.pipelines.tables.marks import centre_y, text_lines
from dsvl2.pipelines.tables.sketch import Piece, Sketch
from dsvl2.pipelines.tables.types import TableResult
from dsvl2.pipelines.tables.wrapping import is_number

_LEADER = re.compile(r"(?:[.\u00b7\u2024\u2026]\s?){4,}|\u2026\u2026")
_SECTION = re.compile(
    r"(?:(?:chapter|part|section|appendix)\s+)?(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.?(?:\s|$)", re.IGNORECASE
)
_PAGE = re.compile(r"(?:\d{1,4}|[ivxlc]{1,6})$")
_ENDED = re.compile(r"[.!?:;]['\"\u2019\u201d)]*$")
_WITH_LEADERS = 0.3  # share of lines
_LISTED, _FEWEST_LISTED = 0.55, 3  # lines whose number is one more than that above: share and least
_NUMBERED = re.compile(r"\d{1,5}(?![\d.,])")
_RELATION = re.compile(r"[=<>\u2248\u2260\u2264\u2265]")
_FILLED = 0.45  # share of places with a text of their own: what is scattered over a drawing fills fewer
_LINES = 2.4  # lines of a column for each row: more in a table without any rule is text in columns
_PAGES, _SECTIONS = 0.85, 0.5  # share of the lines of contents that end with a page's number, begin with a section's
_TALLEST = 14  # lines: more in one cell is a column of text
_SENTENCE = 16  # letters: shorter pieces are no lines of running text
_FULL = 0.8  # share of the column's width that a line of running text fills
_TORN, _MOSTLY_TORN = 3, 0.15  # sentences that go on in the next row: how many, and in what share of a column's rows
_OFTEN_TORN = 0.25  # or that share of the rows of a table without any rule


def is_running(drawn: Sketch, texts: Sequence[str], table: TableResult, *, ruled: bool = False) -> bool:
    """Say whether a table without walls is text: `texts` are those of the sketch's pieces, `table` what they make.

    `ruled`: rules stand above and below it, so that its rows may be tall.
    """
    if table.rows < 2 or table.columns < 2 or max(len(cell.lines) for cell in table.cells) > _TALLEST:
        return True
    alone = sum(cell.colspan == 1 and bool(cell.text) for cell in table.cells)
    tallest = max(Counter(piece.first for piece in drawn.pieces).values())
    if alone < _FILLED * table.rows * table.columns or (not ruled and tallest > _LINES * table.rows):
        return True
    lines = [[texts[k] for k in line] for line in _text_lines(drawn)]
    return is_text(lines) or _is_torn(drawn.pieces, texts, table, ruled)


def is_text(lines: Sequence[Sequence[str]]) -> bool:
    """Say whether lines of print, each cut at wide gaps, are contents, an index, a listing or an equation."""
    leaders = sum(bool(_LEADER.search(" ".join(line))) for line in lines)
    if leaders >= _WITH_LEADERS * len(lines):
        return True
    return _is_listing(lines) or _is_contents(lines) or _is_equation(lines)


def _text_lines(drawn: Sketch) -> list[list[int]]:
    number = {id(piece.box): k for k, piece in enumerate(drawn.pieces)}
    return [[number[id(box)] for box in line] for line in text_lines([p.box for p in drawn.pieces], drawn.unit)]


def _is_listing(lines: Sequence[Sequence[str]]) -> bool:
    """Say whether lines are numbered one by one, and hold neither figures nor much in a third column."""
    heads = [_NUMBERED.match(line[0]) for line in lines]
    numbers = [int(head[0]) if head else -9 for head in heads]
    follows = sum(b - a == 1 for a, b in pairwise(numbers))
    if follows < max(_FEWEST_LISTED, _LISTED * (len(lines) - 1)):
        return False
    figures = sum(len(line) > 1 and is_number(line[1]) for line in lines)
    return max(figures, sum(len(line) > 2 for line in lines)) < 0.5 * len(lines)


def _is_equation(lines: Sequence[Sequence[str]]) -> bool:
    """Say whether the second of two parts of most lines begins with a sign of relation."""
    return sum(len(line) == 2 and bool(_RELATION.match(line[1])) for line in lines) > 0.5 * len(lines)


def _is_contents(lines: Sequence[Sequence[str]]) -> bool:
    """Say whether lines end with page numbers that never fall and begin with the numbers of sections."""
    cut = [line for line in lines if len(line) > 1]
    pages = [line[-1] for line in cut if _PAGE.match(line[-1])]
    if len(pages) < 3 or len(pages) < _PAGES * len(cut):
        return False
    known = [int(page) for page in pages if page.isdigit()]
    sections = sum(bool(_SECTION.match(line[0])) for line in cut)
    return all(a <= b for a, b in pairwise(known)) and sections >= _SECTIONS * len(cut)


def _is_torn(pieces: Sequence[Piece], texts: Sequence[str], table: TableResult, ruled: bool) -> bool:
    """Say whether sentences of a column go on from row to row."""
    row = {k: cell.row for cell in table.cells for k in cell.lines}
    for column in range(table.columns):
        own = sorted(
            (k for k in row if pieces[k].first == pieces[k].last == column), key=lambda k: centre_y(pieces[k].box)
        )
        pairs = [(a, b) for a, b in pairwise(own) if row[a] != row[b]]
        if not pairs:
            continue
        left, right = min(pieces[k].box.x0 for k in own), max(pieces[k].box.x1 for k in own)
        torn = sum(_goes_on(pieces[a], texts[a], texts[b], left + _FULL * (right - left)) for a, b in pairs)
        often = torn >= max(1.0, _OFTEN_TORN * len(pairs)) and not ruled
        if often or torn >= max(_TORN, _MOSTLY_TORN * len(pairs)):
            return True
    return False


def _goes_on(upper: Piece, text: str, below: str, far: float) -> bool:
    """Say whether a line that reaches `far` is a sentence that the line below continues."""
    if len(text) < _SENTENCE or upper.box.x1 < far or _ENDED.search(text):
        return False
    return below[:1].islower() or below[:1] in "\\(" or text.endswith(("-", "\u2010"))
