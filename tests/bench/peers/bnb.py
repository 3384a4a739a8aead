"""bitsandbytes, NF4: it has no product for experts, so all of them are dequantized in every call, as its users do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.bench.peers.cases import Cases, Method

BITS = 4.5  # fp32 scales of 64 values


def quantized(weight: Tensor) -> tuple[Any, Tensor]:
    """(codes and state), and the weight that they stand for."""
    import bitsandbytes as bnb

    held = bnb.functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    return held, bnb.functional.dequantize_4bit(*held).view(weight.shape)


def experts(cases: Cases) -> Iterator[Method]:
    """Dequantize the layer, then one grouped product each way; the shared experts by its fused 4-bit product."""
    s = cases.shape
    shared = [quantized(part) for part in cases.shared()]
    stacks = [[quantized(part) for part in cases.stacks(number)] for number in range(min(2, s.sets))]
    sets = [(*(held for held, _ in pair), *(held for held, _ in shared)) for pair in stacks]
    exact = (*(part for _, part in stacks[0]), *(part for _, part in shared))
    for problem in cases.problems(prefill=False):
        yield cases.layer("bitsandbytes, all dequantized", "nf4", BITS, problem, _layer, sets, exact)


def _layer(x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    import bitsandbytes as bnb

    up, down = (bnb.functional.dequantize_4bit(*part).view(part[1].shape) for part in held[:2])
    return grouped(x, idx, weight, up, down) + shared_experts(x, held[2], held[3])


def shared_experts(x: Tensor, up: Any, down: Any) -> Tensor:
    """A SwiGLU of two 4-bit products."""
    import bitsandbytes as bnb

    gate, value = bnb.matmul_4bit(x, up[0].t(), quant_state=up[1]).chunk(2, -1)
    return bnb.matmul_4bit(F.silu(gate) * value, down[0].t(), quant_state=down[1])


def grouped(x: Tensor, idx: Tensor, weight: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Sort by expert, two grouped products, weigh, sum."""
    chosen, count = idx.shape[1], up.shape[0]
    order = idx.flatten().argsort()
    ends = torch.histc(idx.flatten().float(), count, 0, count - 1).cumsum(0, dtype=torch.int32)
    gate, value = F.grouped_mm(x[order // chosen], up.transpose(-2, -1), offs=ends).chunk(2, -1)
    y = F.grouped_mm(F.silu(gate) * value, down.transpose(-2, -1), offs=ends) * weight.flatten()[order, None]
    out = torch.empty_like(y)
    out[order] = y
    return out.view(len(x), chosen, -1).sum(1).to(x.dtype)


def head(cases: Cases) -> Iterator[Method]:
    """Its fused 4-bit product."""
    s = cases.shape
    (codes, state), exact = quantized(cases.heads())
    held = [(codes.clone(), state) for _ in range(max(1, int(s.rotated / codes.nbytes)))]
    yield from cases.linear("bitsandbytes", "nf4", BITS, _product, held, exact)


def _product(x: Tensor, held: Any) -> Tensor:
    import bitsandbytes as bnb

    return bnb.matmul_4bit(x, held[0].t(), quant_state=held[1])


GROUPS = {"experts": experts, "head": head}
