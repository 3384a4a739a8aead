"""The absorbed form of latent attention with the cache on the left of its products: tokens fill the matrix units, heads do not.

32 heads on the left would be half of what Hopper's units take; 64 tokens are a whole. A program keeps what it sums as
[values, heads] in registers and its blocks of tokens in shared memory, where both products read them. Two steps of tokens fill
the shared memory: one program a multiprocessor, which pays for 32 heads (155 us for 264 at 128 rows of 2,048 tokens on an
H100), and not for 16 (137 for 126). One step without the second (num_stages=1) came out wrong: Triton 3.6.
Letters: S rows, A heads padded to AP, V values (VP padded), D rope columns, BN tokens a step.
"""

import triton
import triton.language as tl

from dsvl2.kernels.triton_backend.launch import hold, release
from dsvl2.kernels.triton_backend.tiles import product


@triton.jit(do_not_specialize=["B", "PARTS"])
def split_latent(
    query, cache, table, lengths, part, total, out, B, A, V, D, PARTS, SIZE: tl.constexpr, VP: tl.constexpr,
    DP: tl.constexpr, AP: tl.constexpr, BN: tl.constexpr, DIRECT: tl.constexpr, EXACT: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    """Tokens of a row, or a share of them. DIRECT: one program a row, which writes the result itself."""
    release(CHAIN)
    slot, split = tl.program_id(0), tl.program_id(1)
    width = V + D
    length = tl.load(lengths + slot)
    hold(CHAIN)
    head, column, rope, step = tl.arange(0, AP), tl.arange(0, VP), tl.arange(0, DP), tl.arange(0, BN)
    heads_ok, columns_ok, rope_ok = head < A, column < V, rope < D
    source = query + (slot.to(tl.int64) * A + head[:, None]) * width
    q = tl.load(source + column[None, :], mask=heads_ok[:, None] & columns_ok[None, :], other=0.0)
    q_rope = tl.load(source + V + rope[None, :], mask=heads_ok[:, None] & rope_ok[None, :], other=0.0)
    acc = tl.zeros((VP, AP), tl.float32)
    top = tl.full((AP,), -1e30, tl.float32)
    mass = tl.zeros((BN, AP), tl.float32)
    each = tl.cdiv(tl.cdiv(length, PARTS), BN) * BN
    start = split * each
    end = tl.minimum(start + each, length)
    for at in range(start, end, BN):  # BN divides SIZE: a step lies in one block
        block = tl.load(table + slot * B + at // SIZE).to(tl.int64)
        ok = at + step < end
        rows = cache + (block * SIZE + at % SIZE + step)[:, None] * width
        keys = tl.load(rows + column[None, :], mask=ok[:, None] & columns_ok[None, :], other=0.0)
        ropes = tl.load(rows + V + rope[None, :], mask=ok[:, None] & rope_ok[None, :], other=0.0)
        scores = product(keys, tl.trans(q), tl.zeros((BN, AP), tl.float32), EXACT)
        scores = product(ropes, tl.trans(q_rope), scores, EXACT)
        scores = tl.where(ok[:, None], scores * 1.4426950408889634, -float("inf"))
        higher = tl.maximum(top, tl.max(scores, 0))
        share = tl.exp2(scores - higher[None, :])
        shrink = tl.exp2(top - higher)
        mass = mass * shrink[None, :] + share
        acc = product(tl.trans(keys), share.to(keys.dtype), acc * shrink[None, :], EXACT)
        top = higher
    sums = tl.sum(mass, 0)
    empty = sums == 0
    acc = acc / tl.where(empty, 1.0, sums)[None, :]
    there = columns_ok[:, None] & heads_ok[None, :]
    if DIRECT:
        target = out + (slot.to(tl.int64) * A + head) * V
        tl.store(target[None, :] + column[:, None], acc.to(out.dtype.element_ty), mask=there)
    else:
        place = (slot.to(tl.int64) * PARTS + split) * A + head
        tl.store(part + place[None, :] * V + column[:, None], acc, mask=there)
        tl.store(
            total + place, tl.where(empty, -float("inf"), top + tl.log2(tl.where(empty, 1.0, sums))), mask=heads_ok
        )
