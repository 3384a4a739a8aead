"""Products of one token with weights of 4 bits on Hopper, as `rows.cu` and `experts.cu` have them.

Linear maps, of the norm of a sum if need be, and the experts of a layer with their weighted sum. Triton's kernels go on where
one of them is not `trusted`. A step on an H100 with these and `merge.cu`: small 1,287 -> 1,068 us, base 2,052 -> 1,767; with
those of experts tiny 348 -> 342. Letters as in `triton_backend.alone`: I expert width, H hidden, K columns.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from math import prod
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import Function, module
from dsvl2.kernels.cuda_backend.trust import doubts, trusted
from dsvl2.kernels.packing import INT4, PackedWeight, arrange
from dsvl2.kernels.packing.arranged import ArrangedInt4

Pair = tuple[PackedWeight, PackedWeight]
ROWS, ROW_THREADS = (1280, 2048, 2560, 4096), 256  # columns of a linear map; threads of a block
BOTH = {1280: (5, 2), 2048: (8, 1), 2560: (10, 2)}  # H: units that a warp has under way, groups of 16 rows of a block
DOWN = {896: (7, 2), 1408: (11, 2), 1536: (8, 2)}  # I: units that a warp has under way, warps of an expert
PAIR, UNIT = 1152, 640  # bytes of a unit of gate and up, and of one matrix, with their words
ALL = 8  # experts of a token, shared ones included
LARGEST_ERROR = 0.004  # of bf16: .0018 is usual


class Rows(ctypes.Structure):
    """`Rows` of the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "delta", "gain", "total", "codes", "words", "out")),
        ("eps", ctypes.c_float), ("wide", ctypes.c_int), ("exact", ctypes.c_int),
    )  # fmt: skip


class Both(ctypes.Structure):
    """`Both` of the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "idx", "codes", "words", "shared", "shared_words", "out")),
        ("width", ctypes.c_int), ("chosen", ctypes.c_int), ("beside", ctypes.c_int),
    )  # fmt: skip


class Down(ctypes.Structure):
    """`Down` of the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "idx", "weight", "codes", "words", "shared", "shared_words", "out")),
        ("rows", ctypes.c_int), ("chosen", ctypes.c_int), ("beside", ctypes.c_int),
    )  # fmt: skip


@cache
def _rows(device: int, columns: int) -> Function:
    """Shared memory: the vector, sums of its units, what 8 warps add up."""
    return Function(
        module("rows.cu", "sm_90a", device), f"rows_{columns}", ROW_THREADS, columns * 2 + columns // 16 + 544
    )


@cache
def _both(device: int, hidden: int) -> Function:
    depth, groups = BOTH[hidden]
    room = groups * 4 * (depth * PAIR + 32 * 4) + hidden * 2 + hidden // 16
    return Function(module("experts.cu", "sm_90a", device), f"both_{hidden}", groups * 128, room)


@cache
def _down(device: int, width: int) -> Function:
    depth, share = DOWN[width]
    room = ALL * (share * (depth * UNIT + 16 * 4) + width * 2 + width // 16)
    return Function(module("experts.cu", "sm_90a", device), f"down_{width}", share * 256, room)


def rows_fit(weight: PackedWeight | Tensor, like: Tensor, bias: Tensor | None) -> TypeGuard[PackedWeight]:
    """Whether `rows` takes it: one token in bf16, where fp32 is not what its norm is of."""
    if not _int4(weight) or bias is not None or weight.columns not in ROWS or weight.rows % 16:
        return False
    if not like.is_cuda or like.dtype != torch.bfloat16:
        return False
    return trusted(rows_error, LARGEST_ERROR, _device(like), weight.columns)


def rows(
    x: Tensor, delta: Tensor | None, gain: Tensor | None, eps: float, total: Tensor, weight: PackedWeight, out: Tensor
) -> None:
    """A linear map of x [K], of its norm, or of the norm of x + delta, which then goes to total; out fp32 or bf16."""
    given = Rows(
        *_places(x, delta, gain, total, *_held(weight), out), eps, x.dtype == torch.float32, out.dtype == torch.float32
    )
    _rows(_device(x), weight.columns).launch(weight.rows // 16, _stream(x), (given,))


def experts_fit(x: Tensor, chosen: int, routed: tuple[object, object], shared: tuple[object, object]) -> bool:
    """Whether `experts` takes it: a token in bf16, all weights of 4 bits, eight experts of a width that there is a kernel for."""
    held = [part for part in (*routed, *shared) if _int4(part)]
    if len(held) != 4 or len(x) != 1 or x.dtype != torch.bfloat16 or not x.is_cuda:
        return False
    hidden, width, whole = x.shape[1], held[1].columns, held[3].columns
    if hidden not in BOTH or width not in DOWN or whole % width or chosen + whole // width != ALL or chosen == ALL:
        return False
    return trusted(experts_error, 2 * LARGEST_ERROR, _device(x), hidden, width)


def experts(x: Tensor, idx: Tensor, weight: Tensor, routed: Pair, shared: Pair, out: Tensor) -> Tensor:
    """See `triton_backend.alone.experts`; in two launches, the second of which sums up what all give for its rows."""
    hidden, width, chosen, device = x.shape[1], routed[1].columns, idx.shape[1], _device(x)
    middle = torch.empty(ALL, width, dtype=x.dtype, device=x.device)
    given = Both(*_places(x, idx, *_held(routed[0]), *_held(shared[0]), middle), width, chosen, ALL - chosen)
    _both(device, hidden).launch(ALL * width // 16 // BOTH[hidden][1], _stream(x), (given,))
    places = _places(middle, idx, weight, *_held(routed[1]), *_held(shared[1]), out)
    _down(device, width).launch(hidden // 16, _stream(x), (Down(*places, hidden, chosen, ALL - chosen),))
    return out


def rows_error(device: torch.device, columns: int) -> float:
    """How far `rows` is from plain PyTorch."""
    draw, weight = _drawer(device), _packed(device, 80, columns)
    x, delta, gain = draw(columns), draw(columns).bfloat16(), draw(columns).bfloat16()
    total, out = torch.empty_like(x), torch.empty(80, device=x.device)
    rows(x, delta, gain, 1e-6, total, weight, out)
    both = x + delta.float()
    want = weight.dequantize() @ (both * gain.float()).bfloat16().float() / (both.square().mean() + 1e-6).sqrt()
    return max(_distance(out, want), _distance(total, both))


def experts_error(device: torch.device, hidden: int, width: int) -> float:
    """How far `experts` is from plain PyTorch."""
    draw, chosen = _drawer(device), [2, 0, 1, 1, 2, 0]
    routed = _packed(device, 3, 2, width, hidden), _packed(device, 3, hidden, width)
    shared = _packed(device, 1, 2, 2 * width, hidden), _packed(device, 1, hidden, 2 * width)
    x, weight = draw(1, hidden).bfloat16(), draw(1, 6).abs()
    out = experts(x, torch.tensor([chosen], device=x.device), weight, routed, shared, torch.empty_like(x))
    (ups, downs), (beside, beside_downs) = (
        [torch.stack([part[i].dequantize() for i in range(count)]) for part in pair]
        for pair, count in ((routed, 3), (shared, 1))
    )
    gates, rise = (torch.cat((ups[:, i] @ x[0].float(), (beside[0, i] @ x[0].float()).view(2, -1))) for i in range(2))
    middle = (F.silu(gates) * rise)[[*chosen, 3, 4]]
    each = torch.stack([downs[expert] @ part for expert, part in zip(chosen, middle, strict=False)])
    return _distance(out[0], (weight[0, :, None] * each).sum(0) + beside_downs[0] @ middle[6:].flatten())


def _packed(device: torch.device, *shape: int) -> PackedWeight:
    """Of small random weights, no two of a stack alike; rows repeat, as to pack them is most of the work."""
    *lead, rows, columns = shape
    draw = torch.randn(min(rows, 80), columns, generator=torch.Generator().manual_seed(rows)) * columns**-0.5
    matrix = arrange(PackedWeight.of(INT4, draw.repeat(-(-rows // len(draw)), 1)[:rows]))
    parts = {}
    for name, part in matrix.parts.items():
        stack = [part.to(device).roll(index, 0) for index in range(prod(lead))]
        parts[name] = torch.stack(stack).unflatten(0, lead) if lead else stack[0]
    return PackedWeight(matrix.form, parts, rows, columns)


def _drawer(device: torch.device) -> Callable[..., Tensor]:
    draw = torch.Generator(device).manual_seed(0)
    return lambda *shape: torch.randn(shape, generator=draw, device=device)


def _distance(got: Tensor, want: Tensor) -> float:
    return float((got.float() - want.float()).norm() / want.float().norm())


def _int4(weight: object) -> TypeGuard[PackedWeight]:
    return isinstance(weight, PackedWeight) and type(weight.form) is ArrangedInt4


def _held(weight: PackedWeight) -> tuple[Tensor, Tensor]:
    return weight.parts["codes"], weight.parts["words"]


def _places(*tensors: Tensor | None) -> list[int | None]:
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]


def _device(x: Tensor) -> int:
    return int(x.device.index)


def _stream(x: Tensor) -> int:
    return int(torch.cuda.current_stream(x.device).cuda_stream)


def state(device: int) -> str:
    """What multiplies one token by weights of 4 bits on a card, in words; tries it."""
    if torch.cuda.get_device_capability(device)[0] != 9:
        return "Triton's kernels (the CUDA kernels are for Hopper)"
    good = (
        trusted(rows_error, LARGEST_ERROR, device, 2048),
        trusted(experts_error, 2 * LARGEST_ERROR, device, 2048, 1408),
    )
    return "CUDA kernels, checked on this card" if all(good) else f"Triton's kernels: {'; '.join(doubts(device))}"
