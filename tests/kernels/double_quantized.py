"""What bitsandbytes does to the scales of NF4 when it quantizes them too: the runtime only reads it."""

import torch
import torch.nn.functional as F
from torch import Tensor

NESTED_BLOCK = 256


def quantize_absmax(absmax: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """Double quantization: absmax [B] -> uint8 [B], nested absmax fp32 [ceil(B / 256)], the map [256], the offset."""
    offset, values = absmax.mean(), dynamic_map().to(absmax.device)
    centred = absmax - offset
    blocks = F.pad(centred, (0, -len(centred) % NESTED_BLOCK)).view(-1, NESTED_BLOCK)
    nested = blocks.abs().amax(-1)
    scaled = blocks * torch.where(nested > 0, 1 / nested, 0.0)[:, None]
    codes = torch.bucketize(scaled, (values[1:] + values[:-1]) / 2).to(torch.uint8).flatten()[: len(centred)]
    return codes, nested, values, float(offset)


def dynamic_map() -> Tensor:
    """The 256 values of the 8-bit dynamic type: 7 decades, each half as finely divided as the next, both signs, 0 and 1."""
    data = [0.0, 1.0]
    for decade in range(7):
        bounds = torch.linspace(0.1, 1, 2**decade + 1, dtype=torch.float32)
        middles = (10 ** (decade - 6) * ((bounds[:-1] + bounds[1:]) / 2)).tolist()
        data += middles + [-value for value in middles]
    return torch.tensor(sorted(data), dtype=torch.float32)
