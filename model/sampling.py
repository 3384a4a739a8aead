"""Choosing the next token: penalty, bans, temperature, nucleus; logits are fp32 [V]. Each request has its own generator."""

from collections.abc import Collection

import torch
from torch import Tensor

from dsvl2.model.request import SamplingParams


def penalize(logits: Tensor, seen: Collection[int], penalty: float) -> Tensor:
    """Divide positive and multiply negative logits of the ids already generated."""
    if penalty == 1.0 or not seen:
        return logits
    ids = torch.tensor(sorted(set(seen)), device=logits.device)
    picked = logits[ids]
    return logits.index_copy(0, ids, torch.where(picked > 0, picked / penalty, picked * penalty))


def choose(
    logits: Tensor,
    params: SamplingParams,
    seen: Collection[int],
    generator: torch.Generator | None,
    banned: Collection[int] = (),
    allowed: Tensor | None = None,
) -> tuple[int, float]:
    """One token and its log probability under the distribution it was taken from (before temperature and nucleus).

    logits [V] fp32; seen: ids generated so far; banned: ids that must not come now, unless nothing else is allowed;
    allowed: bool [<= V], the ids that may come, all by default. The probability is the one before `allowed` is applied:
    what the model thought of the token, not how little choice it had.
    """
    logits = penalize(logits, seen, params.repetition_penalty)
    if banned:
        logits = logits.index_fill(0, torch.tensor(sorted(banned), device=logits.device), float("-inf"))
    free = logits
    if allowed is not None:
        logits = _only(logits, allowed.to(logits.device))
    token = int(logits.argmax()) if params.temperature == 0 else _draw(logits, params, generator)
    return token, float(free.log_softmax(-1)[token])


def _only(logits: Tensor, allowed: Tensor) -> Tensor:
    """Logits [V] with -inf where `allowed` [<= V] does not say otherwise; if that leaves nothing, the allowed ones alike."""
    whole = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    whole[: len(allowed)] = allowed[: len(logits)]
    kept = logits.masked_fill(~whole, float("-inf"))
    return kept if bool(kept.isfinite().any()) else torch.zeros_like(logits).masked_fill(~whole, float("-inf"))


def _draw(logits: Tensor, params: SamplingParams, generator: torch.Generator | None) -> int:
    probabilities = (logits / params.temperature).softmax(-1)
    ordered, ids = probabilities.sort(descending=True, stable=True)
    # a token stays while the mass before it is below top_p, so that the most likely one always stays
    ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= params.top_p, 0.0)
    return int(ids[torch.multinomial(ordered, 1, generator=generator)])


def generator_for(params: SamplingParams, device: torch.device) -> torch.Generator | None:
    """A generator seeded by the request alone, so that neighbours in a batch do not matter; None when greedy."""
    if params.temperature == 0:
        return None
    return torch.Generator(device=device).manual_seed(params.seed)
