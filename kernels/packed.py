"""Plain-torch products with packed weights: unpack, multiply, forget. What a faster backend is measured against.

Nothing unpacked is kept: the point of a packed weight is its size, and a CPU with room for the unpacked one had better
unpack it once, at load. Experts are unpacked one at a time, and only those that some token chose.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import reference
from dsvl2.kernels.packing import PackedWeight


class _Stack:
    """Stands where a stacked expert weight [E, N, K] is indexed; gate and up, packed apart, come out joined."""

    def __init__(self, weight: PackedWeight, dtype: torch.dtype) -> None:
        self.weight, self.dtype = weight, dtype
        self.shape = (next(iter(weight.parts.values())).shape[0],)

    def __getitem__(self, expert: int) -> Tensor:
        return self.weight[expert].dequantize(self.dtype).reshape(-1, self.weight.columns)

    def unbind(self) -> "_Stack":
        """Its experts, still to be asked for one by one."""
        return self


def linear(x: Tensor, weight: PackedWeight, bias: Tensor | None) -> Tensor:
    """See `ops.packed_linear`."""
    return F.linear(x, weight.dequantize(x.dtype), bias)


def experts(x: Tensor, idx: Tensor, weight: Tensor, gate_up: PackedWeight, down: PackedWeight, *, few: int) -> Tensor:
    """See `ops.packed_experts`; up to `few` tokens run in the form whose results do not depend on one another."""
    form = reference.moe_experts_rows if x.shape[0] <= few else reference.moe_experts_loop
    stacks = (cast(Tensor, _Stack(part, x.dtype)) for part in (gate_up, down))
    return form(x, idx, weight, *stacks)
