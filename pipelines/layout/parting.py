"""Lines too long for a canvas, as panoramas and wide sheets have them, cut at white gaps into pieces that fit."""

from __future__ import annotations

import numpy as np

from dsvl2.pipelines.layout.components import Components, Ints
from dsvl2.pipelines.layout.lines import Rows
from dsvl2.pipelines.layout.types import InkLine

LONGEST = 160.0  # x-heights; a little longer ones are read smaller
_PIECE = 78.0  # x-heights; a canvas holds 95 of print of the size that is read best
_REACH = 0.1  # of a piece, to both sides of its end, where a gap is looked for: pieces stand below each other


def part_long(rows: Rows, found: Components) -> Rows:
    """Return the rows with the long ones cut; the pieces of one follow each other, from left to right."""
    long = [line for line in rows.lines if line.x1 - line.x0 > LONGEST * (line.base - line.top)]
    if not long:
        return rows
    left = min(line.x0 for line in long)
    step = _PIECE * float(np.median([line.base - line.top for line in long]))
    lines: list[InkLine] = []
    leaf: list[int] = []
    of_component = np.full_like(rows.of_component, -1)
    for number, line in enumerate(rows.lines):
        members = np.flatnonzero(rows.of_component == number)
        for piece in _pieces(line, found, members, left, step) if line in long else [members]:
            of_component[piece] = len(lines)
            lines.append(line if len(piece) == len(members) else _cut_to(line, found, piece))
            leaf.append(rows.leaf[number])
    return Rows(tuple(lines), tuple(leaf), of_component)


def _pieces(line: InkLine, found: Components, members: Ints, left: float, step: float) -> list[Ints]:
    """Return the components of each piece of a line that is cut near every `step` pixels from `left`."""
    order = members[np.argsort(found.x0[members], kind="stable")]
    ends = np.maximum.accumulate(found.x1[order])[:-1]
    gaps, places = found.x0[order][1:] - ends, (found.x0[order][1:] + ends) / 2
    cuts: set[int] = set()
    for goal in np.arange(left + step, line.x1 - 2 * _REACH * step, step).tolist():
        near = np.flatnonzero(np.abs(places - goal) < _REACH * step)
        if near.size:
            cuts.add(int(near[gaps[near].argmax()]) + 1)
    return [piece for piece in np.split(order, sorted(cuts)) if piece.size]


def _cut_to(line: InkLine, found: Components, piece: Ints) -> InkLine:
    """Return the part of a line that some of its components make."""
    y0, y1 = max(line.y0, float(found.y0[piece].min())), min(line.y1, float(found.y1[piece].max()))
    return InkLine(float(found.x0[piece].min()), y0, float(found.x1[piece].max()), max(y1, y0 + 1), line.top, line.base)
