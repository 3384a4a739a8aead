"""Experts of one or two tokens in three launches: each token's experts run for it alone, shared ones among them.

A dense layer is cut into parts that are such shared experts. Half of a single token's time in the tiled kernels goes by waiting:
few programs, each with a long chain of steps. Here a program loads all its rows at once, and shared experts come first, as they
need not wait for the choice of the others. Letters: T tokens, k experts a token, I expert width, NS shared experts as wide as
the routed ones.
"""

from typing import TYPE_CHECKING, cast

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.cuda_backend import one, plain
from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.triton_backend.expert_kernels import part_of
from dsvl2.kernels.triton_backend.launch import chained, fence, hold, on, release
from dsvl2.kernels.triton_backend.operand import Operand
from dsvl2.kernels.triton_backend.rows import load_rows, multiply, multiply_plain, take, times
from dsvl2.kernels.triton_backend.tiles import INT4, PLAIN

if TYPE_CHECKING:
    from dsvl2.kernels.triton_backend.experts import Pair

MOST = 2  # tokens
PACKED_WARPS = 8, 4  # of a program of 16 packed rows, which divide the columns: gate and up, down
LONG = 1024  # width of int4 experts from which both take the more: steps of small 1,370 us, not 1,387, tiny 413, not 420 (H100)
SHORT = (
    2048  # hidden width below which a program takes 4 plain rows, not 2: a step of tiny in bf16 619 us, not 623 (H100)
)
MANY = 2048  # hidden width above which the compiler takes more than half the registers for gate and up, unless it is told not to
CUT = 2048  # columns of a part of an expert that stands alone
WIDEST = 4096  # columns: more would not fit the registers


@triton.jit
def _silu_times(
    x, codes, words, table, out, index, first, row, ROWS: tl.constexpr, WIDTH: tl.constexpr, K: tl.constexpr,
    BN: tl.constexpr, STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr,
    LATE: tl.constexpr,
):  # fmt: skip
    """out[row : row + BN] of one expert, whose rows begin at `first` of matrices 2 * index and 2 * index + 1.

    LATE: the kernel before was waited for already, as it chose the expert.
    """
    gates, gate_words = part_of(codes, words, 2 * index, ROWS, K, FORM)
    ups, up_words = part_of(codes, words, 2 * index + 1, ROWS, K, FORM)
    gw, gs = load_rows(gates, gate_words, first + row, first + WIDTH, 0, K, K, BN, STEP, FORM)
    uw, us = load_rows(ups, up_words, first + row, first + WIDTH, 0, K, K, BN, STEP, FORM)
    if not LATE:
        hold(CHAIN)
        release(CHAIN)
    elif FORM != 2:  # int4's loads may move to behind the first products: a step of small 1,253 us, not 1,272
        fence(CHAIN)
    if FORM == 0:
        gate, _ = multiply_plain(gw, x, x, x, K, BN, STEP)
        up, _ = multiply_plain(uw, x, x, x, K, BN, STEP)
    else:
        xs, _ = take(x, x, (), K, STEP, FORM, ASM)
        gate, up = multiply(gw, gs, xs, table, STEP, FORM, ASM), multiply(uw, us, xs, table, STEP, FORM, ASM)
    rows = row + tl.arange(0, BN)
    found = gate / (1 + tl.exp(-gate)) * up
    tl.store(out + rows, found.to(out.dtype.element_ty), mask=rows < WIDTH)


@triton.jit
def _gate_up(
    x, idx, codes, words, table, shared, shared_words, shared_table, out,
    K: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr, NS: tl.constexpr, FORM: tl.constexpr,
    SHARED_FORM: tl.constexpr, BN: tl.constexpr, SHARED_BN: tl.constexpr, STEP: tl.constexpr,
    SHARED_STEP: tl.constexpr, WHOLE: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    both: tl.constexpr = PER_TOKEN + NS
    # shared experts begin: they wait for no choice, so that their weights are on their way while it is made
    token, which = tl.program_id(1) // both, (tl.program_id(1) + PER_TOKEN) % both
    x += token * K
    out += (token * both + which).to(tl.int64) * WIDTH
    if which < PER_TOKEN:
        hold(CHAIN)  # the choice of experts is the work of a kernel before
        release(CHAIN)  # only now: `_down` reads that choice before it waits
        if tl.program_id(0) * BN < WIDTH:
            expert = tl.load(idx + token * PER_TOKEN + which).to(tl.int64)
            row = tl.program_id(0) * BN
            _silu_times(x, codes, words, table, out, expert, 0, row, WIDTH, WIDTH, K, BN, STEP, FORM, ASM, CHAIN, True)
    elif NS > 0:
        first, row = (which - PER_TOKEN) * WIDTH, tl.program_id(0) * SHARED_BN
        if (row < WIDTH) & (first + row < WHOLE):
            _silu_times(
                x, shared, shared_words, shared_table, out, 0, first, row, WHOLE, WIDTH, K, SHARED_BN, SHARED_STEP,
                SHARED_FORM, ASM, CHAIN, False,
            )  # fmt: skip
        else:
            hold(CHAIN)
            release(CHAIN)
            if WHOLE < NS * WIDTH:  # columns that the last part has not: nothing, not whatever stood there
                rows = row + tl.arange(0, SHARED_BN)
                tl.store(out + rows, tl.zeros((SHARED_BN,), out.dtype.element_ty), mask=rows < WIDTH)


@triton.jit
def _down_rows(
    x, codes, words, table, out, row, column, H: tl.constexpr, WIDTH: tl.constexpr, ROW: tl.constexpr, BN: tl.constexpr,
    STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """out[row : row + BN] of one expert, whose columns begin at `column` of a matrix of ROW."""
    ws, ss = load_rows(codes, words, row, H, column, WIDTH, ROW, BN, STEP, FORM)
    hold(CHAIN)
    acc = times(ws, ss, table, x, WIDTH, BN, STEP, FORM, ASM)
    rows = row + tl.arange(0, BN)
    tl.store(out + rows, acc.to(out.dtype.element_ty), mask=rows < H)


@triton.jit
def _down(
    x, idx, codes, words, table, shared, shared_words, shared_table, out,
    H: tl.constexpr, WIDTH: tl.constexpr, PER_TOKEN: tl.constexpr, NS: tl.constexpr, FORM: tl.constexpr,
    SHARED_FORM: tl.constexpr, BN: tl.constexpr, SHARED_BN: tl.constexpr, STEP: tl.constexpr,
    SHARED_STEP: tl.constexpr, WHOLE: tl.constexpr, ASM: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    both: tl.constexpr = PER_TOKEN + NS
    token, which = tl.program_id(1) // both, (tl.program_id(1) + PER_TOKEN) % both
    x += (token * both + which).to(tl.int64) * WIDTH
    out += (token * both + which).to(tl.int64) * H
    release(CHAIN)
    if which < PER_TOKEN:
        if tl.program_id(0) * BN < H:
            # the kernel before has waited for the choice of experts before it let this one begin
            expert = tl.load(idx + token * PER_TOKEN + which).to(tl.int64)
            mine, mine_words = part_of(codes, words, expert, H, WIDTH, FORM)
            _down_rows(
                x, mine, mine_words, table, out, tl.program_id(0) * BN, 0, H, WIDTH, WIDTH, BN, STEP, FORM, ASM, CHAIN
            )
        else:
            hold(CHAIN)
    elif NS > 0:
        if tl.program_id(0) * SHARED_BN < H:
            _down_rows(
                x, shared, shared_words, shared_table, out, tl.program_id(0) * SHARED_BN, (which - PER_TOKEN) * WIDTH,
                H, WIDTH, WHOLE, SHARED_BN, SHARED_STEP, SHARED_FORM, ASM, CHAIN,
            )  # fmt: skip
        else:
            hold(CHAIN)


@triton.jit
def _sum(y, weight, out, H: tl.constexpr, K: tl.constexpr, NS: tl.constexpr, BH: tl.constexpr, CHAIN: tl.constexpr):
    release(CHAIN)
    hold(CHAIN)
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BH + tl.arange(0, BH)
    ok = column < H
    y += token * (K + NS) * H
    acc = tl.zeros((BH,), tl.float32)
    for which in tl.static_range(K):
        acc += tl.load(weight + token * K + which) * tl.load(y + which * H + column, mask=ok, other=0.0).to(tl.float32)
    for which in tl.static_range(NS):
        acc += tl.load(y + (K + which) * H + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + token * H + column, acc.to(out.dtype.element_ty), mask=ok)


def fits(x: Tensor, routed: "Pair | None", shared: "Pair | None") -> bool:
    """Whether there are few enough tokens, and widths that suit."""
    if len(x) > MOST or x.dtype == torch.float32:
        return False
    width = _width(routed, shared)
    whole = routed is None or shared is None or _columns(shared[1]) % max(width, 1) == 0
    return x.shape[1] <= WIDEST and 0 < width <= WIDEST and whole


def experts(
    x: Tensor, idx: Tensor | None, weight: Tensor | None, routed: "Pair | None", shared: "Pair | None", out: Tensor
) -> Tensor:
    """See `experts.experts`; routed may be missing, and then idx and weight are."""
    first = routed or shared
    assert first is not None  # one of them there must be
    if (
        routed
        and shared
        and idx is not None
        and weight is not None
        and one.experts_fit(x, idx.shape[1], routed, shared)
    ):
        return one.experts(x, idx.contiguous(), weight, cast(one.Pair, routed), cast(one.Pair, shared), out)
    hidden, width, per_token = x.shape[1], _width(routed, shared), 0 if idx is None else idx.shape[1]
    whole = 0 if shared is None else _columns(shared[1])
    halves = triton.cdiv(whole, width)
    held = [Operand.of(part, x.device) for part in first]
    beside = held if shared is None else [Operand.of(part, x.device) for part in shared]
    own, other = _rows(held[0].form, hidden), _rows(beside[0].form, hidden)
    middle = torch.empty(len(x) * (per_token + halves), width, dtype=x.dtype, device=x.device)
    given = x if idx is None else idx.contiguous()
    options = {
        "WIDTH": width, "PER_TOKEN": per_token, "NS": halves, "FORM": held[0].form, "SHARED_FORM": beside[0].form,
        "ASM": held[0].fast(x) or beside[0].fast(x), "BN": own, "SHARED_BN": other, "WHOLE": whole, **chained(x),
    }  # fmt: skip
    forms = held[0].form, beside[0].form
    up, down = ({
        "STEP": _step(forms[0], warps), "SHARED_STEP": _step(forms[1], warps), "num_warps": warps
    } for warps in _warps(*forms, width))  # fmt: skip
    with on(x):
        _gate_up[(triton.cdiv(width, min(own, other)), len(middle))](
            x, given, *held[0].tensors, *beside[0].tensors, middle, K=hidden, **up, **options, **_registers(*forms, x)
        )
        if routed and shared and plain.fits(x, width, per_token, routed[1], shared[1]):
            assert weight is not None  # as there are chosen experts
            downs = cast(Tensor, routed[1]), cast(Tensor, shared[1])
            return plain.down_sum(middle, given, weight.contiguous(), *downs, out)
        spread = torch.empty(len(middle), hidden, dtype=x.dtype, device=x.device)
        _down[(triton.cdiv(hidden, min(own, other)), len(middle))](
            middle, given, *held[1].tensors, *beside[1].tensors, spread, H=hidden, **down, **options
        )
        _sum[(len(x), triton.cdiv(hidden, 512))](
            spread, spread if weight is None else weight, out,
            H=hidden, K=per_token, NS=halves, BH=512, num_warps=4, **chained(x),
        )  # fmt: skip
    return out


def _width(routed: "Pair | None", shared: "Pair | None") -> int:
    """Of an expert; one that stands alone is cut into several, whose columns are summed up side by side, the last one perhaps
    shorter. 0: there is none."""
    if routed is not None:
        return _columns(routed[1]) if _columns(routed[1]) % 64 == 0 else 0
    assert shared is not None  # one of them there is
    whole, step = _columns(shared[1]), 16 if isinstance(shared[1], Tensor) else 64
    if whole <= CUT:
        return whole if whole % 64 == 0 else 0
    if whole % step:
        return 0
    even = next((size for size in range(CUT, CUT // 8 - 1, -step) if whole % size == 0), 0)
    return even or triton.cdiv(whole // step, triton.cdiv(whole, CUT)) * step


def _columns(down: PackedWeight | Tensor) -> int:
    return down.shape[2] if isinstance(down, Tensor) else down.columns


def _warps(form: int, shared: int, width: int) -> tuple[int, int]:
    """Of gate and up, and of down."""
    if form == shared == PLAIN:
        return 2, 2
    if form == shared == INT4:
        return (PACKED_WARPS[width < LONG],) * 2
    return PACKED_WARPS


def _registers(form: int, shared: int, x: Tensor) -> dict[str, int]:
    """So few that two programs of 8 warps fit a multiprocessor: a step of base in w4 2,139 us, not 2,259 (H100)."""
    return {"maxnreg": 128} if form == shared == INT4 and x.shape[1] > MANY and x.is_cuda else {}


def _rows(form: int, hidden: int) -> int:
    """Of a program: packed ones as the matrix units take them; plain ones, where they are short, more."""
    return 16 if form else 4 if hidden < SHORT else 2


def _step(form: int, warps: int) -> int:
    return warps if form else 512
