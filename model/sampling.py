"""Choosing the next token: penalty, bans, temperature, nucleus; logits are fp32.

Chance is a function of a request's seed and of the token's place in its sequence, and of nothing else: no generator has a
state that neighbours, batches or a device could change. Letters: R rows, V vocabulary.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from dsvl2.model.request import SamplingParams

Warm = tuple[float, float, int]  # temperature, top_p, seed
COLD: Warm = (0.0, 1.0, 0)  # the likeliest token
STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))  # of splitmix64: shift, then multiply
SEED, PLACE = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03


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
    place: int = 0,
    banned: Collection[int] = (),
    allowed: Tensor | None = None,
) -> tuple[int, float]:
    """One token and its log probability under the distribution it was taken from (before temperature and nucleus).

    logits [V] fp32; seen: ids generated so far; place: of the token in its sequence; banned: ids that must not come now,
    unless nothing else is allowed; allowed: bool [<= V], the ids that may come, all by default. The probability is the one
    before `allowed` is applied: what the model thought of the token, not how little choice it had.
    """
    logits = penalize(logits, seen, params.repetition_penalty)
    if banned:
        logits = logits.index_fill(0, torch.tensor(sorted(banned), device=logits.device), float("-inf"))
    free = logits
    if allowed is not None:
        logits = _only(logits, allowed.to(logits.device))
    if params.temperature == 0:
        token = int(logits.argmax())
    else:
        heat, seeds = told([warm_of(params)])
        where = torch.tensor([place], device=logits.device)
        token = int(draw(logits[None], heat.to(logits.device), seeds.to(logits.device), where))
    return token, float(free.log_softmax(-1)[token])


def _only(logits: Tensor, allowed: Tensor) -> Tensor:
    """Logits [V] with -inf where `allowed` [<= V] does not say otherwise; if that leaves nothing, the allowed ones alike."""
    whole = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    whole[: len(allowed)] = allowed[: len(logits)]
    kept = logits.masked_fill(~whole, float("-inf"))
    return kept if bool(kept.isfinite().any()) else torch.zeros_like(logits).masked_fill(~whole, float("-inf"))


def warm_of(params: SamplingParams) -> Warm:
    """What drawing needs to know of a request."""
    return params.temperature, params.top_p, params.seed


def told(rows: Collection[Warm]) -> tuple[Tensor, Tensor]:
    """Temperatures and nuclei fp32 [2, R], seeds int64 [R]."""
    return torch.tensor([row[:2] for row in rows]).T.contiguous(), torch.tensor([_signed(row[2]) for row in rows])


def draw(logits: Tensor, heat: Tensor, seeds: Tensor, places: Tensor) -> Tensor:
    """A token for every row of logits fp32 [R, V]: int64 [R]. heat and seeds as `told` makes them; places int64 [R].

    Rows of temperature 0 get their likeliest token. Nothing waits for the device.
    """
    ordered, ids = (logits / heat[0, :, None].clamp(min=1e-6)).softmax(-1).sort(descending=True, stable=True)
    # a token stays while the mass before it is below top_p, so that the most likely one always stays
    kept = ordered.masked_fill(ordered.cumsum(-1) - ordered >= heat[1, :, None], 0.0)
    mass = kept.cumsum(-1)
    below = (mass <= (mass[:, -1] * uniform(seeds, places))[:, None]) & (kept > 0)
    last = (kept > 0).sum(-1) - 1
    drawn = ids.gather(1, torch.minimum(below.sum(-1), last)[:, None])[:, 0]
    return torch.where(heat[0] > 0, drawn, logits.argmax(-1))


def uniform(seeds: Tensor, places: Tensor) -> Tensor:
    """fp32 in [0, 1) for pairs of integers, the same on every device: splitmix64 of both."""
    x = seeds * _signed(SEED) + places * _signed(PLACE)
    for shift, factor in STEPS:
        x = (x ^ (x >> shift & (1 << 64 - shift) - 1)) * _signed(factor)
    return (x >> 40 & (1 << 24) - 1).float() / (1 << 24)


def _signed(value: int) -> int:
    """The same 64 bits as a signed number."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)
