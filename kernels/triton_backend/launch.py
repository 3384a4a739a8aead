"""What every launcher asks: can Triton run here, is it interpreted, what power of two holds a width."""

from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from dsvl2.kernels.cuda_backend.driver import shared_first

# Kernels of a step of few rows. A multiprocessor is emptied before its memory is parted anew, and a kernel that may begin early
# does not then: parted alike for all, a step of base in bf16 takes 3,370 us, not 3,426, of small 2,129, not 2,139, in int8 1,509,
# not 1,541 (H100). In 4 bits it is the same; without latents tiny takes 638 us, not 620, so they ask for it.
FEW_ROWS = frozenset((
    "_begin", "_rows", "_latent_step", "_split_latent", "_split_head", "_merge", "_merge_values", "_norm_logits",
    "_route", "_gate_up", "_down", "_sum", "_norm", "_parts", "_whole",
))  # fmt: skip


@cache
def available() -> bool:
    """Whether Triton is installed and has something to run on: a GPU, or its own interpreter."""
    if find_spec("triton") is None:
        return False
    return interpreting() or (torch.cuda.is_available() and torch.version.hip is None)


@cache
def interpreting() -> bool:
    """Whether kernels are interpreted on the CPU (TRITON_INTERPRET=1, set before the first kernel is imported)."""
    from triton import knobs

    return bool(knobs.runtime.interpret)


def on(tensor: Tensor) -> Any:
    """Launch on the device that holds a tensor, whichever is current."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()


def power(width: int, least: int = 1) -> int:
    """The smallest power of two that is no smaller than either."""
    return max(1 << max(width - 1, 0).bit_length(), least)


def chained(tensor: Tensor) -> dict[str, bool]:
    """Options of a launch that may begin while the kernel before still runs (Hopper's programmatic dependent launch).

    Such a kernel calls `release` first, reads nothing but weights before `hold`, and writes nothing before it either.
    """
    if interpreting() or not tensor.is_cuda:
        return {"CHAIN": False}
    able = _major(tensor.device) >= 9
    if able:
        _watch()
    return {"CHAIN": able, "launch_pdl": able}


def part_alike() -> None:
    """From now on kernels of few rows ask for the same parting of memory, and those that are loaded do."""
    if not _alike:
        _alike.append(True)
        for function in _few:
            shared_first(function)


_alike: list[bool] = []
_few: list[int] = []  # functions of such kernels


@cache
def _watch() -> None:
    """Be told of kernels of few rows when they are loaded."""
    from triton import knobs

    hooks: Any = getattr(knobs.runtime, "kernel_load_end_hook", None)
    if hasattr(hooks, "add"):  # Triton of another version goes without
        hooks.add(_loaded)


def _loaded(module: object, function: int, name: str, *rest: object) -> None:
    if name in FEW_ROWS:
        _few.append(function)
        if _alike:
            shared_first(function)


@cache
def _major(device: torch.device) -> int:
    return torch.cuda.get_device_capability(device)[0]


@cache
def roomy(device: torch.device) -> bool:
    """Whether a program may take 160 KB of shared memory: on cards for data centres; on others it is 99 or less."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device) in ((8, 0), (9, 0), (10, 0), (10, 3))


@triton.jit
def hold(CHAIN: tl.constexpr):
    """Wait until everything before this kernel is done."""
    if CHAIN:
        gdc_wait()


@triton.jit
def fence(CHAIN: tl.constexpr):
    """Behind `hold`: waits for nothing, but the compiler moves no load to behind it, where it would save registers."""
    if CHAIN:
        gdc_wait()


@triton.jit
def release(CHAIN: tl.constexpr):
    """Let the next kernel begin: it waits itself for what it needs."""
    if CHAIN:
        gdc_launch_dependents()
