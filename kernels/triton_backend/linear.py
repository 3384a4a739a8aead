"""x W^T with a packed weight, dequantized in registers on its way to the matrix units."""

from bisect import bisect_left

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend.launch import interpreting, on
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.tiles import add_group, add_wide, tokens
from dsvl2.kernels.triton_backend.tuning import LINEAR_BINS, TOKENS, WIDE, tile


@triton.jit(do_not_specialize=["M"])
def _linear(
    x, codes, scale, zero, table, bias, out, M, N, K,
    FORM: tl.constexpr, BIAS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
    EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(1) * BN + tl.arange(0, BN)
    token = tl.program_id(0) * BM + tl.arange(0, BM)
    rows_ok, token_ok = rows < N, token < M
    acc = tl.zeros((BN, BM), tl.float32)
    if FORM <= 1:
        for k0 in range(0, K, BK):
            acc = add_wide(acc, codes, rows, rows_ok, k0, K, tokens(x, token, token_ok, k0, K, BK), BK, FORM, EXACT)
        if FORM == 1:
            acc = acc * tl.load(scale + rows, mask=rows_ok, other=0.0)[:, None]
    else:
        groups = K // 64
        for group in range(0, groups):
            low = tokens(x, token, token_ok, group * 64, K, 32)
            high = tokens(x, token, token_ok, group * 64 + 32, K, 32)
            acc = add_group(acc, codes, scale, zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT, ASM)
    if BIAS:
        acc += tl.load(bias + rows, mask=rows_ok, other=0.0).to(tl.float32)[:, None]
    ok = rows_ok[:, None] & token_ok[None, :]
    tl.store(out + token[None, :] * N + rows[:, None], acc.to(out.dtype.element_ty), mask=ok)


def linear(x: Tensor, weight: PackedWeight, bias: Tensor | None) -> Tensor:
    """See `ops.packed_linear`; the weight in a format that `operand.fits`."""
    flat = x.reshape(-1, weight.columns).contiguous()
    count, rows = flat.shape[0], weight.rows
    out = torch.empty(count, rows, dtype=x.dtype, device=x.device)
    if count:
        held = Operand.of(weight, x.device)
        kernel, place = "head" if rows >= WIDE else "linear", bisect_left(LINEAR_BINS, count)
        size = tile(kernel, held.form, place, rows * -(-count // TOKENS[place]), x)
        grid = (triton.cdiv(count, size.tokens), triton.cdiv(rows, size.rows))
        with on(x):
            _linear[grid](
                flat, *held.tensors, out if bias is None else bias, out, count, rows, weight.columns,
                FORM=held.form, BIAS=bias is not None, BM=size.tokens, BN=size.rows, BK=size.columns,
                EXACT=interpreting(), ASM=held.fast(x), num_warps=size.warps, num_stages=size.stages,
            )  # fmt: skip
    return out.view(*x.shape[:-1], rows)
