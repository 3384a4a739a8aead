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
    scores = score(question, pages)
    return sorted(range(len(pages)), key=lambda number: -scores[number])


def score(question: str, pages: Sequence[str]) -> list[float]:
    """Return how well each page fits the question; 0 where no word of it is on the page."""
    counts = [Counter(terms(page)) for page in pages]
    lengths = [sum(count.values()) for count in counts]
    mean = sum(lengths) / max(len(lengths), 1) or 1.0
    total = [0.0] * len(pages)
    for term in dict.fromkeys(terms(question)):
        having = sum(term in count for count in counts)
        weight = math.log(1 + (len(pages) - having + 0.5) / (having + 0.5))
        for number, count in enumerate(counts):
            often = count[term]
            total[number] += weight * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * lengths[number] / mean))
    return total
