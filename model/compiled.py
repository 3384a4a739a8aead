"""The decoder of a small model as the compiled decode step reads it: for a CPU, where `kernels.compiled` is there.

PyTorch takes some 300 operations for a step of nano, each of which costs more to start than to compute.
Letters: A heads, r latent, dn/dr/dv widths of a head's position-free, rotary and value part.
"""

from typing import cast

import torch
from torch import nn

from dsvl2.kernels import compiled
from dsvl2.model import rope
from dsvl2.model.attention import LATENT_EPS, LatentAttention
from dsvl2.model.config import LanguageConfig
from dsvl2.model.decoder import Block, LanguageModel
from dsvl2.model.moe import Experts, MoE, SwiGLU

HEADS = 4  # a multiple of it: the C code looks at so many at once


def fits(config: LanguageConfig) -> bool:
    """Whether a decoder has the shape that was written out in C: latents, softmax routing, widths that fill vectors."""
    if not config.use_mla or config.q_lora_rank is not None or config.attention_bias:
        return False
    if (config.scoring_func, config.topk_method) != ("softmax", "greedy"):
        return False
    experts = config.n_routed_experts or 0
    if experts > compiled.MOST_EXPERTS or config.num_attention_heads % HEADS or config.qk_rope_head_dim > 256:
        return False
    query = config.num_attention_heads * (config.qk_nope_head_dim + config.qk_rope_head_dim)
    latent = config.kv_lora_rank or 0
    widths = [config.hidden_size, config.intermediate_size, config.vocab_size, config.v_head_dim, latent]
    widths += [query + latent + config.qk_rope_head_dim]
    if experts:
        widths += [experts, config.moe_intermediate_size]
    return not any(width % compiled.LANES for width in widths)


class CompiledDecoder:
    """The weights of a decoder in the order of the C code; several threads may run steps over them."""

    def __init__(self, language: LanguageModel, config: LanguageConfig) -> None:
        """Pack the weights of a network whose modules are still plain; `fits` must hold, and `compiled.library` be there."""
        self.vocabulary, self._weights = config.vocab_size, compiled.Weights()
        keep, decoder = self._weights, language.model
        self._layers = (compiled.Layer * config.num_hidden_layers)()
        for layer, block in zip(self._layers, decoder.layers, strict=True):
            self._fill(layer, cast(Block, block))
        cos, sin = rope.angles(config, torch.arange(config.max_position_embeddings))
        attention = cast(LatentAttention, cast(Block, decoder.layers[0]).self_attn)
        self._model = compiled.Model(
            layers=len(self._layers),
            hidden=config.hidden_size,
            heads=attention.heads,
            rank=attention.rank,
            rotary=attention.rotary,
            nope=attention.nope,
            value=attention.value,
            routed=config.n_routed_experts or 0,
            chosen=config.num_experts_per_tok or 0,
            width=config.moe_intermediate_size,
            always=max(layer.down.inputs for layer in self._layers),
            vocab=config.vocab_size,
            normalized=int(config.norm_topk_prob),
            eps=config.rms_norm_eps,
            latent_eps=LATENT_EPS,
            scale=attention.scale,
            factor=config.routed_scaling_factor,
            embedding=keep.floats(decoder.embed_tokens.weight),
            norm=keep.floats(decoder.norm.weight),
            cos=keep.floats(cos),
            sin=keep.floats(sin),
            head=keep.matrix(language.lm_head.weight),
            layer=self._layers,
        )

    def run(self, rows: int) -> compiled.Run:
        """What runs steps of at most so many rows, for one thread at a time."""
        code = compiled.library()
        assert code is not None  # whoever made this has looked
        return compiled.Run(code, self._model, self._weights, rows)

    def _fill(self, layer: compiled.Layer, block: Block) -> None:
        keep, attention = self._weights, cast(LatentAttention, block.self_attn)
        layer.norm = keep.floats(block.input_layernorm.weight)
        layer.after = keep.floats(block.post_attention_layernorm.weight)
        layer.latent = keep.floats(attention.kv_a_layernorm.weight)
        layer.into = keep.matrix(torch.cat((attention.q_proj.weight, attention.kv_a_proj_with_mqa.weight)))
        to_key, to_value = attention.kv_b_proj.weight.unflatten(0, (attention.heads, -1)).split(
            (attention.nope, attention.value), dim=1
        )
        layer.key, layer.value = keep.stack(list(to_key.transpose(1, 2))), keep.stack(list(to_value))
        layer.back = keep.matrix(attention.o_proj.weight)
        always = self._routed(layer, cast(MoE, block.mlp)) if block.routed else cast(SwiGLU, block.mlp)
        if always is not None:
            layer.gate_up = keep.matrix(torch.cat((always.gate_proj.weight, always.up_proj.weight)))
            layer.down = keep.matrix(always.down_proj.weight)

    def _routed(self, layer: compiled.Layer, moe: MoE) -> SwiGLU | None:
        keep, experts = self._weights, moe.experts
        layer.router = keep.stack([moe.gate.weight])
        stacks = zip(experts.gate_up_proj, experts.down_proj, strict=True)
        matrices = [keep.matrix(weight) for pair in stacks for weight in pair]
        layer.experts = (compiled.Matrix * len(matrices))(*matrices)
        return moe.shared_experts


def compile_decoder(language: LanguageModel, config: LanguageConfig) -> CompiledDecoder | None:
    """The decoder for the compiled step; None where there is no library, or the decoder is of another kind."""
    if compiled.library() is None or not fits(config):
        return None
    blocks = [cast(Block, block) for block in language.model.layers]
    plain = all(isinstance(part, (nn.Linear, Experts)) for block in blocks for part in _parts(block))
    return CompiledDecoder(language, config) if plain and isinstance(language.lm_head, nn.Linear) else None


def _parts(block: Block) -> list[nn.Module]:
    """What holds the weights of a block."""
    attention = cast(LatentAttention, block.self_attn)
    found: list[nn.Module] = [
        attention.q_proj,
        attention.kv_a_proj_with_mqa,
        attention.kv_b_proj,
        attention.o_proj,
    ]
    mlp = block.mlp
    if isinstance(mlp, MoE):
        return [*found, mlp.experts, *([] if mlp.shared_experts is None else [mlp.shared_experts.gate_proj])]
    return [*found, mlp.gate_proj]
