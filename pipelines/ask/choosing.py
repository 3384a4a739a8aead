"""From what the model said on each page to one answer: the likeliest that stands on its page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsvl2.model import GenerationResult
from dsvl2.pipelines.ask import declining
from dsvl2.pipelines.ask.answers import parse_answer, whole_sentences
from dsvl2.pipelines.ask.focus import FAR
from dsvl2.pipelines.ask.kinds import OTHER, RATE, held_to
from dsvl2.pipelines.ask.types import AskPage, AskResult, Evidence, PageRef
from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.spatial import Located, Segment, SpatialText, locate

UNSEEN = 0.5
"""What the probability of an answer is multiplied with that does not stand on its page."""
_EVIDENCES = 3


@dataclass(frozen=True, slots=True)
class Said:
    """What the model said to a question about one page (or part of one). `absent` is the probability of an empty answer."""

    page: AskPage
    answer: str | None
    score: float
    absent: float | None
    evidence: Evidence | None
    notices: tuple[Notice, ...]


def judge(
    page: AskPage,
    spatial: SpatialText | None,
    result: GenerationResult,
    near: Sequence[Segment] | None = None,
    *,
    refuse: float | None = None,
    kind: str | None = None,
) -> Said:
    """Parse one answer, look for it on the page, and weigh it.

    near: the segments by the question's words, None: unknown. refuse: an answer is not believed where the model gave an
    empty one more than this probability; None: it always is. kind: what the question asks for, as `kinds` tells it.
    """
    parsed = parse_answer(result.text)
    notices, value = parsed.dropped, parsed.value
    if result.truncated:
        value = whole_sentences(value) if result.finish_reason == "length" else value
        how = "may be cut short" if value == parsed.value else "is cut behind its last whole sentence"
        notices += (Notice("truncated", f"the model {result.ending}: the answer {how}"),)
    absent = declining.absent(result)
    if value is None or declining.declines(result, refuse):
        return Said(page, None, 0.0, absent, None, notices)
    value, fitting = held_to(kind, value)
    if kind == RATE and not fitting:  # an amount is no percentage, however well it was copied
        return Said(page, None, 0.0, absent, None, notices)
    score = (1.0 - (absent or 0.0)) * _probability(result.logprobs) * (1.0 if fitting else OTHER)
    found = locate(spatial, value) if spatial is not None else None
    if spatial is not None:
        score *= found.score if found is not None else UNSEEN
        if near is not None and found is not None and not _stands_in(near, spatial, found):
            score *= FAR
        if found is None:
            notices += (Notice("not_on_page", "the answer does not stand on the page in these words"),)
    evidence = _evidence(page, spatial, found) if spatial is not None and found is not None else None
    return Said(page, value, score, absent, evidence, notices)


def placed(page: AskPage, spatial: SpatialText, value: str, score: float) -> Said | None:
    """Return an answer that was found on a page by its kind, as if the model had said it; None if it stands nowhere."""
    found = locate(spatial, value)
    if found is None:
        return None
    return Said(page, value, score * found.score, None, _evidence(page, spatial, found), ())


def _stands_in(near: Sequence[Segment], spatial: SpatialText, found: Located) -> bool:
    boxes = {segment.box for segment in near}
    return any(spatial.segments[number].box in boxes for number in found.segments)


def _probability(logprobs: Sequence[float]) -> float:
    """Return the geometric mean of the tokens' probabilities: long answers are not punished for their length."""
    return math.exp(min(sum(logprobs) / len(logprobs), 0.0)) if logprobs else 0.0


def _evidence(page: AskPage, spatial: SpatialText, found: Located) -> Evidence:
    quote = " ".join(spatial.segments[number].text for number in found.segments)
    assert page.text is not None  # there is a spatial text only of what was read
    size = (page.text.width_px, page.text.height_px)
    return Evidence(page.source, page.number, quote, found.box, size, found.score)


def choose(
    question: str,
    said: Sequence[Said],
    *,
    asked: Sequence[AskPage],
    pages: Sequence[AskPage],
    not_asked: Iterable[PageRef] = (),
    not_read: Iterable[PageRef] = (),
    notices: tuple[Notice, ...] = (),
) -> AskResult:
    """Return the result for a question: the best answer of any page, or none."""
    answers = sorted((one for one in said if one.answer is not None), key=lambda one: -one.score)
    best = answers[0] if answers else None
    refs = tuple(dict.fromkeys(page.ref for page in asked))
    if best is None:
        known = [one.absent for one in said if one.absent is not None]
        confidence = min(known) if known else None
        notices = tuple(dict.fromkeys(notice for one in said for notice in one.notices)) + notices
    else:
        confidence, notices = best.score, best.notices + notices
    same = [one for one in answers if best is not None and _fold(one.answer) == _fold(best.answer)]
    return AskResult(
        question=question,
        answer=best.answer if best is not None else None,
        found=best is not None,
        confidence=confidence,
        source=best.page.source if best is not None else None,
        page=best.page.number if best is not None else None,
        evidence=tuple(one.evidence for one in same if one.evidence is not None)[:_EVIDENCES],
        pages_asked=refs,
        pages_not_asked=(*(page.ref for page in pages if page.ref not in set(refs)), *not_asked),
        pages_not_read=tuple(not_read),
        notices=notices,
    )


def _fold(text: str | None) -> str:
    return "".join(c for c in (text or "").casefold() if c.isalnum())
