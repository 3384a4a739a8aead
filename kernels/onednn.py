"""Matrix products with prepacked weights on x86 CPUs, through the oneDNN operators that come with PyTorch.

Why: PyTorch's own fp32 product goes to MKL, which on AMD reaches a sixth of oneDNN's speed on the shapes of small models
(2304 x 320 x 960 on 2 Zen 5 cores: 58 against 190 GFLOPS fp32 and 790 bf16; 8 x 256 x 4624: 17, 170 and 370).
"""

import platform
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Linear = Callable[[Tensor], Tensor]
QUERY_BLOCK = 192  # queries whose scores are held at once: they stay in the cache of a core
TYPICAL_ROWS = 64  # what the packing is tuned for; any number of rows works


def available() -> bool:
    """Whether the operators exist in this PyTorch, and this is an x86 CPU: elsewhere nothing was measured."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    names = ("_linear_pointwise", "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)


def fast_bf16() -> bool:
    """Whether the CPU multiplies bf16 natively (AVX512-BF16 or AMX): elsewhere it is emulated and slow."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return available() and any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def linear(weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False) -> Linear:
    """Pack a weight [out, in] and return x [..., in] -> [..., out], computing and answering in `dtype`.

    gelu applies the tanh form to the result while it is still in registers: a fifth of a tower block's time otherwise.
    """
    weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
    if not available() or weight.device.type != "cpu":
        plain: Linear = lambda x: F.linear(x.to(dtype), weight, bias)  # noqa: E731
        return (lambda x: F.gelu(plain(x), approximate="tanh")) if gelu else plain
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), TYPICAL_ROWS)
    product = torch.ops.mkldnn._linear_pointwise.default
    after: tuple[str, list[float], str] = ("gelu", [], "tanh") if gelu else ("none", [], "")
    return lambda x: product(x.to(dtype), packed, bias, *after)


def attention(q: Tensor, k: Tensor, v: Tensor, *, scale: float, mask: Tensor | None, causal: bool) -> Tensor:
    """Attention as batched products over blocks of queries; see `ops.attention`. Faster here than SDPA in bf16.

    One Zen 5 core: a 24 x 24 tile with 5 heads of 64 takes 3.4 ms against 14; a prompt of 607 with 8 heads of 48 4 against 14.
    """
    batch, heads, queries = q.shape[:3]
    q, k, v = (part.flatten(0, 1) for part in (q * scale, k, v))  # [B * A, T or L, d]
    if queries > QUERY_BLOCK:  # every product would copy them by itself: a tile takes 2.3 ms, not 2.9, to the same bits
        k, v = k.contiguous(), v.contiguous()
    done = []
    for start in range(0, queries, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, queries)
        limit = end if causal else k.shape[1]
        rows, keys = q[:, start:end], k[:, :limit].transpose(1, 2)
        if causal:
            future = torch.full((end - start, limit), float("-inf"), dtype=q.dtype).triu(start + 1)
            scores = torch.baddbmm(future, rows, keys)
        else:
            scores = torch.bmm(rows, keys)
            if mask is not None:
                part = _additive(mask[:, :, start:end], q.dtype)
                scores = (scores.unflatten(0, (batch, heads)) + part).flatten(0, 1)
        done.append(torch.bmm(scores.softmax(-1), v[:, :limit]))
    return torch.cat(done, dim=1).unflatten(0, (batch, heads))


def _additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A bool mask (True = seen) as something to add; an additive one as it is. masked_fill would take 7 times as long."""
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, float("-inf"))
