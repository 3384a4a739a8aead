"""Causal attention of the decoder: plain multi-head (tiny) and multi-head latent (small, base, nano). spec.md 6.1, 6.2.

Letters: B sequences, T new tokens, L cached and new tokens, H hidden, A heads, r latent, dn/dr/dv widths of a head's
position-free part, rotary part and value.

`forward` is the expanded form, for training and prompts. `step` takes one new token per sequence against a cache;
MLA does it in the absorbed form, which reads the latents and never expands keys or values.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dsvl2.kernels import joined, ops
from dsvl2.kernels.ops import Sight, rotate_halves
from dsvl2.kernels.packing import PackedWeight
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


@runtime_checkable
class Held(Protocol):
    """A linear map that shows its weight, plain or packed, to kernels that do more than multiply."""

    bias: Tensor | None

    @property
    def held(self) -> Tensor | PackedWeight: ...


class RMSNorm(nn.Module):
    """RMS norm with fp32 statistics."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return ops.rms_norm(x, self.weight, self.eps)

    def behind(self, x: Tensor, delta: Tensor | None) -> tuple[Tensor, Tensor]:
        """x + delta (or x) and its norm."""
        return (x, self(x)) if delta is None else ops.add_rms_norm(x, delta, self.weight, self.eps)

    def into(self, x: Tensor, delta: Tensor | None, linear: nn.Module) -> tuple[Tensor, Tensor]:
        """x + delta (or x), and a linear map of its norm; x [S, H]."""
        if isinstance(linear, Held):
            return joined.norm_linear(x, delta, self.weight, self.eps, linear.held, linear.bias)
        total, normed = self.behind(x, delta)
        return total, linear(normed)


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
        self.first: nn.Module | None = None  # q, k and v as one product, where that was made of them

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        q, parts = self._project(x, cos, sin)
        if cache is not None:
            parts = cache.extend(parts)
        k, v = parts.permute(2, 0, 3, 1, 4)  # each [B, A', L, d]
        return self.o_proj(attend(q.transpose(1, 2), k, v, mask, self.scale))

    def step(
        self, x: Tensor, delta: Tensor | None, norm: RMSNorm, cos: Tensor, sin: Tensor, sight: Sight, layer: Layer
    ) -> tuple[Tensor, Tensor]:
        """One new token a row: x and delta [R, H], cos and sin [R, d/2] -> x + delta, and attention of its norm [R, H]."""
        if self.first is None:
            total, normed = norm.behind(x, delta)
            parts, kind = [part(normed) for part in (self.q_proj, self.k_proj, self.v_proj)], normed.dtype
        else:
            total, both = norm.into(x, delta, self.first)
            parts, kind = list(both.split(self.widths, -1)), both.dtype
        q, k, v = (part.unflatten(-1, (-1, self.dim)) for part in parts)
        place = joined.Place(cos, sin, layer.flat, layer.rows)
        mixed = joined.heads_step(q, k, v, self.scale, layer.buffer, layer.scales, sight, place)  # [R, A, d]
        return total, self.o_proj(mixed.flatten(1).to(kind))

    @property
    def widths(self) -> list[int]:
        """Columns of q, k and v."""
        return [self.o_proj.in_features, self.kv_heads * self.dim, self.kv_heads * self.dim]

    def _project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = cos[..., None, :], sin[..., None, :]
        if self.first is None:
            q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        else:
            q, k, v = self.first(x).split(self.widths, -1)
        q = rotate_halves(q.unflatten(-1, (-1, self.dim)), cos, sin)
        k = rotate_halves(k.unflatten(-1, (-1, self.dim)), cos, sin)
        return q, torch.stack((k, v.unflatten(-1, (-1, self.dim))), dim=2)


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
        self.first: nn.Module | None = None  # the first products of queries and latents as one, where that was made

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        q, kv = self._begin(x)
        if self.low_rank_query:
            q = self.q_b_proj(self.q_a_layernorm(q))
        q = joined.prompt_queries(q.unflatten(-1, (self.heads, -1)), cos, sin)
        gain = self.kv_a_layernorm
        parts = joined.prompt_latents(kv, gain.weight, gain.eps, cos, sin)  # [B, T, r + dr]
        if cache is not None:
            parts = cache.extend(parts[:, :, None, None])[:, :, 0, 0]
        latent, rope = parts.split((self.rank, self.rotary), dim=-1)
        expanded = self.kv_b_proj(latent).unflatten(-1, (self.heads, -1))
        k, v = joined.keys_and_values(expanded, rope, self.value)
        mixed = ops.attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), scale=self.scale, mask=mask, causal=mask is None
        )
        return self.o_proj(mixed[..., : self.value].transpose(1, 2).flatten(2))

    def step(
        self, x: Tensor, delta: Tensor | None, norm: RMSNorm, cos: Tensor, sin: Tensor, sight: Sight, layer: Layer
    ) -> tuple[Tensor, Tensor]:
        """The absorbed form, one new token a row; see `MultiHeadAttention.step`, cos and sin [R, dr/2]."""
        if self.first is None:
            total, normed = norm.behind(x, delta)
            q, kv = self._begin(normed)
        else:
            total, both = norm.into(x, delta, self.first)
            q, kv = both.split(self.widths, -1)
        if self.low_rank_query:
            q = self.q_a_layernorm.into(q, None, self.q_b_proj)[1]
        to_key, to_value = self.kv_b_proj.weight.unflatten(0, (self.heads, -1)).split((self.nope, self.value), dim=1)
        gain = self.kv_a_layernorm
        place = joined.Place(cos, sin, layer.flat, layer.rows)
        query = joined.latent_step(
            q.unflatten(-1, (self.heads, -1)), kv, to_key, gain.weight, gain.eps, self.scale, place
        )  # [R, A, r + dr]
        mixed = joined.latent_values(query[:, None], layer.buffer, sight, to_value)
        return total, self.o_proj(mixed.flatten(1))

    @property
    def widths(self) -> list[int]:
        """Columns of the first product of queries, and of that of latents."""
        query = self.q_a_layernorm.weight.shape[0] if self.low_rank_query else self.heads * (self.nope + self.rotary)
        return [query, self.rank + self.rotary]

    def _begin(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The first products: of queries, and of latents."""
        if self.first is not None:
            q, kv = self.first(x).split(self.widths, -1)
            return q, kv
        return (self.q_a_proj if self.low_rank_query else self.q_proj)(x), self.kv_a_proj_with_mqa(x)


def _softmax_scale(config: LanguageConfig, width: int) -> float:
    scaling = config.rope_scaling or {}
    stretch = mscale(float(scaling["factor"]), scaling["mscale_all_dim"]) if scaling.get("mscale_all_dim") else 1.0
    return float(width**-0.5 * stretch**2)


def build_attention(config: LanguageConfig) -> MultiHeadAttention | LatentAttention:
    """The attention the config asks for."""
    return LatentAttention(config) if config.use_mla else MultiHeadAttention(config)
