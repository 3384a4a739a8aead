"""Random checkpoints of any shape, written in the released layout with a tokenizer of single characters."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dsvl2.model.config import ModelConfig
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import save_checkpoint

NANO_SHAPE: dict[str, Any] = {
    "candidate_resolutions": [[384, 384], [768, 384], [1152, 384]],
    "tile_tag": "2D",
    "global_view_pos": "head",
    "vision_config": {"image_size": 384, "patch_size": 16, "width": 320, "layers": 8, "heads": 5, "mlp_ratio": 4},
    "projector_config": {"input_dim": 320, "n_embed": 256, "mlp_ratio": 2},
    "language_config": {
        "vocab_size": 448, "hidden_size": 256, "intermediate_size": 1024, "moe_intermediate_size": 128,
        "num_hidden_layers": 6, "num_attention_heads": 8, "n_shared_experts": 2, "n_routed_experts": 16,
        "num_experts_per_tok": 4, "kv_lora_rank": 96, "q_lora_rank": None, "qk_nope_head_dim": 32,
        "qk_rope_head_dim": 16, "v_head_dim": 48, "topk_method": "greedy", "first_k_dense_replace": 1,
        "bos_token_id": 0, "eos_token_id": 1, "max_position_embeddings": 4096,
    },
}  # fmt: skip

SPECIALS = ("<bos>", "<eos>", "<image>", "<|User|>", "<|Assistant|>")


def character_tokenizer(characters: str) -> dict[str, Any]:
    """tokenizer.json of a vocabulary of single characters."""
    vocabulary = {token: number for number, token in enumerate([*SPECIALS, *characters])}
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, token in enumerate(SPECIALS)
    ]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False},
        "post_processor": None, "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": " "},
    }  # fmt: skip


def write_checkpoint(folder: Path, config: dict[str, Any], seed: int = 0, characters: str = "") -> Path:
    """A random checkpoint whose logits are far enough apart for a greedy choice to mean something."""
    torch.manual_seed(seed)
    network = DeepseekVL2(ModelConfig.from_dict(config))
    with torch.no_grad():
        network.vision.pos_embed.normal_(0, 0.02)
        network.language.model.embed_tokens.weight.normal_(0, 0.5)
        network.language.lm_head.weight.normal_(0, 0.3)
    save_checkpoint(network.state_dict(), config, folder, dtype=torch.float32)
    characters = characters or "\n\t" + "".join(map(chr, range(32, 127)))
    (folder / "tokenizer.json").write_text(json.dumps(character_tokenizer(characters)))
    (folder / "processor_config.json").write_text(json.dumps({"image_mean": [1.0] * 3, "image_std": [0.5] * 3}))
    return folder


@pytest.fixture(scope="session")
def tokenizer_of() -> Callable[[str], dict[str, Any]]:
    """Make tokenizer.json for some characters."""
    return character_tokenizer


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Path]:
    """Make a random checkpoint of a config, once a session for each."""
    made: dict[str, Path] = {}

    def make(config: dict[str, Any]) -> Path:
        key = json.dumps(config, sort_keys=True)
        if key not in made:
            made[key] = write_checkpoint(tmp_path_factory.mktemp("checkpoint"), config)
        return made[key]

    return make


@pytest.fixture(scope="session")
def nano_shape() -> dict[str, Any]:
    """The embedded model's shape with a short tower: what decodes is whole, what sees is quick."""
    return {**NANO_SHAPE, "vision_config": {**NANO_SHAPE["vision_config"], "layers": 1}}


@pytest.fixture(scope="session")
def small_shape() -> dict[str, Any]:
    """A few thousand weights with every part of the architecture."""
    return {
        "candidate_resolutions": [[48, 48], [96, 48], [48, 96]],
        "tile_tag": "2D",
        "vision_config": {"image_size": 48, "patch_size": 16, "width": 20, "layers": 2, "heads": 2, "mlp_ratio": 2},
        "projector_config": {"input_dim": 20, "n_embed": 24, "mlp_ratio": 2},
        "language_config": {
            "vocab_size": 112, "hidden_size": 24, "intermediate_size": 40, "moe_intermediate_size": 12, "num_hidden_layers": 3,
            "num_attention_heads": 3, "n_shared_experts": 2, "n_routed_experts": 5, "num_experts_per_tok": 2,
            "kv_lora_rank": 10, "q_lora_rank": None, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 10,
            "topk_method": "greedy", "first_k_dense_replace": 1, "bos_token_id": 0, "eos_token_id": 1,
            "max_position_embeddings": 1024,
        },
    }  # fmt: skip
