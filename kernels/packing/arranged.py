"""Packed weights in the order that kernels read, made once, at load; never stored in a file.

Codes come in units of 32 bytes of a row: 64 columns of 4 bits (byte c holds column c low and column c + 32 high), or 32 of 8
bits. The units of 64 rows lie together as a tile of 2048 bytes, in the order in which the threads of a warp group hold the left
operand of Hopper's matrix products: a thread's 16 bytes are one load, and nothing moves between threads afterwards. Rows are
filled up with zeros to whole tiles. Letters: N rows, K columns, T tiles of rows, U units of a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels.packing.bnb import BLOCK, CODE, INT8_BNB, NF4, STEP
from dsvl2.kernels.packing.formats import Format, PackedWeight
from dsvl2.kernels.packing.integers import INT4, INT8, unpair

UNIT, TILE = 32, 64
AT_ONCE = 1 << 13  # rows of a matrix, whole tiles, that are arranged together
SLICE = 1 << 19  # groups rearranged at once
MIDDLE = 0x4300  # bf16 128; with a zero point of 0 to 15 added, 128 + zero


@dataclass(frozen=True, slots=True)
class ArrangedInt8:
    """codes int8 [..., T, U, 2048]; scale fp32 [..., T * 64]."""

    name: str = "int8-arranged"
    bits: float = INT8.bits

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        return dict(arrange(PackedWeight.of(INT8, weight)).parts)

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        return (untiled(parts["codes"]).float() * parts["scale"].float()[..., None])[..., :rows, :]


@dataclass(frozen=True, slots=True)
class ArrangedInt4:
    """codes uint8 [..., T, U, 2048]; words int32 [..., T, U, 64]: of each row's group the bits of two bf16, scale low and
    128 + zero high."""

    name: str = "int4-arranged"
    bits: float = 4 + 32 / BLOCK

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        return dict(arrange(PackedWeight.of(INT4, weight)).parts)

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        words = parts["words"].transpose(-1, -2).flatten(-3, -2)[..., None]  # [..., N, U, 1]
        scale = (words << 16).view(torch.float32)
        return ((_columns(parts["codes"]).float() - (words >> 16 & 15)) * scale).flatten(-2)[..., :rows, :]


@dataclass(frozen=True, slots=True)
class ArrangedNF4:
    """codes uint8 [..., T, U, 2048]; words fp32 [..., T, U, 64]: the largest magnitude of each row's group."""

    name: str = "nf4-arranged"
    bits: float = NF4.bits

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        return dict(arrange(PackedWeight.of(NF4, weight)).parts)

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        codes = _columns(parts["codes"])
        absmax = parts["words"].transpose(-1, -2).flatten(-3, -2)[..., None]
        return (torch.tensor(CODE, device=codes.device)[codes.int()] * absmax).flatten(-2)[..., :rows, :]


def arrange(weight: PackedWeight) -> PackedWeight:
    """The same weight in kernel order; as it is where there is none (columns that are no whole number of units).

    A large matrix is arranged a part at a time: beside itself and the result, little is held.
    """
    if weight.rows <= AT_ONCE or next(iter(weight.parts.values())).dim() > (1 if weight.form is NF4 else 2):
        return _arrange(weight)
    made: dict[str, Tensor] = {}
    for start in range(0, weight.rows, AT_ONCE):
        rows = min(AT_ONCE, weight.rows - start)
        share = {name: _rows_of(part, weight.rows, start, rows) for name, part in weight.parts.items()}
        piece = _arrange(PackedWeight(weight.form, share, rows, weight.columns))
        if "words" not in piece.parts and piece.form is not ARRANGED_INT8:  # there is no order for it
            return _arrange(weight)
        for name, part in piece.parts.items():
            if not start:
                each = TILE if name == "scale" else 1  # what a tile adds to the first dimension
                made[name] = part.new_empty(-(-weight.rows // TILE) * each, *part.shape[1:])
            first = len(made[name]) - len(part) if rows < AT_ONCE else start // AT_ONCE * len(part)
            made[name][first : first + len(part)] = part
    return PackedWeight(piece.form, made, weight.rows, weight.columns)


def held_bits(form: Format) -> float:
    """Bits a weight in kernel order, scales included, for wide rows: what a GPU holds."""
    return ARRANGED_INT4.bits if form is INT4 else form.bits


def _rows_of(part: Tensor, rows: int, start: int, count: int) -> Tensor:
    """Some rows of a part, whose first dimension goes through the rows, or through all blocks of all of them."""
    each = len(part) // rows
    return part[start * each : (start + count) * each]


def _arrange(weight: PackedWeight) -> PackedWeight:
    form, parts, columns = weight.form, weight.parts, weight.columns
    if form is INT8_BNB:
        parts, form = {"codes": parts["codes"], "scale": parts["scb"].float() * STEP}, INT8
    if form is INT8:
        if columns % UNIT:
            return PackedWeight(INT8, parts, weight.rows, columns)
        made = {"codes": tiled(parts["codes"]), "scale": F.pad(parts["scale"].float(), (0, -weight.rows % TILE))}
        return PackedWeight(ARRANGED_INT8, made, weight.rows, columns)
    if columns % BLOCK or form not in (INT4, NF4):
        return weight
    codes = parts["codes"].contiguous()
    if form is NF4:
        codes = codes.unflatten(-1, (weight.rows, -1))
    codes = tiled(_regrouped(codes, high_first=form is NF4))
    if form is INT4:
        scale = parts["scale"].contiguous().view(torch.int16).int() & 0xFFFF
        zero = unpair(parts["zero"])[..., : columns // BLOCK].int()
        words = _words(scale | (zero + MIDDLE) << 16)
        return PackedWeight(ARRANGED_INT4, {"codes": codes, "words": words}, weight.rows, columns)
    words = _words(parts["absmax"].float().unflatten(-1, (weight.rows, -1)))
    return PackedWeight(ARRANGED_NF4, {"codes": codes, "words": words}, weight.rows, columns)


def tiled(codes: Tensor) -> Tensor:
    """Bytes [..., N, B] -> [..., T, B / 32, 2048]: rows 16 w + 8 r + l, bytes 16 s + 8 h + 2 q + e as (w, l, q, s, h, r, e)."""
    if codes.shape[-2] % TILE:
        codes = F.pad(codes, (0, 0, 0, -codes.shape[-2] % TILE))
    split = codes.unflatten(-1, (-1, 2, 2, 4, 2)).unflatten(-6, (-1, 4, 2, 8))  # [..., T, w, r, l, U, s, h, q, e]
    lead = split.dim() - 9
    order = [*range(lead), *(lead + axis for axis in (0, 4, 1, 3, 7, 5, 6, 2, 8))]
    return split.permute(order).reshape(*codes.shape[:-2], split.shape[lead], split.shape[lead + 4], TILE * UNIT)


def untiled(codes: Tensor) -> Tensor:
    """The inverse of `tiled`, the rows that fill up the last tile included."""
    split = codes.unflatten(-1, (4, 8, 4, 2, 2, 2, 2))  # [..., T, U, w, l, q, s, h, r, e]
    lead = split.dim() - 9
    order = [*range(lead), *(lead + axis for axis in (0, 2, 7, 3, 1, 5, 6, 4, 8))]
    return split.permute(order).reshape(*codes.shape[:-3], codes.shape[-3] * TILE, codes.shape[-2] * UNIT)


def _words(found: Tensor) -> Tensor:
    """[..., N, U] -> [..., T, U, 64]."""
    filled = F.pad(found, (0, 0, 0, -found.shape[-2] % TILE))
    return filled.unflatten(-2, (-1, TILE)).transpose(-1, -2).contiguous()


def _regrouped(codes: Tensor, *, high_first: bool) -> Tensor:
    """Any bytes in the order of their columns, rearranged within groups of 32; in slices, to bound what it holds."""
    done = torch.empty_like(codes)
    for source, target in zip(codes.view(-1, UNIT).split(SLICE), done.view(-1, UNIT).split(SLICE), strict=True):
        nibbles = (source >> 4, source & 15) if high_first else (source & 15, source >> 4)
        low, high = torch.stack(nibbles, dim=-1).flatten(-2).split(UNIT, dim=-1)
        torch.bitwise_or(low, high << 4, out=target)
    return done


def _columns(codes: Tensor) -> Tensor:
    """Tiles -> nibbles [..., N, U, 64] in the order of the columns."""
    groups = untiled(codes).unflatten(-1, (-1, UNIT))
    return torch.cat((groups & 15, groups >> 4), dim=-1)


ARRANGED_INT8, ARRANGED_INT4, ARRANGED_NF4 = ArrangedInt8(), ArrangedInt4(), ArrangedNF4()
