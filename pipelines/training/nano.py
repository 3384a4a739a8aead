"""The embedded model's shape, tokenizer and reading profile, written in the released checkpoint layout.

Everything that makes it "nano" is in these files; the runtime reads them as it reads any checkpoint.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from dsvl2.pipelines.training.charset import CHARACTERS

TILE = 384
SIDE = 12  # image tokens on a side of a tile: 384 px in patches of 16, two by two
MAX_COLUMNS = 4  # a full-width page at a readable line pitch
LOCATION_BINS = 48
LOCATION_STEP = TILE // LOCATION_BINS  # 8 px: half a patch
PROMPT = "<image>\nRead."
FORMULA_PROMPT = "<image>\nFormula."
WHITE, SPREAD = 1.0, 0.5  # image_mean and image_std: white paper becomes 0.0, black ink -2.0

SPECIALS = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜▁pad▁｜>",
    "<image>",
    "<|ref|>",
    "<|/ref|>",
    "<|det|>",
    "<|/det|>",
    "<|grounding|>",
    "<|User|>",
    "<|Assistant|>",
    "<|unk|>",
)
BOS, EOS, PAD = 0, 1, 2
FIRST_CHARACTER = 16  # ids 12..15 are kept free
FIRST_LOCATION = FIRST_CHARACTER + len(CHARACTERS)
VOCAB_SIZE = 512

CANDIDATES = [[TILE * columns, TILE] for columns in range(1, MAX_COLUMNS + 1)]

VISION = {
    "model_type": "vision",
    "model_name": "siglip_nano_patch16_384",
    "image_size": TILE,
    "patch_size": 16,
    "width": 320,
    "layers": 8,
    "heads": 5,
    "mlp_ratio": 4.0,
}
PROJECTOR = {"model_type": "mlp_projector", "input_dim": 320, "n_embed": 256, "mlp_ratio": 2}
LANGUAGE = {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "vocab_size": VOCAB_SIZE,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "hidden_size": 256,
    "intermediate_size": 1024,
    "moe_intermediate_size": 128,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "n_routed_experts": 16,
    "n_shared_experts": 2,
    "num_experts_per_tok": 4,
    "first_k_dense_replace": 1,
    "topk_method": "greedy",
    "n_group": 1,
    "topk_group": 1,
    "q_lora_rank": None,
    "kv_lora_rank": 96,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 16,
    "v_head_dim": 48,
    "max_position_embeddings": 4096,
}
CONFIG: dict[str, Any] = {
    "model_type": "deepseek_vl_v2",
    "tile_tag": "2D",
    "global_view_pos": "head",
    "candidate_resolutions": CANDIDATES,
    "torch_dtype": "float32",
    "vision_config": VISION,
    "projector_config": PROJECTOR,
    "language_config": LANGUAGE,
}
PROCESSOR: dict[str, Any] = {
    "processor_class": "DeepseekVLV2Processor",
    "candidate_resolutions": CANDIDATES,
    "patch_size": 16,
    "downsample_ratio": 2,
    "image_mean": [WHITE] * 3,  # the padding colour int(mean * 255) is white too
    "image_std": [SPREAD] * 3,
    "normalize": True,
    "image_token": "<image>",
    "pad_token": SPECIALS[PAD],
    "ignore_id": -100,
    "mask_prompt": False,
    "add_special_token": False,
    "sft_format": "deepseek",
}
READING: dict[str, Any] = {
    "mode": "bands",
    "prompt": PROMPT,
    "tile": TILE,
    "max_columns": MAX_COLUMNS,
    "line_pitch": 32.0,
    "x_height": 12.0,
    "location_bins": LOCATION_BINS,
    "max_new_tokens": 1800,
}


def location_token(row: int) -> str:
    """Name of the token for vertical bin ``row`` (8 px each, from the top of the canvas)."""
    return f"<|y_{row}|>"


def build_tokenizer() -> Tokenizer:
    """One token a character, the released special tokens, and 48 location tokens."""
    vocabulary = {token: index for index, token in enumerate(SPECIALS)}
    vocabulary |= {f"<|reserved_{index}|>": index for index in range(len(SPECIALS), FIRST_CHARACTER)}
    vocabulary |= {character: FIRST_CHARACTER + index for index, character in enumerate(CHARACTERS)}
    vocabulary |= {location_token(row): FIRST_LOCATION + row for row in range(LOCATION_BINS)}
    used = len(vocabulary)
    vocabulary |= {f"<|reserved_{index}|>": index for index in range(used, VOCAB_SIZE)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|unk|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    names = list(SPECIALS) + [location_token(row) for row in range(LOCATION_BINS)]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return tokenizer


@cache
def prompt_ids(prompt: str = PROMPT) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids before and after the image of a prompt (spec section 7.2)."""
    tokenizer = build_tokenizer()
    before, after = f"<|User|>: {prompt}\n\n<|Assistant|>:".split("<image>")

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False).ids)

    return (BOS, *ids(before)), ids(after)


def write_files(folder: Path) -> None:
    """Write every file of the checkpoint but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config", CONFIG), ("processor_config", PROCESSOR), ("reading", READING)):
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    build_tokenizer().save(str(folder / "tokenizer.json"))
