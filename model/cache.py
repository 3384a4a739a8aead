"""Room for keys, values and latents of a fixed number of slots, filled at each slot's own pace.

Letters: S slots, C capacity in tokens, T new tokens, L tokens in sight. What a token leaves is opaque here: MLA one vector
(normed latent, rotated rope key), multi-head attention a pair of vectors per head.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

BLOCK = 512  # decode looks at whole blocks: shapes repeat, and sums are taken in the same order at any batch composition


class PrefixCache:
    """One layer of one or more sequences that grow together: a prompt, whole or in chunks."""

    def __init__(self, buffer: Tensor) -> None:
        self._buffer, self._length = buffer, 0

    def extend(self, parts: Tensor) -> Tensor:
        """Store parts [B, T, ...] and return those of all tokens so far [B, L, ...]."""
        end = self._length + parts.shape[1]
        self._buffer[:, self._length : end] = parts
        self._length = end
        return self._buffer[:, :end]


class SlotLayer:
    """One layer of all slots while they decode; `positions` is shared by the layers and names the row to write."""

    def __init__(self, buffer: Tensor, rows: Tensor) -> None:
        self.buffer, self._flat, self._rows = buffer, buffer.flatten(0, 1), rows

    def write(self, parts: Tensor) -> Tensor:
        """Store parts [S, ...], one token a slot; return the whole buffer [S, C, ...]."""
        self._flat.index_copy_(0, self._rows, parts.to(self._flat.dtype))
        return self.buffer


class SlotCache:
    """All layers of S slots. A slot is prefilled alone, then decodes beside the others."""

    def __init__(
        self, slots: int, capacity: int, layers: int, part: Sequence[int], *, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.capacity = -(-capacity // BLOCK) * BLOCK
        shape = (layers, slots, self.capacity, *part)
        self._buffers = torch.empty(shape, dtype=dtype, device=device)
        self._first = torch.arange(slots, device=device) * self.capacity
        self._rows = self._first.clone()
        self._bias = torch.full((slots, self.capacity), float("-inf"), device=device)
        self._lengths = [0] * slots
        self.layers = [SlotLayer(buffer, self._rows) for buffer in self._buffers]
        for slot in range(slots):
            self.release(slot)

    def occupy(self, slot: int) -> list[PrefixCache]:
        """Empty a slot and hand out its layers for a prompt; call `settle` with its length afterwards."""
        self._buffers[:, slot].zero_()  # rows beyond the length are multiplied by zero, so they must be finite
        return [PrefixCache(buffer[slot : slot + 1]) for buffer in self._buffers]

    def settle(self, slot: int, length: int) -> None:
        """The slot now holds `length` tokens; also takes back tokens of an answer that is rolled back."""
        self._lengths[slot] = length
        self._bias[slot, :length] = 0.0
        self._bias[slot, length:] = float("-inf")

    def release(self, slot: int) -> None:
        """The slot idles: it keeps computing on one row of zeros, and nobody reads what comes out."""
        self._buffers[:, slot, :1].zero_()
        self.settle(slot, 0)

    def advance(self, active: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Make room for one more token in the active slots.

        Returns the positions [S] of the new tokens and the bias [S, L] that shows each slot its own tokens only.
        """
        for slot in active:
            self._lengths[slot] += 1
        positions = torch.tensor([max(length - 1, 0) for length in self._lengths], device=self._rows.device)
        torch.add(self._first, positions, out=self._rows)
        self._bias.view(-1).index_fill_(0, self._rows, 0.0)
        seen = -(-max(self._lengths) // BLOCK) * BLOCK
        return positions, self._bias[:, :seen]
