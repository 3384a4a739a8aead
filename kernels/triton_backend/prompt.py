"""Latent attention of a prompt, between its products: one kernel where PyTorch needs some twenty a layer.

Letters: N tokens (of all sequences), A heads, dn, dr and dv widths of a head's position-free part, rotary part and value.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import on, power


@triton.jit
def _turn_queries(
    q, cos, sin, out, STRIDE, A: tl.constexpr, N: tl.constexpr, D: tl.constexpr, AP: tl.constexpr, NP: tl.constexpr,
    DP: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    head, column, i = tl.arange(0, AP), tl.arange(0, NP), tl.arange(0, DP)
    width: tl.constexpr = N + D
    half: tl.constexpr = D // 2
    source = q + token * STRIDE + head[:, None] * width
    target = out + token * A * width + head[:, None] * width
    there = (head < A)[:, None] & (column < N)[None, :]
    tl.store(target + column[None, :], tl.load(source + column[None, :], mask=there), mask=there)
    there = (head < A)[:, None] & (i < half)[None, :]
    a = tl.load(source + N + 2 * i[None, :], mask=there, other=0.0).to(tl.float32)
    b = tl.load(source + N + 2 * i[None, :] + 1, mask=there, other=0.0).to(tl.float32)
    c = tl.load(cos + token * half + i, mask=i < half, other=0.0)[None, :]
    s = tl.load(sin + token * half + i, mask=i < half, other=0.0)[None, :]
    tl.store(target + N + i[None, :], (a * c - b * s).to(out.dtype.element_ty), mask=there)
    tl.store(target + N + half + i[None, :], (b * c + a * s).to(out.dtype.element_ty), mask=there)


@triton.jit
def _expand(
    kv, rope, k, v, STRIDE, ROPE_STRIDE, A: tl.constexpr, N: tl.constexpr, D: tl.constexpr, V: tl.constexpr,
    W: tl.constexpr, AP: tl.constexpr, NP: tl.constexpr, DP: tl.constexpr, WP: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    head, column, turned, wide = tl.arange(0, AP), tl.arange(0, NP), tl.arange(0, DP), tl.arange(0, WP)
    width: tl.constexpr = N + D
    heads_ok = (head < A)[:, None]
    source = kv + token * STRIDE + head[:, None] * (N + V)
    target = k + (token * A + head[:, None]) * width
    there = heads_ok & (column < N)[None, :]
    tl.store(target + column[None, :], tl.load(source + column[None, :], mask=there), mask=there)
    key = tl.load(rope + token * ROPE_STRIDE + turned, mask=turned < D, other=0.0)
    there = heads_ok & (turned < D)[None, :]
    tl.store(target + N + turned[None, :], tl.broadcast_to(key[None, :], (AP, DP)), mask=there)
    value = tl.load(source + N + wide[None, :], mask=heads_ok & (wide < V)[None, :], other=0.0)
    tl.store(v + (token * A + head[:, None]) * W + wide[None, :], value, mask=heads_ok & (wide < W)[None, :])


def turn_queries(q: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """q [N, A, dn + dr], its rows perhaps apart, cos and sin fp32 [N, dr/2] -> the same, rotary parts turned."""
    (count, heads, width), rotary = q.shape, 2 * cos.shape[-1]
    out = torch.empty(count, heads, width, dtype=q.dtype, device=q.device)
    if count:
        with on(q):
            _turn_queries[(count,)](
                q, cos, sin, out, q.stride(0), A=heads, N=width - rotary, D=rotary, AP=power(heads),
                NP=power(width - rotary), DP=power(rotary // 2), num_warps=4,
            )  # fmt: skip
    return out


def expand(kv: Tensor, rope: Tensor, values: int, *, padded: bool) -> tuple[Tensor, Tensor]:
    """kv [N, A, dn + dv] and rope [N, dr], rows perhaps apart -> keys [N, A, dn + dr], and values.

    padded: values as wide as keys, zero beyond dv.
    """
    (count, heads, both), rotary = kv.shape, rope.shape[-1]
    width = both - values + rotary
    k = torch.empty(count, heads, width, dtype=kv.dtype, device=kv.device)
    wide = width if padded else values
    v = torch.empty(count, heads, wide, dtype=kv.dtype, device=kv.device)
    if count:
        with on(kv):
            _expand[(count,)](
                kv, rope, k, v, kv.stride(0), rope.stride(0), A=heads, N=both - values, D=rotary, V=values,
                W=wide, AP=power(heads), NP=power(both - values), DP=power(rotary), WP=power(wide), num_warps=4,
            )  # fmt: skip
    return k, v
