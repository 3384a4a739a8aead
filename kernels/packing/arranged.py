"""4-bit weights in the order that kernels read: byte j of a group of 64 columns holds column j low and column j + 32 high.

So that the two nibbles of a byte belong to two runs of neighbouring columns, and nothing is interleaved in registers.
Made once, at load; never stored in a file. Letters: N rows, K columns (a multiple of 64), G = K / 64 groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dsvl2.kernels.packing.bnb import BLOCK, CODE, INT8_BNB, NF4, STEP
from dsvl2.kernels.packing.formats import PackedWeight
from dsvl2.kernels.packing.integers import INT4, INT8, unpair

HALF = 32
SLICE = 1 << 19  # groups rearranged at once


@dataclass(frozen=True, slots=True)
class ArrangedInt4:
    """codes uint8 [..., N, G * 32]; scale bf16 [..., N, G] and zero uint8 [..., N, ceil(G / 2)] as `Int4` has them."""

    name: str = "int4-arranged"
    bits: float = INT4.bits

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        return arrange(PackedWeight.of(INT4, weight)).parts  # type: ignore[return-value]

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        scale = parts["scale"].float()[..., None]
        zero = unpair(parts["zero"])[..., : scale.shape[-2], None].float()
        return ((_columns(parts["codes"]).float() - zero) * scale).flatten(-2)


@dataclass(frozen=True, slots=True)
class ArrangedNF4:
    """codes uint8 [..., N, G * 32], absmax fp32 [..., N, G]."""

    name: str = "nf4-arranged"
    bits: float = NF4.bits

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        return arrange(PackedWeight.of(NF4, weight)).parts  # type: ignore[return-value]

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        codes = _columns(parts["codes"])
        table = torch.tensor(CODE, device=codes.device)
        return (table[codes.int()] * parts["absmax"].float()[..., None]).flatten(-2)


def arrange(weight: PackedWeight) -> PackedWeight:
    """The same weight in kernel order; as it is where there is none (columns that are no multiple of 64)."""
    parts, columns = weight.parts, weight.columns
    if weight.form is INT8_BNB:
        parts = {"codes": parts["codes"], "scale": parts["scb"].float() * STEP}
        return PackedWeight(INT8, parts, weight.rows, columns)
    if columns % BLOCK or weight.form not in (INT4, NF4):
        return weight
    codes = _regrouped(parts["codes"].contiguous(), high_first=weight.form is NF4)
    if weight.form is INT4:
        return PackedWeight(ARRANGED_INT4, {**parts, "codes": codes}, weight.rows, columns)
    absmax = parts["absmax"].float().unflatten(-1, (weight.rows, -1))
    codes = codes.unflatten(-1, (weight.rows, -1))
    return PackedWeight(ARRANGED_NF4, {"codes": codes, "absmax": absmax}, weight.rows, columns)


def _regrouped(codes: Tensor, *, high_first: bool) -> Tensor:
    """Any bytes in the order of their columns, rearranged within groups of 32; in slices, to bound what it holds."""
    done = torch.empty_like(codes)
    for source, target in zip(codes.view(-1, HALF).split(SLICE), done.view(-1, HALF).split(SLICE), strict=True):
        nibbles = (source >> 4, source & 15) if high_first else (source & 15, source >> 4)
        low, high = torch.stack(nibbles, dim=-1).flatten(-2).split(HALF, dim=-1)
        torch.bitwise_or(low, high << 4, out=target)
    return done


def _columns(codes: Tensor) -> Tensor:
    """[..., G * 32] bytes -> nibbles [..., G, 64] in the order of the columns."""
    groups = codes.unflatten(-1, (-1, HALF))
    return torch.cat((groups & 15, groups >> 4), dim=-1)


ARRANGED_INT4, ARRANGED_NF4 = ArrangedInt4(), ArrangedNF4()
