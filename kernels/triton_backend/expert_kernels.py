"""Device code of the experts: gate and up with SiLU, down, and the weighted sum; routed pairs and shared experts in one grid.

Blocks of the grid's first axis up to ROUTED hold up to BM pairs of one routed expert; those behind, SM tokens each in one shared
expert. Letters as in `experts`.

Large blocks (BM of WIDE and more): the last one of an expert often holds few pairs, and is computed as a smaller one; and the
rows of a block's weights take their turn before the next block does, so that its tokens are still in the L2.
"""

import triton
import triton.language as tl

from dsvl2.kernels.triton_backend.launch import hold, release
from dsvl2.kernels.triton_backend.nibbles import laid
from dsvl2.kernels.triton_backend.tiles import add_plain, add_unit, rows_times, settled

WIDE = tl.constexpr(64)


@triton.jit
def _place(BN: tl.constexpr, BM: tl.constexpr, FORM: tl.constexpr, ROUTED):
    """Which block of tokens this program has, and its first row of the weights.

    Small blocks of int4: those of shared experts, which hold more tokens and take longer, begin; all rows of a block follow each
    other, and blocks that nobody needs come last (int8 beside it, 32 and 128 tokens, H100: 146 -> 135 and 164 -> 154 us a layer;
    int8 alone loses by it, 122 -> 129 us at 8 tokens, bf16 at 128).
    """
    if BM >= WIDE:
        return tl.program_id(1), tl.program_id(0) * BN
    elif FORM != 2:
        return tl.program_id(0), tl.program_id(1) * BN
    else:
        blocks, rows = tl.num_programs(0), tl.num_programs(1)
        number = tl.program_id(1) * blocks + tl.program_id(0)
        beside = blocks - ROUTED
        if number < beside * rows:
            block, row = ROUTED + number % tl.maximum(beside, 1), number // tl.maximum(beside, 1)
        else:
            number -= beside * rows
            block, row = number // rows, number % rows
        return block, row * BN


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
        many: tl.constexpr = BK // width if BK >= 128 and K % BK == 0 else 1  # units a step, loaded at once
        for first in range(0, units, many):
            for i in tl.static_range(many):
                unit = first + i
                at = x + token[:, None] * K + unit * width + tl.arange(0, width)[None, :]
                part = tl.load(at, mask=ok[:, None], other=0.0)
                gate = add_unit(
                    gate, gates, gate_words, table, row, rows, unit, part, units, ROWS, BN, FORM, EXACT, ASM
                )
                up = add_unit(up, ups, up_words, table, row, rows, unit, part, units, ROWS, BN, FORM, EXACT, ASM)
                gate, up = settled(gate, ASM), settled(up, ASM)
        if FORM == 1:
            gate = gate * tl.load(gate_words + rows, mask=rows < limit, other=0.0)[:, None]
            up = up * tl.load(up_words + rows, mask=rows < limit, other=0.0)[:, None]
    return gate / (1 + tl.exp(-gate)) * up


@triton.jit
def _routed_hidden(
    x, codes, words, table, out, pairs, expert, count, row, K: tl.constexpr, WIDTH: tl.constexpr,
    PER_TOKEN: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, FORM: tl.constexpr,
    EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    place, rows = tl.arange(0, BM), row + tl.arange(0, BN)
    ok = place < count
    pair = tl.load(pairs + place, mask=ok, other=0)
    hidden = _hidden(
        x, pair // PER_TOKEN, ok, codes, words, table, expert, row, WIDTH, WIDTH, K, BN, BM, BK, FORM, EXACT, ASM
    )
    target = out + pair.to(tl.int64)[None, :] * WIDTH + rows[:, None]
    tl.store(target, hidden.to(out.dtype.element_ty), mask=(rows < WIDTH)[:, None] & ok[None, :])


@triton.jit
def _shared_hidden(
    x, codes, words, table, out, block, row, N, K: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr,
    NS: tl.constexpr, SM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, FORM: tl.constexpr, EXACT: tl.constexpr,
    ASM: tl.constexpr,
):  # fmt: skip
    half, rows = block // tl.cdiv(N, SM), row + tl.arange(0, BN)
    token = block % tl.cdiv(N, SM) * SM + tl.arange(0, SM)
    ok, first = token < N, half * WIDTH + row
    hidden = _hidden(
        x, token, ok, codes, words, table, 0, first, (half + 1) * WIDTH, NS * WIDTH, K, BN, SM, BK, FORM, EXACT, ASM
    )
    pair = (N * PER_TOKEN + half * N + token).to(tl.int64)
    target = out + pair[None, :] * WIDTH + rows[:, None]
    tl.store(target, hidden.to(out.dtype.element_ty), mask=(rows < WIDTH)[:, None] & ok[None, :])


@triton.jit(do_not_specialize=["N", "ROUTED"])
def gate_up(
    x, codes, words, table, shared, shared_words, shared_table, out, pairs, experts, counts, N, ROUTED,
    K: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr, NS: tl.constexpr, FORM: tl.constexpr,
    SHARED_FORM: tl.constexpr, BM: tl.constexpr, SM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
    EXACT: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr, LAID: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    if LAID:
        table = laid(table)
        shared_table = table
    hold(CHAIN)
    block, row = _place(BN, BM, FORM, ROUTED)
    if block < ROUTED:
        count = tl.load(counts + block)
        if count > 0:
            expert = tl.load(experts + block).to(tl.int64)
            mine = pairs + block * BM
            if BM >= WIDE and count <= BM // 4:
                _routed_hidden(
                    x, codes, words, table, out, mine, expert, count, row, K, WIDTH, PER_TOKEN, BM // 4, BN, BK, FORM, EXACT, ASM
                )  # fmt: skip
            elif BM >= WIDE and count <= BM // 2:
                _routed_hidden(
                    x, codes, words, table, out, mine, expert, count, row, K, WIDTH, PER_TOKEN, BM // 2, BN, BK, FORM, EXACT, ASM
                )  # fmt: skip
            else:
                _routed_hidden(
                    x, codes, words, table, out, mine, expert, count, row, K, WIDTH, PER_TOKEN, BM, BN, BK, FORM, EXACT, ASM
                )  # fmt: skip
    elif NS > 0:
        _shared_hidden(
            x, shared, shared_words, shared_table, out, block - ROUTED, row, N, K, WIDTH, PER_TOKEN, NS, SM, BN, BK,
            SHARED_FORM, EXACT, ASM,
        )  # fmt: skip


@triton.jit
def _routed_down(
    x, codes, words, table, out, pairs, expert, count, row, H: tl.constexpr, WIDTH: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, FORM: tl.constexpr, EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    place, rows = tl.arange(0, BM), row + tl.arange(0, BN)
    ok = place < count
    pair = tl.load(pairs + place, mask=ok, other=0)
    mine, mine_words = part_of(codes, words, expert, H, WIDTH, FORM)
    acc = rows_times(x, pair, ok, mine, mine_words, table, row, 0, H, WIDTH, WIDTH, WIDTH, BN, BM, BK, FORM, EXACT, ASM)
    target = out + pair.to(tl.int64)[None, :] * H + rows[:, None]
    tl.store(target, acc.to(out.dtype.element_ty), mask=(rows < H)[:, None] & ok[None, :])


@triton.jit
def _shared_down(
    x, codes, words, table, out, block, row, N, H: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr,
    NS: tl.constexpr, SM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, FORM: tl.constexpr, EXACT: tl.constexpr,
    ASM: tl.constexpr,
):  # fmt: skip
    half, rows = block // tl.cdiv(N, SM), row + tl.arange(0, BN)
    token = block % tl.cdiv(N, SM) * SM + tl.arange(0, SM)
    ok, pair = token < N, N * PER_TOKEN + half * N + token
    acc = rows_times(
        x, pair, ok, codes, words, table, row, half * WIDTH, H, WIDTH, NS * WIDTH, WIDTH, BN, SM, BK, FORM, EXACT, ASM
    )
    target = out + pair.to(tl.int64)[None, :] * H + rows[:, None]
    tl.store(target, acc.to(out.dtype.element_ty), mask=(rows < H)[:, None] & ok[None, :])


@triton.jit(do_not_specialize=["N", "ROUTED"])
def down(
    x, codes, words, table, shared, shared_words, shared_table, out, pairs, experts, counts, N, ROUTED,
    H: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr, NS: tl.constexpr, FORM: tl.constexpr,
    SHARED_FORM: tl.constexpr, BM: tl.constexpr, SM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
    EXACT: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr, LAID: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    if LAID:
        table = laid(table)
        shared_table = table
    hold(CHAIN)
    block, row = _place(BN, BM, FORM, ROUTED)
    if block < ROUTED:
        count = tl.load(counts + block)
        if count > 0:
            expert = tl.load(experts + block).to(tl.int64)
            mine = pairs + block * BM
            if BM >= WIDE and count <= BM // 4:
                _routed_down(
                    x, codes, words, table, out, mine, expert, count, row, H, WIDTH, BM // 4, BN, BK, FORM, EXACT, ASM
                )
            elif BM >= WIDE and count <= BM // 2:
                _routed_down(
                    x, codes, words, table, out, mine, expert, count, row, H, WIDTH, BM // 2, BN, BK, FORM, EXACT, ASM
                )
            else:
                _routed_down(
                    x, codes, words, table, out, mine, expert, count, row, H, WIDTH, BM, BN, BK, FORM, EXACT, ASM
                )
    elif NS > 0:
        _shared_down(
            x, shared, shared_words, shared_table, out, block - ROUTED, row, N, H, WIDTH, PER_TOKEN, NS, SM, BN, BK,
            SHARED_FORM, EXACT, ASM,
        )  # fmt: skip


@triton.jit(do_not_specialize=["N"])
def combine(
    y, weight, plus, out, N, H, K: tl.constexpr, NS: tl.constexpr, PLUS: tl.constexpr, BH: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    hold(CHAIN)
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
