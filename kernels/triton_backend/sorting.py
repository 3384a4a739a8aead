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

FEW = 1 << 15  # pairs that one launch sorts faster than several of PyTorch's sort


class Blocks(NamedTuple):
    """pairs int32 [blocks * size]: pair numbers, meaningless from `held` on in each block; expert and held int32 [blocks]."""

    pairs: Tensor
    expert: Tensor
    held: Tensor


@triton.jit(do_not_specialize=["P", "BLOCKS"])
def _sort(
    idx, pairs, expert, count, P, E, BLOCKS, SIZE: tl.constexpr, EP: tl.constexpr, STEP: tl.constexpr,
    LONG: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """One program an expert: it counts everybody's pairs, then places its own."""
    mine = tl.program_id(0)
    release(CHAIN)
    hold(CHAIN)
    e = tl.arange(0, EP)
    total = tl.zeros((EP,), tl.int32)
    for start in range(0, P, STEP):
        p = start + tl.arange(0, STEP)
        chosen = tl.load(idx + p, mask=p < P, other=-1).to(tl.int32)
        total += tl.sum((chosen[:, None] == e[None, :]).to(tl.int32), 0)
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
    place = first * SIZE
    for start in range(0, P, LONG):
        p = start + tl.arange(0, LONG)
        chosen = tl.load(idx + p, mask=p < P, other=-1).to(tl.int32) == mine
        before = tl.cumsum(chosen.to(tl.int32), 0)
        tl.store(pairs + place + before - 1, p, mask=chosen)
        place += tl.sum(chosen.to(tl.int32), 0)


def sort(idx: Tensor, experts: int, size: int) -> Blocks:
    """idx [N, k] -> blocks of up to `size` pairs of one expert, in the order of the experts, pairs in order within."""
    pairs = idx.numel()
    if len(idx) == 1:  # the experts of one token are different ones: nothing to sort
        return Blocks(_spread(pairs, size, idx.device), idx.flatten(), _ones(pairs, idx.device))
    blocks = min(pairs, experts) + pairs // size
    if pairs > FEW:
        return _sort_many(idx.flatten(), experts, size, blocks)
    made = torch.empty(blocks * (size + 2), dtype=torch.int32, device=idx.device)
    found = Blocks(*made.split((blocks * size, blocks, blocks)))
    with on(idx):
        _sort[(experts,)](
            idx.contiguous(), *found, pairs, experts, blocks,
            SIZE=size, EP=power(experts, 16), STEP=256 if pairs > 2048 else 128, LONG=2048 if pairs > 2048 else 512,
            num_warps=16 if pairs > 2048 else 4, **chained(idx),
        )  # fmt: skip
    return found


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


def _sort_many(idx: Tensor, experts: int, size: int, blocks: int) -> Blocks:
    """The same through PyTorch, without a wait for the device."""
    order = idx.argsort(stable=True)
    total = torch.zeros(experts, dtype=torch.int64, device=idx.device).scatter_add_(0, idx, torch.ones_like(idx))
    needed = (total + size - 1) // size
    ends = needed.cumsum(0)
    first = ends - needed
    block = torch.arange(blocks, device=idx.device)
    owner = torch.searchsorted(ends, block, right=True)
    expert = owner.clamp(max=experts - 1)
    left = total[expert] - (block - first[expert]) * size
    count = torch.where(owner < experts, left.clamp(0, size), 0)
    owners = idx[order]
    rank = torch.arange(len(idx), device=idx.device) - (total.cumsum(0) - total)[owners]
    pairs = torch.zeros(blocks * size, dtype=torch.int32, device=idx.device)
    pairs.scatter_(0, first[owners] * size + rank, order.int())
    return Blocks(pairs, expert.int(), count.int())
