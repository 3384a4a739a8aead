"""Experts in three launches after the sort: gate and up with SiLU, down, weighted sum. Any weight format.

Letters: N tokens, k experts a token, P = N k pairs, H hidden, I expert width, E experts; BN, BM, BK as in `tiles`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend.launch import interpreting, on, power
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.sorting import Blocks, everyone, sort
from dsvl2.kernels.triton_backend.tiles import add_group, add_wide, tokens
from dsvl2.kernels.triton_backend.tuning import TOKENS, Tile, default, expert_bin, tile


@triton.jit
def _gate_up(
    x, codes, scale, zero, table, out, pairs, experts, counts, K, WIDTH, PER_TOKEN,
    FORM: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    count = tl.load(counts + block)
    if count == 0:
        return
    expert = tl.load(experts + block).to(tl.int64)
    place = tl.arange(0, BM)
    ok = place < count
    pair = tl.load(pairs + block * BM + place, mask=ok, other=0)
    token = pair // PER_TOKEN
    rows = tl.program_id(1) * BN + tl.arange(0, BN)
    rows_ok = rows < WIDTH
    first = expert * 2 * WIDTH  # rows of gate in the stack; those of up follow
    gate = tl.zeros((BN, BM), tl.float32)
    up = tl.zeros((BN, BM), tl.float32)
    if FORM <= 1:
        gates, ups = codes + first * K, codes + (first + WIDTH) * K
        for k0 in range(0, K, BK):
            part = tokens(x, token, ok, k0, K, BK)
            gate = add_wide(gate, gates, rows, rows_ok, k0, K, part, BK, FORM, EXACT)
            up = add_wide(up, ups, rows, rows_ok, k0, K, part, BK, FORM, EXACT)
        if FORM == 1:
            gate = gate * tl.load(scale + first + rows, mask=rows_ok, other=0.0)[:, None]
            up = up * tl.load(scale + first + WIDTH + rows, mask=rows_ok, other=0.0)[:, None]
    else:
        groups = K // 64
        halves = (groups + 1) // 2
        gates, ups = codes + first * groups * 32, codes + (first + WIDTH) * groups * 32
        gate_scale, up_scale = scale + first * groups, scale + (first + WIDTH) * groups
        gate_zero, up_zero = zero + first * halves, zero + (first + WIDTH) * halves
        for group in range(0, groups):
            low = tokens(x, token, ok, group * 64, K, 32)
            high = tokens(x, token, ok, group * 64 + 32, K, 32)
            gate = add_group(
                gate, gates, gate_scale, gate_zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT, ASM
            )
            up = add_group(up, ups, up_scale, up_zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT, ASM)
    hidden = gate / (1 + tl.exp(-gate)) * up
    tl.store(
        out + pair.to(tl.int64)[None, :] * WIDTH + rows[:, None],
        hidden.to(out.dtype.element_ty),
        mask=rows_ok[:, None] & ok[None, :],
    )


@triton.jit
def _down(
    x, codes, scale, zero, table, out, pairs, experts, counts, K, WIDTH,
    FORM: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    count = tl.load(counts + block)
    if count == 0:
        return
    expert = tl.load(experts + block).to(tl.int64)
    place = tl.arange(0, BM)
    ok = place < count
    pair = tl.load(pairs + block * BM + place, mask=ok, other=0)
    rows = tl.program_id(1) * BN + tl.arange(0, BN)
    rows_ok = rows < WIDTH
    first = expert * WIDTH
    acc = tl.zeros((BN, BM), tl.float32)
    if FORM <= 1:
        codes += first * K
        for k0 in range(0, K, BK):
            acc = add_wide(acc, codes, rows, rows_ok, k0, K, tokens(x, pair, ok, k0, K, BK), BK, FORM, EXACT)
        if FORM == 1:
            acc = acc * tl.load(scale + first + rows, mask=rows_ok, other=0.0)[:, None]
    else:
        groups = K // 64
        codes += first * groups * 32
        scale += first * groups
        zero += first * ((groups + 1) // 2)
        for group in range(0, groups):
            low = tokens(x, pair, ok, group * 64, K, 32)
            high = tokens(x, pair, ok, group * 64 + 32, K, 32)
            acc = add_group(acc, codes, scale, zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT, ASM)
    tl.store(
        out + pair.to(tl.int64)[None, :] * WIDTH + rows[:, None],
        acc.to(out.dtype.element_ty),
        mask=rows_ok[:, None] & ok[None, :],
    )


@triton.jit
def _combine(y, weight, plus, out, H, K: tl.constexpr, PLUS: tl.constexpr, BH: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BH + tl.arange(0, BH)
    ok = column < H
    acc = tl.zeros((BH,), tl.float32)
    for choice in tl.static_range(K):
        share = tl.load(weight + token * K + choice)
        acc += share * tl.load(y + (token * K + choice) * H + column, mask=ok, other=0.0).to(tl.float32)
    kind = out.dtype.element_ty
    if PLUS:  # rounded first, as the sum of two results would be
        acc = acc.to(kind).to(tl.float32) + tl.load(plus + token * H + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + token * H + column, acc.to(kind), mask=ok)


Weight = PackedWeight | Tensor
Pair = tuple[Weight, Weight]


def experts(x: Tensor, idx: Tensor, weight: Tensor, routed: Pair, shared: Pair | None = None) -> Tensor:
    """See `ops.moe_layer`. The sum over k is taken in fp32 in the order of idx."""
    (count, hidden), per_token = x.shape, idx.shape[1]
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    if count == 0:
        return out
    x = x.contiguous()
    spread = _through(x, routed, idx)
    added = spread if shared is None else _through(x, shared, None)
    wide = min(power(hidden), 1024)
    with on(x):
        _combine[(count, triton.cdiv(hidden, wide))](
            spread, weight.float().contiguous(), added, out, hidden,
            K=per_token, PLUS=shared is not None, BH=wide, num_warps=4,
        )  # fmt: skip
    return out


def swiglu(x: Tensor, pair: Pair) -> Tensor:
    """One expert that takes every row of x [N, H]."""
    return _through(x.contiguous(), pair, None) if len(x) else torch.empty_like(x)


def _through(x: Tensor, pair: Pair, idx: Tensor | None) -> Tensor:
    """What the experts of each pair return, [N k, H]; idx None: all rows go to the first."""
    (stack, width, hidden), per_token = _sizes(pair[1]), 1 if idx is None else idx.shape[1]
    held, rows = [Operand.of(part, x.device) for part in pair], len(x) * per_token
    place = expert_bin(rows / stack)
    busy = min(rows, stack) + rows // TOKENS[place]  # blocks at most
    first = tile("gate_up", held[0].form, place, busy * width, x)
    second = tile("down", held[1].form, place, busy * hidden, x)
    if second.tokens != first.tokens:  # both run over the same blocks
        second = default("down", first.tokens, busy * hidden)
    blocks = everyone(rows, first.tokens, x.device) if idx is None else sort(idx, stack, first.tokens)
    middle = torch.empty(rows, width, dtype=x.dtype, device=x.device)
    spread = torch.empty(rows, hidden, dtype=x.dtype, device=x.device)
    with on(x):
        _gate_up[_grid(blocks, width, first)](
            x,
            *held[0].tensors,
            middle,
            *blocks,
            hidden,
            width,
            per_token,
            FORM=held[0].form,
            ASM=held[0].fast(x),
            **_options(first),
        )
        _down[_grid(blocks, hidden, second)](
            middle,
            *held[1].tensors,
            spread,
            *blocks,
            width,
            hidden,
            FORM=held[1].form,
            ASM=held[1].fast(x),
            **_options(second),
        )
    return spread


def _sizes(down: PackedWeight | Tensor) -> tuple[int, int, int]:
    """Experts, expert width, hidden width."""
    if isinstance(down, Tensor):
        return down.shape[0], down.shape[2], down.shape[1]
    return down.parts["codes"].shape[0], down.columns, down.rows


def _grid(blocks: Blocks, rows: int, size: Tile) -> tuple[int, int]:
    return len(blocks.expert), triton.cdiv(rows, size.rows)


def _options(size: Tile) -> dict[str, int | bool]:
    return {
        "BM": size.tokens, "BN": size.rows, "BK": size.columns, "EXACT": interpreting(),
        "num_warps": size.warps, "num_stages": size.stages,
    }  # fmt: skip
