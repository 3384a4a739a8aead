"""Causal attention of the decoder: plain multi-head (tiny) and multi-head latent (small, base, nano). spec.md 6.1, 6.2.

Letters: B sequences, T new tokens, L cached and new tokens, H hidden, A heads, r latent, dn/dr/dv widths of a head's
position-free part, rotary part and value.

`forward` is the expanded form, for training and prompts. `step` takes one new token per sequence against a cache;
MLA does it in the absorbed form, which reads the latents and never expands keys or values.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from dsvl2.kernels import ops
from dsvl2.kernels.ops import Sight, rotate_halves, rotate_pairs
from dsvl2.model.cache import Layer
from dsvl2.model.config import LanguageConfig
from dsvl2.model.rope import mscale

LATENT_EPS = 1e-6  # fixed, whatever rms_norm_eps says


class LayerCache(Protocol):
    """What one layer keeps: `extend` stores the parts of new tokens and returns those of all tokens so far.

    MLA stores [B, T, 1, 1, r + dr] (normed latent, rotated rope key), multi-head attention [B, T, 2, kv heads, d]
    (rotated k, v).
    """

    def extend(self, parts: Tensor) -> Tensor: ...


class RMSNorm(nn.Module):
    """RMS norm with fp32 statistics."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return ops.rms_norm(x, self.weight, self.eps)

    def behind(self, x: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
        """x + delta and its norm."""
        return ops.add_rms_norm(x, delta, self.weight, self.eps)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """q [B, A, T, d], k [B, A', L, d], v [B, A', L, dv] -> [B, T, A*dv]; causal over equal lengths when there is no mask."""
    mixed = ops.attention(q, k, v, scale=scale, mask=mask, causal=mask is None)
    return mixed.transpose(1, 2).flatten(2)


class MultiHeadAttention(nn.Module):
    """Llama-style attention; rotary positions over the whole head, pairing i with i + d/2."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        hidden, dim, bias = config.hidden_size, config.head_dim, config.attention_bias
        self.dim, self.kv_heads, self.scale = dim, config.kv_heads, dim**-0.5
        self.q_proj = nn.Linear(hidden, config.num_attention_heads * dim, bias=bias)
        self.k_proj = nn.Linear(hidden, config.kv_heads * dim, bias=bias)
        self.v_proj = nn.Linear(hidden, config.kv_heads * dim, bias=bias)
        self.o_proj = nn.Linear(config.num_attention_heads * dim, hidden, bias=bias)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        q, parts = self._project(x, cos, sin)
        if cache is not None:
            parts = cache.extend(parts)
        k, v = parts.permute(2, 0, 3, 1, 4)  # each [B, A', L, d]
        return self.o_proj(attend(q.transpose(1, 2), k, v, mask, self.scale))

    def step(self, x: Tensor, cos: Tensor, sin: Tensor, sight: Sight, layer: Layer) -> Tensor:
        """One new token a row: x [R, H], cos and sin [R, d/2] -> [R, H]."""
        q, k, v = (part(x).unflatten(-1, (-1, self.dim)) for part in (self.q_proj, self.k_proj, self.v_proj))
        query = ops.store_heads(q, k, v, cos, sin, self.scale, layer.flat, layer.rows, layer.scales)  # [R, A', A/A', d]
        mixed = ops.decode(query, layer.buffer, sight, scales=layer.scales)
        return self.o_proj(mixed.flatten(1).to(x.dtype))

    def _project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = cos[..., None, :], sin[..., None, :]
        q = rotate_halves(self.q_proj(x).unflatten(-1, (-1, self.dim)), cos, sin)
        k = rotate_halves(self.k_proj(x).unflatten(-1, (-1, self.dim)), cos, sin)
        v = self.v_proj(x).unflatten(-1, (-1, self.dim))
        return q, torch.stack((k, v), dim=2)


class LatentAttention(nn.Module):
    """MLA: keys and values of all heads come from one latent; one rotary key is shared by the heads."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        hidden, heads, bias = config.hidden_size, config.num_attention_heads, config.attention_bias
        assert config.kv_lora_rank is not None  # the config refuses MLA without it
        self.heads, self.rank = heads, config.kv_lora_rank
        self.nope, self.rotary, self.value = config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim
        width = self.nope + self.rotary
        if config.q_lora_rank is None:
            self.q_proj = nn.Linear(hidden, heads * width, bias=False)
        else:
            self.q_a_proj = nn.Linear(hidden, config.q_lora_rank, bias=bias)
            self.q_a_layernorm = RMSNorm(config.q_lora_rank, LATENT_EPS)
            self.q_b_proj = nn.Linear(config.q_lora_rank, heads * width, bias=False)
        self.low_rank_query = config.q_lora_rank is not None
        self.kv_a_proj_with_mqa = nn.Linear(hidden, self.rank + self.rotary, bias=bias)
        self.kv_a_layernorm = RMSNorm(self.rank, LATENT_EPS)
        self.kv_b_proj = nn.Linear(self.rank, heads * (self.nope + self.value), bias=False)
        self.o_proj = nn.Linear(heads * self.value, hidden, bias=bias)
        self.scale = _softmax_scale(config, width)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        q_nope, q_rope = self._queries(x, cos, sin)
        parts = self._compress(x, cos, sin)  # [B, T, r + dr]
        if cache is not None:
            parts = cache.extend(parts[:, :, None, None])[:, :, 0, 0]
        latent, k_rope = parts.split((self.rank, self.rotary), dim=-1)
        k_nope, v = self.kv_b_proj(latent).unflatten(-1, (self.heads, -1)).split((self.nope, self.value), dim=-1)
        k = torch.cat((k_nope, k_rope[:, :, None].expand(-1, -1, self.heads, -1).to(k_nope.dtype)), dim=-1)
        q = torch.cat((q_nope, q_rope), dim=-1)
        return self.o_proj(attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask, self.scale))

    def step(self, x: Tensor, cos: Tensor, sin: Tensor, sight: Sight, layer: Layer) -> Tensor:
        """The absorbed form, one new token a row: x [R, H], cos and sin [R, dr/2] -> [R, H]."""
        kv, norm = self.kv_a_proj_with_mqa(x), self.kv_a_layernorm
        ops.store_latent(kv, norm.weight, norm.eps, cos, sin, layer.flat, layer.rows)
        to_key, to_value = self.kv_b_proj.weight.unflatten(0, (self.heads, -1)).split((self.nope, self.value), dim=1)
        query = ops.latent_query(self._project(x), to_key, cos, sin, self.scale)  # [R, A, r + dr]
        mixed = ops.decode(query[:, None], layer.buffer, sight, self.rank)
        return self.o_proj(torch.einsum("shr,hvr->shv", mixed[:, 0].to(to_value.dtype), to_value).flatten(1))

    def _queries(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        q_nope, q_rope = self._project(x).split((self.nope, self.rotary), dim=-1)
        return q_nope, rotate_pairs(q_rope, cos[..., None, :], sin[..., None, :])

    def _project(self, x: Tensor) -> Tensor:
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.low_rank_query else self.q_proj(x)
        return q.unflatten(-1, (self.heads, -1))

    def _compress(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        latent, k_rope = self.kv_a_proj_with_mqa(x).split((self.rank, self.rotary), dim=-1)
        latent = self.kv_a_layernorm(latent)
        return torch.cat((latent, rotate_pairs(k_rope, cos, sin).to(latent.dtype)), dim=-1)


def _softmax_scale(config: LanguageConfig, width: int) -> float:
    scaling = config.rope_scaling or {}
    stretch = mscale(float(scaling["factor"]), scaling["mscale_all_dim"]) if scaling.get("mscale_all_dim") else 1.0
    return float(width**-0.5 * stretch**2)


def build_attention(config: LanguageConfig) -> MultiHeadAttention | LatentAttention:
    """The attention the config asks for."""
    return LatentAttention(config) if config.use_mla else MultiHeadAttention(config)
