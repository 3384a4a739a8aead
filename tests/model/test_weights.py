"""Checkpoints: every way a folder can be wrong is named; every way it may be right loads the same network."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dsvl2.model.config import ModelConfig
from dsvl2.model.errors import DeviceError, ModelNotFound, WeightsError
from dsvl2.model.execution import choose_dtype
from dsvl2.model.loading import fingerprint, load_engine
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import load_network


@pytest.fixture
def folder(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any], tmp_path: Path) -> Path:
    """A checkpoint of one's own to spoil."""
    return Path(shutil.copytree(checkpoint(small_shape), tmp_path / "model"))


def load(folder: Path) -> DeepseekVL2:
    return load_network(folder, ModelConfig.from_file(folder / "config.json"), dtype=torch.float32)


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def test_experts_arrive_stacked_and_leave_apart(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    layer = "language.model.layers.2.mlp.experts"
    stacked = load(folder).state_dict()[f"{layer}.gate_up_proj"]
    assert torch.equal(stacked[3, 12:], tensors[f"{layer}.3.up_proj.weight"])
    assert torch.equal(stacked[3, :12], tensors[f"{layer}.3.gate_proj.weight"])


def test_shards_with_an_index_load_the_same(folder: Path) -> None:
    whole = load(folder).state_dict()
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = list(tensors)
    index: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"model-0000{number}-of-000002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file)
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert all(torch.equal(tensor, whole[name]) for name, tensor in load(folder).state_dict().items())
    (folder / "model-00002-of-000002.safetensors").unlink()
    with pytest.raises(WeightsError, match="model-00002-of-000002"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.pop("image_newline"), "lacks the tensor image_newline"),
        (lambda t: t.pop("language.model.layers.1.mlp.experts.4.up_proj.weight"), r"experts\.4\.up_proj"),
        (lambda t: t.update({"language.model.extra": torch.zeros(2)}), r"unexpected tensor language\.model\.extra"),
        (lambda t: t.update({"language.model.layers.1.mlp.experts.9.up_proj.weight": torch.zeros(2)}), r"experts\.9"),
        (lambda t: t.update({"view_seperator": torch.zeros(5)}), r"view_seperator has shape \[5\]"),
        (
            lambda t: t.update({"language.model.layers.1.mlp.experts.1.up_proj.weight": torch.zeros(2, 2)}),
            r"shape \[2, 2\]",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(folder: Path, change: Callable[[Any], object], named: str) -> None:
    edit(folder, change)
    with pytest.raises(WeightsError, match=named) as caught:
        load(folder)
    assert caught.value.hint


def test_the_unused_pooling_head_is_ignored(folder: Path) -> None:
    edit(folder, lambda t: t.update({"vision.attn_pool.latent": torch.zeros(1, 1, 20)}))
    load(folder)


def test_a_file_cut_short_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cut short"):
        load(folder)
    path.unlink()
    with pytest.raises(WeightsError, match=r"no \*\.safetensors"):
        load(folder)


def test_the_fingerprint_changes_with_one_weight(folder: Path) -> None:
    before = fingerprint(folder)
    assert before == fingerprint(folder) and len(before) == 64
    edit(folder, lambda t: t["image_newline"].add_(1))
    assert fingerprint(folder) != before


def test_unknown_models_devices_and_formats_are_refused(folder: Path, tmp_path: Path) -> None:
    for wrong in ("no-such-model", tmp_path / "nowhere", tmp_path):
        with pytest.raises(ModelNotFound) as caught:
            load_engine(wrong)
        assert "built-in models" in caught.value.hint
    for options in ({"device": "quantum"}, {"dtype": "int3"}, {"quant": "int3"}, {"threads": 0}):
        with pytest.raises(DeviceError):
            load_engine(folder, **{"device": "cpu", **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "dtype"), [("bf16", torch.bfloat16), ("float32", torch.float32), ("fp32", torch.float32)]
)
def test_number_formats_have_short_names_too(name: str, dtype: torch.dtype) -> None:
    assert choose_dtype(name, torch.device("cpu")) is dtype
