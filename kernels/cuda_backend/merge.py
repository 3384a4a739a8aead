"""The shares of one token's latents as one, by each head's map, on Hopper, as `merge.cu` has it. Letters as in `merging`."""

import ctypes
from functools import cache

import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import Function, module
from dsvl2.kernels.cuda_backend.trust import trusted

VALUES, OUT, MOST = 512, 128, 32  # columns of a latent, of a head's value; parts
THREADS, BLOCKS, ROOM = 256, 4, (512 + 8 * 128) * 4  # threads of a block, blocks of a cluster, bytes
LARGEST_ERROR = 0.004  # of bf16


class Merge(ctypes.Structure):
    """`Merge` of the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("part", "total", "to_value", "out")),
        ("apart", ctypes.c_longlong), ("parts", ctypes.c_int), ("heads", ctypes.c_int),
    )  # fmt: skip


@cache
def _kernel(device: int) -> Function:
    return Function(module("merge.cu", "sm_90a", device), "merge_128", THREADS, ROOM, BLOCKS)


def fits(part: Tensor, to_value: Tensor) -> bool:
    """Whether `merge` takes it: part [1, P, A, V], to_value [A, dv, V] in bf16, whole within a head."""
    if not part.is_cuda or len(part) != 1 or part.shape[1] > MOST or part.shape[3] != VALUES:
        return False
    if to_value.dtype != torch.bfloat16 or to_value.shape[1] != OUT or not to_value[0].is_contiguous():
        return False
    return trusted(merge_error, LARGEST_ERROR, int(part.device.index))


def merge(part: Tensor, total: Tensor, to_value: Tensor) -> Tensor:
    """See `merging.merge_values`: [1, A, dv]."""
    heads, device = part.shape[2], part.device
    out = torch.empty(1, heads, OUT, dtype=to_value.dtype, device=device)
    given = Merge(*(one.data_ptr() for one in (part, total, to_value, out)), to_value.stride(0), part.shape[1], heads)
    _kernel(int(device.index)).launch(heads * BLOCKS, torch.cuda.current_stream(device).cuda_stream, (given,))
    return out


def merge_error(device: torch.device) -> float:
    """How far `merge` is from plain PyTorch, one share being empty."""
    draw = torch.Generator(device).manual_seed(0)
    part, total = (torch.randn(shape, generator=draw, device=device) for shape in ((1, 11, 16, VALUES), (1, 11, 16)))
    to_value = torch.randn(16, OUT, VALUES, generator=draw, device=device).bfloat16()
    total[0, 7] = -float("inf")
    mixed = (torch.exp2(total) / torch.exp2(total).sum(1))[..., None] * part
    want = torch.einsum("av,adv->ad", mixed[0].sum(0), to_value.float())
    return float((merge(part, total, to_value)[0].float() - want).norm() / want.norm())
