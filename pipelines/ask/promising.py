"""Hundreds of pages: which to ask and which few to read first, from the cheapest text there is.

The text layers as they stand in the file, good or bad, rank the pages in a second; only the promising ones are looked at
closer. So the time before an answer does not grow with the document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsvl2.pipelines.ask.plan import READ_AT_MOST, check_reading
from dsvl2.pipelines.ask.rank import Index

FEW = 60
"""Up to so many pages every one is looked at and ranked by what it says for sure."""
_PROBES = 16  # pages looked at to estimate how many have no good text, when no page has a word of the questions
_LOOKED = 40  # pages without a word of the question that are looked at for one with good text


@dataclass(frozen=True, slots=True)
class Survey:
    """Places (0-based) of the pages to ask: `ready` have good text, `unread` have to be read by the model first.

    beyond: promising pages that would have had to be read, too, if there were no limit.
    """

    ready: tuple[int, ...]
    unread: tuple[int, ...]
    beyond: tuple[int, ...] = ()


def survey(
    questions: Sequence[str],
    texts: Sequence[str],
    good: Callable[[int], bool],
    *,
    candidates: int,
    limit: int | None,
    name: str,
) -> Survey:
    """Choose the pages that are worth asking.

    texts: the text layers as they stand, "" where there is none. good: whether a page's layer can be trusted; costs time,
    so few pages are asked for it. candidates: pages for each question. limit: pages that may be read by the model, None: 30.

    Raises:
        TooManyPages: no page has a word of any question, most have no good text, and no limit was given.
    """
    index = Index(texts)
    scores = [index.score(question) for question in questions]
    if limit is None and not any(map(any, scores)):
        _check_hopeless(texts, good, name)
    most = READ_AT_MOST if limit is None else limit
    ready: dict[int, None] = {}
    unread: dict[int, None] = {}
    beyond: set[int] = set()
    for mine in scores:
        beyond.update(_choose(mine, good, ready, unread, candidates, most))
    if limit is not None:  # reading was asked for: what is left of it goes to pages that nothing is known of
        for place, text in enumerate(texts):
            if len(unread) >= most:
                break
            if not text.strip() and not good(place):
                unread[place] = None
    return Survey(tuple(sorted(ready)), tuple(sorted(unread)), tuple(sorted(beyond.difference(unread))))


def _choose(
    scores: Sequence[float],
    good: Callable[[int], bool],
    ready: dict[int, None],
    unread: dict[int, None],
    candidates: int,
    most: int,
) -> list[int]:
    """Choose the pages for one question; return promising ones for which the limit leaves no room."""
    taken = looked = 0
    beyond: list[int] = []
    for place in sorted(range(len(scores)), key=lambda n: -scores[n]):
        if taken == candidates or looked == _LOOKED:
            break
        looked += scores[place] == 0
        if good(place):
            ready[place] = None
            taken += 1
        elif scores[place] > 0 and (place in unread or len(unread) < most):
            unread[place] = None
            taken += 1
        elif scores[place] > 0:
            beyond.append(place)
    return beyond


def _check_hopeless(texts: Sequence[str], good: Callable[[int], bool], name: str) -> None:
    probes = sorted({round(k * (len(texts) - 1) / max(_PROBES - 1, 1)) for k in range(_PROBES)})
    bad = sum(not good(place) for place in probes)
    if 2 * bad > len(probes):
        check_reading(range(round(len(texts) * bad / len(probes))), len(texts), None, name)
