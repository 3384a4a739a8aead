"""silu(gate) * up of a product that holds both, for prompts whose shared experts the vendor's library multiplies."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.triton_backend.launch import on

WIDE = 1024


@triton.jit
def _gated(both, out, I, BI: tl.constexpr):  # noqa: E741 - I as everywhere
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BI + tl.arange(0, BI)
    ok = column < I
    gate = tl.load(both + row * 2 * I + column, mask=ok, other=0.0).to(tl.float32)
    up = tl.load(both + row * 2 * I + I + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + row * I + column, (gate / (1 + tl.exp(-gate)) * up).to(out.dtype.element_ty), mask=ok)


def gated(both: Tensor) -> Tensor:
    """[N, 2 I], gate before up -> [N, I]."""
    count, width = both.shape[0], both.shape[1] // 2
    out = torch.empty(count, width, dtype=both.dtype, device=both.device)
    if count:
        with on(both):
            _gated[(count, triton.cdiv(width, WIDE))](both.contiguous(), out, width, BI=WIDE, num_warps=4)
    return out
