"""Ask a whole-page checkpoint: it sees the pages themselves.

Each page is asked alone at full tiling, or all of them together in one conversation; then the tiles are divided among
them until everything fits the context, and what was reduced is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from dsvl2.model import GenerationRequest, Message, RequestSize, SamplingParams
from dsvl2.model.errors import ContextOverflow
from dsvl2.pipelines.ask.choosing import choose, judge
from dsvl2.pipelines.ask.plan import CANDIDATES
from dsvl2.pipelines.ask.rank import rank
from dsvl2.pipelines.ask.task import SPEC
from dsvl2.pipelines.ask.types import AskPage, AskResult, PageRef
from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.spatial import spatial_page
from dsvl2.pipelines.tasks.base import Engine, fill

ANSWER_TOKENS = 400
_MARK = "<image>"
_MOST_TILES = 64


@runtime_checkable
class Measuring(Protocol):
    """An engine that can say what a request costs before it runs."""

    def count(self, request: GenerationRequest) -> RequestSize: ...


@dataclass(frozen=True, slots=True)
class ImageBudget:
    """What images may cost. None: what the checkpoint and its context hold.

    tiles: of one image. tokens: of one page, image tokens only.
    """

    tiles: int | None = None
    tokens: int | None = None


def ask_images(
    pages: Sequence[AskPage],
    questions: Sequence[str],
    engine: Engine,
    *,
    candidates: int = CANDIDATES,
    budget: ImageBudget | None = None,
    together: bool = False,
    not_asked: Iterable[PageRef] = (),
    not_read: Iterable[PageRef] = (),
) -> list[AskResult]:
    """Answer the questions from the images of the pages.

    Pages are ranked by what is known of their text; without any they are asked in order. Images are drawn when their turn
    comes and one question after the other is asked of them, so that they are encoded once.

    Raises:
        ContextOverflow: the pages do not fit together even as one tile each.
    """
    texts = [page.text.text if page.text is not None else "" for page in pages]
    chosen = [[pages[number] for number in rank(question, texts)[:candidates]] for question in questions]
    groups = [tuple(pages[:candidates])] if together else [(page,) for page in pages]
    results: list[list[AskResult]] = []
    for group in groups:
        wanted = [n for n in range(len(questions)) if together or group[0] in chosen[n]]
        if wanted:
            asked = _ask_group(group, [questions[n] for n in wanted], engine, budget or ImageBudget())
            results.append(asked)
    return _merge(questions, results, pages, tuple(not_asked), tuple(not_read))


def _ask_group(
    group: Sequence[AskPage], questions: Sequence[str], engine: Engine, budget: ImageBudget
) -> list[AskResult]:
    """Ask all questions of some images in one call."""
    images = tuple(page.draw() for page in group)
    marks = "\n".join([_MARK] * len(images))
    sampling = SamplingParams(max_new_tokens=ANSWER_TOKENS)
    template = SPEC.prompts.page.replace(_MARK, marks, 1)
    requests = [
        GenerationRequest((Message("user", fill(template, question=question), images, shared=len(marks)),), sampling)
        for question in questions
    ]
    fitted, notices = fit(requests, engine, budget, len(images))
    answers = engine.generate(fitted)
    spatial = [spatial_page(page.text) if page.text is not None else None for page in group]
    results = []
    for question, answer in zip(questions, answers, strict=True):
        said = [judge(page, text, answer) for page, text in zip(group, spatial, strict=True)]
        best = max(said, key=lambda one: one.score)  # together: the page on which the answer stands
        results.append(choose(question, [best], asked=group, pages=group, notices=notices))
    return results


def fit(
    requests: Sequence[GenerationRequest], engine: Engine, budget: ImageBudget, images: int
) -> tuple[list[GenerationRequest], tuple[Notice, ...]]:
    """Give the requests, which show the same images, as many tiles as budget and context allow; say what was reduced.

    Raises:
        ContextOverflow: one tile an image is too much.
    """
    if not isinstance(engine, Measuring):
        return [replace(request, tiles=budget.tiles) for request in requests], ()
    longest = max(requests, key=lambda request: len(request.messages[-1].content))
    full = _size(replace(longest, tiles=_MOST_TILES), engine)
    for tiles in range(budget.tiles or _MOST_TILES, 0, -1):
        size = _size(replace(longest, tiles=tiles), engine)
        if size is None or (budget.tokens is not None and size.image_tokens > budget.tokens * images and tiles > 1):
            continue
        notices: tuple[Notice, ...] = ()
        if full is None or size.tiles < full.tiles:
            seen = "1 image was" if images == 1 else f"{images} images were"
            message = (
                f"{seen} seen in {size.tiles} tile{'s' if size.tiles != 1 else ''} ({size.image_tokens} tokens)"
                + (
                    f" instead of {full.tiles} ({full.image_tokens})"
                    if full is not None
                    else ", more do not fit the context"
                )
            )
            notices = (Notice("reduced", message),)
        return [replace(request, tiles=tiles) for request in requests], notices
    engine.count(replace(longest, tiles=1))
    raise AssertionError("unreachable: one tile each fits or overflows")


def _size(request: GenerationRequest, engine: Measuring) -> RequestSize | None:
    try:
        return engine.count(request)
    except ContextOverflow:
        return None


def _merge(
    questions: Sequence[str],
    results: Sequence[Sequence[AskResult]],
    pages: Sequence[AskPage],
    not_asked: tuple[PageRef, ...],
    not_read: tuple[PageRef, ...],
) -> list[AskResult]:
    """Join what the groups answered: for each question the likeliest answer."""
    merged = []
    for question in questions:
        mine = [result for group in results for result in group if result.question == question]
        found = sorted((result for result in mine if result.found), key=lambda result: -(result.confidence or 0.0))
        asked = tuple(dict.fromkeys(ref for result in mine for ref in result.pages_asked))
        known = [result.confidence for result in mine if result.confidence is not None]
        head = found[0] if found else replace(mine[0], confidence=min(known) if known else None)
        notices = head.notices if found else tuple(dict.fromkeys(n for result in mine for n in result.notices))
        merged.append(
            replace(
                head,
                pages_asked=asked,
                pages_not_asked=(*(page.ref for page in pages if page.ref not in asked), *not_asked),
                pages_not_read=not_read,
                notices=notices,
            )
        )
    return merged
