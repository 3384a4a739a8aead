"""Latent attention of one new token a row on Hopper, as `latent.cu` has it: 16 heads, latents of 512 and 64 columns, bf16.

A row's tokens are shared among the blocks of a cluster, which sum up in each other's shared memory: as many as the card runs at
once. Results depend on a row's own length, the number of rows, the width of the table, and the card. On an H100 at 2,048 tokens,
8, 16, 32 and 128 rows, in us: 12.6, 19.4, 32.0 and 104.0, where Triton's kernels take 16.8, 29.0, 43.0 and 121.
Letters: R rows, C blocks of a row.
"""

import ctypes
import warnings
from functools import cache

import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import CudaError, Function, TensorMap, module
from dsvl2.kernels.sight import Sight

HEADS, WIDTH, VALUES, SIZE, TILE = 16, 576, 512, 64, 32
THREADS, SLOTS = 384, 4  # of a block; tiles in its shared memory
SHARES = (1, 2, 3, 4, 5, 6, 8)  # blocks of a row; of 7 a card runs no more than of 8
LARGEST_ERROR = 0.004  # of bf16: .0018 is usual
LEAST = 8  # rows; four take Triton's kernels 11.2 us, and these 12.2
_FAILED: dict[int, str] = {}  # devices, and why not


class _Given(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("query", "table", "lengths", "out")),
        *((name, ctypes.c_int) for name in ("columns", "newest", "shares", "split")),
    )


def shared_bytes(shares: int) -> int:
    """Of a block: tiles, scores, barriers, messages, the query; see the constants of the source."""
    before = SLOTS * TILE * WIDTH * 2 + 2 * 2 * HEADS * 40 * 4 + (2 * SLOTS + 2) * 8
    message = HEADS * (((VALUES >> split_of(shares)) + 8) * 4 + 8)
    return before + (shares * message if shares > 1 else 0) + HEADS * (WIDTH * 2 + 16)


def split_of(shares: int) -> int:
    """log2 of how many blocks sum up: the most of them that divide the columns."""
    return shares.bit_length() - 1


@cache
def kernels(device: int) -> dict[int, tuple[Function, int]]:
    """By C: the kernel, and how many rows the card runs at once. Empty, with a warning, if they cannot be made or err."""
    try:
        code = module("latent.cu", "sm_90a", device)
        found = {}
        for shares in SHARES:
            made = Function(code, "latent", THREADS, shared_bytes(shares), shares)
            many = torch.cuda.get_device_properties(device).multi_processor_count if shares == 1 else made.clusters()
            if many:  # of large clusters a card may run none
                found[shares] = made, many
        device_of = torch.device("cuda", device)
        wrong = next((shares for shares, (made, _) in found.items() if not right(made, shares, device_of)), 0)
        if wrong:
            raise CudaError(f"the kernel of {wrong} blocks a row errs on this card")
        return found
    except Exception as error:  # whatever a driver or a compiler may raise
        _give_up(device, error)
        return {}


def _give_up(device: int, error: Exception) -> None:
    """From now on Triton's kernels: said once."""
    _FAILED[device] = str(error)
    warnings.warn(f"latent attention takes Triton's kernels: {error}", RuntimeWarning, stacklevel=3)


def state(device: int) -> str:
    """What computes latent attention of many rows on a card, in words."""
    if torch.cuda.get_device_capability(device)[0] != 9:
        return "Triton's kernels (the CUDA kernel is for Hopper)"
    return "CUDA kernel, checked on this card" if kernels(device) else f"Triton's kernels: {_FAILED[device]}"


def right(made: Function, shares: int, device: torch.device) -> bool:
    """Whether a kernel gives what plain PyTorch does, for two short rows."""
    draw = torch.Generator(device).manual_seed(0)
    cache, query = (
        torch.randn(shape, generator=draw, device=device).bfloat16()
        for shape in ((1, 4, 1, SIZE, WIDTH), (2, 1, HEADS, WIDTH))
    )
    query *= WIDTH**-0.5
    table, lengths = torch.tensor([[3, 1], [2, 0]]), (2 * SIZE - 7, 5)
    sight = Sight(table.to(device, torch.int32), torch.tensor(lengths).to(device, torch.int32))
    got = _launched(made, shares, query, cache, sight).float()
    error = 0.0
    for row, blocks, length, mixed in zip(query.float(), table.tolist(), lengths, got, strict=True):
        keys = cache[0, blocks, 0].flatten(0, 1)[:length].float()
        want = (row[0] @ keys.T).softmax(-1) @ keys[:, :VALUES]
        error = max(error, float((mixed[0] - want).norm() / want.norm()))
    return error < LARGEST_ERROR


def fits(query: Tensor, cache: Tensor, values: int) -> bool:
    """Whether this kernel takes it: query [R, 1, a, w], cache [1, P, 1, size, w]."""
    if not query.is_cuda or query.shape[1:] != (1, HEADS, WIDTH) or values != VALUES or cache.shape[3] != SIZE:
        return False
    if query.dtype != torch.bfloat16 or cache.dtype != torch.bfloat16 or not cache.is_contiguous():
        return False
    if torch.cuda.get_device_capability(query.device)[0] != 9:
        return False
    return bool(kernels(query.device.index)) and query.device.index not in _FAILED


def decode(query: Tensor, cache: Tensor, sight: Sight) -> Tensor | None:
    """See `ops.decode`. Returns [R, 1, a, values], or None if it cannot be launched, now and then on."""
    found = kernels(query.device.index)
    tiles = sight.table.shape[1] * SIZE // TILE
    shares = shares_of(len(query), tiles, {each: many for each, (_, many) in found.items()})
    try:
        return _launched(found[shares][0], shares, query.contiguous(), cache, sight)
    except CudaError as error:
        _give_up(query.device.index, error)
        return None


def _launched(made: Function, shares: int, query: Tensor, cache: Tensor, sight: Sight) -> Tensor:
    rows = len(query)
    out = torch.empty(rows, 1, HEADS, VALUES, dtype=query.dtype, device=query.device)
    given = _Given(
        *(part.data_ptr() for part in (query, sight.table, sight.lengths, out)),
        sight.table.stride(0), rows, shares, split_of(shares),
    )  # fmt: skip
    with torch.cuda.device(query.device):
        stream = torch.cuda.current_stream().cuda_stream
        made.launch(rows * shares, stream, (given, _map(cache.data_ptr(), cache.shape[1], cache).value))
    return out


def shares_of(rows: int, tiles: int, many: dict[int, int]) -> int:
    """C: as many blocks a row as run all at once, one where more rows wait anyway; no more than shorten the longest share."""
    fitting = [shares for shares, rows_at_once in many.items() if rows_at_once >= rows] or [1]
    longest = -(-tiles // max(fitting))
    return min(shares for shares in fitting if -(-tiles // shares) <= longest)


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
