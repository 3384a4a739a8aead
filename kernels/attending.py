"""Attention of many tokens, left to whichever library of the device does it best."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import onednn


def one_width(x: Tensor) -> bool:
    """Whether attention on a GPU is worth values as wide as keys: flash attention wants that, cuDNN's on Hopper does not.

    At 1,461 tokens of 16 heads, 192 wide with values of 128: 68.5 us padded and cut, 42.4 as they are (H100, cuDNN 9.19).
    """
    return x.is_cuda and (x.dtype == torch.float32 or not _cudnn_of_hopper(x.device))


@cache
def _cudnn_of_hopper(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) >= (9, 0) and (torch.backends.cudnn.version() or 0) >= 91900


def attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """softmax(q k^T * scale) v for q [B, A, T, d], k [B, A', L, d], v [B, A', L, dv] -> [B, A, T, dv]; A a multiple of A'.

    mask [B or 1, 1, T, L], bool (True = seen) or additive; causal: lower triangular, T = L, no mask; scale: 1 / sqrt(d).
    """
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    shared = k.shape[1] != q.shape[1]
    if q.dtype == torch.bfloat16 and q.device.type == "cpu" and not shared and not torch.is_grad_enabled():
        return onednn.attention(q, k, v, scale=scale, mask=mask, causal=causal)
    if mask is None and v.shape[-1] < q.shape[-1] and one_width(q):
        wide = F.pad(v, (0, q.shape[-1] - v.shape[-1]))
        mixed = F.scaled_dot_product_attention(q, k, wide, is_causal=causal, scale=scale, enable_gqa=shared)
        return mixed[..., : v.shape[-1]]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=shared)
