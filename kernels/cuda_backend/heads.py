"""Attention of one new token over plain heads, its own key and value included, on Hopper, as `heads.cu` has it.

A step of tiny on an H100 with it instead of two launches of Triton's: w4 396 -> 348 us, bf16 622 -> 587.
Letters as in `joined.heads_step`: A heads of as many keys, P blocks of the cache.
"""

import ctypes
from functools import cache as cached

import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import Function, module
from dsvl2.kernels.cuda_backend.trust import trusted
from dsvl2.kernels.sight import Sight

WIDTH, SIZE = 128, 64  # columns of a head, tokens of a block of the cache
THREADS, BLOCKS = 256, 8  # threads of a block, blocks of a cluster
ROOM = 8 * 2 * 32 * WIDTH * 2 + (8 * WIDTH + 8 * 2 + BLOCKS * (WIDTH // BLOCKS + 2)) * 4  # bytes of shared memory
LARGEST_ERROR = 0.004  # of bf16


class Heads(ctypes.Structure):
    """`Heads` of the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("q", "k", "v", "cos", "sin", "cache", "places", "table", "lengths", "out")),
        ("beyond", ctypes.c_longlong), ("scale", ctypes.c_float), ("heads", ctypes.c_int),
    )  # fmt: skip


@cached
def _kernel(device: int) -> Function:
    return Function(module("heads.cu", "sm_90a", device), "heads_128", THREADS, ROOM, BLOCKS)


def fits(q: Tensor, k: Tensor, v: Tensor, cache: Tensor) -> bool:
    """Whether `heads` takes it: one token in bf16, q, k and v [1, A, 128], each whole, cache [2, P, A, 64, 128]."""
    if not q.is_cuda or q.dtype != torch.bfloat16 or cache.dtype != q.dtype or cache.shape[3:] != (SIZE, WIDTH):
        return False
    if not (len(q) == 1 and q.shape == k.shape == v.shape and cache.is_contiguous()):
        return False
    if not all(part[0].is_contiguous() and part.data_ptr() % 16 == 0 for part in (q, k, v)):
        return False
    return trusted(heads_error, LARGEST_ERROR, int(q.device.index))


def heads(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, cache: Tensor, rows: Tensor, sight: Sight
) -> Tensor:
    """See `joined.heads_step`: [1, A, 128]."""
    _, count, width = q.shape
    out = torch.empty(1, count, width, dtype=q.dtype, device=q.device)
    given = given_of(q, k, v, cos.contiguous(), sin.contiguous(), scale, cache, rows, sight, out)
    _kernel(int(q.device.index)).launch(count * BLOCKS, torch.cuda.current_stream(q.device).cuda_stream, (given,))
    return out


def given_of(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, cache: Tensor, rows: Tensor, sight: Sight,
    out: Tensor,
) -> Heads:  # fmt: skip
    """What the kernel is given."""
    places = (q, k, v, cos, sin, cache, rows, sight.table, sight.lengths, out)
    return Heads(*(one.data_ptr() for one in places), cache.stride(0), scale, q.shape[1])


def heads_error(device: torch.device) -> float:
    """How far `heads` is from plain PyTorch, for a short row and one that takes a warp more than once; the cache counts too."""
    draw = torch.Generator(device).manual_seed(0)
    worst = 0.0
    for length in (37, 2300):
        q, k, v = (torch.randn(1, 3, WIDTH, generator=draw, device=device).bfloat16() for _ in range(3))
        cache = torch.randn(2, 40, 3, SIZE, WIDTH, generator=draw, device=device).bfloat16()
        table = torch.randperm(39, generator=draw, device=device)[None].int() + 1
        angle = torch.rand(1, WIDTH // 2, generator=draw, device=device)
        block, place = int(table[0, (length - 1) // SIZE]), (length - 1) % SIZE
        rows = torch.tensor(
            [((plane * 40 + block) * 3 + head) * SIZE + place for plane in range(2) for head in range(3)]
        )
        sight = Sight(table, torch.tensor([length], device=device, dtype=torch.int32))
        want, keys = plainly(q, k, v, angle.cos(), angle.sin(), 0.1, cache, sight)
        got = heads(q, k, v, angle.cos(), angle.sin(), 0.1, cache, rows.to(device), sight).float()
        kept = cache[:, block, :, place].float() - torch.stack((keys[-1], v[0].float()))
        worst = max(worst, float((got - want).norm() / want.norm()), float(kept.norm() / kept.numel() ** 0.5))
    return worst


def plainly(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, cache: Tensor, sight: Sight
) -> tuple[Tensor, Tensor]:
    """What `heads` should give, in fp32, and the keys [L, A, 128] that it looked at; the cache is left alone."""

    def turned(x: Tensor) -> Tensor:
        first, second = x[0].float().chunk(2, -1)
        return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)

    length = int(sight.lengths[0])
    old = cache[:, sight.table[0].long()].transpose(2, 3).flatten(1, 2)[:, : length - 1].float()  # [2, L - 1, A, 128]
    keys, values = (
        torch.cat((part, new[None].to(q.dtype).float()))
        for part, new in zip(old, (turned(k), v[0].float()), strict=True)
    )
    query = (turned(q) * scale).to(q.dtype).float()
    share = torch.einsum("ad,lad->al", query, keys).softmax(-1)
    return torch.einsum("al,lad->ad", share, values)[None], keys
