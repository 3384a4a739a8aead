"""Read pages that may hold no print: the first words of every part first, and on only if they can be believed.

What the model makes of a drawing or of handwriting is nonsense, and nonsense runs on; a few words of each part tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dsvl2.model import GenerationRequest, GenerationResult, Usage
from dsvl2.pipelines.documents import PageResult, sum_usage
from dsvl2.pipelines.reading import PreparedPage

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks.base import Engine

FIRST_TOKENS = 48  # too few to repeat itself, enough for a line or two
MOST_PARTS = 12  # that are looked at, from the top to the bottom of the page
Finish = Callable[[PreparedPage, Sequence[GenerationResult]], PageResult]


def read_warily(page: PreparedPage, engine: Engine, finish: Finish) -> PageResult:
    """Return the reading of a page that is `odd`, cut short where its beginnings are nonsense, or nothing at all.

    Parts whose beginning is all there is are not asked again.
    """
    bands = len(page.layout.bands) if page.layout else 0
    step = max(1.0, bands / MOST_PARTS)
    places = sorted({int(k * step) for k in range(min(bands, MOST_PARTS))})
    begun = dict(zip(places, engine.generate([_short(page.requests[k]) for k in places]), strict=True))
    first = finish(*_beginnings(page, begun))
    spent = [answer.usage for answer in begun.values()]
    if first.let_go or (bands > MOST_PARTS and not any(answer.text.strip() for answer in begun.values())):
        cut = tuple(notice for notice in first.warnings if notice.code not in ("truncated", "line_count_mismatch"))
        return replace(first, warnings=cut, usage=sum_usage(spent))
    whole = {k: answer for k, answer in begun.items() if not answer.truncated}
    rest = [k for k in range(len(page.requests)) if k not in whole]
    told = whole | dict(zip(rest, engine.generate([page.requests[k] for k in rest]) if rest else [], strict=True))
    read = finish(page, [told[k] for k in range(len(page.requests))])
    again = [begun[k].usage for k in begun if k not in whole]
    return replace(read, usage=sum_usage([*([read.usage] if read.usage else []), *again]))


def _short(request: GenerationRequest) -> GenerationRequest:
    most = min(FIRST_TOKENS, request.sampling.max_new_tokens)
    return replace(request, sampling=replace(request.sampling, max_new_tokens=most))


def _beginnings(
    page: PreparedPage, begun: dict[int, GenerationResult]
) -> tuple[PreparedPage, Sequence[GenerationResult]]:
    """Return the page without its formulas and charts, and what was said of its bands; nothing of those not asked."""
    bands = len(page.layout.bands) if page.layout else 0
    silent = GenerationResult("", (), (), (), "stop", Usage(0, 0, 0, 0))
    bare = replace(page, requests=page.requests[:bands], formulas=(), inline=(), charts=())
    return bare, [begun.get(k, silent) for k in range(bands)]
