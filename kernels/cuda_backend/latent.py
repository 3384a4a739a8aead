"""Latent attention of one new token a row on Hopper, as `latent.cu` has it: 16 heads, latents of 512 and 64 columns, bf16.

A row's tokens are shared among the blocks of a cluster, which sum up in each other's shared memory: as many as the card runs at
once. Results depend on a row's own length, the number of rows, the width of the table, and the card. On an H100 at 2,048 tokens,
8, 32 and 128 rows, in us: Triton's kernels 16.8, 43.0 and 121, FlashMLA 24, 40 and 111, a first form of this one 14.3, 35.7 and
104. Letters: R rows, C blocks of a row.
"""

import ctypes
import warnings
from functools import cache

import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import CudaError, Function, TensorMap, module
from dsvl2.kernels.sight import Sight

HEADS, WIDTH, VALUES, SIZE, TILE = 16, 576, 512, 64, 32
THREADS, SLOTS, MOST = 384, 4, 16  # of a block; tiles in its shared memory; blocks of a cluster
LEAST = 8  # rows; four take Triton's kernels 9.8 us, and these 12.3


class _Given(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("query", "table", "lengths", "out")),
        *((name, ctypes.c_int) for name in ("columns", "newest", "shares", "split")),
    )


def shared_bytes(shares: int) -> int:
    """Of a block, for sums of so many: see `sums_from` of the source."""
    masses = SLOTS * TILE * WIDTH * 2 + 2 * 2 * HEADS * 40 * 4 + 2 * SLOTS * 8
    return masses + (shares * HEADS * (8 + (VALUES // (1 << split_of(shares)) + 8) * 4) if shares > 1 else 0)


def split_of(shares: int) -> int:
    """log2 of how many blocks sum up: the most of them that divide the columns."""
    return shares.bit_length() - 1


@cache
def kernels(device: int) -> dict[int, tuple[Function, int]]:
    """By C: the kernel, and how many rows the card runs at once. Empty, with a warning, if it cannot be made."""
    try:
        code = module("latent.cu", "sm_90a", device)
        found = {}
        for shares in range(1, MOST + 1):
            made = Function(code, "latent", THREADS, shared_bytes(shares), shares)
            many = torch.cuda.get_device_properties(device).multi_processor_count if shares == 1 else made.clusters()
            found[shares] = made, many
        return found
    except CudaError as error:
        warnings.warn(f"latent attention takes Triton's kernels: {error}", RuntimeWarning, stacklevel=2)
        return {}


def fits(query: Tensor, cache: Tensor, values: int) -> bool:
    """Whether this kernel takes it: query [R, 1, a, w], cache [1, P, 1, size, w]."""
    if not query.is_cuda or query.shape[1:] != (1, HEADS, WIDTH) or values != VALUES or cache.shape[3] != SIZE:
        return False
    if query.dtype != torch.bfloat16 or cache.dtype != torch.bfloat16 or not cache.is_contiguous():
        return False
    return torch.cuda.get_device_capability(query.device)[0] == 9 and bool(kernels(query.device.index))


def decode(query: Tensor, cache: Tensor, sight: Sight) -> Tensor:
    """See `ops.decode`. Returns [R, 1, a, values]."""
    rows = len(query)
    found = kernels(query.device.index)
    tiles = sight.table.shape[1] * SIZE // TILE
    shares = shares_of(rows, tiles, {each: many for each, (_, many) in found.items()})
    out = torch.empty(rows, 1, HEADS, VALUES, dtype=query.dtype, device=query.device)
    query = query.contiguous()
    given = _Given(
        *(part.data_ptr() for part in (query, sight.table, sight.lengths, out)),
        sight.table.stride(0), rows, shares, split_of(shares),
    )  # fmt: skip
    with torch.cuda.device(query.device):
        stream = torch.cuda.current_stream().cuda_stream
        found[shares][0].launch(rows * shares, stream, (given, _map(cache.data_ptr(), cache.shape[1], cache).value))
    return out


def shares_of(rows: int, tiles: int, many: dict[int, int]) -> int:
    """C: as many blocks a row as run all at once, one where more rows wait anyway; no more than shorten the longest share."""
    most = max((shares for shares, rows_at_once in many.items() if rows_at_once >= rows), default=1)
    return -(-tiles // -(-tiles // most))


_MAPS: dict[tuple[int, int], TensorMap] = {}


def _map(place: int, blocks: int, cache: Tensor) -> TensorMap:
    """Of a cache as [9, tokens, 64]: a box is a tile."""
    found = _MAPS.get((place, blocks))
    if found is None:
        if len(_MAPS) > 256:
            _MAPS.clear()
        found = TensorMap(cache, (64, blocks * SIZE, WIDTH // 64), (WIDTH * 2, 128), (64, TILE, WIDTH // 64))
        _MAPS[place, blocks] = found
    return found
