"""Matrix products with prepacked weights on x86 CPUs, through the oneDNN operators that come with PyTorch.

Why: PyTorch's own fp32 product goes to MKL, which on AMD reaches a sixth of oneDNN's speed on the shapes of small models
(2304 x 320 x 960 on 2 Zen 5 cores: 58 against 190 GFLOPS fp32 and 790 bf16; 8 x 256 x 4624: 17, 170 and 370).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Linear = Callable[[Tensor], Tensor]
TYPICAL_ROWS = 64  # what the packing is tuned for; any number of rows works


def available() -> bool:
    """Whether the operators exist in this PyTorch and this CPU."""
    names = ("_linear_pointwise", "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)


def fast_bf16() -> bool:
    """Whether the CPU multiplies bf16 natively (AVX512-BF16 or AMX): elsewhere it is emulated and slow."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return available() and any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def linear(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Linear:
    """Pack a weight [out, in] and return x [..., in] -> [..., out], computing and answering in `dtype`."""
    weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
    if not available() or weight.device.type != "cpu":
        return lambda x: F.linear(x.to(dtype), weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), TYPICAL_ROWS)
    product = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: product(x.to(dtype), packed, bias, "none", [], "")


def full_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt d) v without a mask, q k v [N, A, P, d]; two batched products, which beat SDPA here in bf16."""
    tiles, heads, patches, width = q.shape
    q, k, v = ((part.reshape(-1, patches, width)) for part in (q * width**-0.5, k, v))
    share = torch.bmm(q, k.transpose(1, 2)).softmax(-1)
    return torch.bmm(share, v).view(tiles, heads, patches, width)
