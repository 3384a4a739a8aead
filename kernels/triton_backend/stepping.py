"""The beginning of a step in one launch, where PyTorch needs some fifteen: a token, its place, its embedding and angles.

Letters: R rows, B blocks of a table, H hidden, K planes and G key groups of the cache.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import on, power


@triton.jit(do_not_specialize=["STRIDE", "B"])
def _begin(
    given, last, table, embedding, cos, sin, planes, x, turned_cos, turned_sin, lengths, rows, STRIDE, B, H, HALF, KG,
    SIZE: tl.constexpr, APART: tl.constexpr, HP: tl.constexpr, DP: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    token, position = tl.load(given + row), tl.load(given + STRIDE + row)
    length = tl.load(given + 2 * STRIDE + row)
    token = tl.where(token < 0, tl.load(last + row), token)
    block = tl.load(table + row * B + position // SIZE).to(tl.int64)
    block = tl.where(length > 0, block, 0)  # idle rows write to scrap
    plane = tl.arange(0, KP)
    place = tl.load(planes + plane, mask=plane < KG, other=0) + block * APART + position % SIZE
    tl.store(rows + row * KG + plane, place, mask=plane < KG)
    tl.store(lengths + row, length.to(tl.int32))
    half = tl.arange(0, DP)
    ok = half < HALF
    tl.store(turned_cos + row * HALF + half, tl.load(cos + position * HALF + half, mask=ok, other=0.0), mask=ok)
    tl.store(turned_sin + row * HALF + half, tl.load(sin + position * HALF + half, mask=ok, other=0.0), mask=ok)
    column = tl.arange(0, HP)
    ok = column < H
    found = tl.load(embedding + token * H + column, mask=ok, other=0.0)
    tl.store(x + row * H + column, found.to(x.dtype.element_ty), mask=ok)
    tl.debug_barrier()  # all threads have read what is written now
    more = (length > 0).to(tl.int64)
    tl.store(given + row, tl.full((), -1, tl.int64))
    tl.store(given + STRIDE + row, position + more)
    tl.store(given + 2 * STRIDE + row, length + more)


def begin(
    given: Tensor, last: Tensor, table: Tensor, embedding: Tensor, cos: Tensor, sin: Tensor, planes: Tensor, size: int,
    apart: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """See `joined.begin`."""
    rows, (hidden, half), device = given.shape[1], (embedding.shape[1], cos.shape[1]), given.device
    x = torch.empty(rows, hidden, device=device)
    turned = torch.empty(2, rows, half, device=device)
    lengths = torch.empty(rows, dtype=torch.int32, device=device)
    places = torch.empty(rows * len(planes), dtype=torch.int64, device=device)
    with on(given):
        _begin[(rows,)](
            given, last, table, embedding, cos, sin, planes, x, *turned, lengths, places, given.stride(0),
            table.stride(0), hidden, half, len(planes), SIZE=size, APART=apart, HP=power(hidden), DP=power(half),
            KP=power(len(planes)), num_warps=4,
        )  # fmt: skip
    return x, turned[0], turned[1], lengths, places
