"""Rotary positions of one new token a slot, written straight to where decoding reads them. spec.md 6.1, 6.2.

MLA: the latent's norm, the rotated rope key and the cache row in one kernel; the rotated query behind the absorbed one in
another. Multi-head attention: queries, keys and values in one. Letters: S slots, A heads, r latent, dr rotary width.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import chained, hold, on, part_alike, power, release


@triton.jit
def _store_latent(
    kv, gain, cos, sin, cache, rows, R, D, STRIDE, eps, RP: tl.constexpr, DP: tl.constexpr, CHAIN: tl.constexpr
):  # fmt: skip
    release(CHAIN)
    hold(CHAIN)
    slot = tl.program_id(0).to(tl.int64)
    _store_one(slot, kv, _known(slot, gain, cos, sin, rows, R, D, RP, DP), cache, R, D, STRIDE, eps, RP, DP)


@triton.jit
def _known(slot, gain, cos, sin, rows, R, D, RP: tl.constexpr, DP: tl.constexpr):
    """What `_store_one` needs besides the products: the row of the cache, the gain of the norm, the angles."""
    column = tl.arange(0, RP)
    gains = tl.load(gain + column, mask=column < R, other=0.0).to(tl.float32)
    c, s = _angles(cos, sin, slot, D, DP)
    return tl.load(rows + slot), gains, c, s


@triton.jit
def _store_one(slot, kv, known, cache, R, D, STRIDE, eps, RP: tl.constexpr, DP: tl.constexpr):
    place, gains, c, s = known
    width = R + D
    target = cache + place * width
    kind = kv.dtype.element_ty
    column = tl.arange(0, RP)
    ok = column < R
    wide = tl.load(kv + slot * STRIDE + column, mask=ok, other=0.0).to(tl.float32)
    half = D // 2
    i = tl.arange(0, DP)
    there = i < half
    a = tl.load(kv + slot * STRIDE + R + 2 * i, mask=there, other=0.0).to(tl.float32)
    b = tl.load(kv + slot * STRIDE + R + 2 * i + 1, mask=there, other=0.0).to(tl.float32)
    normed = (wide / tl.sqrt(tl.sum(wide * wide, 0) / R + eps)).to(kind).to(tl.float32)
    tl.store(target + column, (normed * gains).to(kind).to(cache.dtype.element_ty), mask=ok)
    tl.store(target + R + i, (a * c - b * s).to(kind).to(cache.dtype.element_ty), mask=there)
    tl.store(target + R + half + i, (b * c + a * s).to(kind).to(cache.dtype.element_ty), mask=there)


@triton.jit
def _latent_step(
    q, to_key, kv, gain, cos, sin, cache, rows, out, scale, eps, A, Q_STRIDE, KV_STRIDE, KEY_STRIDE,
    N: tl.constexpr, R: tl.constexpr, D: tl.constexpr, BR: tl.constexpr, NP: tl.constexpr, RP: tl.constexpr,
    DP: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """All between the first products and attention, for few slots: the absorbed query by head and piece, then the cache row."""
    slot, program = tl.program_id(1).to(tl.int64), tl.program_id(0)
    pieces: tl.constexpr = (R + BR - 1) // BR
    release(CHAIN)
    if program == A * pieces:
        known = _known(slot, gain, cos, sin, rows, R, D, RP, DP)  # of a kernel that lets no other begin early
        hold(CHAIN)
        _store_one(slot, kv, known, cache, R, D, KV_STRIDE, eps, RP, DP)
    else:
        head, first = program // pieces, program % pieces * BR
        n, r = tl.arange(0, NP), first + tl.arange(0, BR)
        w = tl.load(
            to_key + head.to(tl.int64) * KEY_STRIDE + n[:, None] * R + r[None, :],
            mask=(n < N)[:, None] & (r < R)[None, :], other=0.0,
        )  # fmt: skip
        c, s = _angles(cos, sin, slot, D, DP)
        hold(CHAIN)
        source = q + slot * Q_STRIDE + head * (N + D)
        kind = out.dtype.element_ty
        value = tl.load(source + n, mask=n < N, other=0.0).to(tl.float32)
        latent = tl.sum(w.to(tl.float32) * value[:, None], 0)
        target = out + (slot * A + head) * (R + D)
        tl.store(target + r, (latent * scale).to(kind), mask=r < R)
        if first == 0:
            _turn(source + N, target + R, c, s, D, scale, DP)


@triton.jit
def _angles(cos, sin, slot, D, DP: tl.constexpr):
    i = tl.arange(0, DP)
    c = tl.load(cos + slot * (D // 2) + i, mask=i < D // 2, other=0.0)
    return c, tl.load(sin + slot * (D // 2) + i, mask=i < D // 2, other=0.0)


@triton.jit
def _turn(source, target, c, s, D, scale, DP: tl.constexpr):
    """The scaled rotation of neighbouring pairs: first halves, then second ones."""
    half = D // 2
    kind = target.dtype.element_ty
    i = tl.arange(0, DP)
    there = i < half
    a = tl.load(source + 2 * i, mask=there, other=0.0).to(tl.float32)
    b = tl.load(source + 2 * i + 1, mask=there, other=0.0).to(tl.float32)
    tl.store(target + i, ((a * c - b * s) * scale).to(kind), mask=there)
    tl.store(target + half + i, ((b * c + a * s) * scale).to(kind), mask=there)


@triton.jit(do_not_specialize=["S"])
def _latent_query(q, absorbed, cos, sin, out, A, N, R, D, STRIDE, scale, S, RP: tl.constexpr, DP: tl.constexpr):
    slot, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    kind = out.dtype.element_ty
    target = out + (slot * A + head) * (R + D)
    column = tl.arange(0, RP)
    ok = column < R
    latent = tl.load(absorbed + (head * S + slot) * R + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(target + column, (latent * scale).to(kind), mask=ok)
    c, s = _angles(cos, sin, slot, D, DP)
    _turn(q + slot * STRIDE + head * (N + D) + N, target + R, c, s, D, scale, DP)


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
    q, k, v, cos, sin, out, cache, scales, rows, A, G, D, scale, DP: tl.constexpr, CODES: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    hold(CHAIN)
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
    rank, rotary, kv = len(gain), 2 * cos.shape[-1], _rows_whole(kv)
    with on(kv):
        _store_latent[(len(kv),)](
            kv, gain, cos.contiguous(), sin.contiguous(), flat, rows, rank, rotary, kv.stride(0), eps,
            RP=power(rank), DP=power(rotary // 2), num_warps=4, **chained(kv),
        )  # fmt: skip


def latent_query(q: Tensor, absorbed: Tensor, cos: Tensor, sin: Tensor, scale: float) -> Tensor:
    """q [S, A, dn + dr], absorbed [A, S, r] -> scaled query [S, A, r + dr]."""
    (slots, heads, width), rank, rotary = q.shape, absorbed.shape[-1], 2 * cos.shape[-1]
    out = torch.empty(slots, heads, rank + rotary, dtype=q.dtype, device=q.device)
    q = _rows_whole(q)
    with on(q):
        _latent_query[(slots, heads)](
            q, absorbed.contiguous(), cos.contiguous(), sin.contiguous(), out, heads, width - rotary, rank, rotary,
            q.stride(0), scale, slots, RP=power(rank), DP=power(rotary // 2), num_warps=2,
        )  # fmt: skip
    return out


def latent_step(
    q: Tensor, to_key: Tensor, kv: Tensor, gain: Tensor, eps: float, cos: Tensor, sin: Tensor, scale: float,
    flat: Tensor, rows: Tensor,
) -> Tensor:  # fmt: skip
    """See `ops.latent_step`; for few slots. to_key [A, dn, r], whole within a head."""
    (slots, heads, width), rank, rotary = q.shape, len(gain), 2 * cos.shape[-1]
    out = torch.empty(slots, heads, rank + rotary, dtype=q.dtype, device=q.device)
    q, kv, across = _rows_whole(q), _rows_whole(kv), min(64, power(rank))
    options = chained(q)
    if options["CHAIN"]:
        part_alike()  # a model of latents gains by it
    with on(q):
        _latent_step[(heads * triton.cdiv(rank, across) + 1, slots)](
            q, to_key, kv, gain, cos.contiguous(), sin.contiguous(), flat, rows, out, scale, eps, heads, q.stride(0),
            kv.stride(0), to_key.stride(0), N=width - rotary, R=rank, D=rotary, BR=across, NP=power(width - rotary),
            RP=power(rank), DP=power(rotary // 2), num_warps=4, **options,
        )  # fmt: skip
    return out


def _rows_whole(x: Tensor) -> Tensor:
    """As it is where only the rows lie apart: a part of a wider product's columns."""
    return x if x[0].is_contiguous() else x.contiguous()


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
            CODES=scales is not None, num_warps=1, **chained(q),
        )  # fmt: skip
    return out.unflatten(1, (groups, -1))
