"""The door's second leaf: ops that do several things at once where a step has few tokens, as a GPU likes it.

Each says what it is made of, and is just that where no kernel joins the parts. Letters: N tokens, R rows of a step, H hidden.
"""

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


def norm_linear(
    x: Tensor, delta: Tensor | None, gain: Tensor, eps: float, weight: Tensor | PackedWeight, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """x + delta [N, K] (or x), and a linear map of its RMS norm [N, M]."""
    if ops.native(x) and x.dtype == gain.dtype and ops.kernels_read(weight, x):
        from dsvl2.kernels.triton_backend import linear

        if linear.alone(x.shape[0], x.shape[1], x):
            delta = None if delta is None else delta.to(x.dtype).contiguous()
            return linear.norm_linear(x.contiguous(), delta, gain, eps, weight, bias)
    total, normed = (x, ops.rms_norm(x, gain, eps)) if delta is None else ops.add_rms_norm(x, delta, gain, eps)
    if isinstance(weight, Tensor):
        return total, few_linear(normed, weight, bias)
    return total, ops.packed_linear(normed, weight, bias)


def norm_logits(x: Tensor, delta: Tensor, gain: Tensor, eps: float, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x + delta [N, H], its RMS norm, and the router's logits of that: `add_rms_norm` and `router_logits`."""
    if len(x) <= ops.FEW and weight.dtype != x.dtype == gain.dtype and ops.native(x):
        from dsvl2.kernels.triton_backend import router

        return router.norm_logits(x.contiguous(), delta.to(x.dtype).contiguous(), gain, eps, weight)
    total, normed = ops.add_rms_norm(x, delta, gain, eps)
    return total, normed, ops.router_logits(normed, weight)


def latent_step(q: Tensor, kv: Tensor, to_key: Tensor, gain: Tensor, eps: float, scale: float, place: Place) -> Tensor:
    """`store_latent` of kv [R, r + dr] and `latent_query` of q [R, A, dn + dr] with to_key [A, dn, r] -> [R, A, r + dr]."""
    cos, sin, flat, rows = place
    if len(q) <= FEW and ops.native(q) and to_key[0].is_contiguous():
        from dsvl2.kernels.triton_backend import rotary

        return rotary.latent_step(q, to_key, kv, gain, eps, cos, sin, scale, flat, rows)
    ops.store_latent(kv, gain, eps, cos, sin, flat, rows)
    return ops.latent_query(q, to_key, cos, sin, scale)


def prompt_latents(kv: Tensor, gain: Tensor, eps: float, cos: Tensor, sin: Tensor) -> Tensor:
    """What a prompt leaves behind in MLA: normed latent and rotated key of kv [B, T, r + dr]; angles [B or 1, T, dr/2]."""
    if ops.native(kv) and kv.dtype == gain.dtype:
        out = torch.empty(kv.shape, dtype=kv.dtype, device=kv.device)
        flat = kv.flatten(0, 1)
        rows = torch.arange(len(flat), device=kv.device)
        ops.store_latent(flat, gain, eps, *_each(cos, sin, kv), out.flatten(0, 1), rows)
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

    From a kernel the values come as wide as the keys, as flash attention wants them: zero beyond dv.
    """
    if ops.native(kv):
        from dsvl2.kernels.triton_backend import prompt

        k, v = prompt.expand(kv.flatten(0, 1), rope.flatten(0, 1), values)
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


def _each(cos: Tensor, sin: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Angles [T or B x T, dr/2] of every token of a batch [B, T, ...], one after the other."""
    shape = (*like.shape[:2], cos.shape[-1])
    return cos.expand(shape).reshape(-1, shape[-1]), sin.expand(shape).reshape(-1, shape[-1])
