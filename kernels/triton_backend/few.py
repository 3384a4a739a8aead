# mypy: disable-error-code="assignment"
# ruff: noqa: RUF005 - Triton joins tuples with +
"""Attention of one new token a row where rows are few: what is cached already is on its way before there is a query.

`attend._split` asks for a block, then for its keys, once the kernel before is done, and each answer takes most of a microsecond.
But only the newest tokens, at most as many as the step has rows, come from a kernel of this step: all others may be read before
(see `launch.chained`), and wait in registers for the query. Lengths, tables, places and angles come from a kernel that lets no
other begin early. A step at one row on an H100: small bf16 2,308 -> 2,258 us, w4 1,464 -> 1,369. Letters as in `attend`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.cuda_backend import heads as heads_cuda
from dsvl2.kernels.sight import Sight
from dsvl2.kernels.triton_backend.launch import chained, hold, interpreting, on, power, release, roomy
from dsvl2.kernels.triton_backend.merging import merge
from dsvl2.kernels.triton_backend.tiles import product

LATENT_STEP, HEAD_STEP = 64, 32  # tokens that a program takes at once: of latents, of a plain head
MOST = (
    8  # rows of latents whose first step is asked for early; of more, programs have many steps, which follow each other
)
PROGRAMS, PARTS = 264, 32  # two for each multiprocessor; and of one row: merging more costs more than they gain
HEAD_PARTS = 64
WARPS, MANY_WARPS, STAGES = 8, 4, 2  # of one or two rows, of more; loads under way in those of many steps
CUT = 128  # columns of a piece of the latents: their products do not wait for each other, nor fill the registers


@triton.jit
def _tokens(rows, ok, V: tl.constexpr, D: tl.constexpr, DP: tl.constexpr, CUT: tl.constexpr):
    """Latents of some tokens in pieces of CUT columns, and their rotary keys."""
    found = ()
    for first in tl.static_range(0, V, CUT):
        column = first + tl.arange(0, CUT)
        found = found + (tl.load(rows + column[None, :], mask=ok[:, None] & (column < V)[None, :], other=0.0),)
    rope = tl.arange(0, DP)
    return found, tl.load(rows + V + rope[None, :], mask=ok[:, None] & (rope < D)[None, :], other=0.0)


@triton.jit
def _look(
    source, head_ok, qs, q_rope, keys, ropes, ok, accs, top, mass, V: tl.constexpr, CUT: tl.constexpr, EXACT: tl.constexpr
):  # fmt: skip
    """One step of tokens: sums, the highest score and the mass so far. Pieces have sums of their own: none waits for another.

    qs: pieces of the query, or nothing: then each is read when it is needed, as all would not fit beside the keys.
    """
    zero = tl.zeros((q_rope.shape[0], ropes.shape[0]), tl.float32)
    scores = product(q_rope, tl.trans(ropes), zero, EXACT)
    for i in tl.static_range(len(keys)):
        if len(qs) > 0:
            scores += product(qs[i], tl.trans(keys[i]), zero, EXACT)
        else:
            column = i * CUT + tl.arange(0, CUT)
            q = tl.load(source + column[None, :], mask=head_ok[:, None] & (column < V)[None, :], other=0.0)
            scores += product(q, tl.trans(keys[i]), zero, EXACT)
    scores = tl.where(ok[None, :], scores * 1.4426950408889634, -float("inf"))
    higher = tl.maximum(top, tl.max(scores, 1))
    share = tl.exp2(scores - higher[:, None])
    shrink = tl.exp2(top - higher)
    mass = mass * shrink + tl.sum(share, 1)
    part = share.to(ropes.dtype)
    sums = ()
    for i in tl.static_range(len(keys)):
        sums = sums + (product(part, keys[i], accs[i] * shrink[:, None], EXACT),)
    return sums, higher, mass


@triton.jit(do_not_specialize=["B", "PARTS"])
def _split_latent(
    query, cache, table, lengths, part, total, B, PARTS, A: tl.constexpr, V: tl.constexpr, D: tl.constexpr,
    SIZE: tl.constexpr, NEW: tl.constexpr, DP: tl.constexpr, AP: tl.constexpr, BN: tl.constexpr, CUT: tl.constexpr,
    STAGES: tl.constexpr, ONE: tl.constexpr, EXACT: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """STAGES 0: the first step is asked for before the query; else steps follow each other so closely. ONE: there is no other."""
    release(CHAIN)
    slot, split = tl.program_id(0), tl.program_id(1)
    head, step = tl.arange(0, AP), tl.arange(0, BN)
    length = tl.load(lengths + slot)  # no kernel that lets others begin early writes lengths
    each = tl.cdiv(tl.cdiv(length, PARTS), BN) * BN
    start = split * each
    end = tl.minimum(start + each, length)
    if STAGES == 0:
        block = tl.load(table + slot * B + start // SIZE, mask=start < end, other=0).to(tl.int64)
        rows = cache + (block * SIZE + start % SIZE + step)[:, None] * (V + D)
        keys, ropes = _tokens(rows, start + step < tl.minimum(end, length - NEW), V, D, DP, CUT)
    hold(CHAIN)
    source, rope = query + (slot.to(tl.int64) * A + head[:, None]) * (V + D), tl.arange(0, DP)
    qs = ()
    q_rope = tl.load(source + V + rope[None, :], mask=(head < A)[:, None] & (rope < D)[None, :], other=0.0)
    if STAGES > 0:
        qs, q_rope = _tokens(source, head < A, V, D, DP, CUT)
    accs = ()
    for _ in tl.static_range(0, V, CUT):
        accs = accs + (tl.zeros((AP, CUT), tl.float32),)
    top = tl.full((AP,), -1e30, tl.float32)
    mass = tl.zeros((AP,), tl.float32)
    if STAGES == 0:
        if (end > length - NEW) & (start < end):  # all of them again, as they are in the cache now
            keys, ropes = _tokens(rows, start + step < end, V, D, DP, CUT)
        accs, top, mass = _look(
            source, head < A, qs, q_rope, keys, ropes, start + step < end, accs, top, mass, V, CUT, EXACT
        )
        start += BN
    if not ONE:
        for at in tl.range(start, end, BN, num_stages=STAGES if STAGES > 0 else 1):
            block = tl.load(table + slot * B + at // SIZE).to(tl.int64)
            rows = cache + (block * SIZE + at % SIZE + step)[:, None] * (V + D)
            keys, ropes = _tokens(rows, at + step < end, V, D, DP, CUT)
            accs, top, mass = _look(
                source, head < A, qs, q_rope, keys, ropes, at + step < end, accs, top, mass, V, CUT, EXACT
            )
    empty = mass == 0
    place = (slot.to(tl.int64) * PARTS + split) * A + head
    for i in tl.static_range(len(accs)):
        column = i * CUT + tl.arange(0, CUT)
        there = (head < A)[:, None] & (column < V)[None, :]
        tl.store(part + place[:, None] * V + column[None, :], accs[i] / tl.where(empty, 1.0, mass)[:, None], mask=there)
    tl.store(total + place, tl.where(empty, -float("inf"), top + tl.log2(tl.where(empty, 1.0, mass))), mask=head < A)


@triton.jit
def _turned(source, cos, sin, d, HALF: tl.constexpr):
    """The rotation of a head [2 HALF], halves of which are paired, in fp32."""
    own = tl.load(source + d).to(tl.float32)
    other = tl.load(source + (d + HALF) % (2 * HALF)).to(tl.float32)
    return own * cos + tl.where(d < HALF, -other, other) * sin


@triton.jit(do_not_specialize=["P", "PARTS"])
def _split_head(
    q, k, v, cos, sin, cache, places, table, lengths, part, total, scale, P, PARTS, G: tl.constexpr, D: tl.constexpr,
    SIZE: tl.constexpr, BN: tl.constexpr, ONE: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """One token of plain heads: turns query and key itself, and writes the newest key and value to the cache.

    ONE: there is one step a program. The loop would cost 32 registers, and with them a fifth program a multiprocessor.
    """
    release(CHAIN)
    group, split = tl.program_id(0), tl.program_id(1)
    d, step = tl.arange(0, D), tl.arange(0, BN)
    half: tl.constexpr = D // 2
    kind = cache.dtype.element_ty
    length = tl.load(lengths)
    each = tl.cdiv(tl.cdiv(length, PARTS), BN) * BN
    start = split * each
    end = tl.minimum(start + each, length)
    newest = length - 1
    block = tl.load(table + start // SIZE, mask=start < end, other=0).to(tl.int64)
    beyond = P.to(tl.int64) * G * SIZE * D
    rows = cache + (((block * G + group) * SIZE + start % SIZE + step) * D)[:, None] + d[None, :]
    old = (start + step < tl.minimum(end, newest))[:, None]
    keys = tl.load(rows, mask=old, other=0.0)
    values = tl.load(rows + beyond, mask=old, other=0.0)
    c, s = tl.load(cos + d % half), tl.load(sin + d % half)
    key_place, value_place = tl.load(places + group), tl.load(places + G + group)
    hold(CHAIN)
    query = (_turned(q + group * D, c, s, d, half) * scale).to(kind).to(tl.float32)
    key = _turned(k + group * D, c, s, d, half).to(k.dtype.element_ty).to(kind)
    # by all, with the query: the program that needs it would end later than the others
    value = tl.load(v + group * D + d).to(kind)
    if (newest >= start) & (newest < end):
        tl.store(cache + key_place * D + d, key)
        tl.store(cache + value_place * D + d, value)
        fresh = (start + step == newest)[:, None]
        keys, values = tl.where(fresh, key[None, :], keys), tl.where(fresh, value[None, :], values)
    acc = tl.zeros((D,), tl.float32)
    top = tl.full((), -1e30, tl.float32)
    mass = tl.zeros((BN,), tl.float32)
    acc, top, mass = _look_one(query, keys, values, start + step < end, acc, top, mass)
    if not ONE:
        for at in tl.range(start + BN, end, BN, num_stages=1):
            block = tl.load(table + at // SIZE).to(tl.int64)
            rows = cache + (((block * G + group) * SIZE + at % SIZE + step) * D)[:, None] + d[None, :]
            ok = at + step < end
            there = (ok & (at + step != newest))[:, None]
            keys, values = tl.load(rows, mask=there, other=0.0), tl.load(rows + beyond, mask=there, other=0.0)
            if newest < at + BN:
                fresh = (at + step == newest)[:, None]
                key = _turned(k + group * D, c, s, d, half).to(k.dtype.element_ty).to(kind)
                value = tl.load(v + group * D + d).to(kind)
                keys, values = tl.where(fresh, key[None, :], keys), tl.where(fresh, value[None, :], values)
            acc, top, mass = _look_one(query, keys, values, ok, acc, top, mass)
    whole = tl.sum(mass, 0)
    empty = whole == 0
    found = acc / tl.where(empty, 1.0, whole)
    place = group * PARTS + split
    tl.store(part + place.to(tl.int64) * D + d, found)
    tl.store(total + place, tl.where(empty, -float("inf"), top + tl.log2(tl.where(empty, 1.0, whole))))


@triton.jit
def _look_one(query, keys, values, ok, acc, top, mass):
    """`_look` for one head, whose few products need no matrix units: nothing moves between threads."""
    scores = tl.sum(keys.to(tl.float32) * query[None, :], 1)
    scores = tl.where(ok, scores * 1.4426950408889634, -float("inf"))
    higher = tl.maximum(top, tl.max(scores, 0))
    share = tl.exp2(scores - higher)
    shrink = tl.exp2(top - higher)
    return acc * shrink + tl.sum(share[:, None] * values.to(tl.float32), 0), higher, mass * shrink + share


def latents(query: Tensor, cache: Tensor, sight: Sight, rank: int) -> tuple[Tensor, Tensor]:
    """What each program found of the rows' latents, [R, parts, a, rank] and [R, parts, a]. query [R, 1, a, w]."""
    (rows, _, heads, width), size = query.shape, cache.shape[3]
    step = min(size, LATENT_STEP if roomy(query.device) else LATENT_STEP // 2)
    early = rows <= MOST
    parts = max(1, min(PROGRAMS // rows, sight.table.shape[1] * size // step, PARTS))
    part = torch.empty(rows, parts, heads, rank, dtype=torch.float32, device=query.device)
    total = torch.empty(rows, parts, heads, dtype=torch.float32, device=query.device)
    with on(query):
        _split_latent[(rows, parts)](
            query.contiguous(), cache, sight.table, sight.lengths, part, total, sight.table.stride(0), parts, A=heads,
            V=rank, D=width - rank, SIZE=size, NEW=rows, DP=power(width - rank, 16), CUT=min(power(rank, 16), CUT),
            AP=power(heads, 16), BN=step, STAGES=0 if early else STAGES,
            ONE=early and parts * step >= sight.table.shape[1] * size, EXACT=interpreting(),
            num_warps=WARPS if rows <= 2 else MANY_WARPS, **chained(query),
        )  # fmt: skip
    return part, total


def heads_fit(q: Tensor, k: Tensor, cache: Tensor) -> bool:
    """Whether `heads` takes it: one row, one head for each key, nothing in codes."""
    return len(q) == 1 and q.shape == k.shape and cache.dtype == q.dtype and q.shape[2] == power(q.shape[2], 16)


def heads(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, cache: Tensor, rows: Tensor, sight: Sight
) -> Tensor:
    """See `joined.heads_step`; q, k and v [1, A, d] -> [1, A, d]."""
    if heads_cuda.fits(q, k, v, cache):
        return heads_cuda.heads(q, k, v, cos, sin, scale, cache, rows, sight)
    _, groups, width = q.shape
    size = cache.shape[3]
    step = min(size, HEAD_STEP)
    parts = max(1, min(sight.table.shape[1] * size // step, HEAD_PARTS))
    part = torch.empty(groups, parts, width, dtype=torch.float32, device=q.device)
    total = torch.empty(groups, parts, dtype=torch.float32, device=q.device)
    out = torch.empty(1, groups, width, dtype=q.dtype, device=q.device)
    with on(q):
        _split_head[(groups, parts)](
            q, k, v, cos.contiguous(), sin.contiguous(), cache, rows, sight.table, sight.lengths, part, total, scale,
            cache.shape[1], parts, G=groups, D=width, SIZE=size, BN=step, ONE=parts * step >= sight.table.shape[1] * size,
            num_warps=4, **chained(q),
        )  # fmt: skip
    merge(part[:, :, None], total[..., None], out)
    return out
