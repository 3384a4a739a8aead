"""Experts in three launches after the sort: gate and up with SiLU, down, weighted sum. Any weight format.

Shared experts ride along in the same launches, cut into experts as wide as the routed ones that every token goes to, in a format
of their own if need be. Letters: N tokens, k experts a token, P = N k pairs, H hidden, I expert width, E experts, NS shared ones;
BN, BM, BK as in `tiles`. Row P + h N + t of what lies between is token t's in shared expert h.
"""

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend import alone
from dsvl2.kernels.triton_backend.launch import interpreting, on, power
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.sorting import Blocks, everyone, sort
from dsvl2.kernels.triton_backend.tiles import add_plain, add_unit, rows_times
from dsvl2.kernels.triton_backend.tuning import Tile, default, expert_bin, tile, width_of

LONG = 512  # tokens from which the shared experts, where they are plain, are left to the vendor's matrix products


@triton.jit
def part_of(codes, words, index, ROWS: tl.constexpr, K: tl.constexpr, FORM: tl.constexpr):
    """Where matrix `index` of a stack begins: its codes and its words."""
    tiles: tl.constexpr = (ROWS + 63) // 64
    units: tl.constexpr = K // 32 if FORM == 1 else K // 64
    if FORM == 0:
        return codes + index * (ROWS * K), words
    elif FORM == 1:
        return codes + index * (tiles * units * 2048), words + index * (tiles * 64)
    else:
        return codes + index * (tiles * units * 2048), words + index * (tiles * units * 64)


@triton.jit
def _hidden(
    x, token, ok, codes, words, table, index, row, limit, ROWS: tl.constexpr, K: tl.constexpr, BN: tl.constexpr,
    BM: tl.constexpr, BK: tl.constexpr, FORM: tl.constexpr, EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    """silu(gate) * up [BN, BM] of rows `row` on; gate is matrix 2 * index of the stack, up the next one."""
    gates, gate_words = part_of(codes, words, 2 * index, ROWS, K, FORM)
    ups, up_words = part_of(codes, words, 2 * index + 1, ROWS, K, FORM)
    rows = row + tl.arange(0, BN)
    gate = tl.zeros((BN, BM), tl.float32)
    up = tl.zeros((BN, BM), tl.float32)
    if FORM == 0:
        rows_ok = rows < limit
        for k0 in range(0, K, BK):
            k = k0 + tl.arange(0, BK)
            part = tl.load(x + token[:, None] * K + k[None, :], mask=ok[:, None] & (k < K)[None, :], other=0.0)
            gate = add_plain(gate, gates, rows, rows_ok, k0, K, part, BK, EXACT)
            up = add_plain(up, ups, rows, rows_ok, k0, K, part, BK, EXACT)
    else:
        width: tl.constexpr = 32 if FORM == 1 else 64
        units: tl.constexpr = K // width
        for unit in range(0, units):
            at = x + token[:, None] * K + unit * width + tl.arange(0, 32)[None, :]
            low = tl.load(at, mask=ok[:, None], other=0.0)
            high = low
            if FORM != 1:
                high = tl.load(at + 32, mask=ok[:, None], other=0.0)
            gate = add_unit(
                gate, gates, gate_words, table, row, rows, unit, low, high, units, ROWS, BN, FORM, EXACT, ASM
            )
            up = add_unit(up, ups, up_words, table, row, rows, unit, low, high, units, ROWS, BN, FORM, EXACT, ASM)
        if FORM == 1:
            gate = gate * tl.load(gate_words + rows, mask=rows < limit, other=0.0)[:, None]
            up = up * tl.load(up_words + rows, mask=rows < limit, other=0.0)[:, None]
    return gate / (1 + tl.exp(-gate)) * up


@triton.jit(do_not_specialize=["N", "ROUTED"])
def _gate_up(
    x, codes, words, table, shared, shared_words, shared_table, out, pairs, experts, counts, N, ROUTED,
    K: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr, NS: tl.constexpr, FORM: tl.constexpr,
    SHARED_FORM: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, EXACT: tl.constexpr,
    ASM: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    place = tl.arange(0, BM)
    row = tl.program_id(1) * BN
    rows_ok = row + tl.arange(0, BN) < WIDTH
    if block < ROUTED:
        count = tl.load(counts + block)
        if count > 0:
            expert = tl.load(experts + block).to(tl.int64)
            ok = place < count
            pair = tl.load(pairs + block * BM + place, mask=ok, other=0)
            hidden = _hidden(
                x,
                pair // PER_TOKEN,
                ok,
                codes,
                words,
                table,
                expert,
                row,
                WIDTH,
                WIDTH,
                K,
                BN,
                BM,
                BK,
                FORM,
                EXACT,
                ASM,
            )
            target = out + pair.to(tl.int64)[None, :] * WIDTH + (row + tl.arange(0, BN))[:, None]
            tl.store(target, hidden.to(out.dtype.element_ty), mask=rows_ok[:, None] & ok[None, :])
    elif NS > 0:
        many = tl.cdiv(N, BM)
        half = (block - ROUTED) // many
        token = (block - ROUTED) % many * BM + place
        ok = token < N
        first = half * WIDTH + row
        hidden = _hidden(
            x, token, ok, shared, shared_words, shared_table, 0, first, (half + 1) * WIDTH, NS * WIDTH, K, BN, BM, BK,
            SHARED_FORM, EXACT, ASM,
        )  # fmt: skip
        pair = (N * PER_TOKEN + half * N + token).to(tl.int64)
        target = out + pair[None, :] * WIDTH + (row + tl.arange(0, BN))[:, None]
        tl.store(target, hidden.to(out.dtype.element_ty), mask=rows_ok[:, None] & ok[None, :])


@triton.jit(do_not_specialize=["N", "ROUTED"])
def _down(
    x, codes, words, table, shared, shared_words, shared_table, out, pairs, experts, counts, N, ROUTED,
    H: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr, NS: tl.constexpr, FORM: tl.constexpr,
    SHARED_FORM: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, EXACT: tl.constexpr,
    ASM: tl.constexpr,
):  # fmt: skip
    block = tl.program_id(0)
    place = tl.arange(0, BM)
    row = tl.program_id(1) * BN
    rows_ok = row + tl.arange(0, BN) < H
    if block < ROUTED:
        count = tl.load(counts + block)
        if count > 0:
            expert = tl.load(experts + block).to(tl.int64)
            ok = place < count
            pair = tl.load(pairs + block * BM + place, mask=ok, other=0)
            mine, mine_words = part_of(codes, words, expert, H, WIDTH, FORM)
            acc = rows_times(
                x, pair, ok, mine, mine_words, table, row, 0, H, WIDTH, WIDTH, WIDTH, BN, BM, BK, FORM, EXACT, ASM
            )
            target = out + pair.to(tl.int64)[None, :] * H + (row + tl.arange(0, BN))[:, None]
            tl.store(target, acc.to(out.dtype.element_ty), mask=rows_ok[:, None] & ok[None, :])
    elif NS > 0:
        many = tl.cdiv(N, BM)
        half = (block - ROUTED) // many
        token = (block - ROUTED) % many * BM + place
        ok = token < N
        pair = N * PER_TOKEN + half * N + token
        acc = rows_times(
            x, pair, ok, shared, shared_words, shared_table, row, half * WIDTH, H, WIDTH, NS * WIDTH, WIDTH, BN, BM, BK,
            SHARED_FORM, EXACT, ASM,
        )  # fmt: skip
        target = out + pair.to(tl.int64)[None, :] * H + (row + tl.arange(0, BN))[:, None]
        tl.store(target, acc.to(out.dtype.element_ty), mask=rows_ok[:, None] & ok[None, :])


@triton.jit(do_not_specialize=["N"])
def _combine(
    y, weight, plus, out, N, H, K: tl.constexpr, NS: tl.constexpr, PLUS: tl.constexpr, BH: tl.constexpr
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BH + tl.arange(0, BH)
    ok = column < H
    acc = tl.zeros((BH,), tl.float32)
    for choice in tl.static_range(K):
        share = tl.load(weight + token * K + choice)
        acc += share * tl.load(y + (token * K + choice) * H + column, mask=ok, other=0.0).to(tl.float32)
    for half in tl.static_range(NS):
        acc += tl.load(y + (N * K + half * N + token) * H + column, mask=ok, other=0.0).to(tl.float32)
    if PLUS:
        acc += tl.load(plus + token * H + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + token * H + column, acc.to(out.dtype.element_ty), mask=ok)


Weight = PackedWeight | Tensor
Pair = tuple[Weight, Weight]


def experts(x: Tensor, idx: Tensor, weight: Tensor, routed: Pair, shared: Pair | None = None) -> Tensor:
    """See `ops.moe_layer`. The sum over k is taken in fp32 in the order of idx."""
    count = len(x)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    if count == 0:
        return out
    x, weight = x.contiguous(), weight.float().contiguous()
    if alone.fits(x, routed, shared):
        return alone.experts(x, idx, weight, routed, shared, out)
    plus = _aside(x, routed, shared)
    spread, halves = _through(x, routed, idx, None if plus is not None else shared)
    (hidden, per_token), wide = (x.shape[1], idx.shape[1]), min(power(x.shape[1]), 1024)
    with on(x):
        _combine[(count, triton.cdiv(hidden, wide))](
            spread, weight, spread if plus is None else plus, out, count, hidden,
            K=per_token, NS=halves, PLUS=plus is not None, BH=wide, num_warps=4,
        )  # fmt: skip
    return out


def swiglu(x: Tensor, pair: Pair) -> Tensor:
    """One expert that takes every row of x [N, H]."""
    if not len(x):
        return torch.empty_like(x)
    if (plain := _vendor(x, pair)) is not None:
        return plain
    x = x.contiguous()
    if alone.fits(x, None, pair):
        return alone.experts(x, None, None, None, pair, torch.empty_like(x))
    return _through(x, pair, None, None)[0]


def _vendor(x: Tensor, pair: Pair) -> Tensor | None:
    """Plain weights and many tokens: products of large matrices are best left to the vendor's library."""
    gate_up, down = pair
    if len(x) < LONG or not isinstance(gate_up, Tensor) or not isinstance(down, Tensor) or not x.is_cuda:
        return None
    gate, up = F.linear(x, gate_up[0]).chunk(2, -1)
    return F.linear(F.silu(gate) * up, down[0])


def _aside(x: Tensor, routed: Pair, shared: Pair | None) -> Tensor | None:
    """What the shared experts give when they do not ride along: none, many tokens, or no whole number of routed widths."""
    if shared is None:
        return None
    width, wide = _sizes(routed[1])[1], _sizes(shared[1])[1]
    if width % 64 or wide % width:
        return swiglu(x, shared)
    return _vendor(x, shared)


def _through(x: Tensor, pair: Pair, idx: Tensor | None, shared: Pair | None) -> tuple[Tensor, int]:
    """What the experts of each pair return, [N k + NS N, H], and NS; idx None: all rows go to the first."""
    (stack, width, hidden), per_token = _sizes(pair[1]), 1 if idx is None else idx.shape[1]
    halves = 0 if shared is None else _sizes(shared[1])[1] // width
    rows = len(x) * per_token
    held = [Operand.of(part, x.device) for part in pair]
    beside = held if shared is None else [Operand.of(part, x.device) for part in shared]
    place = expert_bin(rows / stack)
    busy = min(rows, stack) + rows // width_of(place) + halves
    first = tile("gate_up", held[0].form, place, busy * width, x)
    second = tile("down", held[1].form, place, busy * hidden, x)
    if second.tokens != first.tokens:  # both run over the same blocks
        second = default("down", first.tokens, busy * hidden)
    blocks = everyone(rows, first.tokens, x.device) if idx is None else sort(idx, stack, first.tokens)
    total = rows + halves * len(x)
    middle = torch.empty(total, width, dtype=x.dtype, device=x.device)
    spread = torch.empty(total, hidden, dtype=x.dtype, device=x.device)
    given = (len(x), len(blocks.expert))
    options = {"WIDTH": width, "PER_TOKEN": per_token, "NS": halves, "ASM": held[0].fast(x) or beside[0].fast(x)}
    forms = {"FORM": held[0].form, "SHARED_FORM": beside[0].form}
    with on(x):
        _gate_up[_grid(blocks, halves, len(x), width, first)](
            x,
            *held[0].tensors,
            *beside[0].tensors,
            middle,
            *blocks,
            *given,
            K=hidden,
            **forms,
            **options,
            **_options(first),
        )
        _down[_grid(blocks, halves, len(x), hidden, second)](
            middle, *held[1].tensors, *beside[1].tensors, spread, *blocks, *given,
            H=hidden, **forms, **options, **_options(second),
        )  # fmt: skip
    return spread, halves


def _sizes(down: PackedWeight | Tensor) -> tuple[int, int, int]:
    """Experts, expert width, hidden width."""
    if isinstance(down, Tensor):
        return down.shape[0], down.shape[2], down.shape[1]
    return down.parts["codes"].shape[0], down.columns, down.rows


def _grid(blocks: Blocks, halves: int, count: int, rows: int, size: Tile) -> tuple[int, int]:
    return len(blocks.expert) + halves * -(-count // size.tokens), triton.cdiv(rows, size.rows)


def _options(size: Tile) -> dict[str, int | bool]:
    return {
        "BM": size.tokens, "BN": size.rows, "BK": size.columns, "EXACT": interpreting(),
        "num_warps": size.warps, "num_stages": size.stages,
    }  # fmt: skip
