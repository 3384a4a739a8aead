"""Rotary positions of one new token a slot, written straight to where decoding reads them. spec.md 6.1, 6.2.

MLA: the latent's norm, the rotated rope key and the cache row in one kernel; the rotated query behind the absorbed one in
another. Multi-head attention: queries, keys and values in one. Letters: S slots, A heads, r latent, dr rotary width.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import on, power


@triton.jit
def _store_latent(kv, gain, cos, sin, cache, rows, R, D, eps, RP: tl.constexpr, DP: tl.constexpr):
    slot = tl.program_id(0).to(tl.int64)
    width = R + D
    target = cache + tl.load(rows + slot) * width
    kind = kv.dtype.element_ty
    column = tl.arange(0, RP)
    ok = column < R
    wide = tl.load(kv + slot * width + column, mask=ok, other=0.0).to(tl.float32)
    normed = (wide / tl.sqrt(tl.sum(wide * wide, 0) / R + eps)).to(kind).to(tl.float32)
    latent = (normed * tl.load(gain + column, mask=ok, other=0.0).to(tl.float32)).to(kind)
    tl.store(target + column, latent.to(cache.dtype.element_ty), mask=ok)
    half = D // 2
    i = tl.arange(0, DP)
    there = i < half
    a = tl.load(kv + slot * width + R + 2 * i, mask=there, other=0.0).to(tl.float32)
    b = tl.load(kv + slot * width + R + 2 * i + 1, mask=there, other=0.0).to(tl.float32)
    c = tl.load(cos + slot * half + i, mask=there, other=0.0)
    s = tl.load(sin + slot * half + i, mask=there, other=0.0)
    tl.store(target + R + i, (a * c - b * s).to(kind).to(cache.dtype.element_ty), mask=there)
    tl.store(target + R + half + i, (b * c + a * s).to(kind).to(cache.dtype.element_ty), mask=there)


@triton.jit(do_not_specialize=["S"])
def _latent_query(q, absorbed, cos, sin, out, A, N, R, D, scale, S, RP: tl.constexpr, DP: tl.constexpr):
    slot, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    kind = out.dtype.element_ty
    target = out + (slot * A + head) * (R + D)
    column = tl.arange(0, RP)
    ok = column < R
    latent = tl.load(absorbed + (head * S + slot) * R + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(target + column, (latent * scale).to(kind), mask=ok)
    source = q + (slot * A + head) * (N + D) + N
    half = D // 2
    i = tl.arange(0, DP)
    there = i < half
    a = tl.load(source + 2 * i, mask=there, other=0.0).to(tl.float32)
    b = tl.load(source + 2 * i + 1, mask=there, other=0.0).to(tl.float32)
    c = tl.load(cos + slot * half + i, mask=there, other=0.0)
    s = tl.load(sin + slot * half + i, mask=there, other=0.0)
    tl.store(target + R + i, ((a * c - b * s) * scale).to(kind), mask=there)
    tl.store(target + R + half + i, ((b * c + a * s) * scale).to(kind), mask=there)


@triton.jit
def _put(target, scales, row, D, i, there, first, second, CODES: tl.constexpr):
    """The two halves of a vector to a row of the cache; with CODES as integers, their scale beside them."""
    if CODES:
        step = tl.maximum(tl.maximum(tl.max(tl.abs(first), 0), tl.max(tl.abs(second), 0)), 1e-20) / 127
        tl.store(scales + row, step)
        first, second = first / step, second / step
        first = tl.where(first < 0, first - 0.5, first + 0.5)
        second = tl.where(second < 0, second - 0.5, second + 0.5)
    place = target + row * D + i
    tl.store(place, first.to(target.dtype.element_ty), mask=there)
    tl.store(place + D // 2, second.to(target.dtype.element_ty), mask=there)


@triton.jit
def _store_heads(
    q, k, v, cos, sin, out, cache, scales, rows, A, G, D, scale, DP: tl.constexpr, CODES: tl.constexpr
):  # fmt: skip
    slot, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    half = D // 2
    i = tl.arange(0, DP)
    there = i < half
    if part >= A + G:  # a value, as it is
        group = part - A - G
        source = v + (slot * G + group) * D
        first = tl.load(source + i, mask=there, other=0.0).to(tl.float32)
        second = tl.load(source + half + i, mask=there, other=0.0).to(tl.float32)
        _put(cache, scales, tl.load(rows + slot * 2 * G + G + group), D, i, there, first, second, CODES)
    else:
        c = tl.load(cos + slot * half + i, mask=there, other=0.0)
        s = tl.load(sin + slot * half + i, mask=there, other=0.0)
        source = q + (slot * A + part) * D
        if part >= A:
            source = k + (slot * G + part - A) * D
        a = tl.load(source + i, mask=there, other=0.0).to(tl.float32)
        b = tl.load(source + half + i, mask=there, other=0.0).to(tl.float32)
        first, second = a * c - b * s, b * c + a * s
        if part < A:
            target = out + (slot * A + part) * D
            tl.store(target + i, (first * scale).to(out.dtype.element_ty), mask=there)
            tl.store(target + half + i, (second * scale).to(out.dtype.element_ty), mask=there)
        else:
            kind = k.dtype.element_ty
            first, second = first.to(kind).to(tl.float32), second.to(kind).to(tl.float32)
            _put(cache, scales, tl.load(rows + slot * 2 * G + part - A), D, i, there, first, second, CODES)


def store_latent(kv: Tensor, gain: Tensor, eps: float, cos: Tensor, sin: Tensor, flat: Tensor, rows: Tensor) -> None:
    """See `ops.store_latent`."""
    rank, rotary = len(gain), 2 * cos.shape[-1]
    with on(kv):
        _store_latent[(len(kv),)](
            kv.contiguous(), gain, cos.contiguous(), sin.contiguous(), flat, rows, rank, rotary, eps,
            RP=power(rank), DP=power(rotary // 2), num_warps=4,
        )  # fmt: skip


def latent_query(q: Tensor, absorbed: Tensor, cos: Tensor, sin: Tensor, scale: float) -> Tensor:
    """q [S, A, dn + dr], absorbed [A, S, r] -> scaled query [S, A, r + dr]."""
    (slots, heads, width), rank, rotary = q.shape, absorbed.shape[-1], 2 * cos.shape[-1]
    out = torch.empty(slots, heads, rank + rotary, dtype=q.dtype, device=q.device)
    with on(q):
        _latent_query[(slots, heads)](
            q.contiguous(), absorbed.contiguous(), cos.contiguous(), sin.contiguous(), out,
            heads, width - rotary, rank, rotary, scale, slots, RP=power(rank), DP=power(rotary // 2), num_warps=2,
        )  # fmt: skip
    return out


def store_heads(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, flat: Tensor, rows: Tensor,
    scales: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """See `ops.store_heads`."""
    slots, heads, width = q.shape
    groups = k.shape[1]
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    with on(q):
        _store_heads[(slots, heads + 2 * groups)](
            q.contiguous(), k.contiguous(), v.contiguous(), cos.contiguous(), sin.contiguous(), out, flat,
            flat if scales is None else scales, rows, heads, groups, width, scale, DP=power(width // 2),
            CODES=scales is not None, num_warps=1,
        )  # fmt: skip
    return out.unflatten(1, (groups, -1))
