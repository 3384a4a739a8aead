"""Texts that are in two languages at once, such as those that match a pattern and have a certain length."""

from __future__ import annotations

import heapq
from itertools import count, pairwise

from dsvl2.model.constraints.language import NOTHING, Language
from dsvl2.model.constraints.ranges import Ranges, overlap, pleasant

MOST_TRIED = 4000  # texts looked at for an ending


class Both(Language):
    """Every text that is in both languages; made by `both`."""

    def __init__(self, one: Language, other: Language) -> None:
        self.one, self.other = one, other
        self.key = (one, other)
        self.nullable = one.nullable and other.nullable

    def step(self, char: str) -> Language:
        return both(self.one.step(char), self.other.step(char))

    def first(self) -> Ranges:
        return overlap(self.one.first(), self.other.first())

    def _end(self) -> str | None:
        """Search the shortest text, the most promising beginnings first.

        Of every range of characters one stands for all: enough for patterns and lengths, whose choices are made of ranges.
        """
        order = count()
        queue: list[tuple[int, int, str, Language, Language]] = [(0, next(order), "", self.one, self.other)]
        for _ in range(MOST_TRIED):
            if not queue:
                return None
            _, _, begun, one, other = heapq.heappop(queue)
            if one.nullable and other.nullable:
                return begun
            for char in _choices(one.first(), other.first()):
                left, right = one.step(char), other.step(char)
                if left is NOTHING or right is NOTHING or left.ending is None or right.ending is None:
                    continue
                hope = len(begun) + 1 + max(len(left.ending), len(right.ending))
                heapq.heappush(queue, (hope, -next(order), begun + char, left, right))
        return None


def both(one: Language, other: Language) -> Language:
    """What is in both; NOTHING if one of them holds nothing, or no text was found in both."""
    if one is NOTHING or other is NOTHING:
        return NOTHING
    return Both(one, other)


def _choices(one: Ranges, other: Ranges) -> list[str]:
    """A character for every stretch in which neither set changes."""
    shared = overlap(one, other)
    edges = sorted({low for low, _ in (*one, *other)} | {high + 1 for _, high in (*one, *other)})
    found = [pleasant(overlap(shared, ((low, high - 1),))) for low, high in pairwise(edges)]
    return [char for char in found if char is not None]
