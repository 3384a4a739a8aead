"""Prompts as CUDA graphs, one by itself or several of about one length: some 700 launches, for which a GPU would wait longer
than it computes.

Letters: B prompts, T tokens, W of a graph (T filled up), H hidden.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.cache import BlockCache, PrefixCache
from dsvl2.model.decoder import Decoder
from dsvl2.model.graphs import BEFORE, Sights, recorded
from dsvl2.model.transfer import sent

STEP = 16  # tokens between two graphs: a prompt is filled up on the right, where no token of it looks
MOST = 16  # graphs of single prompts, and as many of several; they share their memory, and pages of a kind have few lengths
LONGEST = 2048  # tokens of a prompt
TOGETHER = 12288  # tokens of prompts that run together at most


class _Captured(NamedTuple):
    """A graph, what it reads, embeddings [B, W, H] and the places of the last tokens [B], and what it leaves behind."""

    graph: torch.cuda.CUDAGraph
    given: Tensor
    ends: Tensor
    hidden: Tensor
    caches: Sequence[PrefixCache]


class PromptGraphs:
    """Runs prompts of shapes that were seen before, several together some times before; what comes seldom is not worth a graph.

    fits: whether there is memory for so many tokens to run twice over, as they do while several prompts are recorded.
    """

    def __init__(self, decoder: Decoder, fits: Callable[[int], bool] = lambda tokens: True) -> None:
        self._decoder, self._fits = decoder, fits
        self.alone, self.together = Sights(MOST, 1), Sights(MOST, BEFORE)
        self._graphs: dict[tuple[int, int], _Captured] = {}
        self._buffers: dict[int, list[Tensor]] = {}  # by the tokens that they hold

    def run(self, x: Tensor, lengths: Sequence[int], cache: BlockCache) -> tuple[Tensor, Sequence[PrefixCache]] | None:
        """x [B, T, H] of prompts of `lengths` -> the last tokens' hidden states [B, H], and what the prompts left.

        The latter is good until the next call. None where prompts have to be run as any others.
        """
        count, length = x.shape[:2]
        wide = -(-length // STEP) * STEP
        if wide > LONGEST or count * wide > TOGETHER or not ops.native(x):
            return None
        if not self._worth(count, wide):
            return None
        made = self._graphs.get((count, wide)) or self._captured(x, wide, cache)
        self._graphs[count, wide] = made
        made.given[:, :length] = x
        made.given[:, length:] = 0
        made.ends.copy_(sent([end - 1 for end in lengths], x.device))
        made.graph.replay()
        return made.hidden.clone(), made.caches

    def _worth(self, count: int, wide: int) -> bool:
        if count == 1:
            return self.alone.worth(wide)
        return self.together.worth((count, wide), lambda: self._fits(count * wide))

    def _compute(self, given: Tensor, ends: Tensor, caches: Sequence[PrefixCache]) -> Tensor:
        for cache in caches:
            cache.clear()
        hidden = self._decoder(given, caches=caches)
        return hidden[torch.arange(len(given), device=given.device), ends]

    def _captured(self, x: Tensor, wide: int, cache: BlockCache) -> _Captured:
        """Run once, which compiles what is not compiled, then record."""
        count = len(x)
        caches = [PrefixCache(part) for part in self._room(count, wide, cache)]
        given, ends = x.new_zeros(count, wide, x.shape[2]), torch.zeros(count, dtype=torch.int64, device=x.device)
        graph, hidden = self._record(given, ends, caches)
        return _Captured(graph, given, ends, hidden, caches)

    def _room(self, count: int, wide: int, cache: BlockCache) -> list[Tensor]:
        """A place [B, W, ...] in every layer for what prompts leave behind: the same memory for all graphs of a kind."""
        tokens, each = LONGEST if count == 1 else TOGETHER, prod(cache.part)
        if tokens not in self._buffers:
            self._buffers[tokens] = [
                torch.empty(tokens * each, dtype=cache.dtype, device=cache.device) for _ in cache.layers
            ]
        return [flat[: count * wide * each].view(count, wide, *cache.part) for flat in self._buffers[tokens]]

    def _record(
        self, given: Tensor, ends: Tensor, caches: Sequence[PrefixCache]
    ) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        pool = next(iter(self._graphs.values())).graph.pool() if self._graphs else None
        return recorded(lambda: self._compute(given, ends, caches), given.device, pool)
