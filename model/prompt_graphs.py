"""A prompt that runs by itself as a CUDA graph: some 700 launches, for which a GPU would wait longer than it computes.

Letters: T tokens, W of a graph (T filled up), H hidden.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.cache import BlockCache, PrefixCache
from dsvl2.model.decoder import Decoder

STEP = 16  # tokens between two graphs: a prompt is filled up on the right, where no token of it looks
MOST = 16  # graphs; they share their memory, and pages of a kind have few lengths
LONGEST = 2048  # tokens


class _Captured(NamedTuple):
    """A graph, what it reads, embeddings [1, W, H] and the place of the last token [1], and what it leaves behind."""

    graph: torch.cuda.CUDAGraph
    given: Tensor
    end: Tensor
    hidden: Tensor
    caches: Sequence[PrefixCache]


class PromptGraphs:
    """Runs prompts of lengths that were seen before; one that comes for the first time is not worth a graph."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._seen = set[int]()
        self._graphs: dict[int, _Captured] = {}
        self._buffers: list[Tensor] = []

    def run(self, x: Tensor, cache: BlockCache) -> tuple[Tensor, Sequence[PrefixCache]] | None:
        """x [1, T, H] -> the last token's hidden state [1, H], and what the prompt left, good until the next call.

        None where the prompt has to be run as any other.
        """
        length = x.shape[1]
        wide = -(-length // STEP) * STEP
        if wide > LONGEST or not ops.native(x):
            return None
        if wide not in self._graphs:
            if wide not in self._seen or len(self._graphs) >= MOST:
                self._seen.add(wide)
                return None
            self._graphs[wide] = self._captured(x, wide, cache)
        made = self._graphs[wide]
        made.given[:, :length] = x
        made.given[:, length:] = 0
        made.end.fill_(length - 1)
        made.graph.replay()
        return made.hidden.clone(), made.caches

    def _compute(self, given: Tensor, end: Tensor, caches: Sequence[PrefixCache]) -> Tensor:
        for cache in caches:
            cache.clear()
        return self._decoder(given, caches=caches)[0].index_select(0, end)

    def _captured(self, x: Tensor, wide: int, cache: BlockCache) -> _Captured:
        """Run once, which compiles what is not compiled, then record."""
        if not self._buffers:
            shape = (1, LONGEST, *cache.part)
            self._buffers = [torch.empty(shape, dtype=cache.dtype, device=x.device) for _ in cache.layers]
        caches = [PrefixCache(buffer[:, :wide]) for buffer in self._buffers]
        given, end = x.new_zeros(1, wide, x.shape[2]), torch.zeros(1, dtype=torch.int64, device=x.device)
        graph, hidden = self._record(given, end, caches)
        return _Captured(graph, given, end, hidden, caches)

    def _record(self, given: Tensor, end: Tensor, caches: Sequence[PrefixCache]) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        aside = torch.cuda.Stream(given.device)
        aside.wait_stream(torch.cuda.current_stream(given.device))
        with torch.cuda.stream(aside):
            self._compute(given, end, caches)
        torch.cuda.current_stream(given.device).wait_stream(aside)
        torch.cuda.synchronize(given.device)
        graph = torch.cuda.CUDAGraph()
        pool = next(iter(self._graphs.values())).graph.pool() if self._graphs else None
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            hidden = self._compute(given, end, caches)
        return graph, hidden
