"""Routed experts in three launches after the sort: gate and up with SiLU, down, weighted sum. Any weight format.

Letters: N tokens, k experts a token, P = N k pairs, H hidden, I expert width, E experts; BN, BM, BK as in `tiles`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend.launch import interpreting, on, power
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.sorting import Blocks, sort
from dsvl2.kernels.triton_backend.tiles import add_group, add_wide, tokens
from dsvl2.kernels.triton_backend.tuning import Tile, expert_bin, tile


@triton.jit
def _gate_up(
    x, codes, scale, zero, table, out, pairs, experts, counts, K, WIDTH, PER_TOKEN,
    FORM: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, EXACT: tl.constexpr,
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
                gate, gates, gate_scale, gate_zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT
            )
            up = add_group(up, ups, up_scale, up_zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT)
    hidden = gate / (1 + tl.exp(-gate)) * up
    tl.store(
        out + pair.to(tl.int64)[None, :] * WIDTH + rows[:, None],
        hidden.to(out.dtype.element_ty),
        mask=rows_ok[:, None] & ok[None, :],
    )


@triton.jit
def _down(
    x, codes, scale, zero, table, out, pairs, experts, counts, K, WIDTH,
    FORM: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, EXACT: tl.constexpr,
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
            acc = add_group(acc, codes, scale, zero, table, rows, rows_ok, group, groups, low, high, FORM, EXACT)
    tl.store(
        out + pair.to(tl.int64)[None, :] * WIDTH + rows[:, None],
        acc.to(out.dtype.element_ty),
        mask=rows_ok[:, None] & ok[None, :],
    )


@triton.jit
def _combine(y, weight, out, H, K: tl.constexpr, BH: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BH + tl.arange(0, BH)
    ok = column < H
    acc = tl.zeros((BH,), tl.float32)
    for choice in tl.static_range(K):
        share = tl.load(weight + token * K + choice)
        acc += share * tl.load(y + (token * K + choice) * H + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + token * H + column, acc.to(out.dtype.element_ty), mask=ok)


def experts(
    x: Tensor, idx: Tensor, weight: Tensor, gate_up: PackedWeight | Tensor, down: PackedWeight | Tensor
) -> Tensor:
    """See `ops.moe_experts` and `ops.packed_experts`. The sum over k is taken in fp32 in the order of idx."""
    (count, hidden), per_token = x.shape, idx.shape[1]
    stack, width, _ = _sizes(down)
    out = torch.empty_like(x)
    if count == 0:
        return out
    first, second = Operand.of(gate_up, x.device), Operand.of(down, x.device)
    place = expert_bin(count * per_token / stack)
    sizes = [tile(name, held.form, place, x.dtype, x.device) for name, held in (("gate_up", first), ("down", second))]
    assert sizes[0].tokens == sizes[1].tokens  # both run over the same blocks
    blocks = sort(idx, stack, sizes[0].tokens)
    middle = torch.empty(count * per_token, width, dtype=x.dtype, device=x.device)
    spread = torch.empty(count * per_token, hidden, dtype=x.dtype, device=x.device)
    x = x.contiguous()
    with on(x):
        _gate_up[_grid(blocks, width, sizes[0])](
            x, *first.tensors, middle, *blocks, hidden, width, per_token, FORM=first.form, **_options(sizes[0])
        )
        _down[_grid(blocks, hidden, sizes[1])](
            middle, *second.tensors, spread, *blocks, width, hidden, FORM=second.form, **_options(sizes[1])
        )
        wide = min(power(hidden), 1024)
        _combine[(count, triton.cdiv(hidden, wide))](
            spread, weight.float().contiguous(), out, hidden, K=per_token, BH=wide, num_warps=4
        )
    return out


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
