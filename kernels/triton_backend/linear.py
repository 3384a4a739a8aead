"""x W^T: packed weights, dequantized in registers on their way to the matrix units; any weight, for one or two tokens."""

from bisect import bisect_left

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.cuda_backend import one
from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend.launch import chained, hold, interpreting, on, power, release
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.rows import load_gain, load_rows, multiply, multiply_plain, take
from dsvl2.kernels.triton_backend.tiles import rows_times
from dsvl2.kernels.triton_backend.tuning import LINEAR_BINS, TOKENS, WIDE, Tile, default, table, tile

FEW = 2  # tokens whose products are taken row by row
MOST = 132  # programs, one a multiprocessor, up to which columns are divided among more


@triton.jit(do_not_specialize=["M"])
def _linear(
    x, codes, words, table, bias, out, M, N: tl.constexpr, K: tl.constexpr,
    FORM: tl.constexpr, BIAS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, SPLIT: tl.constexpr,
    EXACT: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """A tile of the product, or of one of SPLIT shares of its columns: out then has as many planes, in fp32."""
    release(CHAIN)
    hold(CHAIN)
    row, share = tl.program_id(1) * BN, tl.program_id(2)
    token = tl.program_id(0) * BM + tl.arange(0, BM)
    rows = row + tl.arange(0, BN)
    rows_ok, token_ok = rows < N, token < M
    each: tl.constexpr = K // SPLIT
    acc = rows_times(
        x + share * each, token, token_ok, codes, words, table, row, share * each, N, each, K, K, BN, BM, BK, FORM,
        EXACT, ASM,
    )  # fmt: skip
    if BIAS:
        acc += tl.load(bias + rows, mask=rows_ok, other=0.0).to(tl.float32)[:, None]
    ok = rows_ok[:, None] & token_ok[None, :]
    out += share.to(tl.int64) * M * N
    tl.store(out + token.to(tl.int64)[None, :] * N + rows[:, None], acc.to(out.dtype.element_ty), mask=ok)


@triton.jit(do_not_specialize=["SIZE"])
def _add_up(
    parts, bias, out, SIZE, N: tl.constexpr, SPLIT: tl.constexpr, BIAS: tl.constexpr, STEP: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    hold(CHAIN)
    at = tl.program_id(0) * STEP + tl.arange(0, STEP)
    acc = tl.zeros((STEP,), tl.float32)
    for share in tl.static_range(SPLIT):
        acc += tl.load(parts + share * SIZE + at, mask=at < SIZE, other=0.0)
    if BIAS:
        acc += tl.load(bias + at % N, mask=at < SIZE, other=0.0).to(tl.float32)
    tl.store(out + at, acc.to(out.dtype.element_ty), mask=at < SIZE)


@triton.jit
def _rows(
    x, delta, gain, total, codes, words, table, bias, out, eps, N: tl.constexpr, K: tl.constexpr, FORM: tl.constexpr,
    BIAS: tl.constexpr, ADD: tl.constexpr, NORM: tl.constexpr, BN: tl.constexpr, STEP: tl.constexpr, KP: tl.constexpr,
    ASM: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    row, token = tl.program_id(0) * BN, tl.program_id(1)
    x += token * K
    delta += token * K
    ws, ss = load_rows(codes, words, row, N, 0, K, K, BN, STEP, FORM)
    gs = load_gain(gain, K, STEP, FORM, NORM)
    hold(CHAIN)
    if FORM == 0:
        acc, squares = multiply_plain(ws, x, delta, gain, K, BN, STEP, ADD, NORM)
    else:
        xs, squares = take(x, delta, gs, K, STEP, FORM, ASM, ADD, NORM)
        acc = multiply(ws, ss, xs, table, STEP, FORM, ASM)
        if NORM:
            squares = tl.sum(squares, 1)
    if NORM:
        acc = acc / tl.sqrt(tl.sum(squares, 0) / K + eps)
    rows = row + tl.arange(0, BN)
    if BIAS:
        acc += tl.load(bias + rows, mask=rows < N, other=0.0).to(tl.float32)
    tl.store(out + token * N + rows, acc.to(out.dtype.element_ty), mask=rows < N)
    if ADD:  # noqa: SIM102 - one condition is known to the compiler
        if row == 0:
            k = tl.arange(0, KP)
            both = tl.load(x + k, mask=k < K, other=0.0).to(tl.float32)
            both += tl.load(delta + k, mask=k < K, other=0.0).to(tl.float32)
            tl.store(total + token * K + k, both.to(total.dtype.element_ty), mask=k < K)


def linear(x: Tensor, weight: PackedWeight | Tensor, bias: Tensor | None, dtype: torch.dtype | None = None) -> Tensor:
    """See `ops.packed_linear`; a packed weight in a format that `operand.fits`, a plain one for few tokens only.

    dtype: of the result, if not that of x.
    """
    rows, columns = weight.shape if isinstance(weight, Tensor) else (weight.rows, weight.columns)
    flat = x.reshape(-1, columns).contiguous()
    count = flat.shape[0]
    out = torch.empty(count, rows, dtype=dtype or x.dtype, device=x.device)
    if not count:
        return out.view(*x.shape[:-1], rows)
    if count == 1 and rows < WIDE and one.rows_fit(weight, flat, bias):
        one.rows(flat, None, None, 0.0, flat, weight, out)
        return out.view(*x.shape[:-1], rows)
    held = Operand.of(weight, x.device)
    if alone(count, columns, x) and (not held.form or rows < WIDE):  # a packed head: 51 us in tiles, 90 by rows (int4)
        _by_rows(flat, flat, flat, flat, held, bias, out, 0.0, add=False, norm=False)
    else:
        kernel, place = "head" if rows >= WIDE else "linear", bisect_left(LINEAR_BINS, count)
        size = tile(kernel, held.form, place, rows * -(-count // TOKENS[place]), x)
        if kernel == "linear" and count <= LINEAR_BINS[-1] and x.dtype != torch.float32:
            tokens = min(power(count, 16), 128)
            if tokens == 128 and 2 * triton.cdiv(count, 64) * triton.cdiv(rows, 64) <= MOST:
                tokens = 64
            size = table.get((kernel, held.form, place)) or default("divided", tokens, rows)
        _by_tiles(flat, held, bias, out, size, shares(count, rows, columns, size))
    return out.view(*x.shape[:-1], rows)


def norm_linear(
    x: Tensor, delta: Tensor | None, gain: Tensor, eps: float, weight: PackedWeight | Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """See `ops.norm_linear`; for tokens that go alone. The norm is not rounded between."""
    rows = weight.shape[0] if isinstance(weight, Tensor) else weight.rows
    out = torch.empty(len(x), rows, dtype=gain.dtype, device=x.device)
    total = x if delta is None else torch.empty_like(x)
    if len(x) == 1 and one.rows_fit(weight, gain, bias):
        one.rows(x, delta, gain, eps, total, weight, out)
        return total, out
    held, other = Operand.of(weight, x.device), x if delta is None else delta
    _by_rows(x, other, gain, total, held, bias, out, eps, add=delta is not None, norm=True)
    return total, out


def _by_rows(
    x: Tensor, delta: Tensor, gain: Tensor, total: Tensor, held: Operand, bias: Tensor | None, out: Tensor, eps: float,
    *, add: bool, norm: bool,
) -> None:  # fmt: skip
    (count, columns), rows = x.shape, out.shape[1]
    across, warps, step = (16, 8, 8) if held.form else _plain(rows, columns)
    with on(x):
        _rows[(triton.cdiv(rows, across), count)](
            x, delta, gain, total, *held.tensors, out if bias is None else bias, out, eps,
            N=rows, K=columns, FORM=held.form, BIAS=bias is not None, ADD=add, NORM=norm, BN=across,
            STEP=step, KP=power(columns), ASM=held.fast(gain if norm else x), num_warps=warps,
            **chained(x),
        )  # fmt: skip


def _plain(rows: int, columns: int) -> tuple[int, int, int]:
    """Rows, warps and columns a piece of a program of plain rows: pieces that the warps hold at once, 16 bytes a thread, in the
    order in which they load the vector, which then need not move between threads."""
    if (
        columns % 1024
    ):  # 2 warps: a step in bf16 of tiny 650 -> 623 us, of base 3,796 -> 3,625 (H100); 1 or 4 are slower
        return 4, 2 if rows < WIDE else 4, 512
    return 2, 4 if columns <= 2048 or rows >= WIDE else 2, 1024  # small: 2,315 us, not 2,415


def _by_tiles(x: Tensor, held: Operand, bias: Tensor | None, out: Tensor, size: Tile, split: int) -> None:
    (count, columns), rows = x.shape, out.shape[1]
    target = out if split == 1 else torch.empty(split, count, rows, device=x.device)
    with on(x):
        _linear[(triton.cdiv(count, size.tokens), triton.cdiv(rows, size.rows), split)](
            x, *held.tensors, out if bias is None else bias, target, count, N=rows, K=columns, FORM=held.form,
            BIAS=bias is not None and split == 1, BM=size.tokens, BN=size.rows, BK=size.columns, SPLIT=split,
            EXACT=interpreting(), ASM=held.fast(x), num_warps=size.warps, num_stages=size.stages, **chained(x),
        )  # fmt: skip
        if split > 1:
            _add_up[(triton.cdiv(out.numel(), 1024),)](
                target, out if bias is None else bias, out, out.numel(), N=rows, SPLIT=split, BIAS=bias is not None,
                STEP=1024, num_warps=4, **chained(x),
            )  # fmt: skip


def shares(count: int, rows: int, columns: int, size: Tile) -> int:
    """Among how many programs the columns of a tile are divided, where there would be too few programs."""
    programs = triton.cdiv(count, size.tokens) * triton.cdiv(rows, size.rows)
    if rows >= WIDE or count > LINEAR_BINS[-1]:
        return 1
    return next((n for n in (4, 2) if programs * n <= MOST and columns % (n * 128) == 0), 1)


def alone(count: int, columns: int, x: Tensor) -> bool:
    """Whether so many tokens are multiplied row by row."""
    return count <= FEW and columns <= 4096 and x.dtype != torch.float32
