"""Configuration: class defaults fill what files leave out; what is unknown is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from dsvl2.model.config import LanguageConfig, ModelConfig, ProcessorConfig
from dsvl2.model.errors import ConfigError, ModelNotFound
from dsvl2.model.reading import ReadingProfile

BASE_LIKE = {
    "tile_tag": "2D",
    "candidate_resolutions": [[384, 384]],
    "vision_config": {"layers": 27, "mlp_ratio": 3.7362, "patch_size": 14, "width": 1152},
    "projector_config": {"model_type": "mlp_projector", "n_embed": 2560},
    "language_config": {
        "bos_token_id": 0, "eos_token_id": 1, "first_k_dense_replace": 1, "hidden_size": 2560, "n_routed_experts": 72,
        "num_experts_per_tok": 6, "q_lora_rank": None, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "vocab_size": 129280,
    },
}  # fmt: skip


def change(section: str, **values: Any) -> dict[str, Any]:
    return {**BASE_LIKE, section: {**BASE_LIKE[section], **values}}  # type: ignore[dict-item]


def test_what_the_file_leaves_out_takes_the_class_default() -> None:
    config = ModelConfig.from_dict(BASE_LIKE)
    assert config.language.num_hidden_layers == 30 and config.language.kv_heads == 32
    assert config.vision.heads == 16 and config.vision.mlp_width == 4304
    assert config.projector.mlp_ratio == 1 and config.side == 14


def test_a_checkpoint_of_another_model_is_named_first() -> None:
    with pytest.raises(ConfigError, match="model_type is 'llama'"):
        ModelConfig.from_dict({"model_type": "llama", "hidden_size": 4096})


def test_nano_counts_twelve_tokens_a_side(nano_shape: dict[str, Any]) -> None:
    assert ModelConfig.from_dict(nano_shape).side == 12


def test_layers_before_the_first_sparse_one_are_dense() -> None:
    language = ModelConfig.from_dict(BASE_LIKE).language
    assert [language.is_moe(layer) for layer in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (change("language_config", topk_method="best"), "topk_method"),
        (change("language_config", scoring_func="tanh"), "scoring_func"),
        (change("language_config", hidden_act="gelu"), "hidden_act"),
        (change("language_config", rope_scaling={"type": "linear", "factor": 2}), "rope_scaling"),
        (change("language_config", num_hidden_layers="thirty"), "num_hidden_layers"),
        (change("language_config", hidden_size=2561), "n_embed"),
        (change("projector_config", projector_type="identity"), "projector_type"),
        (change("vision_config", width=1151), "width"),
        ({**BASE_LIKE, "tile_tag": "1D"}, "tile_tag"),
        ({key: value for key, value in BASE_LIKE.items() if key != "tile_tag"}, "tile_tag"),
        ({**BASE_LIKE, "candidate_resolutions": [384, 384]}, "candidate_resolutions"),
    ],
)
def test_an_unknown_value_is_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        ModelConfig.from_dict(raw)
    assert caught.value.hint


def test_an_invalid_default_matters_only_with_experts() -> None:
    assert LanguageConfig().topk_method == "gready"
    with pytest.raises(ConfigError, match="topk_method"):
        LanguageConfig(n_routed_experts=4, num_experts_per_tok=2)


def test_a_missing_or_broken_file_says_which(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"config\.json"):
        ModelConfig.from_file(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="JSON"):
        ModelConfig.from_file(tmp_path / "config.json")


def test_pad_colour_follows_the_mean() -> None:
    assert ProcessorConfig().pad_color == (127, 127, 127)
    assert ProcessorConfig.from_dict({"image_mean": [1, 1, 1]}).pad_color == (255, 255, 255)


def test_reading_profile_has_whole_page_defaults_and_refuses_strangers(tmp_path: Path) -> None:
    assert ReadingProfile.for_folder(tmp_path).mode == "page"
    (tmp_path / "reading.json").write_text(json.dumps({"mode": "bands", "location_bins": 48, "line_pitch": 28}))
    profile = ReadingProfile.for_folder(tmp_path)
    assert profile.bin_height == 8 and profile.line_pitch == 28
    for wrong in ({"mode": "lines"}, {"pitch": 3}, {"tile": "big"}, {"tile": 0}):
        with pytest.raises(ConfigError):
            ReadingProfile.from_dict(wrong)
