"""The language model and the tower against Hugging Face's own implementations, with random weights in fp32."""

from typing import Any

import pytest
import torch

from dsvl2.model.config import ModelConfig
from dsvl2.model.vl2 import DeepseekVL2

transformers = pytest.importorskip("transformers", reason="the oracle comes with the test extra")

SHAPE: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 64, "intermediate_size": 80, "moe_intermediate_size": 24, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 4, "n_shared_experts": 2, "n_routed_experts": 8,
    "num_experts_per_tok": 3, "first_k_dense_replace": 1, "kv_lora_rank": 32, "q_lora_rank": None, "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16, "v_head_dim": 12, "topk_method": "greedy", "norm_topk_prob": False,
    "routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1, "max_position_embeddings": 64,
}  # fmt: skip
TOWER = {"width": 48, "layers": 2, "heads": 4, "patch_size": 8, "image_size": 40, "mlp_ratio": 2.5}


def ours(**language: Any) -> DeepseekVL2:
    """A random network with norms and biases that are not the identity."""
    torch.manual_seed(3)
    config = {
        "tile_tag": "2D", "candidate_resolutions": [[40, 40]], "vision_config": TOWER,
        "projector_config": {"input_dim": 48, "n_embed": 64}, "language_config": {**SHAPE, **language},
    }  # fmt: skip
    network = DeepseekVL2(ModelConfig.from_dict(config)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5 + (parameter.dim() == 1))
    return network


@torch.no_grad()
@pytest.mark.parametrize("change", [{}, {"q_lora_rank": 20}, {"first_k_dense_replace": 3}])
def test_logits_are_those_of_transformers_deepseek_v2(change: dict[str, Any]) -> None:
    network = ours(**change)
    config = transformers.DeepseekV2Config(**{**SHAPE, **change})
    oracle = transformers.DeepseekV2ForCausalLM(config).eval()
    oracle.load_state_dict(network.language.state_dict())
    ids = torch.randint(0, 96, (2, 37))
    hidden = network.language.model(network.language.embed(ids))
    assert torch.allclose(network.language.logits(hidden), oracle(ids).logits, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_features_are_those_of_transformers_siglip() -> None:
    tower = ours().vision
    config = transformers.SiglipVisionConfig(
        hidden_size=48, intermediate_size=120, num_hidden_layers=2, num_attention_heads=4, patch_size=8, image_size=40,
        vision_use_head=False,
    )  # fmt: skip
    oracle = transformers.SiglipVisionModel(config).eval()
    state = {}
    for name, value in tower.state_dict().items():
        if ".attn.qkv." in name:
            for letter, part in zip("qkv", value.chunk(3), strict=True):
                state[name.replace("attn.qkv", f"attn.{letter}_proj")] = part
        else:
            state[name] = value[0] if name == "pos_embed" else value
    oracle.load_state_dict({_siglip_name(name, oracle): value for name, value in state.items()}, strict=False)
    missing = {name for name in oracle.state_dict() if name not in {_siglip_name(name, oracle) for name in state}}
    assert not missing
    pixels = torch.randn(2, 3, 40, 40)
    assert torch.allclose(tower(pixels), oracle(pixels).last_hidden_state, rtol=1e-4, atol=1e-4)


def _siglip_name(name: str, oracle: torch.nn.Module) -> str:
    for old, new in (
        ("blocks.", "encoder.layers."), ("attn.proj", "self_attn.out_proj"), ("norm1", "layer_norm1"),
        ("norm2", "layer_norm2"), (".attn.", ".self_attn."), ("patch_embed.proj", "embeddings.patch_embedding"),
        ("pos_embed", "embeddings.position_embedding.weight"),
    ):  # fmt: skip
        name = name.replace(old, new)
    name = "post_layernorm" + name.removeprefix("norm") if name.startswith("norm.") else name
    prefix = "vision_model." if any(key.startswith("vision_model.") for key in oracle.state_dict()) else ""
    return prefix + name
