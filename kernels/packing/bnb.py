"""The formats of bitsandbytes, number for number and without the library: NF4 in blocks of 64, and LLM.int8 weights.

Blocks of NF4 run through the matrix row by row and may cross rows. Letters: N rows, K columns, B blocks of a matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 64
# Quantiles of the normal distribution, scaled to [-1, 1], with an exact zero (QLoRA, appendix E).
CODE = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
STEP = 7.874015718698502e-3  # 1 / 127 as bitsandbytes writes it


@dataclass(frozen=True, slots=True)
class NormalFloat4:
    """codes uint8 [..., ceil(N K / 2)], the earlier weight in the high nibble; absmax fp32 [..., B]."""

    name: str = "nf4"
    bits: float = 4 + 32 / BLOCK

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        flat = weight.float().flatten(-2)
        blocks = F.pad(flat, (0, -flat.shape[-1] % BLOCK)).unflatten(-1, (-1, BLOCK))
        absmax = blocks.abs().amax(-1)
        scaled = blocks * torch.where(absmax > 0, 1 / absmax, 0.0)[..., None]
        code = torch.tensor(CODE, device=weight.device)
        codes = torch.bucketize(scaled, (code[1:] + code[:-1]) / 2).to(torch.uint8).flatten(-2)
        codes = F.pad(codes[..., : flat.shape[-1]], (0, flat.shape[-1] % 2))
        return {"codes": codes[..., 0::2] << 4 | codes[..., 1::2], "absmax": absmax}

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        codes = parts["codes"]
        nibbles = torch.stack((codes >> 4, codes & 15), dim=-1).flatten(-2)[..., : rows * columns]
        values = torch.tensor(CODE, device=codes.device)[nibbles.int()]
        blocks = F.pad(values, (0, -values.shape[-1] % BLOCK)).unflatten(-1, (-1, BLOCK))
        flat = (blocks * parts["absmax"].float()[..., None]).flatten(-2)[..., : rows * columns]
        return flat.unflatten(-1, (rows, columns))


@dataclass(frozen=True, slots=True)
class Int8Bnb:
    """codes int8 [..., N, K], scb fp32 [..., N], the largest magnitude of a row: weight = code * scb / 127."""

    name: str = "int8-bnb"
    bits: float = 8.0

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        rows = weight.float()
        scb = rows.abs().amax(-1)
        codes = (rows * torch.where(scb > 0, 127 / scb, 0.0)[..., None]).round().to(torch.int8)
        return {"codes": codes, "scb": scb}

    def unpack(self, parts: Mapping[str, Tensor], rows: int, columns: int) -> Tensor:
        return parts["codes"].float() * parts["scb"].float()[..., None] * STEP


def dequantize_absmax(codes: Tensor, nested: Tensor, values: Tensor, offset: float, block: int) -> Tensor:
    """Undo double quantization: codes uint8 [B] in blocks of `block`, their `nested` absmax, the map `values` [256]; fp32 [B]."""
    wide = nested.float().repeat_interleave(block)[: codes.numel()]
    return values.float()[codes.flatten().int()] * wide + torch.tensor(offset, device=codes.device)


NF4 = NormalFloat4()
INT8_BNB = Int8Bnb()
