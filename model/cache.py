"""Room for keys, values and latents: blocks of tokens, lent to sequences as they come and taken back as they end.

Letters: R rows of a step, B sequences, T new tokens, L tokens in sight, P blocks. What a token leaves behind is K x G vectors of
width w: MLA 1 x 1 (normed latent, rotated rope key), multi-head attention 2 (key, value) x key heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.kernels.ops import Sight
from dsvl2.model.transfer import sent

DEVICE_BLOCK = 64  # where kernels stop at a sequence's end, small ones waste least
SCRAP = 0  # the block that rows without a sequence write to

Part = tuple[int, int, int]  # K, G, w


class PrefixCache:
    """One layer of one or more sequences that grow together: a prompt, whole or in chunks."""

    def __init__(self, buffer: Tensor) -> None:
        self._buffer, self._length, self._shown = buffer, 0, 0

    def extend(self, parts: Tensor) -> Tensor:
        """Store parts [B, T, ...] and return those of all tokens so far [B, L, ...]."""
        end = self._length + parts.shape[1]
        self._buffer[:, self._length : end] = parts
        self._length = end
        return self._buffer[:, : max(end, self._shown)]

    def show(self, length: int) -> None:
        """From now on return so many tokens, zeros where none is stored: for a mask that hides them."""
        self._buffer[:, self._length : length] = 0
        self._shown = length

    def load(self, parts: Tensor) -> None:
        """Begin anew with the parts of L tokens [B, L, ...] that were stored before."""
        self._length = parts.shape[1]
        self._buffer[:, : self._length] = parts

    def clear(self) -> None:
        """Begin anew without any."""
        self._length = 0

    @property
    def stored(self) -> Tensor:
        """All tokens so far [B, L, ...]."""
        return self._buffer[:, : self._length]


class Layer:
    """One layer of the cache while rows decode: buffer [K, P, G, size, w]; `rows` names where each row's token goes.

    rows [R * K * G] index `flat` [*, w] and are shared by the layers. scales [K, P, G, size] when the buffer holds codes.
    """

    def __init__(self, buffer: Tensor, scales: Tensor | None = None) -> None:
        self.rows = torch.empty(0, dtype=torch.int64, device=buffer.device)
        self.replace(buffer, scales)

    def replace(self, buffer: Tensor, scales: Tensor | None = None) -> None:
        """Go on with another buffer."""
        self.buffer, self.flat, self.scales = buffer, buffer.flatten(0, 3), scales

    def write(self, parts: Tensor, rows: Tensor | None = None) -> Tensor:
        """Store parts [..., w], by default one token a row; return the whole buffer."""
        rows, flat = self.rows if rows is None else rows, parts.reshape(-1, parts.shape[-1])
        if self.scales is None:
            self.flat.index_copy_(0, rows, flat.to(self.flat.dtype))
        else:
            ops.store_codes(flat, self.flat, self.scales, rows)
        return self.buffer


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    """Blocks of one sequence, in the order of its tokens: room for all that it may ever hold."""

    blocks: tuple[int, ...]


class Row(NamedTuple):
    """A token to compute: the token (None: what its row chose last), its position, the blocks of its sequence.

    warm: how the next one is drawn (see `sampling`), None for the likeliest.

    Rows may belong to one sequence, at consecutive positions: each sees those before it.
    """

    token: int | None
    position: int
    lease: Lease
    warm: tuple[float, float, int] | None = None


class BlockCache:
    """All layers, in blocks. A sequence leases its blocks before it begins, so that it never has to stop for want of room.

    `rows` is how many a step has at most, when blocks should lie so that rows side by side have blocks side by side (what
    the plain form reads in place); 0 where that does not matter. `codes`: keep vectors as 8-bit integers with a scale each.
    """

    def __init__(
        self,
        blocks: int,
        size: int,
        layers: int,
        part: Part,
        *,
        dtype: torch.dtype,
        device: torch.device,
        rows: int = 0,
        codes: bool = False,
    ) -> None:
        kinds, groups, width = part
        self.part, self.size, self.blocks, self.dtype = part, size, blocks, dtype
        self._columns = rows
        # zeros, not empty: tokens beyond a sequence's end are multiplied by zero, so they must be finite
        shape = (layers, kinds, blocks + 1, groups, size)
        kept = torch.int8 if codes else dtype
        buffers = torch.zeros(*shape, width, dtype=kept, device=device)
        scales = torch.zeros(shape, dtype=torch.float32, device=device) if codes else None
        self.layers = [Layer(buffers[i], None if scales is None else scales[i]) for i in range(layers)]
        self.device = device
        self.planes = self._plane_starts()
        self._free = dict[int, None]()
        self.clear()

    def _plane_starts(self) -> Tensor:
        """[K * G]: row of `Layer.flat` of block 0, token 0 in every plane."""
        kinds, groups, _ = self.part
        plane = torch.arange(kinds, device=self.device)[:, None] * (self.blocks + 1) * groups
        return (plane + torch.arange(groups, device=self.device)).flatten() * self.size

    def clear(self) -> None:
        """Take all blocks back."""
        self._free = dict.fromkeys(range(self.blocks, SCRAP, -1))

    @property
    def free(self) -> int:
        """Blocks that nobody has."""
        return len(self._free)

    def blocks_for(self, tokens: int) -> int:
        """How many blocks so many tokens take."""
        return -(-tokens // self.size)

    def fit(self, tokens: int) -> None:
        """Told before each step how many tokens its longest sequence has; blocks do not change with them."""

    def lease(self, tokens: int, row: int = 0) -> Lease | None:
        """Room for a sequence of at most so many tokens, which is going to decode in `row`; None while there is not enough."""
        need = self.blocks_for(tokens)
        if need > len(self._free):
            return None
        blocks: list[int] = []
        for wanted in count(1 + row, self._columns) if self._columns else count(-1, 0):
            if len(blocks) == need:
                break
            if wanted in self._free:
                del self._free[wanted]
            else:
                wanted = self._free.popitem()[0]
            blocks.append(wanted)
        return Lease(tuple(blocks))

    def release(self, lease: Lease) -> None:
        """Take the blocks back."""
        self._free.update(dict.fromkeys(reversed(lease.blocks)))

    def new_prefix(self, length: int, count: int = 1) -> list[PrefixCache]:
        """Caches, one a layer, for `count` prompts of at most `length` tokens that run together."""
        shape = (count, length, *self.part)
        return [PrefixCache(torch.empty(shape, dtype=self.dtype, device=self.device)) for _ in self.layers]

    def adopt(self, leases: Sequence[Lease], lengths: Sequence[int], prefix: Sequence[PrefixCache]) -> None:
        """Fill the blocks of sequences with their prompts, the rows of `prefix`, each of which begins with its tokens."""
        most = prefix[0].stored.shape[1]
        wide = self.blocks_for(most)
        tables = [[*lease.blocks[:wide], *[SCRAP] * (wide - len(lease.blocks))] for lease in leases]
        blocks, ends = sent(tables, self.device), sent(lengths, self.device)
        tokens = torch.arange(most, device=self.device)
        blocks = blocks[:, tokens // self.size].where(tokens < ends[:, None], SCRAP)
        rows = self.rows((blocks * (self.part[1] * self.size) + tokens % self.size).flatten())
        for layer, cache in zip(self.layers, prefix, strict=True):
            layer.write(cache.stored, rows)

    def rows(self, places: Tensor) -> Tensor:
        """Rows of `Layer.flat` of tokens at block * G * size + place within the block, [N] -> [N * K * G]."""
        return (self.planes + places[:, None]).flatten()


class PlainSight:
    """Keeps what the plain form reads up to date from step to step: few things change between two of them."""

    def __init__(self, cache: BlockCache, rows: int, reach: int) -> None:
        self._cache, self._lengths = cache, [0] * rows
        whole = -(-reach // cache.size) * cache.size
        self._bias = torch.full((rows, whole), float("-inf"), device=cache.device)
        self._bias[:, 0] = 0.0  # a row that idles looks at one token: nothing at all would be no number
        self._begun: list[tuple[int, ...]] = []
        self._spans = ops.spans([()], 0, cache.device)

    def sight(self, rows: Sequence[Row | None], lengths: Tensor, table: Tensor) -> Sight:
        """What these rows see: of each sequence the blocks it has begun."""
        for number, row in enumerate(rows):
            self._show(number, 1 if row is None else row.position + 1)
        begun = [() if row is None else row.lease.blocks[: self._cache.blocks_for(row.position + 1)] for row in rows]
        if begun != self._begun:
            self._begun, self._spans = begun, ops.spans(begun, self._cache.blocks + 1, self._cache.device)
        return Sight(table, lengths, self._bias[: len(rows)], self._spans)

    def _show(self, row: int, length: int) -> None:
        before, self._lengths[row] = self._lengths[row], length
        if length > before:
            self._bias[row, before:length] = 0.0
        elif length < before:
            self._bias[row, length:before] = float("-inf")
