"""What the rows of a decode step may look at: blocks of a cache that belong to nobody in particular, found through tables.

A row is one new token. Rows of different sequences have different tables; several rows may share one, each seeing one token more.
Letters: R rows, B blocks of the longest table, L tokens of them, P blocks of the cache.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

Place = int | Tensor  # where one block of each row of a run lies: the first of consecutive ones, or an index of all


class Sight(NamedTuple):
    """table int32 [R, B] of block numbers and lengths int32 [R], 0 for a row that idles: what kernels read, on the device.

    bias fp32 [R, L], 0 or -inf, and spans, the blocks of each run of rows, say the same to the plain form.
    """

    table: Tensor
    lengths: Tensor
    bias: Tensor | None = None
    spans: tuple[tuple[int, int, tuple[Place, ...]], ...] = ()


def spans(
    begun: Sequence[Sequence[int]], blocks: int, device: torch.device
) -> tuple[tuple[int, int, tuple[Place, ...]], ...]:
    """(first row, row behind the last, places) of every run of rows that do not idle, given the blocks that each has begun.

    Rows whose blocks lie side by side are read in place, others are gathered: the same numbers. `blocks` is how many the
    cache has.
    """
    found, start = [], 0
    for idle, run in groupby(begun, key=lambda own: not own):
        group = list(run)
        if not idle:
            count = max(map(len, group))
            places = tuple(_place(group, number, blocks, device) for number in range(count))
            found.append((start, start + len(group), places))
        start += len(group)
    return tuple(found)


def _place(group: Sequence[Sequence[int]], number: int, blocks: int, device: torch.device) -> Place:
    known = [(row, own[number]) for row, own in enumerate(group) if number < len(own)]
    first = known[0][1] - known[0][0]
    if 0 <= first <= blocks - len(group) and all(block == first + row for row, block in known):
        return first
    ids = [0] * len(group)
    for row, block in known:
        ids[row] = block
    return torch.tensor(ids, device=device)
