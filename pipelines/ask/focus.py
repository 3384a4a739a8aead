"""The passage of a page that shares words with a question: asked beside the whole page, and a reason to believe an answer.

A small model that is given a page of prose whole is easily drawn to what looks like an answer anywhere on it (a date at the
top); given the few lines around the words of the question it copies the right ones. On a form the value stands beside or below
its label, so an answer near the question's words is the likelier one there too.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsvl2.pipelines.ask.rank import Index
from dsvl2.pipelines.spatial import Segment

FEW = 6  # segments: less than a page of text, the whole is its own passage
REACH = 2.6  # line heights above and below the best line that its passage takes in
FAR = 0.6
"""What the score of an answer is multiplied with that stands elsewhere than the question's words."""


def passage(question: str, segments: Sequence[Segment], *, turned: bool = False) -> tuple[Segment, ...] | None:
    """Return the segments around the line that fits the question best (BM25), in their order.

    Empty if no line shares a word with the question; None if there are too few to tell. On a page that lies `turned` by
    a quarter in its image, lines follow each other along x.
    """
    if len(segments) < FEW:
        return None
    scores = Index([segment.text for segment in segments]).score(question)
    best = max(range(len(segments)), key=lambda number: scores[number])
    if scores[best] <= 0:
        return ()
    top, bottom = _extent(segments[best], turned)
    reach = REACH * (bottom - top)
    return tuple(segment for segment in segments if top - reach < sum(_extent(segment, turned)) / 2 < bottom + reach)


def _extent(segment: Segment, turned: bool) -> tuple[float, float]:
    box = segment.box
    return (box.x0, box.x1) if turned else (box.y0, box.y1)
