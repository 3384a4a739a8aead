"""The door's second leaf: ops that do several things at once where a step has few tokens, as a GPU likes it.

Each says what it is made of, and is just that where no kernel joins the parts. Letters: N tokens, R rows of a step, H hidden.
"""

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.kernels.packing import PackedWeight

FEW = 2  # rows of a step for which the parts of latent attention are joined


class Place(NamedTuple):
    """Where tokens stand: cos and sin fp32 [R, dr/2] of their angles; flat [*, w] and rows [R], their rows of the cache."""

    cos: Tensor
    sin: Tensor
    flat: Tensor
    rows: Tensor


def few_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, in a kernel of ours where that is faster: for one or two tokens on a GPU."""
    if ops.native(x) and weight.dtype == x.dtype:
        from dsvl2.kernels.triton_backend import linear

        if weight.is_contiguous() and linear.alone(x.numel() // x.shape[-1], x.shape[-1], x):
            return linear.linear(x, weight, bias)
    return F.linear(x, weight, bias)


def logits(x: Tensor, weight: Tensor | PackedWeight) -> Tensor:
    """A linear map whose result is fp32: from kernels of ours without another rounding, or another launch."""
    if ops.native(x) and ops.kernels_read(weight, x):
        from dsvl2.kernels.triton_backend import linear

        if not isinstance(weight, Tensor) or linear.alone(x.numel() // x.shape[-1], x.shape[-1], x):
            return linear.linear(x, weight, None, torch.float32)
    product = F.linear(x, weight) if isinstance(weight, Tensor) else ops.packed_linear(x, weight)
    return product.float()


def norm_linear(
    x: Tensor, delta: Tensor | None, gain: Tensor, eps: float, weight: Tensor | PackedWeight, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """x + delta [N, K] (or x), and a linear map of its RMS norm [N, M]."""
    if ops.native(x) and x.dtype in (gain.dtype, torch.float32) and ops.kernels_read(weight, gain):
        from dsvl2.kernels.triton_backend import linear

        if linear.alone(x.shape[0], x.shape[1], gain):
            delta = None if delta is None else delta.contiguous()
            return linear.norm_linear(x.contiguous(), delta, gain, eps, weight, bias)
    total, normed = (x, ops.rms_norm(x, gain, eps)) if delta is None else ops.add_rms_norm(x, delta, gain, eps)
    if isinstance(weight, Tensor):
        return total, few_linear(normed, weight, bias)
    return total, ops.packed_linear(normed, weight, bias)


def norm_route(
    x: Tensor, delta: Tensor, gain: Tensor, eps: float, weight: Tensor, bias: Tensor | None, rule: ops.RouteRule
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x + delta [N, H], its RMS norm, and the experts and weights [N, k] that a router [E, H] chooses for that."""
    if len(x) <= ops.FEW and weight.dtype != delta.dtype == gain.dtype and ops.native(x):
        from dsvl2.kernels.triton_backend import router

        total, normed, logits = router.norm_logits(x.contiguous(), delta.contiguous(), gain, eps, weight)
        return total, normed, *ops.route(logits, bias, rule)[:2]
    total, normed = ops.add_rms_norm(x, delta, gain, eps)
    return total, normed, *choice(normed, weight, bias, rule)[:2]


def layer_norm(x: Tensor, delta: Tensor | None, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """x + delta (or x) [..., H], and its layer norm."""
    if ops.native(x) and x.dtype == weight.dtype:
        from dsvl2.kernels.triton_backend import norm

        return norm.layer_norm(x, delta, weight, bias, eps)
    total = x if delta is None else x + delta
    return total, F.layer_norm(total, weight.shape, weight, bias, eps)


def gelu_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """GELU, in its tanh form, of x [..., K] times weight [M, K] plus bias [M].

    On a GPU the product's own last step: 337 us for 424 at 20,412 rows of 1,152 to 4,304 (H100), and one rounding less.
    """
    if ops.native(x) and x.is_cuda and x.dtype == weight.dtype == torch.bfloat16:
        return torch._addmm_activation(bias, x.flatten(0, -2), weight.t(), use_gelu=True).unflatten(0, x.shape[:-1])
    return F.gelu(F.linear(x, weight, bias), approximate="tanh")


def choice(x: Tensor, weight: Tensor, bias: Tensor | None, rule: ops.RouteRule) -> tuple[Tensor, Tensor, Tensor]:
    """`ops.route` of the logits that a router [E, H] gives x [N, H]."""
    if len(x) > ops.FEW and weight.dtype == torch.float32 and ops.native(x):
        from dsvl2.kernels.triton_backend import router

        return router.route(router.planes(x, weight), bias, rule)
    return ops.route(ops.router_logits(x, weight), bias, rule)


def latent_step(q: Tensor, kv: Tensor, to_key: Tensor, gain: Tensor, eps: float, scale: float, place: Place) -> Tensor:
    """`store_latent` of kv [R, r + dr] and `latent_query` of q [R, A, dn + dr] with to_key [A, dn, r] -> [R, A, r + dr]."""
    cos, sin, flat, rows = place
    if len(q) <= FEW and ops.native(q) and to_key[0].is_contiguous():
        from dsvl2.kernels.triton_backend import rotary

        return rotary.latent_step(q, to_key, kv, gain, eps, cos, sin, scale, flat, rows)
    ops.store_latent(kv, gain, eps, cos, sin, flat, rows)
    return ops.latent_query(q, to_key, cos, sin, scale)


def latent_values(query: Tensor, cache: Tensor, sight: ops.Sight, to_value: Tensor) -> Tensor:
    """`ops.decode` of query [R, 1, A, r + dr] over latents, and each head's map to_value [A, dv, r] of that: [R, A, dv]."""
    if len(query) <= FEW and ops.native(query) and to_value[0].is_contiguous() and cache.dtype == query.dtype:
        from dsvl2.kernels.triton_backend import attend

        return attend.latent_values(query, cache, sight, to_value)
    mixed = ops.decode(query, cache, sight, to_value.shape[2])[:, 0].to(to_value.dtype)
    out = mixed.new_empty(*mixed.shape[:2], to_value.shape[1])
    torch.bmm(mixed.transpose(0, 1), to_value.transpose(1, 2), out=out.transpose(0, 1))  # each head's where it belongs
    return out


def heads_step(
    q: Tensor, k: Tensor, v: Tensor, scale: float, cache: Tensor, scales: Tensor | None, sight: ops.Sight, place: Place
) -> Tensor:
    """`ops.store_heads` of q [R, A, d], k and v [R, G, d], and `ops.decode` of that: cache [2, P, G, size, d] -> [R, A, d]."""
    cos, sin, flat, rows = place
    if scales is None and ops.native(q):
        from dsvl2.kernels.triton_backend import few

        if few.heads_fit(q, k, cache):
            return few.heads(q, k, v, cos, sin, scale, cache, rows, sight)
    query = ops.store_heads(q, k, v, cos, sin, scale, flat, rows, scales)  # [R, G, A/G, d]
    return ops.decode(query, cache, sight, scales=scales).flatten(1, 2)


def prompt_latents(kv: Tensor, gain: Tensor, eps: float, cos: Tensor, sin: Tensor) -> Tensor:
    """What a prompt leaves behind in MLA: normed latent and rotated key of kv [B, T, r + dr]; angles [B or 1, T, dr/2]."""
    if ops.native(kv) and kv.dtype == gain.dtype:
        out = torch.empty(kv.shape, dtype=kv.dtype, device=kv.device)
        flat = kv.flatten(0, 1)
        ops.store_latent(flat, gain, eps, *_each(cos, sin, kv), out.flatten(0, 1), _numbers(len(flat), kv.device))
        return out
    latent, rope = kv.split((len(gain), 2 * cos.shape[-1]), dim=-1)
    latent = ops.rms_norm(latent, gain, eps)
    return torch.cat((latent, ops.rotate_pairs(rope, cos, sin).to(latent.dtype)), dim=-1)


def prompt_queries(q: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Queries of a prompt [B, T, A, dn + dr], their last dr columns turned in pairs."""
    if ops.native(q):
        from dsvl2.kernels.triton_backend import prompt

        return prompt.turn_queries(q.flatten(0, 1), *_each(cos, sin, q)).view(q.shape)
    still, rope = q.split((q.shape[-1] - 2 * cos.shape[-1], 2 * cos.shape[-1]), dim=-1)
    return torch.cat((still, ops.rotate_pairs(rope, cos[..., None, :], sin[..., None, :])), dim=-1)


def keys_and_values(kv: Tensor, rope: Tensor, values: int) -> tuple[Tensor, Tensor]:
    """Keys [B, L, A, dn + dr] and values of expanded latents [B, L, A, dn + dv] and the heads' common rotary key [B, L, dr].

    From a kernel the values come as wide as the keys where attention wants them so (`ops.one_width`): zero beyond dv.
    """
    if ops.native(kv):
        from dsvl2.kernels.triton_backend import prompt

        k, v = prompt.expand(kv.flatten(0, 1), rope.flatten(0, 1), values, padded=ops.one_width(kv))
        return k.unflatten(0, kv.shape[:2]), v.unflatten(0, kv.shape[:2])
    still, v = kv.split((kv.shape[-1] - values, values), dim=-1)
    common = rope[:, :, None].expand(-1, -1, kv.shape[2], -1).to(kv.dtype)
    return torch.cat((still, common), dim=-1), v


def likeliest(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest token of every row of logits fp32 [R, V], int64 [R], and its log probability fp32 [R]."""
    if ops.native(logits) and logits.dtype == torch.float32:
        from dsvl2.kernels.triton_backend import likeliest as kernel

        return kernel.likeliest(logits)
    best, ids = logits.max(-1)
    return ids, best - logits.logsumexp(-1)


def settle(logits: Tensor, last: Tensor) -> Tensor:
    """The likeliest tokens of logits fp32 [R, V], to `last` int64 [>= R] too, over their log probabilities: fp64 [2, R]."""
    if ops.native(logits) and logits.dtype == torch.float32:
        from dsvl2.kernels.triton_backend import likeliest as kernel

        return kernel.settle(logits, last)
    ids, chances = likeliest(logits)
    last[: len(ids)] = ids
    return torch.stack((ids.double(), chances.double()))


class Begun(NamedTuple):
    """x [R, H], embeddings of a step's tokens; their angles fp32 [R, d/2]; lengths int32 [R]; rows [R * K * G] of the cache."""

    x: Tensor
    cos: Tensor
    sin: Tensor
    lengths: Tensor
    rows: Tensor


def begin(
    given: Tensor, last: Tensor, table: Tensor, embedding: Tensor, angles: tuple[Tensor, Tensor], planes: Tensor,
    size: int, apart: int,
) -> Begun:  # fmt: skip
    """What a step begins with; afterwards `given` says what the next one has.

    given int64 [3, R]: tokens (-1: the one in `last` [>= R]), positions, lengths with the new token (0: an idle row); table
    int32 [R, B] of blocks of `size` tokens, `apart` rows of the cache from one to the next, behind those of `planes` [K * G];
    angles: cos and sin of all positions.
    """
    if ops.native(given):
        from dsvl2.kernels.triton_backend import stepping

        return Begun(*stepping.begin(given, last, table, embedding, *angles, planes, size, apart))
    token, position, lengths = torch.where(given[0] < 0, last[: given.shape[1]], given[0]), given[1], given[2].int()
    block = table.gather(1, (position // size)[:, None])[:, 0].long() * (lengths > 0)
    rows = (planes + (block * apart + position % size)[:, None]).flatten()
    begun = Begun(F.embedding(token, embedding), angles[0][position], angles[1][position], lengths, rows)
    given[0] = -1
    given[1:] += lengths > 0
    return begun


def _each(cos: Tensor, sin: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Angles [T or B x T, dr/2] of every token of a batch [B, T, ...], one after the other."""
    shape = (*like.shape[:2], cos.shape[-1])
    return cos.expand(shape).reshape(-1, shape[-1]), sin.expand(shape).reshape(-1, shape[-1])


def _numbers(count: int, device: torch.device) -> Tensor:
    """0, 1, ... int64 [count], kept for good: a launch a layer less, and recorded graphs read them."""
    return _power_of_two(1 << max(count - 1, 0).bit_length(), device)[:count]


@cache
def _power_of_two(count: int, device: torch.device) -> Tensor:
    return torch.arange(count, device=device)
