"""What an adapter does to one weight: adds a product of low rank, or takes its place.

Letters: r rank, N rows and K columns of the weight.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NIBBLE = 8  # a 4-bit code is stored as itself plus this


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """scale * B A, the factors as they are stored.

    Floats: a [r, K], b [N, r] (kernels of convolutions with their further dimensions). Codes, where `components` is there:
    both [r, K] and [r, N], int8, or uint8 with two 4-bit codes a byte, the even one in the low half; component i is then
    components[i] * b[i] (outer) a[i].
    """

    a: Tensor
    b: Tensor
    scale: float
    components: Tensor | None = None
    turned: bool = False  # of an embedding, whose table is the transposed weight of a linear map

    def delta(self, device: torch.device) -> Tensor:
        """What is added to the weight: fp32 [N, K]."""
        a, b = decoded(self.a).to(device).float(), decoded(self.b).to(device).float()
        if self.components is None:
            a, b = a.flatten(1), b.flatten(1)
        else:
            b = (b * self.components.to(device).float()[:, None]).T
        product = (b * self.scale) @ a
        return product.T if self.turned else product

    @property
    def shape(self) -> tuple[int, int]:
        """N, K."""
        a, b = self.a, self.b
        if self.components is not None:
            found = columns(b), columns(a)
        else:
            found = b.shape[0], a[0].numel()
        return found[::-1] if self.turned else found


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A tensor that was trained as a whole and takes the place of the model's (PEFT: modules_to_save, bias)."""

    tensor: Tensor


Change = LowRank | Whole


def columns(codes: Tensor) -> int:
    """Values in a row of stored codes."""
    return codes.shape[-1] * (2 if codes.dtype == torch.uint8 else 1)


def decoded(stored: Tensor) -> Tensor:
    """4-bit codes [.., n / 2] as whole numbers [.., n]; anything else as it is."""
    if stored.dtype != torch.uint8:
        return stored
    pair = torch.stack((stored & 15, stored >> 4), dim=-1).flatten(-2)
    return pair.to(torch.int8) - NIBBLE


def changed(weight: Tensor, change: Change) -> Tensor:
    """The weight with a change: fp32, of its own shape and on its own device."""
    if isinstance(change, Whole):
        return change.tensor.to(weight.device, torch.float32)
    return weight.float() + change.delta(weight.device).view(weight.shape)
