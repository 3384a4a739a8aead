"""What a format is, and a weight held in one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

AT_ONCE = 1 << 22  # weights of a matrix that are packed together: packing holds some 20 bytes beside each
ALIGNED = 64  # so many rows are whole blocks in every format, whatever the columns


class Format(Protocol):
    """One way to hold a matrix [..., N, K] in few bits."""

    @property
    def name(self) -> str: ...

    @property
    def bits(self) -> float:
        """Bits a weight, scales included, for wide rows."""
        ...

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        """[..., N, K] of any float type -> parts by name, each with the leading dimensions of the weight."""
        ...

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        """The parts of a weight -> fp32 [..., rows, columns]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PackedWeight:
    """A matrix, or a stack of them, in some format; rows and columns are those of one matrix."""

    form: Format
    parts: Mapping[str, Tensor]
    rows: int
    columns: int

    @classmethod
    def of(cls, form: Format, weight: Tensor, device: torch.device | None = None) -> "PackedWeight":
        """Pack a weight [..., N, K], on a device if one is given.

        A large matrix goes there and is packed a part at a time, which bounds what is held beside the result.
        """
        rows, columns = weight.shape[-2:]
        step = max(AT_ONCE // columns // ALIGNED, 1) * ALIGNED
        if weight.dim() > 2 or rows <= step:
            return cls(form, form.pack(weight.to(device)), rows, columns)
        parts: dict[str, Tensor] = {}
        for start in range(0, rows, step):
            packed = form.pack(weight[start : start + step].to(device))
            if not start:  # the first dimension of every part grows with the rows
                parts = {
                    name: part.new_empty(-(-part.shape[0] * rows // step), *part.shape[1:])
                    for name, part in packed.items()
                }
            for name, part in packed.items():
                first = parts[name].shape[0] - part.shape[0] if start + step >= rows else start // step * part.shape[0]
                parts[name][first : first + part.shape[0]] = part
        return cls(form, parts, rows, columns)

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """[..., N, K] in `dtype`."""
        return self.form.unpack(self.parts, self.rows, self.columns).to(dtype)

    def __getitem__(self, index: int) -> "PackedWeight":
        """One entry of the first stack dimension."""
        return PackedWeight(
            self.form, {name: part[index] for name, part in self.parts.items()}, self.rows, self.columns
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.nbytes for part in self.parts.values())
