"""Plain-torch forms of every op: what a faster backend is measured against.

Letters: N tokens, H hidden width, E experts, k experts per token, I expert width.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

TOGETHER = 4  # slots whose caches are looked at together; groups in which every slot idles are passed over


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Scale by the fp32 root mean square, cast back to the dtype of `x`, then multiply by `weight` (spec.md 6)."""
    wide = x.float()
    return weight * (wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + eps)).to(x.dtype)


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """down(silu(gate x) * up x), weights as [out, in]."""
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def moe_experts_loop(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Run each expert on the tokens routed to it; see `ops.moe_experts`."""
    out = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    inputs = x.to(gate_up.dtype)
    for expert in idx.unique().tolist():
        token, slot = torch.where(idx == expert)
        gate, up = F.linear(inputs[token], gate_up[expert]).chunk(2, dim=-1)
        y = F.linear(F.silu(gate) * up, down[expert]).float()
        out = out.index_add(0, token, y * weight[token, slot, None].float())
    return out.to(x.dtype)


def moe_experts_rows(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Run each expert that somebody chose on all tokens, counting zero for the others.

    The shapes do not depend on who chose what, so a token's result does not depend on its neighbours, bit for bit:
    the form for decoding a few tokens, where reading the weights is what costs.
    """
    out = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    inputs = x.to(gate_up.dtype)
    share = torch.zeros(x.shape[0], gate_up.shape[0], device=x.device).scatter(1, idx, weight.float())
    for expert in idx.unique().tolist():
        gate, up = F.linear(inputs, gate_up[expert]).chunk(2, dim=-1)
        out = out + F.linear(F.silu(gate) * up, down[expert]).float() * share[:, expert, None]
    return out.to(x.dtype)


def moe_experts_dense(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Run all experts as one wide product, the hidden layer times the routing weight, zero where unselected.

    Equal to the loop up to rounding, differentiable, without data-dependent shapes: the training path,
    and the faster one wherever experts are tiny.
    """
    experts, width = gate_up.shape[0], down.shape[2]
    share = torch.zeros(x.shape[0], experts, dtype=weight.dtype, device=x.device).scatter(1, idx, weight)
    gate, up = F.linear(x, gate_up.flatten(0, 1)).view(-1, experts, 2 * width).chunk(2, dim=-1)  # [N, E, I]
    hidden = F.silu(gate) * up * share.to(gate.dtype)[:, :, None]
    return hidden.flatten(1) @ down.transpose(1, 2).flatten(0, 1)


def decode(query: Tensor, cache: Tensor, bias: Tensor, blocks: Sequence[int]) -> Tensor:
    """One query token per slot against its cache; see `ops.decode`."""
    size, out = cache.shape[4], torch.zeros(query.shape, dtype=torch.float32, device=query.device)
    for start in range(0, len(blocks), TOGETHER):
        part, count = slice(start, start + TOGETHER), max(blocks[start : start + TOGETHER])
        if count:
            out[part] = _decode_some(query[part], cache[:count, :, part], bias[part, : count * size])
    return out


def _decode_some(query: Tensor, cache: Tensor, bias: Tensor) -> Tensor:
    flat = query.to(cache.dtype).flatten(0, 1).contiguous()
    blocks = [block.flatten(1, 2) for block in cache]  # each [K, S * G, size, w], keys first, values last
    scores = torch.cat([torch.bmm(flat, block[0].transpose(1, 2)) for block in blocks], dim=-1)
    share = (scores.unflatten(0, query.shape[:2]) + bias[:, None, None]).softmax(-1)  # fp32, as the bias is
    parts = share.view(len(flat), -1, len(blocks), cache.shape[4]).movedim(2, 0).to(cache.dtype).contiguous()
    out = torch.zeros(flat.shape, dtype=torch.float32, device=query.device)
    for block, part in zip(blocks, parts, strict=True):
        out += torch.bmm(part, block[-1])  # fixed shapes and order: a longer neighbour only adds exact zeros
    return out.view(query.shape)
