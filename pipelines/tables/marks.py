"""What a table is made of, whether it comes from ink or from a PDF's text: words, ruling lines, and text lines of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.layout.letters import Rule

WORD_GAP = 0.95  # letter heights: a wider gap may part two cells


@dataclass(frozen=True, slots=True)
class Marks:
    """The words and rules of one table, all in one unit; `unit` is the height of its commonest letters."""

    words: tuple[Box, ...]
    across: tuple[Rule, ...]
    down: tuple[Rule, ...]
    unit: float

    def within(self, box: Box) -> tuple[Box, ...]:
        """Return the words whose middle lies in `box`."""
        return tuple(w for w in self.words if box.x0 <= centre_x(w) < box.x1 and box.y0 <= centre_y(w) < box.y1)


def centre_x(box: Box) -> float:
    return (box.x0 + box.x1) / 2


def centre_y(box: Box) -> float:
    return (box.y0 + box.y1) / 2


def around(boxes: Sequence[Box]) -> Box:
    """Return the box around all boxes (at least one)."""
    return Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))


def text_lines(words: Sequence[Box], unit: float) -> list[list[Box]]:
    """Group words that stand at one height into lines, top down, words from left to right.

    Heights are compared over the line's last words, so that a tilted line holds together.
    """
    lines: list[list[Box]] = []
    for word in sorted(words, key=lambda w: w.x0):
        best, away = None, 0.55 * unit
        for line in lines:
            near = line[-1]
            distance = abs(centre_y(word) - centre_y(near))
            overlap = min(word.y1, near.y1) - max(word.y0, near.y0)
            if overlap > 0.6 * min(word.y1 - word.y0, near.y1 - near.y0):
                distance = min(distance, 0.3 * unit)  # a comma's or a small letter's middle is no measure
            if distance < away and word.x0 > near.x0:
                best, away = line, distance
        if best is None:
            lines.append([word])
        else:
            best.append(word)
    return sorted(lines, key=lambda line: sum(map(centre_y, line)) / len(line))


def chunks(line: Sequence[Box], gap: float) -> list[Box]:
    """Join the words of a line that stand closer than `gap`."""
    result: list[Box] = []
    for word in line:
        if result and word.x0 - result[-1].x1 < gap:
            result[-1] = result[-1].union(word)
        else:
            result.append(word)
    return result
