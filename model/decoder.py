"""The language model: embeddings, pre-norm blocks, untied head (spec.md 6).

Letters: B sequences, T tokens, H hidden, V vocabulary.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from dsvl2.kernels import joined, ops
from dsvl2.kernels.ops import Sight
from dsvl2.model import rope
from dsvl2.model.attention import Held, LayerCache, RMSNorm, build_attention
from dsvl2.model.cache import Layer
from dsvl2.model.config import LanguageConfig
from dsvl2.model.moe import MoE, Routing, SwiGLU


class Block(nn.Module):
    """h = x + attention(norm x); out = h + mlp(norm h)."""

    def __init__(self, config: LanguageConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = build_attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.routed = config.is_moe(layer)
        self.mlp = MoE(config) if self.routed else SwiGLU(config.hidden_size, config.intermediate_size)

    def forward(
        self,
        x: Tensor,
        delta: Tensor | None,
        cos: Tensor,
        sin: Tensor,
        *,
        mask: Tensor | None = None,
        cache: LayerCache | None = None,
        routed: list[Routing] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The sum of x and delta goes in, and comes out: norms add them up."""
        x, normed = self.input_layernorm.behind(x, delta)
        x, normed = self.post_attention_layernorm.behind(x, self.self_attn(normed, cos, sin, mask, cache))
        return x, self.mlp(normed, routed) if self.routed else self.mlp(normed)

    def step(
        self, x: Tensor, delta: Tensor | None, cos: Tensor, sin: Tensor, sight: Sight, layer: Layer
    ) -> tuple[Tensor, Tensor]:
        """One new token per slot; see `attention`. x and delta as in `forward`."""
        x, attended = self.self_attn.step(x, delta, self.input_layernorm, cos, sin, sight, layer)
        joined = getattr(self.mlp, "step", None)
        if joined is not None:  # a form that joins the norm with what comes after it
            return cast(tuple[Tensor, Tensor], joined(x, attended, self.post_attention_layernorm))
        x, normed = self.post_attention_layernorm.behind(x, attended)
        return x, self.mlp(normed)


class Decoder(nn.Module):
    """`language.model` of the checkpoint: embeddings [B, T, H] in, final hidden states [B, T, H] out."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        start = torch.empty(config.vocab_size, config.hidden_size).uniform_(
            -1.7, 1.7
        )  # normal would import torch._dynamo
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, _weight=start)
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        x: Tensor,
        positions: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        caches: Sequence[LayerCache] | None = None,
        routed: list[Routing] | None = None,
        hidden: list[Tensor] | None = None,
    ) -> Tensor:
        """Run a prompt or a training sequence.

        positions [B, T] or [T], 0..T-1 when None; mask [B, 1, T, L] (bool, True = seen, or additive), causal when None;
        caches, one a layer, are extended. `routed` and `hidden` collect what each layer decided and read, when given.
        """
        if positions is None:
            positions = torch.arange(x.shape[1], device=x.device)
        cos, sin, x = *rope.angles(self.config, positions), ops.stream(x)
        delta: Tensor | None = None
        for layer, block in enumerate(self.layers):
            if hidden is not None:
                hidden.append(x if delta is None else x + delta)
            x, delta = block(x, delta, cos, sin, mask=mask, cache=caches[layer] if caches else None, routed=routed)
        x = self.norm.behind(x, delta)[1]
        if hidden is not None:
            hidden.append(x)
        return x

    def step(self, x: Tensor, cos: Tensor, sin: Tensor, sight: Sight, layers: Sequence[Layer]) -> Tensor:
        """One new token per row: x [R, H], angles of its position [R, d/2] -> final hidden states [R, H]."""
        x, delta = ops.stream(x), cast(Tensor | None, None)
        for block, layer in zip(self.layers, layers, strict=True):
            x, delta = cast(Block, block).step(x, delta, cos, sin, sight, layer)
        return self.norm(x) if delta is None else self.norm.behind(x, delta)[1]


class LanguageModel(nn.Module):
    """Decoder and head; `logits` are fp32 whatever the dtype of the weights."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def embed(self, ids: Tensor) -> Tensor:
        """ids [B, T] -> [B, T, H]."""
        out: Tensor = self.model.embed_tokens(ids)
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., H] -> fp32 [..., V]."""
        head: nn.Module = self.lm_head
        if isinstance(head, Held) and head.bias is None:
            return joined.logits(hidden, head.held)
        return cast(Tensor, head(hidden)).float()
