"""The likeliest token of a row of logits and its log probability, in two launches. Letters: R rows, V vocabulary, P parts."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import chained, hold, on, power, release

CHUNK = 4096


@triton.jit
def _parts(logits, top, place, mass, V, P, CHUNK: tl.constexpr, CHAIN: tl.constexpr):
    row, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = part * CHUNK + tl.arange(0, CHUNK)
    release(CHAIN)
    hold(CHAIN)
    z = tl.load(logits + row * V + at, mask=at < V, other=-float("inf"))
    best = tl.max(z, 0)
    tl.store(top + row * P + part, best)
    tl.store(place + row * P + part, tl.min(tl.where(z == best, at, V), 0))
    tl.store(mass + row * P + part, tl.sum(tl.exp(z - best), 0))


@triton.jit
def _whole(top, place, mass, ids, logs, P, V, PP: tl.constexpr, CHAIN: tl.constexpr):
    """To ids int64 and to logs, fp32, or fp64 with the ids before them."""
    row, part = tl.program_id(0).to(tl.int64), tl.arange(0, PP)
    release(CHAIN)
    hold(CHAIN)
    tops = tl.load(top + row * P + part, mask=part < P, other=-float("inf"))
    best = tl.max(tops, 0)
    places = tl.load(place + row * P + part, mask=part < P, other=V)
    masses = tl.load(mass + row * P + part, mask=part < P, other=0.0)
    found, chance = tl.min(tl.where(tops == best, places, V), 0), -tl.log(tl.sum(masses * tl.exp(tops - best), 0))
    tl.store(ids + row, found.to(tl.int64))
    if logs.dtype.element_ty == tl.float64:
        tl.store(logs + row, found.to(tl.float64))
        tl.store(logs + tl.num_programs(0) + row, chance.to(tl.float64))
    else:
        tl.store(logs + row, chance)


def likeliest(logits: Tensor) -> tuple[Tensor, Tensor]:
    """See `joined.likeliest`; of equal ones the first."""
    ids, logs = (
        torch.empty(len(logits), dtype=torch.int64, device=logits.device),
        torch.empty(len(logits), device=logits.device),
    )
    _find(logits, ids, logs)
    return ids, logs


def settle(logits: Tensor, last: Tensor) -> Tensor:
    """See `joined.settle`."""
    values = torch.empty(2, len(logits), dtype=torch.float64, device=logits.device)
    _find(logits, last, values)
    return values


def _find(logits: Tensor, ids: Tensor, logs: Tensor) -> None:
    (rows, vocabulary), device = logits.shape, logits.device
    parts = triton.cdiv(vocabulary, CHUNK)
    top, mass = torch.empty(rows, parts, device=device), torch.empty(rows, parts, device=device)
    place = torch.empty(rows, parts, dtype=torch.int32, device=device)
    if rows:
        with on(logits):
            _parts[(rows, parts)](
                logits.contiguous(), top, place, mass, vocabulary, parts, CHUNK=CHUNK, num_warps=4, **chained(logits)
            )
            _whole[(rows,)](
                top, place, mass, ids, logs, parts, vocabulary, PP=power(parts), num_warps=1, **chained(logits)
            )
