"""Ask a model that reads by bands: it answers from the spatial text of the pages that were read before.

A page that is longer than the model's context is asked in parts that share a few rows. All questions about a part begin
with the same text, which the engine runs once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.pipelines.ask.choosing import Said, choose, judge, placed
from dsvl2.pipelines.ask.declining import absent, insisted
from dsvl2.pipelines.ask.focus import passage
from dsvl2.pipelines.ask.kinds import RATE, SIGNER, asked_kind, only_rate, signer
from dsvl2.pipelines.ask.plan import CANDIDATES
from dsvl2.pipelines.ask.rank import rank
from dsvl2.pipelines.ask.task import SPEC
from dsvl2.pipelines.ask.types import AskPage, AskResult, PageRef
from dsvl2.pipelines.confidence import answer_confidence, refuses_above
from dsvl2.pipelines.documents import PageResult
from dsvl2.pipelines.spatial import Segment, SpatialText, printable, segments_of, spatial_text
from dsvl2.pipelines.tasks.base import Engine, fill
from dsvl2.pipelines.words import Slant

ANSWER_TOKENS = 200
PART_TOKENS = 2600
"""Tokens of page text that are asked at a time: as many as the embedded model's training pages have at most."""
_SIGNED, _NEAR = (
    0.97,
    0.9,
)  # scores of answers that their kind finds: below a closing formula, beside the question's words
_FRAME = 40  # tokens of the turn around page and question
_SHARED_SEGMENTS = 12  # that a part repeats of the one before it


@dataclass(frozen=True, slots=True)
class Asking:
    """One request: which question it asks of which part of which page; `near` are the segments by the question's words."""

    question: int
    page: AskPage
    part: SpatialText
    near: tuple[Segment, ...] | None = None


def ask_text(
    pages: Sequence[AskPage],
    questions: Sequence[str],
    engine: Engine,
    *,
    candidates: int = CANDIDATES,
    part_tokens: int | None = None,
    not_asked: Iterable[PageRef] = (),
    not_read: Iterable[PageRef] = (),
) -> list[AskResult]:
    """Answer the questions from the pages' text, all in one call of the engine.

    pages: those that have been read; `candidates` of them are asked for each question. part_tokens bounds the text of a
    page that is asked at a time; by default it is what the context holds. not_asked (ranked lower before) and not_read
    are passed on to the results.
    """
    texts = [page.text.text if page.text is not None else "" for page in pages]
    chosen = [[pages[number] for number in rank(question, texts)[:candidates]] for question in questions]
    room = engine.info.context_length - ANSWER_TOKENS - _FRAME - max(map(len, questions), default=0)
    parts = {
        id(page): parts_of(page.text, min(part_tokens or PART_TOKENS, room)) for page in pages if page.text is not None
    }
    whole = [
        Asking(number, page, part, passage(questions[number], part.segments, turned=_is_turned(page.text)))
        for page in pages  # page by page: what requests share comes one after the other
        for part in parts.get(id(page), ())
        for number in range(len(questions))
        if page in chosen[number]
    ]
    askings = whole + [
        replace(asking, part=_as_text(asking.near or (), asking.page.text)) for asking in whole if asking.near
    ]
    requests = [request_for(asking.part, questions[asking.question]) for asking in askings]
    answers = engine.generate(requests) if requests else []
    said: list[list[Said]] = [[] for _ in questions]
    refuse = refuses_above(engine.info)
    kinds = [asked_kind(question) for question in questions]
    for asking, answer in zip(askings, answers, strict=True):
        kind = kinds[asking.question]
        said[asking.question].append(judge(asking.page, asking.part, answer, asking.near, refuse=refuse, kind=kind))
    for place in _least_empty(whole, answers, said) if refuse is not None else ():
        (answer,) = insisted(engine, [requests[place]], [answers[place]], refuse)
        asking = whole[place]
        kind = kinds[asking.question]
        said[asking.question].append(judge(asking.page, asking.part, answer, asking.near, refuse=refuse, kind=kind))
    for asking in whole:
        found = _by_kind(asking, kinds[asking.question], said[asking.question])
        said[asking.question] += [] if found is None else [found]
    lower, left_out = tuple(not_asked), tuple(not_read)
    results = [
        choose(question, said[number], asked=chosen[number], pages=pages, not_asked=lower, not_read=left_out)
        for number, question in enumerate(questions)
    ]
    return [_calibrated(engine, result) for result in results]


def _by_kind(asking: Asking, kind: str | None, said: Sequence[Said]) -> Said | None:
    """The answer that its kind finds on a page: the name below a letter's closing, the one percentage near the question."""
    if kind == SIGNER and (name := signer(asking.part.segments)) is not None:
        return placed(asking.page, asking.part, name, _SIGNED)
    if kind == RATE and asking.near and all(one.answer is None for one in said):
        rate = only_rate(asking.near)
        return None if rate is None else placed(asking.page, asking.part, rate, _NEAR)
    return None


def _least_empty(
    whole: Sequence[Asking], answers: Sequence[GenerationResult], said: Sequence[Sequence[Said]]
) -> list[int]:
    """Return for every question without an answer the place of the asking that came nearest to one."""
    places: dict[int, int] = {}
    for place, asking in enumerate(whole):
        number = asking.question
        if all(one.answer is None for one in said[number]):
            best = places.setdefault(number, place)
            places[number] = min(best, place, key=lambda n: absent(answers[n]) or 0.0)
    return list(places.values())


def _calibrated(engine: Engine, result: AskResult) -> AskResult:
    """Turn what the token probabilities made of the answer into the probability that it is right."""
    kind = "answer" if result.found else "absent"
    return replace(result, confidence=answer_confidence(engine.info, kind, result.confidence))


def request_for(part: SpatialText, question: str) -> GenerationRequest:
    """Return the request that asks a question of a part of a page."""
    shared = fill(SPEC.prompts.nano, page=part.text, question="")
    asked = shared + printable(question)
    message = Message("user", asked, shared=len(shared))
    return GenerationRequest((message,), SamplingParams(max_new_tokens=ANSWER_TOKENS))


def _is_turned(page: PageResult | None) -> bool:
    return page is not None and page.rotation in (90, 270)


def _as_text(segments: Sequence[Segment], page: PageResult | None, limit: int | None = None) -> SpatialText:
    """Return segments of a page with their places on it."""
    assert page is not None  # segments come from a page that was read
    width, height = (page.height_px, page.width_px) if _is_turned(page) else (page.width_px, page.height_px)
    return spatial_text(segments, width, height, limit_tokens=limit, slant=Slant.of(page))


def parts_of(page: PageResult, limit: int) -> tuple[SpatialText, ...]:
    """Return a page as spatial texts of at most `limit` tokens, from top to bottom; none for a page without text."""
    rest = list(segments_of(page))
    parts: list[SpatialText] = []
    while rest:
        part = _as_text(rest, page, limit)
        if not part.segments:  # nothing printable, or a single row that is longer than the limit
            break
        parts.append(part)
        if not part.left_out:
            break
        done = {id(segment.box) for segment in part.segments}
        shared = min(_SHARED_SEGMENTS, len(part.segments) // 4)
        repeated = {id(segment.box) for segment in part.segments[len(part.segments) - shared :]}
        rest = [segment for segment in rest if id(segment.box) not in done or id(segment.box) in repeated]
    return tuple(parts)
