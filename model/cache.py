"""Room for keys, values and latents of a fixed number of slots, filled at each slot's own pace.

Letters: S slots, B sequences, T new tokens, L tokens in sight. What a token leaves behind is K x G vectors of width w:
MLA 1 x 1 (normed latent, rotated rope key), multi-head attention 2 (key, value) x key heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = (
    512  # decode looks at whole blocks: shapes repeat, and sums are taken in the same order at any batch composition
)


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

    def load(self, parts: Tensor) -> None:
        """Begin anew with the parts of L tokens [B, L, ...] that were stored before."""
        self._length = parts.shape[1]
        self._buffer[:, : self._length] = parts

    @property
    def stored(self) -> Tensor:
        """All tokens so far [B, L, ...]."""
        return self._buffer[:, : self._length]


@dataclass(frozen=True, slots=True)
class Sight:
    """What each slot may look at: bias [S, capacity] fp32, 0 or -inf, and how many blocks it has begun (0: it idles).

    lengths [S] int32 says the same on the device: tokens in sight, 0 for a slot that idles.
    """

    bias: Tensor
    blocks: tuple[int, ...]
    lengths: Tensor


class SlotLayer:
    """One layer of all slots while they decode; `rows`, shared by the layers, names where each slot's next token goes."""

    def __init__(self, buffer: Tensor, rows: Tensor) -> None:
        self.buffer, self.flat, self.rows = buffer, buffer.flatten(0, 4), rows

    def write(self, parts: Tensor) -> Tensor:
        """Store parts [S, ..., w], one token a slot; return the whole buffer [blocks, K, S, G, BLOCK, w]."""
        self.flat.index_copy_(0, self.rows, parts.reshape(-1, parts.shape[-1]).to(self.flat.dtype))
        return self.buffer


class SlotCache:
    """All layers of S slots. A slot takes over a prompt that was run alone, then decodes beside the others.

    Blocks come first in memory, so that one block of all slots is one contiguous batch for a matrix product.
    """

    def __init__(
        self,
        slots: int,
        capacity: int,
        layers: int,
        part: tuple[int, int, int],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        kinds, groups, width = part
        blocks = -(-capacity // BLOCK)
        self.part, self.slots, self.capacity = part, slots, blocks * BLOCK
        # zeros, not empty: rows beyond a slot's length are multiplied by zero, so they must be finite
        self._buffers = torch.zeros(layers, blocks, kinds, slots, groups, BLOCK, width, dtype=dtype, device=device)
        stride = torch.arange(kinds * slots * groups, device=device).view(kinds, slots, groups).transpose(0, 1)
        self._first = stride.flatten(1) * BLOCK  # [S, K * G]: row of token 0 in each plane
        self._planes = kinds * slots * groups
        self._rows = self._first.flatten().clone()
        self._bias = torch.full((slots, self.capacity), float("-inf"), device=device)
        self._lengths = [0] * slots
        self._sighted = torch.zeros(slots, dtype=torch.int32, device=device)
        self.layers = [SlotLayer(buffer, self._rows) for buffer in self._buffers]
        for slot in range(slots):
            self.settle(slot, 0)

    def new_prefix(self, length: int) -> list[PrefixCache]:
        """Caches, one a layer, for a prompt of `length` tokens."""
        shape = (1, length, *self.part)
        return [PrefixCache(self._buffers.new_empty(shape)) for _ in self.layers]

    def adopt(self, slot: int, prefix: Sequence[PrefixCache]) -> None:
        """Fill an idle slot with a prompt."""
        length = 0
        for layer, cache in zip(self._buffers, prefix, strict=True):
            tokens = cache.stored[0]  # [T, K, G, w]
            length = tokens.shape[0]
            for number, piece in enumerate(tokens.split(BLOCK)):
                layer[number, :, slot, :, : len(piece)] = piece.permute(1, 2, 0, 3)
        self.settle(slot, length)

    def settle(self, slot: int, length: int) -> None:
        """The slot holds `length` tokens from now on: 0 when it idles, fewer than before when an answer is rolled back."""
        self._lengths[slot] = length
        self._bias[slot, :length] = 0.0
        self._bias[slot, length:] = float("-inf")

    def advance(self, active: Sequence[int]) -> tuple[Tensor, Sight]:
        """Make room for one more token in the active slots; idle ones compute on token 0, and nobody reads the result.

        Returns the positions [S] of the new tokens and what each slot may look at: its own tokens only.
        """
        places = torch.tensor(self.count(active), device=self._rows.device)
        return self.point(places, tuple(-(-length // BLOCK) for length in self._lengths))

    def count(self, active: Sequence[int]) -> list[list[int]]:
        """One more token in the active slots: the positions of the new tokens, and how many tokens each slot may look at."""
        for slot in active:
            self._lengths[slot] += 1
        busy = set(active)
        seen = [length if slot in busy else 0 for slot, length in enumerate(self._lengths)]
        return [[max(length - 1, 0) for length in self._lengths], seen]

    def point(self, places: Tensor, blocks: tuple[int, ...] = ()) -> tuple[Tensor, Sight]:
        """Set everything on the device that follows from `count` [2, S], in place: a captured graph may do it too."""
        positions = places[0]
        self._sighted.copy_(places[1])
        within = positions // BLOCK * (self._planes * BLOCK) + positions % BLOCK
        torch.add(self._first, within[:, None], out=self._rows.view_as(self._first))
        self._bias.scatter_(1, positions[:, None], 0.0)
        return positions, Sight(self._bias, blocks, self._sighted)
