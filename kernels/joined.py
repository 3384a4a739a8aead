"""The door's second leaf: ops that do several things at once where a step has few tokens, as a GPU likes it.

Each says what it is made of, and is just that where no kernel joins the parts. Letters: N tokens, R rows of a step, H hidden.
"""

from typing import NamedTuple

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
