"""Plain-torch forms of every op: what a faster backend is measured against.

Letters: N tokens, H hidden width, E experts, k experts per token, I expert width.
"""

from collections.abc import Sequence
from math import gcd

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels.sight import Place, Sight

PIECE = 256  # tokens whose values are summed in one product; oneDNN divides longer sums as their whole length suggests


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Scale by the fp32 root mean square, cast back to the dtype of `x`, then multiply by `weight` (spec.md 6)."""
    wide = x.float()
    found = weight * (wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + eps)).to(x.dtype)
    return found.to(normed_dtype(x, weight))


def normed_dtype(x: Tensor, weight: Tensor) -> torch.dtype:
    """What a norm gives: the dtype of its weight where that is narrower than x, a stream kept in fp32; else the wider one."""
    return weight.dtype if x.dtype == torch.float32 else torch.promote_types(x.dtype, weight.dtype)


def add_rms_norm(x: Tensor, delta: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """See `ops.add_rms_norm`."""
    total = x + delta
    return total, rms_norm(total, weight, eps)


def rotate_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Pair i with i + d/2 (multi-head attention); cos and sin broadcast against [..., d/2]."""
    a, b = x.chunk(2, dim=-1)
    return _turn(a, b, cos, sin)


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Pair 2i with 2i + 1 (MLA) and return the halves side by side, as the released cache does."""
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return _turn(a, b, cos, sin)


def _turn(a: Tensor, b: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1).to(a.dtype)  # the products are fp32


def store_latent(kv: Tensor, gain: Tensor, eps: float, cos: Tensor, sin: Tensor, flat: Tensor, rows: Tensor) -> None:
    """See `ops.store_latent`."""
    latent, rope = kv.split((len(gain), 2 * cos.shape[-1]), dim=-1)
    latent = rms_norm(latent, gain, eps)
    parts = torch.cat((latent, rotate_pairs(rope, cos, sin).to(latent.dtype)), dim=-1)
    flat.index_copy_(0, rows, parts.to(flat.dtype))


def latent_query(q: Tensor, to_key: Tensor, cos: Tensor, sin: Tensor, scale: float) -> Tensor:
    """See `ops.latent_query`."""
    nope, rope = q.split((to_key.shape[1], 2 * cos.shape[-1]), dim=-1)
    absorbed = torch.einsum("shn,hnr->shr", nope, to_key)
    return torch.cat((absorbed, rotate_pairs(rope, cos[:, None], sin[:, None])), dim=-1) * scale


def store_heads(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, flat: Tensor, rows: Tensor,
    scales: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """See `ops.store_heads`."""
    cos, sin = cos[:, None], sin[:, None]
    parts = torch.stack((rotate_halves(k, cos, sin), v), dim=1).flatten(0, 2)  # [R * 2 * G, d]
    if scales is None:
        flat.index_copy_(0, rows, parts.to(flat.dtype))
    else:
        store_codes(parts, flat, scales, rows)
    return rotate_halves(q, cos, sin).unflatten(1, (k.shape[1], -1)) * scale


def store_codes(parts: Tensor, flat: Tensor, scales: Tensor, rows: Tensor) -> None:
    """Write vectors as int8 with one scale each: parts [N, w], flat int8 [*, w], scales fp32 of as many, rows [N]."""
    wide = parts.float()
    scale = wide.abs().amax(-1).clamp(min=1e-20) / 127
    flat.index_copy_(0, rows, (wide / scale[:, None]).round().to(torch.int8))
    scales.flatten().index_copy_(0, rows, scale)


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """down(silu(gate x) * up x), weights as [out, in]."""
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def moe_experts_loop(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Run each expert on the tokens routed to it; see `ops.moe_experts`."""
    out = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    inputs, ups, downs = (
        x.to(gate_up.dtype),
        gate_up.unbind(),
        down.unbind(),
    )  # one gradient of a stack, not one per expert
    for expert in idx.unique().tolist():
        token, slot = torch.where(idx == expert)
        given = F.pad(inputs[token], (0, 0, 0, -len(token) % 4))  # a CPU then sums the same for 1 token and for 100
        gate, up = F.linear(given, ups[expert]).chunk(2, dim=-1)
        y = F.linear(F.silu(gate) * up, downs[expert]).float()[: len(token)]
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


def decode(query: Tensor, cache: Tensor, sight: Sight, scales: Tensor | None = None) -> Tensor:
    """One query token per row against its blocks; see `ops.decode`."""
    assert sight.bias is not None  # only kernels do without
    size, out = cache.shape[3], torch.zeros(query.shape, dtype=torch.float32, device=query.device)
    kind = cache.dtype if scales is None else query.dtype
    for start, stop, places in sight.spans:
        rows = slice(start, stop)
        blocks = [_block(cache, place, stop - start) for place in places]
        if scales is not None:
            blocks = [
                (block * _block(scales, place, stop - start)[..., None]).to(kind)
                for block, place in zip(blocks, places, strict=True)
            ]
        out[rows] = _decode_some(query[rows].to(kind), blocks, sight.bias[rows, : len(places) * size])
    return out


def _block(cache: Tensor, place: Place, rows: int) -> Tensor:
    """One block of each of some rows, [K, rows * G, ...]."""
    found = cache[:, place : place + rows] if isinstance(place, int) else cache.index_select(1, place)
    return found.flatten(1, 2)


def _decode_some(query: Tensor, blocks: Sequence[Tensor], bias: Tensor) -> Tensor:
    flat = query.flatten(0, 1).contiguous()  # [N, a, w], N = rows * G
    scores = [torch.bmm(flat, block[0].transpose(1, 2)) for block in blocks]
    seen = (scores[0] if len(scores) == 1 else torch.cat(scores, dim=-1)).unflatten(0, query.shape[:2])
    seen += bias[:, None, None]
    size, width = blocks[0].shape[2:]
    piece = gcd(size, PIECE)
    share = seen.softmax(-1).view(len(flat), -1, len(blocks), size // piece, piece)  # rounded once: fp32 inside
    parts = share.permute(2, 0, 3, 1, 4).flatten(1, 2).contiguous()  # [B, N * pieces, a, piece]
    out = None
    for block, part in zip(blocks, parts, strict=True):
        sums = torch.bmm(part, block[-1].reshape(-1, piece, width)).unflatten(0, (len(flat), -1))
        for number in range(sums.shape[1]):  # fixed shapes and order: a longer neighbour only adds exact zeros
            out = sums[:, number].float() if out is None else out.add_(sums[:, number])
    assert out is not None  # a group of rows has a block
    return out.view(query.shape)
