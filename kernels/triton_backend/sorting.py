"""Pairs of token and expert in the order of the experts, cut into blocks that belong to one expert each.

A grouped product then runs one program a block. How many blocks there are is bounded beforehand, so that nothing is copied to
the host. Letters: N tokens, k experts a token, P = N k pairs (pair p is token p // k), E experts.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import chained, hold, on, power, release

FEW = (
    1 << 14
)  # pairs that one launch sorts: 768 in 2.1 us (5.2 counted in steps), a page's 8,766 in 13.2 (13.9 in two launches)
WIDTHS = {256: 4, 1024: 4, 4096: 8, FEW: 16}  # pairs that a program loads at once, and its warps then
CHUNK = 256  # pairs of a program that counts and places


class Blocks(NamedTuple):
    """pairs int32 [blocks * size]: pair numbers, meaningless from `held` on in each block; expert and held int32 [blocks]."""

    pairs: Tensor
    expert: Tensor
    held: Tensor


@triton.jit(do_not_specialize=["P", "BLOCKS"])
def _sort(
    idx, pairs, expert, count, P, E, BLOCKS, SIZE: tl.constexpr, EP: tl.constexpr, PP: tl.constexpr, LONG: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    """One program an expert: it counts everybody's pairs, all of them loaded at once, then places its own."""
    mine, p = tl.program_id(0), tl.arange(0, PP)
    release(CHAIN)
    hold(CHAIN)
    chosen = tl.load(idx + p, mask=p < P, other=EP).to(tl.int32)
    e = tl.arange(0, 2 * EP)  # whose second half is nobody's
    total = tl.histogram(chosen, 2 * EP)
    blocks = (total + SIZE - 1) // SIZE
    first = tl.sum(tl.where(e < mine, blocks, 0), 0)
    own = tl.sum(tl.where(e == mine, total, 0), 0)
    last = first + (own + SIZE - 1) // SIZE
    if mine == E - 1:  # the blocks that nobody needs are the last one's, empty
        last = BLOCKS
    for start in range(first, last, LONG):
        b = start + tl.arange(0, LONG)
        tl.store(expert + b, tl.zeros((LONG,), tl.int32) + mine, mask=b < last)
        tl.store(count + b, tl.minimum(tl.maximum(own - (b - first) * SIZE, 0), SIZE), mask=b < last)
    hit = chosen == mine
    before = tl.cumsum(hit.to(tl.int32), 0)
    tl.store(pairs + first * SIZE + before - 1, p, mask=hit)


@triton.jit(do_not_specialize=["P"])
def _count(idx, counts, P, EP: tl.constexpr, CHUNK: tl.constexpr, CHAIN: tl.constexpr):
    """How many pairs of a chunk each expert has."""
    release(CHAIN)
    hold(CHAIN)
    p = tl.program_id(0) * CHUNK + tl.arange(0, CHUNK)
    chosen = tl.load(idx + p, mask=p < P, other=-1).to(tl.int32)
    e = tl.arange(0, EP)
    tl.store(counts + tl.program_id(0) * EP + e, tl.sum((chosen[:, None] == e[None, :]).to(tl.int32), 0))


@triton.jit(do_not_specialize=["P", "E", "BLOCKS", "CHUNKS", "SHARE"])
def _place(
    idx, counts, pairs, expert, held, P, E, BLOCKS, CHUNKS, SHARE, SIZE: tl.constexpr, EP: tl.constexpr,
    CHUNK: tl.constexpr, ROWS: tl.constexpr, SP: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """The pairs of a chunk, and SHARE blocks' experts and how many pairs they hold."""
    mine, e = tl.program_id(0), tl.arange(0, EP)
    release(CHAIN)
    hold(CHAIN)
    total, before = tl.zeros((EP,), tl.int32), tl.zeros((EP,), tl.int32)
    for start in range(0, CHUNKS, ROWS):
        row = start + tl.arange(0, ROWS)
        found = tl.load(counts + row[:, None] * EP + e[None, :], mask=(row < CHUNKS)[:, None], other=0)
        total += tl.sum(found, 0)
        before += tl.sum(tl.where((row < mine)[:, None], found, 0), 0)
    needed = (total + SIZE - 1) // SIZE
    ends = tl.cumsum(needed, 0)
    first = ends - needed
    p = mine * CHUNK + tl.arange(0, CHUNK)
    chosen = tl.load(idx + p, mask=p < P, other=-1).to(tl.int32)
    own = (chosen[:, None] == e[None, :]).to(tl.int32)
    place = tl.sum(own * ((first * SIZE + before)[None, :] + tl.cumsum(own, 0) - 1), 1)
    tl.store(pairs + place, p, mask=p < P)
    b = mine * SHARE + tl.arange(0, SP)
    there = (tl.arange(0, SP) < SHARE) & (b < BLOCKS)
    owner = tl.sum((ends[None, :] <= b[:, None]).to(tl.int32), 1)
    left = tl.sum(tl.where(owner[:, None] == e[None, :], total[None, :] - (b[:, None] - first[None, :]) * SIZE, 0), 1)
    tl.store(expert + b, tl.minimum(owner, E - 1), mask=there)
    tl.store(held + b, tl.minimum(tl.maximum(left, 0), SIZE), mask=there)


def sort(idx: Tensor, experts: int, size: int) -> Blocks:
    """idx [N, k] -> blocks of up to `size` pairs of one expert, in the order of the experts, pairs in order within."""
    pairs = idx.numel()
    if len(idx) == 1:  # the experts of one token are different ones: nothing to sort
        return Blocks(_spread(pairs, size, idx.device), idx.flatten(), _ones(pairs, idx.device))
    blocks = min(pairs, experts) + pairs // size
    made = torch.empty(blocks * (size + 2), dtype=torch.int32, device=idx.device)
    found = Blocks(*made.split((blocks * size, blocks, blocks)))
    if pairs > FEW:
        _sort_many(idx.contiguous(), found, experts, size)
        return found
    wide, warps = next((wide, warps) for wide, warps in WIDTHS.items() if wide >= pairs)
    with on(idx):
        _sort[(experts,)](
            idx.contiguous(), *found, pairs, experts, blocks,
            SIZE=size, EP=power(experts, 16), PP=wide, LONG=128, num_warps=warps, **chained(idx),
        )  # fmt: skip
    return found


def _sort_many(idx: Tensor, found: Blocks, experts: int, size: int) -> None:
    """The same by one program a chunk of pairs: each counts, then each places its own behind those of the chunks before."""
    pairs, blocks, wide = idx.numel(), len(found.expert), power(experts, 16)
    chunks = triton.cdiv(pairs, CHUNK)
    share = triton.cdiv(blocks, chunks)
    counts = torch.empty(chunks, wide, dtype=torch.int32, device=idx.device)
    with on(idx):
        _count[(chunks,)](idx, counts, pairs, EP=wide, CHUNK=CHUNK, num_warps=8, **chained(idx))
        _place[(chunks,)](
            idx, counts, *found, pairs, experts, blocks, chunks, share,
            SIZE=size, EP=wide, CHUNK=CHUNK, ROWS=32, SP=power(share), num_warps=8, **chained(idx),
        )  # fmt: skip


@lru_cache(maxsize=64)
def everyone(rows: int, size: int, device: torch.device) -> Blocks:
    """Blocks of one expert that takes every row."""
    blocks = -(-rows // size)
    held = torch.full((blocks,), size, dtype=torch.int32, device=device)
    held[-1] = rows - (blocks - 1) * size
    return Blocks(torch.arange(blocks * size, dtype=torch.int32, device=device), torch.zeros_like(held), held)


@lru_cache(maxsize=16)
def _spread(pairs: int, size: int, device: torch.device) -> Tensor:
    """Pair p alone at the beginning of block p."""
    return torch.arange(pairs, dtype=torch.int32, device=device).repeat_interleave(size)


@lru_cache(maxsize=16)
def _ones(blocks: int, device: torch.device) -> Tensor:
    return torch.ones(blocks, dtype=torch.int32, device=device)
