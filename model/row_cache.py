"""A cache for CPUs: the sequences of a step side by side without gaps, as long as the longest of them.

What the rows of a step see is then one contiguous batch, read by one product; blocks of a fixed size cost twice the time in
small products (nano on a Zen 5 core, 5 sequences of 900 tokens: 0.63 ms a layer in blocks of 512, 0.27 so).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dsvl2.model.cache import BlockCache, Lease, Part, PrefixCache

STEP = 256  # tokens by which it gets longer; a multiple of what is summed in one product, whoever the neighbours are
SLACK = 2 * STEP  # longer than needed by more than this, it is cut


class RowCache(BlockCache):
    """A `BlockCache` in which every sequence has one block, and all blocks get longer and shorter together."""

    def __init__(
        self, rows: int, layers: int, part: Part, *, dtype: torch.dtype, device: torch.device, codes: bool = False
    ) -> None:
        super().__init__(rows, STEP, layers, part, dtype=dtype, device=device, rows=rows, codes=codes)

    def blocks_for(self, tokens: int) -> int:
        """One, whatever the length."""
        return min(tokens, 1)

    def fit(self, tokens: int) -> None:
        """Make all blocks long enough for so many tokens, and not much longer."""
        if self.size - SLACK <= tokens <= self.size:
            return
        self.size = max(-(-tokens // STEP), 1) * STEP
        for layer in self.layers:  # one after the other: no more than a layer is there twice
            layer.replace(self._resized(layer.buffer), None if layer.scales is None else self._resized(layer.scales))
        self.planes = self._plane_starts()

    def adopt(self, leases: Sequence[Lease], lengths: Sequence[int], prefix: Sequence[PrefixCache]) -> None:
        """Fill sequences' blocks with their prompts."""
        self.fit(max(prefix[0].stored.shape[1], self.size))
        super().adopt(leases, lengths, prefix)

    def _resized(self, old: Tensor) -> Tensor:
        new = old.new_zeros((*old.shape[:3], self.size, *old.shape[4:]))
        kept = min(self.size, old.shape[3])
        new[:, :, :, :kept] = old[:, :, :, :kept]
        return new
