"""When a question is declined: by how likely an empty answer was, not by whether it was the likeliest.

The likeliest answer of all may be the empty one while something else stands on the page: many answers that differ little
share what is left of the probability. The limit is fitted on calibration answers, where right refusals and false ones are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dsvl2.model import GenerationRequest, GenerationResult, NotEmpty
from dsvl2.pipelines.tasks.base import Engine


def absent(answer: GenerationResult) -> float | None:
    """Return the probability that the model gave to an empty answer; None if it is not known."""
    return None if answer.empty_logprob is None else math.exp(min(answer.empty_logprob, 0.0))


def declines(answer: GenerationResult, limit: float | None) -> bool:
    """Say whether an answer counts as none; without a limit one that is there is believed."""
    known = absent(answer)
    return not answer.text.strip() if limit is None or known is None else known > limit


def insisted(
    engine: Engine, requests: Sequence[GenerationRequest], answers: Sequence[GenerationResult], limit: float | None
) -> list[GenerationResult]:
    """Return the answers, empty ones that the limit does not decline asked once more for what they would say.

    The probability of an empty answer stays that of the first time.
    """
    found = list(answers)
    again = [n for n, answer in enumerate(found) if not answer.text.strip() and not declines(answer, limit)]
    if not again:
        return found
    asked = [replace(requests[n], sampling=replace(requests[n].sampling, constraint=NotEmpty())) for n in again]
    for number, answer in zip(again, engine.generate(asked), strict=True):
        found[number] = replace(answer, empty_logprob=found[number].empty_logprob)
    return found
