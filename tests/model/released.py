"""Random checkpoints in the layout of the released files: shards with an index, bf16, keys left out, the unused pooling head.

Also of use at full size: `tests/bench/bench_load.py` writes real shapes with it, a tensor at a time.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsvl2.model.config import ModelConfig
from dsvl2.model.tensor_files import ShardWriter
from dsvl2.model.weights import released_shapes

# The three language configurations as released, without the keys that equal the defaults of the class that wrote them.
COMMON = {
    "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "first_k_dense_replace": 1, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 2, "num_experts_per_tok": 6, "max_position_embeddings": 4096,
    "q_lora_rank": None, "torch_dtype": "bfloat16",
}  # fmt: skip
LANGUAGE: dict[str, dict[str, Any]] = {
    "tiny": {
        **COMMON, "bos_token_id": 0, "eos_token_id": 1, "vocab_size": 129280, "hidden_size": 1280, "intermediate_size": 6848,
        "moe_intermediate_size": 896, "num_hidden_layers": 12, "num_attention_heads": 10, "num_key_value_heads": 10,
        "n_routed_experts": 64, "topk_method": "greedy", "use_mla": False, "kv_lora_rank": None, "qk_nope_head_dim": 0,
        "qk_rope_head_dim": 0, "v_head_dim": 0,
    },
    "small": {
        **COMMON, "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 27,
        "num_attention_heads": 16, "num_key_value_heads": 16, "n_routed_experts": 64, "topk_method": "greedy",
    },
    "base": {
        **COMMON, "bos_token_id": 0, "eos_token_id": 1, "vocab_size": 129280, "hidden_size": 2560,
        "intermediate_size": 12288, "moe_intermediate_size": 1536, "n_routed_experts": 72, "topk_method": "noaux_tc",
        "scoring_func": "sigmoid", "norm_topk_prob": True, "routed_scaling_factor": 2.0,
    },
}  # fmt: skip
#: each variant at a size for tests: every width is a multiple of 64, every part is there
SCALED: dict[str, dict[str, Any]] = {
    "tiny": {
        "vocab_size": 128, "hidden_size": 128, "intermediate_size": 192, "moe_intermediate_size": 64,
        "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 2, "n_routed_experts": 8,
        "num_experts_per_tok": 3,
    },
    "small": {
        "vocab_size": 128, "hidden_size": 128, "intermediate_size": 192, "moe_intermediate_size": 64,
        "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 2, "n_routed_experts": 8,
        "num_experts_per_tok": 3, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32,
        "bos_token_id": 0, "eos_token_id": 1,
    },
}  # fmt: skip
SCALED["base"] = {**SCALED["small"], "num_hidden_layers": 3, "n_routed_experts": 9, "num_attention_heads": 4}
SCALED["base"].pop("num_key_value_heads")
VISION = {
    "layers": 27, "mlp_ratio": 3.7362, "model_name": "siglip_so400m_patch14_384", "model_type": "vision",
    "patch_size": 14, "width": 1152,
}  # fmt: skip
SIDES = [384 * n for n in range(1, 10)]


def config_of(variant: str, *, scaled: bool) -> dict[str, Any]:
    """config.json of a variant; scaled keeps the architecture with widths of 64 to 192 and a tower of two layers."""
    language, vision = dict(LANGUAGE[variant]), dict(VISION)
    candidates = [[a, b] for a in SIDES for b in SIDES if a * b <= 9 * 384 * 384]
    if scaled:
        language |= SCALED[variant]
        vision |= {"image_size": 48, "width": 64, "layers": 2, "heads": 2}
        candidates = [[48, 48], [96, 48], [48, 96]]
    return {
        "candidate_resolutions": candidates, "global_view_pos": "head", "model_type": "deepseek_vl_v2", "tile_tag": "2D",
        "torch_dtype": "bfloat16", "transformers_version": "4.38.2", "vision_config": vision, "language_config": language,
        "projector_config": {
            "model_type": "mlp_projector", "n_embed": language["hidden_size"], **({"input_dim": 64} if scaled else {}),
        },
    }  # fmt: skip


def random_tensors(shapes: Iterable[tuple[str, tuple[int, ...]]], seed: int = 0) -> Iterator[tuple[str, Tensor]]:
    """One bf16 tensor at a time, the same for a name and seed whatever comes before; activations stay near 1."""
    for name, shape in shapes:
        generator = torch.Generator().manual_seed(seed + zlib.crc32(name.encode()))
        if name.endswith("norm.weight") or (".norm" in name and name.endswith("weight")):
            yield name, torch.ones(shape, dtype=torch.bfloat16)
            continue
        fan = torch.Size(shape[1:]).numel() if len(shape) > 1 else 1
        scale = {"pos_embed": 0.02, "bias": 0.01}.get(
            name.rpartition(".")[2], 1.0 if "embed_tokens" in name else fan**-0.5
        )
        yield name, torch.empty(shape).normal_(generator=generator).mul_(scale).to(torch.bfloat16)


def write_released(folder: Path, variant: str, *, scaled: bool = True, shard: int = 1 << 18, seed: int = 0) -> Path:
    """Write a random checkpoint of a variant, tokenizer left out; at full size in shards of `shard` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = config_of(variant, scaled=scaled)
    shapes = released_shapes(ModelConfig.from_dict(raw))
    width = raw["vision_config"]["width"]
    pooling = {"vision.attn_pool.latent": (1, 1, width), "vision.attn_pool.q.weight": (width, width)}
    writer = ShardWriter(folder, shard)
    for name, tensor in random_tensors([*shapes.items(), *pooling.items()], seed):
        writer.put(name, tensor)
    writer.close()
    (folder / "config.json").write_text(json.dumps(raw, indent=2, sort_keys=True), encoding="utf-8")
    processor = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "normalize": True, "patch_size": 14}
    (folder / "processor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder
