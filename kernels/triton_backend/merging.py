"""What programs found of their shares of a row's tokens as one: a softmax over the shares. Letters as in `attend`."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import chained, hold, on, power, release

ACROSS = 128  # columns that a program sums up
VALUES = 16  # values of a head that a program maps to; of 32, loads wait for registers: a step of small in w4 1,421 us, not 1,326
PROGRAMS = 132  # one a multiprocessor


@triton.jit(do_not_specialize=["PARTS"])
def _merge(part, total, out, A, V, PARTS, PP: tl.constexpr, VP: tl.constexpr, CHAIN: tl.constexpr):
    release(CHAIN)
    hold(CHAIN)
    both, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    split, column = tl.arange(0, PP), tl.program_id(2) * VP + tl.arange(0, VP)
    ok = split < PARTS
    place = (both * PARTS + split) * A + head
    logs = tl.load(total + place, mask=ok, other=-float("inf"))
    top = tl.max(logs, 0)
    share = tl.exp2(logs - tl.where(top == -float("inf"), 0.0, top))
    there = ok[:, None] & (column < V)[None, :]
    parts = tl.load(part + place[:, None] * V + column[None, :], mask=there, other=0.0)
    mixed = tl.sum(parts * share[:, None], 0) / tl.maximum(tl.sum(share, 0), 1e-30)
    tl.store(out + (both * A + head) * V + column, mixed.to(out.dtype.element_ty), mask=column < V)


@triton.jit(do_not_specialize=["PARTS"])
def _merge_values(
    part, total, to_value, out, A, V, PARTS, STRIDE, VALUES: tl.constexpr, PP: tl.constexpr, VP: tl.constexpr,
    BV: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """What `_merge` does, and the head's map of that, BV of its rows: weights are on their way before there is anything else."""
    release(CHAIN)
    slot, head, value = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2) * BV + tl.arange(0, BV)
    split, column = tl.arange(0, PP), tl.arange(0, VP)
    there = (value < VALUES)[:, None] & (column < V)[None, :]
    w = tl.load(to_value + head.to(tl.int64) * STRIDE + value[:, None] * V + column[None, :], mask=there, other=0.0)
    hold(CHAIN)
    ok = split < PARTS
    place = (slot * PARTS + split) * A + head
    logs = tl.load(total + place, mask=ok, other=-float("inf"))
    top = tl.max(logs, 0)
    share = tl.exp2(logs - tl.where(top == -float("inf"), 0.0, top))
    parts = tl.load(part + place[:, None] * V + column[None, :], mask=ok[:, None] & (column < V)[None, :], other=0.0)
    mixed = tl.sum(parts.to(tl.float32) * share[:, None], 0) / tl.maximum(tl.sum(share, 0), 1e-30)
    mapped = tl.sum(w.to(tl.float32) * mixed[None, :], 1)
    tl.store(out + (slot * A + head) * VALUES + value, mapped.to(out.dtype.element_ty), mask=value < VALUES)


def merge(part: Tensor, total: Tensor, out: Tensor) -> None:
    """part fp32 [N, P, A, V] and the logarithms of its masses [N, P, A] to out [N, A, V], or [R, G, A, V] where N = R G."""
    (count, parts, heads, values), across = part.shape, min(power(part.shape[3], 16), ACROSS)
    with on(out):
        _merge[(count, heads, triton.cdiv(values, across))](
            part, total, out, heads, values, parts, PP=power(parts), VP=across, num_warps=4, **chained(out)
        )  # fmt: skip


def merge_values(part: Tensor, total: Tensor, to_value: Tensor) -> Tensor:
    """What `merge` gives, by each head's map to_value [A, dv, V] -> [N, A, dv] in its dtype."""
    (count, parts, heads, rank), values = part.shape, to_value.shape[1]
    out = torch.empty(count, heads, values, dtype=to_value.dtype, device=part.device)
    grid = (count, heads, triton.cdiv(values, VALUES))
    warps = 16 if count * heads * grid[2] <= PROGRAMS else 8  # 1,307 us, not 1,326; two such programs would not fit
    with on(out):
        _merge_values[grid](
            part, total, to_value, out, heads, rank, parts, to_value.stride(0), VALUES=values, PP=power(parts),
            VP=power(rank, 16), BV=VALUES, num_warps=warps, **chained(out),
        )  # fmt: skip
    return out
