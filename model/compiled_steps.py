"""Decode steps of a small model on a CPU as one compiled call each, over a cache that lies as that call reads it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dsvl2.kernels.compiled import BLOCK
from dsvl2.model.cache import Lease, Part, PrefixCache, Row
from dsvl2.model.row_cache import RowCache
from dsvl2.model.steps import Flight, Steps
from dsvl2.model.vl2 import DeepseekVL2


class LatentRows(RowCache):
    """A `RowCache` of latents in fp32 whose blocks are [size / BLOCK, width, BLOCK]: tokens side by side.

    Its layers' `buffer` and `flat` only lend the memory: they say nothing of where a token lies.
    """

    def __init__(self, rows: int, layers: int, part: Part, *, dtype: torch.dtype) -> None:
        """dtype: of the prompts' latents, which are made in PyTorch."""
        super().__init__(rows, layers, part, dtype=torch.float32, device=torch.device("cpu"))
        self._prompts = dtype

    def new_prefix(self, length: int, count: int = 1) -> list[PrefixCache]:
        """Caches, one a layer, for `count` prompts of at most `length` tokens that run together."""
        return [PrefixCache(torch.empty(count, length, *self.part, dtype=self._prompts)) for _ in self.layers]

    def adopt(self, leases: Sequence[Lease], lengths: Sequence[int], prefix: Sequence[PrefixCache]) -> None:
        """Fill sequences' blocks with their prompts."""
        self.fit(max(*lengths, self.size))
        for own, cache in zip(self.blocks_of_tokens(), prefix, strict=True):
            for lease, length, stored in zip(leases, lengths, cache.stored, strict=True):
                whole = -(-length // BLOCK)
                tokens = own.new_zeros(whole * BLOCK, self.part[2])
                tokens[:length] = stored[:length, 0, 0]
                own[lease.blocks[0], :whole] = tokens.unflatten(0, (whole, BLOCK)).transpose(1, 2)

    def blocks_of_tokens(self) -> list[Tensor]:
        """The layers as what they are: fp32 [slots, size / BLOCK, width, BLOCK]."""
        shape = (self.blocks + 1, self.size // BLOCK, self.part[2], BLOCK)
        return [layer.buffer.view(shape) for layer in self.layers]


class CompiledSteps(Steps):
    """Computes the rows that have a token and no others: a row's result depends on none beside it."""

    def __init__(self, network: DeepseekVL2, cache: LatentRows, rows: int, reach: int) -> None:
        super().__init__(network, cache, rows, reach)
        assert network.compiled is not None  # whoever made the cache has looked
        self._latents, self._step = cache, network.compiled.run(rows)
        self._said = self._last.numpy()  # the same memory

    def width(self, needed: int) -> int:
        """As many as are needed."""
        return needed

    def launch(self, rows: Sequence[Row | None]) -> Flight:
        """Compute a token in every row that has one."""
        told = [(column, row) for column, row in enumerate(rows) if row is not None]
        columns = [column for column, _ in told]
        positions = [row.position for _, row in told]
        self._latents.fit(max(positions) + 1)
        tokens = [int(self._said[column]) if row.token is None else row.token for column, row in told]
        slots = [row.lease.blocks[0] for _, row in told]
        kept = [layer.buffer for layer in self._latents.layers]
        ids, chances, logits = self._step(kept, self._latents.size, tokens, positions, slots)
        self._said[columns] = ids
        if len(told) == len(rows):
            return Flight(torch.tensor((ids, chances), dtype=torch.float64), logits)
        values = torch.zeros(2, len(rows), dtype=torch.float64)
        values[:, columns] = torch.tensor((ids, chances), dtype=torch.float64)
        return Flight(
            values, logits.new_zeros(len(rows), logits.shape[1]).index_copy_(0, torch.tensor(columns), logits)
        )
