"""Quantized checkpoints: what each scheme touches, how it is stored, loaded and run, and every way it can go wrong."""

import errno
import json
import math
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from dsvl2.model import loading, memory, tensor_files
from dsvl2.model.config import ModelConfig
from dsvl2.model.engine import Engine
from dsvl2.model.errors import (
    DestinationError,
    DeviceError,
    DiskFull,
    NotEnoughMemory,
    QuantizationError,
    WeightsError,
)
from dsvl2.model.folders import read_json
from dsvl2.model.loading import load_engine
from dsvl2.model.quantization.convert import quantize_checkpoint
from dsvl2.model.quantization.modules import QuantizedExperts, QuantizedLinear
from dsvl2.model.quantization.placement import held_bytes
from dsvl2.model.quantization.schemes import SCHEMES, scheme_of
from dsvl2.model.request import GenerationRequest, Message, SamplingParams
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import CheckpointReader, load_network, weight_files
from tests.kernels.double_quantized import quantize_absmax

RELEASED = runpy.run_path(str(Path(__file__).with_name("released.py")))
SCALED, write_released, config_of = (RELEASED[name] for name in ("SCALED", "write_released", "config_of"))
QUANTIZED = ["int8", "e4a8", "w4", "nf4", "int8-bnb"]
EXPERT = "language.model.layers.1.mlp.experts.3.down_proj.weight"
LINEAR = "language.model.layers.1.self_attn.o_proj.weight"


@pytest.fixture(scope="module")
def released(
    tmp_path_factory: pytest.TempPathFactory, tokenizer_of: Callable[[str], dict[str, Any]]
) -> dict[str, Path]:
    """The three variants, scaled down, with a tokenizer."""
    made = {name: write_released(tmp_path_factory.mktemp("released") / name, name) for name in SCALED}
    for folder in made.values():
        letters = "\n\t" + "".join(map(chr, range(32, 127)))
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer_of(letters)))
    return made


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every model as large: weights stay packed."""
    monkeypatch.setattr(loading, "UNPACK", 0)


def load(folder: Path, **options: Any) -> DeepseekVL2:
    return load_network(folder, ModelConfig.from_file(folder / "config.json"), dtype=torch.float32, **options)


def stored(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for file in weight_files(folder) for name, tensor in load_file(file).items()}


def answer(engine: Engine) -> tuple[int, ...]:
    request = GenerationRequest((Message("user", "Read this."),), SamplingParams(max_new_tokens=6))
    return engine.generate([request])[0].token_ids


def logits(network: DeepseekVL2) -> torch.Tensor:
    with torch.inference_mode():
        ids = torch.arange(5, 40)[None]
        return network.language.logits(network.language.model(network.language.embed(ids)))


@pytest.mark.parametrize("variant", SCALED)
def test_the_released_layout_loads(released: dict[str, Path], variant: str) -> None:
    assert len(weight_files(released[variant])) > 1
    assert logits(load(released[variant])).isfinite().all()


@pytest.mark.parametrize("scheme", QUANTIZED)
@pytest.mark.parametrize("variant", SCALED)
def test_stored_and_rounded_at_load_are_the_same_network(
    released: dict[str, Path], tmp_path: Path, variant: str, scheme: str
) -> None:
    target = quantize_checkpoint(released[variant], tmp_path / "target", scheme)
    ways = [
        load(target),
        load(released[variant], quant=SCHEMES[scheme]),
        load(target, packed=True),
        load(released[variant], quant=SCHEMES[scheme], packed=True),
    ]
    first = logits(ways[0])
    for other in ways[1:]:
        torch.testing.assert_close(logits(other), first, rtol=1e-4, atol=1e-4)
    assert not torch.equal(first, logits(load(released[variant])))


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_only_matrices_of_the_language_model_are_touched(
    released: dict[str, Path], tmp_path: Path, scheme: str
) -> None:
    before = stored(released["base"])
    after = stored(quantize_checkpoint(released["base"], tmp_path / "target", scheme))
    for name, tensor in before.items():
        if name.startswith("vision.attn_pool"):
            assert name not in after
        elif not name.startswith("language.") or any(
            part in name for part in ("norm", "embed_tokens", "mlp.gate.", "bias")
        ):
            assert torch.equal(after[name].float(), tensor.float()), name
        else:
            assert after[name].dtype in (torch.int8, torch.uint8), name
    codes = {"int8": torch.int8, "int8-bnb": torch.int8}.get(scheme, torch.uint8)
    assert after[EXPERT].dtype == codes
    assert (after[LINEAR].dtype == torch.int8) is (scheme not in ("w4", "nf4"))


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_the_config_records_what_was_done(released: dict[str, Path], tmp_path: Path, scheme: str) -> None:
    target = quantize_checkpoint(released["small"], tmp_path / "target", scheme)
    record = read_json(target / "config.json")["quantization_config"]
    assert record["scheme"] == scheme and record["version"] == 1
    assert record.get("group") == (None if "int8" in scheme else 64)
    assert record["quant_method"] == ("bitsandbytes" if scheme in ("nf4", "int8-bnb") else "dsvl2")
    assert scheme_of(record) is SCHEMES[scheme]
    assert (target / "tokenizer.json").is_file() and (target / "processor_config.json").is_file()


@pytest.mark.parametrize("quant", [*QUANTIZED, "4bit", "8bit"])
def test_an_engine_runs_on_packed_weights(released: dict[str, Path], packed: None, quant: str) -> None:
    engine = load_engine(released["small"], device="cpu", dtype="float32", quant=quant)
    assert engine.info.scheme == {"4bit": "e4a8", "8bit": "int8"}.get(quant, quant)
    plain = load_engine(released["small"], device="cpu", dtype="float32")
    assert engine.info.weight_bytes < 3 * plain.info.parameters
    assert engine.info.parameters == plain.info.parameters
    block = engine.network.language.model.layers[1]
    assert isinstance(block.mlp.experts, QuantizedExperts) and isinstance(block.self_attn.o_proj, QuantizedLinear)
    assert not isinstance(block.self_attn.kv_b_proj, QuantizedLinear)
    assert len(answer(engine)) == 6


@pytest.mark.parametrize("scheme", ["e4a8", "nf4"])
def test_packed_and_unpacked_engines_answer_alike(
    released: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    target = quantize_checkpoint(released["tiny"], tmp_path / "target", scheme)
    unpacked = answer(load_engine(target, device="cpu", dtype="float32"))
    monkeypatch.setattr(loading, "UNPACK", 0)
    assert answer(load_engine(target, device="cpu", dtype="float32")) == unpacked


def test_a_packed_network_holds_what_its_formats_promise(released: dict[str, Path]) -> None:
    config = ModelConfig.from_file(released["small"] / "config.json")
    for scheme in QUANTIZED:
        network = load_network(released["small"], config, dtype=torch.bfloat16, quant=SCHEMES[scheme], packed=True)
        promised = memory.need(config, SCHEMES[scheme], torch.bfloat16, packed=True).weights
        assert held_bytes(network) == pytest.approx(promised, rel=0.03), scheme


def test_the_output_of_experts_is_near_that_of_bf16(released: dict[str, Path]) -> None:
    """Three roundings of 8.7 % each make 15 % behind an expert; of a single product see tests/kernels."""
    full = load(released["small"])
    x = torch.randn(50, 128)
    for scheme, limit in (("int8", 0.015), ("e4a8", 0.165), ("nf4", 0.175)):
        rounded = load(released["small"], quant=SCHEMES[scheme], packed=True)
        with torch.inference_mode():
            pairs = [network.language.model.layers[1].mlp for network in (full, rounded)]
            routing = pairs[0].gate(x)
            want, got = (mlp.experts(x, routing) for mlp in pairs)
        assert (got - want).norm() / want.norm() < limit, scheme


def test_double_quantized_nf4_loads(released: dict[str, Path], tmp_path: Path) -> None:
    """What transformers writes with bnb_4bit_use_double_quant: its config has no scheme and no version."""
    target = quantize_checkpoint(released["tiny"], tmp_path / "target", "nf4")
    plain = logits(load(target))
    raw = read_json(target / "config.json")
    raw["quantization_config"] = {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
    }  # fmt: skip
    (target / "config.json").write_text(json.dumps(raw))
    tensors = stored(target)
    for name in [name for name in tensors if name.endswith(".absmax")]:
        base = name.removesuffix(".absmax")
        codes, nested, values, offset = quantize_absmax(tensors[name])
        state = json.loads(bytes(tensors[f"{base}.quant_state.bitsandbytes__nf4"].tolist()))
        state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
        text = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
        tensors |= {name: codes, f"{base}.nested_absmax": nested, f"{base}.nested_quant_map": values}
        tensors[f"{base}.quant_state.bitsandbytes__nf4"] = text
    for file in target.glob("model*"):
        file.unlink()
    save_file(tensors, target / "model.safetensors")
    assert (logits(load(target)) - plain).norm() / plain.norm() < 0.05


def test_what_was_quantized_whole_is_smaller_and_loads(released: dict[str, Path], tmp_path: Path) -> None:
    part = stored(quantize_checkpoint(released["tiny"], tmp_path / "part", "int8"))
    whole = stored(quantize_checkpoint(released["tiny"], tmp_path / "whole", "int8", whole=True))
    assert sum(t.nbytes for t in whole.values()) < sum(t.nbytes for t in part.values())
    assert whole["vision.patch_embed.proj.weight"].dtype == torch.int8
    assert whole["vision.patch_embed.proj.weight"].dim() == 4
    assert logits(load(tmp_path / "whole")).isfinite().all()


def test_bf16_unpacks_a_quantized_checkpoint(released: dict[str, Path], tmp_path: Path) -> None:
    packed = quantize_checkpoint(released["tiny"], tmp_path / "packed", "e4a8")
    full = quantize_checkpoint(packed, tmp_path / "full", "bf16")
    assert "quantization_config" not in read_json(full / "config.json")
    assert {tensor.dtype for tensor in stored(full).values()} == {torch.bfloat16}
    torch.testing.assert_close(logits(load(full)), logits(load(packed)), rtol=0.1, atol=0.1)


def test_a_single_small_file_needs_no_index(
    checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any], tmp_path: Path
) -> None:
    """Odd widths, fp32 source."""
    source = checkpoint(small_shape)
    for scheme in QUANTIZED:
        target = quantize_checkpoint(source, tmp_path / scheme, scheme)
        assert [path.name for path in target.glob("*.safetensors*")] == ["model.safetensors"]
        torch.testing.assert_close(
            logits(load(target)), logits(load(source, quant=SCHEMES[scheme])), rtol=0.02, atol=0.02
        )
        load(target, packed=True)


def test_our_files_are_read_by_safetensors_itself(released: dict[str, Path], tmp_path: Path) -> None:
    target = quantize_checkpoint(released["tiny"], tmp_path / "target", "nf4")
    with CheckpointReader(target) as ours:
        for file in weight_files(target):
            with safe_open(file, framework="pt") as theirs:
                for name in theirs.keys():  # noqa: SIM118 - not a dictionary
                    assert torch.equal(ours.read(name), theirs.get_tensor(name))


def test_an_unknown_scheme_version_or_method_is_refused(released: dict[str, Path], tmp_path: Path) -> None:
    target = quantize_checkpoint(released["tiny"], tmp_path / "target", "e4a8")
    raw = read_json(target / "config.json")
    for change in ({"scheme": "int3"}, {"version": 2}, {"group": 128}, {"quant_method": "awq"}, {"scheme": "nf4"}):
        with pytest.raises(QuantizationError) as caught:
            scheme_of(raw["quantization_config"] | change)
        assert str(next(iter(change.values()))) in str(caught.value) and "e4a8" in caught.value.hint
    with pytest.raises(QuantizationError, match="fp4"):
        scheme_of({"quant_method": "bitsandbytes", "load_in_4bit": True})
    with pytest.raises(DeviceError, match="int3") as unknown:
        quantize_checkpoint(released["tiny"], tmp_path / "other", "int3")
    assert "4bit" in unknown.value.hint


def test_a_lost_or_misshapen_companion_is_named(released: dict[str, Path], tmp_path: Path) -> None:
    target = quantize_checkpoint(released["tiny"], tmp_path / "target", "e4a8")
    tensors = stored(target)
    for change, match in (
        ({f"{EXPERT}_scale": None}, "down_proj.weight_scale"),
        ({EXPERT: tensors[EXPERT][:, :5]}, r"shape \[128, 5\], the config asks for \[128, 32\]"),
        ({EXPERT: None}, "lacks the tensor"),
    ):
        spoilt = {name: tensor.contiguous() for name, tensor in (tensors | change).items() if tensor is not None}
        save_file(spoilt, target / "model.safetensors")
        with pytest.raises(WeightsError, match=match):
            load(target)


def test_a_quantized_source_or_a_wrong_quant_is_refused(released: dict[str, Path], tmp_path: Path) -> None:
    target = quantize_checkpoint(released["tiny"], tmp_path / "target", "e4a8")
    with pytest.raises(WeightsError, match="quantized already"):
        quantize_checkpoint(target, tmp_path / "again", "int8")
    with pytest.raises(DeviceError, match="stored as 'e4a8'"):
        load_engine(target, device="cpu", quant="int8")
    assert load_engine(target, device="cpu", quant="4bit").info.scheme == "e4a8"


def test_a_destination_that_exists_is_left_alone(released: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "letter.txt").write_text("dear")
    with pytest.raises(DestinationError, match="exists"):
        quantize_checkpoint(released["tiny"], tmp_path / "there")
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "letter.txt"]


def test_a_full_disk_leaves_nothing_behind(
    released: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensor_files, "write_file", full)
    with pytest.raises(DiskFull):
        quantize_checkpoint(released["tiny"], tmp_path / "target")
    assert not list(tmp_path.iterdir())
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFull, match=r"at least [1-9][\d,.]* [kM]B, .* has 1\.0 kB free"):
        quantize_checkpoint(released["tiny"], tmp_path / "target")


def test_a_damaged_source_leaves_nothing_behind(released: dict[str, Path], tmp_path: Path) -> None:
    source = Path(shutil.copytree(released["tiny"], tmp_path / "source"))
    file = weight_files(source)[-1]
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="cut short"):
        quantize_checkpoint(source, tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_too_little_memory_is_told_with_what_would_fit(
    released: dict[str, Path], packed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ModelConfig.from_file(released["small"] / "config.json")
    eight, four = (memory.need(config, SCHEMES[name], torch.float32, packed=True).total for name in ("int8", "e4a8"))
    for free, offer in ((eight + 1, "--quant 8bit"), (four + 1, "--quant 4bit"), (1000, "smaller model")):
        monkeypatch.setattr(memory, "free_bytes", lambda _, free=free: free)
        with pytest.raises(NotEnoughMemory, match="small in float32 needs") as caught:
            load_engine(released["small"], device="cpu", dtype="float32")
        assert offer in caught.value.hint


def test_the_needs_of_the_released_models_are_those_of_the_sheet() -> None:
    """GB of weights, the tower in bf16: performance.md 1."""
    for variant, figures in {"tiny": (6.7, 3.9, 2.8), "small": (32.3, 16.8, 10.1), "base": (54.9, 28.3, 16.9)}.items():
        config = ModelConfig.from_dict(config_of(variant, scaled=False))
        for name, gb in zip(("none", "int8", "e4a8"), figures, strict=True):
            weights = memory.need(config, SCHEMES[name], torch.bfloat16, packed=name != "none").weights
            assert math.isclose(weights / 1e9, gb, rel_tol=0.06, abs_tol=0.2), (variant, name, weights)
    assert memory.cache_bytes(ModelConfig.from_dict(config_of("small", scaled=False)).language, torch.bfloat16) == 31104
    assert memory.cache_bytes(ModelConfig.from_dict(config_of("base", scaled=False)).language, torch.bfloat16) == 34560
