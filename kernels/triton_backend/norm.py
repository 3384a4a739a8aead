"""Norms, alone and behind the sum of the residual stream. Statistics in fp32. Letters: N rows, H width."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.reference import normed_dtype
from dsvl2.kernels.triton_backend.launch import chained, hold, on, power, release


@triton.jit
def _norm(x, delta, weight, total, out, H, eps, ADD: tl.constexpr, HP: tl.constexpr, CHAIN: tl.constexpr):
    release(CHAIN)
    hold(CHAIN)
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, HP)
    ok = column < H
    kind = x.dtype.element_ty
    wide = tl.load(x + row * H + column, mask=ok, other=0.0).to(tl.float32)
    if ADD:
        wide += tl.load(delta + row * H + column, mask=ok, other=0.0).to(tl.float32)
        kept = wide.to(kind)
        tl.store(total + row * H + column, kept, mask=ok)
        wide = kept.to(tl.float32)
    scale = 1 / tl.sqrt(tl.sum(wide * wide, 0) / H + eps)
    normed = (wide * scale).to(kind).to(tl.float32)
    gain = tl.load(weight + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + row * H + column, (gain * normed).to(out.dtype.element_ty), mask=ok)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """See `ops.rms_norm`."""
    return _run(x, None, weight, eps)[1]


def add_rms_norm(x: Tensor, delta: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """See `ops.add_rms_norm`."""
    return _run(x, delta, weight, eps)


def _run(x: Tensor, delta: Tensor | None, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    width = x.shape[-1]
    x = x.contiguous()
    added = x if delta is None else delta.contiguous()
    total = x if delta is None else torch.empty_like(x)
    out = torch.empty(x.shape, dtype=normed_dtype(x, weight), device=x.device)
    if x.numel():
        with on(x):
            _norm[(x.numel() // width,)](
                x, added, weight, total, out, width, eps,
                ADD=delta is not None, HP=power(width), num_warps=4 if width <= 4096 else 8, **chained(x),
            )  # fmt: skip
    return total, out


@triton.jit
def _layer_norm(
    x, delta, weight, bias, total, out, H, eps, ADD: tl.constexpr, HP: tl.constexpr, CHAIN: tl.constexpr
):  # fmt: skip
    release(CHAIN)
    hold(CHAIN)
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, HP)
    ok = column < H
    wide = tl.load(x + row * H + column, mask=ok, other=0.0).to(tl.float32)
    if ADD:
        wide += tl.load(delta + row * H + column, mask=ok, other=0.0).to(tl.float32)
        kept = wide.to(total.dtype.element_ty)
        tl.store(total + row * H + column, kept, mask=ok)
        wide = kept.to(tl.float32)
    wide = tl.where(ok, wide - tl.sum(wide, 0) / H, 0.0)
    scale = 1 / tl.sqrt(tl.sum(wide * wide, 0) / H + eps)
    gain = tl.load(weight + column, mask=ok, other=0.0).to(tl.float32)
    shift = tl.load(bias + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + row * H + column, (wide * scale * gain + shift).to(out.dtype.element_ty), mask=ok)


def layer_norm(x: Tensor, delta: Tensor | None, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """See `joined.layer_norm`."""
    width = x.shape[-1]
    x = x.contiguous()
    added = x if delta is None else delta.contiguous()
    total = x if delta is None else torch.empty_like(x)
    out = torch.empty_like(x)
    if x.numel():
        with on(x):
            _layer_norm[(x.numel() // width,)](
                x, added, weight, bias, total, out, width, eps,
                ADD=delta is not None, HP=power(width), num_warps=4 if width <= 4096 else 8, **chained(x),
            )  # fmt: skip
    return total, out
