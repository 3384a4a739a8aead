"""Matrix products with prepacked weights on x86 CPUs, through the oneDNN operators that come with PyTorch.

Why: PyTorch's own fp32 product goes to MKL, which on AMD reaches a sixth of oneDNN's speed on the shapes of small models
(2304 x 320 x 960 on 2 Zen 5 cores: 58 against 190 GFLOPS fp32 and 790 bf16; 8 x 256 x 4624: 17, 170 and 370).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Linear = Callable[[Tensor], Tensor]
QUERY_BLOCK = 576  # queries whose scores are held at once: a whole 24 x 24 tile
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


def attention(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None, causal: bool) -> Tensor:
    """Attention as batched products over blocks of queries; see `ops.attention`. Faster here than SDPA in bf16.

    (2 Zen 5 cores: a 576-token tile with 5 heads of 64 takes a third less of the whole tower; a 607-token prompt with 8
    heads of 48 takes 2 ms a layer against 19.)
    """
    batch, heads, queries, width = q.shape
    seen, value = k.shape[2], v.shape[3]
    q, k, v = (part.reshape(batch * heads, -1, part.shape[3]) for part in (q * scale, k, v))
    out = torch.empty(batch * heads, queries, value, dtype=v.dtype)
    for start in range(0, queries, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, queries)
        limit = end if causal else seen
        scores = torch.bmm(q[:, start:end], k[:, :limit].transpose(1, 2)).unflatten(0, (batch, heads))
        if causal:
            future = torch.ones(end - start, limit, dtype=torch.bool).triu(start + 1)
            scores.masked_fill_(future, float("-inf"))
        elif mask is not None:
            part = mask[:, :, start:end]
            scores = scores.masked_fill(~part, float("-inf")) if part.dtype == torch.bool else scores + part.to(scores.dtype)
        out[:, start:end] = torch.bmm(scores.softmax(-1).flatten(0, 1), v[:, :limit])
    return out.unflatten(0, (batch, heads))
