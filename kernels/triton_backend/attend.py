"""One new token a row against its cache: each row's tokens are split among programs, whose shares are then merged.

For MLA the cache row is [latent | rope key] and the latent is the value too (absorbed form); multi-head attention keeps keys and
values in two planes. Blocks are found through the row's table. The splits depend on a row's own length, the number of rows and
the width of the table, so a result does not depend on who the neighbours are.
Letters: S rows, B blocks of a table, P blocks of the cache, G groups of keys, a heads sharing one, w width of what a token
leaves, v value width, BN tokens a step, AP a padded to 16.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.cuda_backend import latent as latent_cuda
from dsvl2.kernels.cuda_backend import merge as merge_cuda
from dsvl2.kernels.sight import Sight
from dsvl2.kernels.triton_backend import few
from dsvl2.kernels.triton_backend.latent import split_latent
from dsvl2.kernels.triton_backend.launch import chained, hold, interpreting, on, power, release
from dsvl2.kernels.triton_backend.merging import merge, merge_values
from dsvl2.kernels.triton_backend.tiles import product

PROGRAMS = 264  # two for each multiprocessor of an H100
LEAST = 64  # tokens for which another program pays
STEP = 64  # tokens that a program takes at once from latents
LATENT_PROGRAMS = 132  # one for each multiprocessor: its shared memory holds two steps
FEW, NARROW = 2, 16  # more rows than that, of more heads, take the kernel with latents on the left


@triton.jit(do_not_specialize=["B", "P", "PARTS"])
def _split(
    query, cache, scales, table, lengths, part, total, B, P, G, A, V, D, PARTS, SIZE: tl.constexpr, SHARED: tl.constexpr,
    CODES: tl.constexpr, VP: tl.constexpr, DP: tl.constexpr, AP: tl.constexpr, BN: tl.constexpr, EXACT: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    release(CHAIN)
    both, split = tl.program_id(0), tl.program_id(1)
    slot, group = both // G, both % G
    width = V + D
    length = tl.load(lengths + slot)  # no kernel that lets others begin early writes lengths
    hold(CHAIN)
    each = tl.cdiv(tl.cdiv(length, PARTS), BN) * BN
    start = split * each
    end = tl.minimum(start + each, length)
    head, column, rope, step = tl.arange(0, AP), tl.arange(0, VP), tl.arange(0, DP), tl.arange(0, BN)
    heads_ok, columns_ok, rope_ok = head < A, column < V, rope < D
    source = query + (both.to(tl.int64) * A + head[:, None]) * width
    q = tl.load(source + column[None, :], mask=heads_ok[:, None] & columns_ok[None, :], other=0.0)
    if DP > 1:
        q_rope = tl.load(source + V + rope[None, :], mask=heads_ok[:, None] & rope_ok[None, :], other=0.0)
    acc = tl.zeros((AP, VP), tl.float32)
    top = tl.full((AP,), -float("inf"), tl.float32)
    mass = tl.zeros((AP,), tl.float32)
    beyond = P.to(tl.int64) * G * SIZE  # from the keys to the values
    for at in range(start, end, BN):  # BN divides SIZE: a step lies in one block
        block = tl.load(table + slot * B + at // SIZE).to(tl.int64)
        place = (block * G + group) * SIZE + at % SIZE + step
        ok = at + step < end
        rows = cache + place[:, None] * width
        keys = tl.load(rows + column[None, :], mask=ok[:, None] & columns_ok[None, :], other=0.0)
        if CODES:
            keys = keys.to(tl.float32).to(q.dtype)
        scores = product(q, tl.trans(keys), tl.zeros((AP, BN), tl.float32), EXACT)
        if DP > 1:
            ropes = tl.load(rows + V + rope[None, :], mask=ok[:, None] & rope_ok[None, :], other=0.0)
            scores = product(q_rope, tl.trans(ropes), scores, EXACT)
        if CODES:
            scores *= tl.load(scales + place, mask=ok, other=0.0)[None, :]
        scores = tl.where(ok[None, :], scores * 1.4426950408889634, -float("inf"))
        higher = tl.maximum(top, tl.max(scores, 1))
        share = tl.exp2(scores - higher[:, None])
        shrink = tl.exp2(top - higher)
        mass = mass * shrink + tl.sum(share, 1)
        values = keys
        if not SHARED:
            values = tl.load(rows + beyond * width + column[None, :], mask=ok[:, None] & columns_ok[None, :], other=0.0)
        if CODES:
            values = values.to(tl.float32).to(q.dtype)
            share *= tl.load(scales + beyond + place, mask=ok, other=0.0)[None, :]
        acc = product(share.to(values.dtype), values, acc * shrink[:, None], EXACT)
        top = higher
    empty = mass == 0
    acc = acc / tl.where(empty, 1.0, mass)[:, None]
    place = (both.to(tl.int64) * PARTS + split) * A + head
    tl.store(part + place[:, None] * V + column[None, :], acc, mask=heads_ok[:, None] & columns_ok[None, :])
    tl.store(total + place, tl.where(empty, -float("inf"), top + tl.log2(tl.where(empty, 1.0, mass))), mask=heads_ok)


def latent_values(query: Tensor, cache: Tensor, sight: Sight, to_value: Tensor) -> Tensor:
    """See `joined.latent_values`; for few rows."""
    rank = to_value.shape[2]
    early = _latent(query, cache, rank, None)
    part, total = few.latents(query, cache, sight, rank) if early else _shares(query, cache, sight, rank, None)
    if merge_cuda.fits(part, to_value):
        return merge_cuda.merge(part, total, to_value)
    return merge_values(part, total, to_value)


def decode(query: Tensor, cache: Tensor, sight: Sight, values: int, scales: Tensor | None = None) -> Tensor:
    """See `ops.decode`. Returns [R, G, a, values] in the dtype of the query."""
    rows, groups, heads, _ = query.shape
    if scales is None and rows >= latent_cuda.LEAST and latent_cuda.fits(query, cache, values):
        done = latent_cuda.decode(query, cache, sight)
        if done is not None:
            return done
    out = torch.empty(rows, groups, heads, values, dtype=query.dtype, device=query.device)
    shares: tuple[Tensor, Tensor] | None
    if not _latent(query, cache, values, scales):
        shares = _shares(query, cache, sight, values, scales)
    elif rows <= FEW or heads <= NARROW:
        shares = few.latents(query, cache, sight, values)
    elif heads <= 32:
        shares = _latents(query, cache, sight, out)
    else:
        shares = _shares(query, cache, sight, values, scales)
    if shares is not None:
        merge(*shares, out)
    return out


def _latent(query: Tensor, cache: Tensor, values: int, scales: Tensor | None) -> bool:
    """Whether these are latents as the kernels for such take them: one plane of keys that begin with the values."""
    if query.dtype == torch.float32 or cache.dtype != query.dtype or scales is not None:
        return False
    return cache.shape[0] == query.shape[1] == 1 and query.shape[3] > values


def _latents(query: Tensor, cache: Tensor, sight: Sight, out: Tensor) -> tuple[Tensor, Tensor] | None:
    """What each program found, [R, parts, a, values] and [R, parts, a]; None where one a row has written `out` itself."""
    (rows, _, heads, values), width, size, columns = out.shape, query.shape[3], cache.shape[3], sight.table.shape[1]
    step = min(size, STEP)
    parts = max(1, min(LATENT_PROGRAMS // rows, triton.cdiv(columns * size, step)))
    part = torch.empty(rows, parts, heads, values, dtype=torch.float32, device=query.device) if parts > 1 else query
    total = torch.empty(rows, parts, heads, dtype=torch.float32, device=query.device) if parts > 1 else query
    with on(query):
        split_latent[(rows, parts)](
            query.contiguous(), cache, sight.table, sight.lengths, part, total, out, sight.table.stride(0), heads,
            values, width - values, parts, SIZE=size, VP=power(values, 16), DP=power(width - values, 16),
            AP=power(heads, 16), BN=step, DIRECT=parts == 1, EXACT=interpreting(), num_warps=8, num_stages=2,
            **chained(query),
        )  # fmt: skip
    return None if parts == 1 else (part, total)


def _shares(query: Tensor, cache: Tensor, sight: Sight, values: int, scales: Tensor | None) -> tuple[Tensor, Tensor]:
    """What each program found, [R x G, parts, a, values] and [R x G, parts, a]."""
    rows, groups, heads, width = query.shape
    planes, blocks, _, size, _ = cache.shape
    rope, columns = width - values, sight.table.shape[1]
    parts = max(1, min(PROGRAMS // max(rows * groups, 1), columns * size // LEAST, 64))
    padded = power(heads, 16)
    many = 64 if values <= 256 or (rows > FEW and padded == 16) else 32  # few rows: kernels that wait take less room
    step = min(size, many if query.dtype != torch.float32 else 16)
    part = torch.empty(rows * groups, parts, heads, values, dtype=torch.float32, device=query.device)
    total = torch.empty(rows * groups, parts, heads, dtype=torch.float32, device=query.device)
    with on(query):
        _split[(rows * groups, parts)](
            query.contiguous(), cache, total if scales is None else scales, sight.table, sight.lengths, part, total,
            sight.table.stride(0), blocks, groups, heads, values, rope, parts, SIZE=size, SHARED=planes == 1,
            CODES=scales is not None, VP=power(values, 16), DP=power(rope, 16) if rope else 1, AP=padded, BN=step,
            EXACT=interpreting(), num_warps=4 if padded == 16 else 8, num_stages=2, **chained(query),
        )  # fmt: skip
    return part, total
