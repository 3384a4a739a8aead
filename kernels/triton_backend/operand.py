"""A weight as the matrix kernels take it: a format number and three tensors, some of which only fill their place."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.packing.arranged import ArrangedInt4, ArrangedInt8, ArrangedNF4
from dsvl2.kernels.triton_backend import nibbles, tiles


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """tensors: codes, words (scales of int8), table of NF4."""

    form: int
    tensors: tuple[Tensor, Tensor, Tensor]

    @classmethod
    def of(cls, weight: PackedWeight | Tensor, device: torch.device) -> "Operand":
        """Of a plain tensor or a packed weight that `fits`."""
        if isinstance(weight, Tensor):
            return cls(tiles.PLAIN, (weight, weight, weight))
        codes, form = weight.parts["codes"], FORMS[type(weight.form)]
        words = weight.parts["scale" if form == tiles.INT8 else "words"]
        return cls(form, (codes, words, nibbles.nf4_table(device) if form == tiles.NF4 else words))

    def fast(self, x: Tensor) -> bool:
        """Whether codes are unpacked by assembly: for activations in bf16, whose products need no more digits."""
        return self.form != tiles.PLAIN and x.dtype == torch.bfloat16 and nibbles.trusted(x.device)


FORMS = {ArrangedInt8: tiles.INT8, ArrangedInt4: tiles.INT4, ArrangedNF4: tiles.NF4}


def fits(weight: PackedWeight) -> bool:
    """Whether the kernels read this format."""
    return type(weight.form) in FORMS and all(part.is_contiguous() for part in weight.parts.values())
