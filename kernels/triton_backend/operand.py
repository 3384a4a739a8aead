"""A weight as the matrix kernels take it: a format number and four tensors, some of which only fill their place."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from dsvl2.kernels.packing import ARRANGED_INT4, ARRANGED_NF4, CODE, INT8, PackedWeight
from dsvl2.kernels.triton_backend import nibbles, tiles


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """tensors: codes, scale, zero, table of NF4."""

    form: int
    tensors: tuple[Tensor, Tensor, Tensor, Tensor]

    @classmethod
    def of(cls, weight: PackedWeight | Tensor, device: torch.device) -> "Operand":
        """Of a plain tensor or a packed weight that `fits`."""
        if isinstance(weight, Tensor):
            return cls(tiles.PLAIN, (weight, weight, weight, weight))
        codes = weight.parts["codes"]
        if weight.form is INT8:
            scale = weight.parts["scale"]
            return cls(tiles.INT8, (codes, scale, scale, scale))
        if weight.form is ARRANGED_INT4:
            return cls(tiles.INT4, (codes, weight.parts["scale"], weight.parts["zero"], codes))
        absmax = weight.parts["absmax"]
        return cls(tiles.NF4, (codes, absmax, absmax, nf4_table(device)))

    def fast(self, x: Tensor) -> bool:
        """Whether its nibbles are unpacked by assembly: for activations in bf16, whose products need no more digits."""
        return self.form in (tiles.INT4, tiles.NF4) and x.dtype == torch.bfloat16 and nibbles.trusted(x.device)


def fits(weight: PackedWeight) -> bool:
    """Whether the kernels read this format."""
    contiguous = all(part.is_contiguous() for part in weight.parts.values())
    return contiguous and weight.form in (INT8, ARRANGED_INT4, ARRANGED_NF4)


@cache
def nf4_table(device: torch.device) -> Tensor:
    """The 16 values of NF4 on a device."""
    return torch.tensor(CODE, device=device)
