"""The head of a table: which lines belong to it, and over which columns a heading stands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.tables.marks import centre_x, centre_y
from dsvl2.pipelines.tables.sketch import Sketch
from dsvl2.pipelines.tables.wrapping import Printed, TextLine, is_number

_MOST_HEADINGS = 8
_YEAR = re.compile(r"^(?:1[89]|20)\d\d$")
_APART = 1.17  # line distances from a head to the title of the first group of rows, at least


def heading_lines(drawn: Sketch, lines: Sequence[TextLine], bands: Sequence[int], pitch: float) -> int:
    """Return how many of the table's lines, from the top, are its head. `bands` counts the lines of each lattice row.

    The head ends where figures begin in the columns that have figures below; else at the first rule across the table,
    if few lines stand above it. `pitch` is the least usual distance of lines.
    """
    by_figures = _before_figures(lines)
    while by_figures > 1 and _is_title(lines[by_figures - 2], lines[by_figures - 1], pitch):
        by_figures -= 1
    while by_figures and lines[by_figures].middle - lines[by_figures - 1].middle < 1.6 * drawn.unit:
        by_figures -= 1  # a taller cell of the first row begins above its figures
    ruled = [k for k in range(1, len(drawn.lattice.ys) - 1) if drawn.lattice.ruled_y[k]]
    by_rule = sum(bands[: ruled[0]]) if ruled else 0
    if by_rule > _MOST_HEADINGS or by_rule * 2 > len(lines):
        by_rule = 0
    if by_rule and by_figures > by_rule + 2:
        return by_rule
    return max(by_rule, by_figures)


def _before_figures(lines: Sequence[TextLine]) -> int:
    """Return how many lines stand above the first one that has figures where figures are usual."""
    columns = sorted({column for line in lines for column in line.pieces})
    figures = []
    for column in columns[1:]:
        texts = [line.pieces[column].text for line in lines if column in line.pieces]
        if len(texts) >= 2 and sum(map(is_number, texts)) >= 0.6 * len(texts):
            figures.append(column)
    if not figures:
        return 0
    for place, line in enumerate(lines[: _MOST_HEADINGS + 1]):
        texts = [line.pieces[column].text.strip() for column in figures if column in line.pieces]
        numbers = [text for text in texts if is_number(text)]
        if numbers and (len(numbers) == len(texts) or not all(map(_YEAR.match, numbers))):
            return place  # years beside words are headings
    return 0


def _is_title(above: TextLine, line: TextLine, pitch: float) -> bool:
    """Say whether a line stands alone in the first column, apart from the head above it: the title of some rows."""
    return set(line.pieces) == {0} and len(above.pieces) > 1 and line.middle - above.middle > _APART * pitch


def widened(drawn: Sketch, printed: Mapping[int, Printed]) -> dict[int, Printed]:
    """Give headings the columns that they stand over: those of the rule right below, or those they are centred on."""
    result = dict(printed)
    grid = drawn.lattice
    if len(grid.xs) > 2 and all(grid.ruled_x):
        return result
    for k, piece in printed.items():
        result[k] = _by_rule(drawn, piece) or piece
    return _centred(drawn, result)


def _by_rule(drawn: Sketch, piece: Printed) -> Printed | None:
    """Widen a heading to the columns over which the short rule below it runs."""
    for rule in drawn.part_rules:
        below = 0 <= (rule.y0 + rule.y1) / 2 - piece.box.y1 + 0.4 * drawn.unit < 2.2 * drawn.unit
        if not below or not rule.x0 - drawn.unit < centre_x(piece.box) < rule.x1 + drawn.unit:
            continue
        columns = [
            c
            for c, text in enumerate(_column_boxes(drawn))
            if text is not None and rule.x0 - 0.5 * drawn.unit < centre_x(text) < rule.x1 + 0.5 * drawn.unit
        ]
        if columns and columns[0] <= piece.last and columns[-1] >= piece.first:
            return replace(piece, first=min(columns[0], piece.first), last=max(columns[-1], piece.last))
    return None


def _column_boxes(drawn: Sketch) -> list[Box | None]:
    """Return where the text of each column stands."""
    result: list[Box | None] = []
    for column in range(len(drawn.xs) - 1):
        own = [p.box for p in drawn.pieces if p.first == p.last == column]
        result.append(Box(min(b.x0 for b in own), 0, max(b.x1 for b in own), 0) if own else None)
    return result


def _centred(drawn: Sketch, printed: dict[int, Printed]) -> dict[int, Printed]:
    """Widen headings of an upper level over empty neighbours to the columns in whose middle they stand."""
    lines = _levels(drawn, printed)
    for upper, lower in itertools.pairwise(lines):
        filled = {c for k in lower for c in range(printed[k].first, printed[k].last + 1)}
        taken = {c for k in upper for c in range(printed[k].first, printed[k].last + 1)}
        if len(filled) <= len(taken) or any(is_number(printed[k].text) for k in upper):
            break
        for k in upper:
            others = taken - set(range(printed[k].first, printed[k].last + 1))
            printed[k] = _recentred(drawn, printed[k], filled - others)
            taken |= set(range(printed[k].first, printed[k].last + 1))
    return printed


def _levels(drawn: Sketch, printed: Mapping[int, Printed]) -> list[list[int]]:
    """Return the first lines of the table: the pieces at one height, top down."""
    lines: list[list[int]] = []
    for k in sorted(printed, key=lambda k: centre_y(printed[k].box)):
        middle = median(centre_y(printed[j].box) for j in lines[-1]) if lines else 0.0
        if lines and centre_y(printed[k].box) - middle < 0.6 * drawn.unit:
            lines[-1].append(k)
        else:
            lines.append([k])
        if len(lines) > 5:
            break
    return lines


def _recentred(drawn: Sketch, piece: Printed, free: set[int]) -> Printed:
    """Return the piece over the most free columns around it that leave it in the middle."""
    boxes = _column_boxes(drawn)
    best, columns = 0, (piece.first, piece.last)
    for first in range(piece.first, 0, -1):
        if first < piece.first and first not in free:
            break
        for last in range(piece.last, len(boxes)):
            if last > piece.last and last not in free:
                break
            left, right = boxes[first], boxes[last]
            if left is None or right is None:
                continue
            away = abs((left.x0 + right.x1) / 2 - centre_x(piece.box))
            if away < 1.2 * drawn.unit and last - first > best:
                best, columns = last - first, (first, last)
    return replace(piece, first=columns[0], last=columns[1]) if best else piece
