"""int8 with one scale a row, and int4 in groups of 64 with a scale and a zero point each.

Letters: N rows, K columns, G groups of a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

GROUP = 64  # 10944, 6848 and 1408 are multiples of 64 and of nothing larger that divides all released widths
RANGES = (1.0, 0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.79, 0.76, 0.73, 0.7)  # shares of a group's range that are tried
SLICE = 1 << 22  # weights searched at once: bounds what packing needs beside the weight


@dataclass(frozen=True, slots=True)
class Int8:
    """codes int8 [..., N, K], scale fp32 [..., N]: the largest magnitude of a row becomes 127, a row of zeros gets scale 1."""

    name: str = "int8"
    bits: float = 8.0

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        rows = weight.float()
        top = rows.abs().amax(-1)
        scale = torch.where(top > 0, top / 127, 1.0)
        codes = (rows / scale[..., None]).round().clamp(-127, 127).to(torch.int8)
        return {"codes": codes, "scale": scale}

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        return parts["codes"].float() * parts["scale"].float()[..., None]


@dataclass(frozen=True, slots=True)
class Int4:
    """weight = (code - zero) * scale, code and zero in 0..15, for each group of 64 along a row.

    codes uint8 [..., N, G * 32], the earlier column in the low nibble; scale bf16 [..., N, G]; zero uint8
    [..., N, ceil(G / 2)], nibbles alike. A last group that is not full is filled up with zeros. The range of a group is
    searched for the least squared error: 8.75 % on Gaussian weights where the full range gives 9.1 %.
    """

    name: str = "int4"
    bits: float = 4 + 20 / GROUP

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        groups = F.pad(weight, (0, -weight.shape[-1] % GROUP)).unflatten(-1, (-1, GROUP))
        flat = groups.flatten(0, -2)  # [*, 64]
        found = [_search(part.float()) for part in flat.split(SLICE // GROUP)]
        codes, scale, zero = (torch.cat(parts).view(*groups.shape[:-1], -1) for parts in zip(*found, strict=True))
        zero = F.pad(zero[..., 0], (0, zero.shape[-2] % 2))
        return {"codes": pair(codes.flatten(-2)), "scale": scale[..., 0], "zero": pair(zero)}

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        scale = parts["scale"].float()[..., None]
        zero = unpair(parts["zero"])[..., : scale.shape[-2], None].float()
        codes = unpair(parts["codes"]).unflatten(-1, (-1, GROUP)).float()
        return ((codes - zero) * scale).flatten(-2)[..., :columns]


def _search(groups: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """[*, 64] fp32 -> codes uint8 [*, 64], scale bf16 [*, 1], zero uint8 [*, 1] of the range with the least error."""
    low, high = groups.amin(-1, True).clamp(max=0), groups.amax(-1, True).clamp(min=0)
    best = torch.full_like(low, torch.inf)
    kept_scale, kept_zero = torch.ones_like(low), torch.zeros_like(low)
    for share in RANGES:
        scale = ((high - low) * (share / 15)).to(torch.bfloat16).float()  # as it will be stored
        scale = torch.where(scale > 0, scale, 1.0)
        zero = (-low * share / scale).round().clamp(0, 15)
        error = _dequantized(groups, scale, zero).sub_(groups).square_().sum(-1, True)
        better = error < best
        best = torch.where(better, error, best)
        kept_scale, kept_zero = torch.where(better, scale, kept_scale), torch.where(better, zero, kept_zero)
    codes = _codes(groups, kept_scale, kept_zero).to(torch.uint8)
    return codes, kept_scale.to(torch.bfloat16), kept_zero.to(torch.uint8)


def _codes(groups: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return (groups / scale).round_().add_(zero).clamp_(0, 15)


def _dequantized(groups: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return _codes(groups, scale, zero).sub_(zero).mul_(scale)


def pair(nibbles: Tensor) -> Tensor:
    """uint8 [..., 2 n] with values 0..15 -> [..., n], the earlier one in the low nibble."""
    return nibbles[..., 0::2] | nibbles[..., 1::2] << 4


def unpair(packed: Tensor) -> Tensor:
    """The inverse of `pair`."""
    return torch.stack((packed & 15, packed >> 4), dim=-1).flatten(-2)


INT8, INT4 = Int8(), Int4()
