"""Down of the experts of one token in bf16 and their weighted sum in one launch on Hopper, as `plain.cu` has it.

Triton's kernels go on where it is not `trusted`. A step of small on an H100 2,222 -> 2,139 us, of base 3,498 -> 3,426.
Letters as in `triton_backend.alone`: H hidden, I expert width.
"""

import ctypes
from functools import cache
from typing import TypeGuard

import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import Function, module
from dsvl2.kernels.cuda_backend.trust import trusted

WIDTHS, ROWS = (896, 1408, 1536), 2  # I; rows of a block
THREADS, ALL = 256, 8  # of a block; experts of a token, shared ones included
LARGEST_ERROR = 0.004  # of bf16


class PlainDown(ctypes.Structure):
    """`PlainDown` of the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "idx", "weight", "down", "shared", "out")),
        ("rows", ctypes.c_int), ("chosen", ctypes.c_int), ("beside", ctypes.c_int),
    )  # fmt: skip


@cache
def _kernel(device: int, width: int) -> Function:
    return Function(module("plain.cu", "sm_90a", device), f"plain_down_{width}", THREADS, ALL * ROWS * 4)


def fits(x: Tensor, width: int, chosen: int, down: object, shared: object) -> bool:
    """Whether `down_sum` takes it: one token x [1, H] in bf16, eight experts of a width that there is a kernel for."""
    if not (_plain(down) and _plain(shared) and x.is_cuda and x.dtype == torch.bfloat16 and len(x) == 1):
        return False
    if width not in WIDTHS or x.shape[1] % ROWS or shared.shape[2] != (ALL - chosen) * width or chosen == ALL:
        return False
    return trusted(down_error, LARGEST_ERROR, int(x.device.index), width)


def down_sum(middle: Tensor, idx: Tensor, weight: Tensor, down: Tensor, shared: Tensor, out: Tensor) -> Tensor:
    """middle [8, I], of the chosen experts and then of the shared ones, to out [1, H].

    idx and weight [1, k], down [E, H, I], shared [1, H, (8 - k) I].
    """
    (_, rows, width), chosen, device = down.shape, idx.shape[1], middle.device
    places = (one.data_ptr() for one in (middle, idx, weight, down, shared, out))
    given = PlainDown(*places, rows, chosen, ALL - chosen)
    stream = torch.cuda.current_stream(device).cuda_stream
    _kernel(int(device.index), width).launch(rows // ROWS, stream, (given,))
    return out


def down_error(device: torch.device, width: int) -> float:
    """How far `down_sum` is from plain PyTorch."""
    draw = torch.Generator(device).manual_seed(0)
    middle, down, shared = (
        torch.randn(shape, generator=draw, device=device).bfloat16()
        for shape in ((ALL, width), (3, 32, width), (1, 32, 2 * width))
    )
    weight = torch.rand(1, 6, generator=draw, device=device)
    chosen = [2, 0, 1, 1, 2, 0]
    out = torch.empty(1, 32, dtype=torch.bfloat16, device=device)
    got = down_sum(middle, torch.tensor([chosen], device=device), weight, down, shared, out)[0].float()
    each = torch.stack([down[expert].float() @ part.float() for expert, part in zip(chosen, middle, strict=False)])
    want = (weight[0, :, None] * each).sum(0) + shared[0].float() @ middle[6:].float().flatten()
    return float((got - want).norm() / want.norm())


def _plain(weight: object) -> TypeGuard[Tensor]:
    return isinstance(weight, Tensor) and weight.dtype == torch.bfloat16 and weight.is_contiguous()
