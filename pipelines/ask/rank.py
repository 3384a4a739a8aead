"""Which pages promise to answer a question: BM25 over their words (Robertson and Zaragoza 2009, k1 1.2, b 0.75).

Words count whole and by their first letters, so that "payments" finds "payment" and one misread letter at the end of a
word does no harm.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_K1, _B = 1.2, 0.75
_STEM = 5
_WORD = re.compile(r"\w+")
# Words of questions that pages have for other reasons.
_EMPTY = frozenset(
    _WORD.findall(
        "a an and are as at be by can did do does for from give has have how i in is it its list me much many name of on"
        " or please show tell that the their there these this to was were what when where which who whom whose why will"
        " with you your"
    )
)


def terms(text: str) -> list[str]:
    """Return the words of a text, folded, and their beginnings."""
    words = [word for word in _WORD.findall(text.casefold()) if word not in _EMPTY]
    return words + [word[:_STEM] + "*" for word in words if len(word) > _STEM]


def rank(question: str, pages: Sequence[str]) -> list[int]:
    """Return the numbers of the pages (0-based), the most promising first; equals stay in order."""
    return Index(pages).rank(question)


def score(question: str, pages: Sequence[str]) -> list[float]:
    """Return how well each page fits the question; 0 where no word of it is on the page."""
    return Index(pages).score(question)


class Index:
    """The words of pages, counted once for any number of questions."""

    def __init__(self, pages: Sequence[str]) -> None:
        self._counts = [Counter(terms(page)) for page in pages]
        self._lengths = [sum(count.values()) for count in self._counts]

    def rank(self, question: str) -> list[int]:
        """As `rank`."""
        scores = self.score(question)
        return sorted(range(len(scores)), key=lambda number: -scores[number])

    def score(self, question: str) -> list[float]:
        """As `score`."""
        mean = sum(self._lengths) / max(len(self._lengths), 1) or 1.0
        total = [0.0] * len(self._counts)
        for term in dict.fromkeys(terms(question)):
            having = sum(term in count for count in self._counts)
            weight = math.log(1 + (len(total) - having + 0.5) / (having + 0.5))
            for number, count in enumerate(self._counts):
                often = count[term]
                long = _K1 * (1 - _B + _B * self._lengths[number] / mean)
                total[number] += weight * often * (_K1 + 1) / (often + long)
        return total
