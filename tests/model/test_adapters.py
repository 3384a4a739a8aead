"""LoRA adapters in PEFT's layout: what is merged is what would be added, and what does not fit is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dsvl2.kernels.packing import PackedWeight
from dsvl2.model import loading
from dsvl2.model.adapters.files import read_adapter
from dsvl2.model.config import ModelConfig
from dsvl2.model.errors import AdapterError, AdapterNotFound
from dsvl2.model.loading import load_engine
from dsvl2.model.quantization.convert import quantize_checkpoint
from dsvl2.model.quantization.modules import QuantizedExperts, QuantizedLinear
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import load_network, released_shapes, unstack
from tests.model.lora import ATTENTION, MLP, Shapes, factors, lora, modules_of, nibbles, write

Q = "language.model.layers.0.self_attn.q_proj"
EXPERTS = "language.model.layers.1.mlp.experts"


@pytest.fixture(scope="module", params=["latent", "multi-head"])
def folder(
    request: pytest.FixtureRequest, checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]
) -> Path:
    language = {**small_shape["language_config"], "use_mla": request.param == "latent"}
    return checkpoint({**small_shape, "language_config": language})


@pytest.fixture(scope="module")
def shapes(small_shape: dict[str, Any]) -> Shapes:
    return released_shapes(ModelConfig.from_dict(small_shape))


def network_of(folder: Path, *adapters: Path) -> DeepseekVL2:
    config = ModelConfig.from_file(folder / "config.json")
    known = released_shapes(config)
    return load_network(folder, config, dtype=torch.float32, adapters=[read_adapter(path, known) for path in adapters])


def logits(network: DeepseekVL2) -> Tensor:
    with torch.inference_mode():
        ids = torch.arange(5, 40)[None]
        return network.language.logits(network.language.model(network.language.embed(ids)))


def test_what_is_merged_is_what_the_factors_add_to_every_product(folder: Path, tmp_path: Path) -> None:
    known = released_shapes(ModelConfig.from_file(folder / "config.json"))
    modules = [name for name in modules_of(known, (*ATTENTION, *MLP)) if ".experts." not in name]
    made = factors(known, modules)
    plain, merged = network_of(folder), network_of(folder, write(tmp_path, made))
    before = logits(plain)

    def adding(a: Tensor, b: Tensor) -> Callable[..., Tensor]:
        return lambda module, given, result: result + 8 / 4 * given[0] @ a.T @ b.T

    for name in modules:
        factor = [made[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB"]
        module = plain.get_submodule(name)
        assert isinstance(module, nn.Linear)
        module.register_forward_hook(adding(*factor))
    torch.testing.assert_close(logits(merged), logits(plain), rtol=1e-4, atol=1e-4)
    assert (logits(merged) - before).abs().max() > 0.1


def test_every_expert_has_factors_of_its_own(folder: Path, tmp_path: Path) -> None:
    known = released_shapes(ModelConfig.from_file(folder / "config.json"))
    made = factors(known, [name for name in modules_of(known, MLP) if ".experts." in name])
    before, after = (
        dict(unstack(net.state_dict())) for net in (network_of(folder), network_of(folder, write(tmp_path, made)))
    )
    changed = [name for name in before if not before[name].equal(after[name])]
    assert len(changed) == len(made) // 2 == 3 * 5 * 2
    for name in changed:
        a, b = (made[f"base_model.model.{name.removesuffix('weight')}lora_{side}.weight"] for side in "AB")
        torch.testing.assert_close(after[name], before[name] + 2 * b @ a)


def test_ranks_and_scales_follow_patterns_and_names_may_lack_the_language_part(shapes: Shapes, tmp_path: Path) -> None:
    made = (
        factors(shapes, [Q], 3)
        | factors(shapes, [f"{EXPERTS}.2.up_proj"], 2)
        | factors(shapes, ["language.lm_head"], 4)
    )
    short = {name.replace("language.", ""): tensor for name, tensor in made.items()}
    patterns = {"rank_pattern": {"q_proj": 3, r"experts\.\d+\.up_proj": 2}, "alpha_pattern": {"q_proj": 6}}
    adapter = read_adapter(write(tmp_path, short, **patterns, use_rslora=True), shapes)
    for module, scale in ((Q, 6 / 3**0.5), (f"{EXPERTS}.2.up_proj", 8 / 2**0.5), ("language.lm_head", 4.0)):
        a, b = (made[f"base_model.model.{module}.lora_{side}.weight"] for side in "AB")
        name = f"{module}.weight"
        torch.testing.assert_close(adapter.merged(name, torch.zeros(shapes[name])), scale * b @ a)
    untouched = torch.zeros(3)
    assert adapter.merged("language.model.norm.weight", untouched) is untouched


def test_embeddings_kernels_and_whole_modules_are_merged_too(shapes: Shapes, tmp_path: Path) -> None:
    table, kernel, gate = (
        "language.model.embed_tokens.weight", "vision.patch_embed.proj.weight", "language.model.layers.1.mlp.gate.weight"
    )  # fmt: skip
    rows, wide = shapes[table]
    a, b, whole = torch.randn(4, rows), torch.randn(wide, 4), torch.randn(shapes[gate])
    made = factors(shapes, ["vision.patch_embed.proj"])
    first, second = made.values()
    made["base_model.model.language.model.embed_tokens.lora_embedding_A"] = a
    made["base_model.model.language.model.embed_tokens.lora_embedding_B"] = b
    made[f"base_model.model.{gate}"] = whole
    bias = torch.randn(shapes["vision.blocks.0.attn.qkv.bias"])
    made["base_model.model.vision.blocks.0.attn.qkv.base_layer.bias"] = bias  # of bias="all", around factors
    made["base_model.model.projector.layers.0.original_module.bias"] = torch.zeros(
        1
    )  # and twice more, where saved whole
    made["base_model.model.vision.attn_pool.q.lora_A.weight"] = torch.randn(4, 3)  # of the head that nothing uses
    adapter = read_adapter(write(tmp_path, made), shapes)
    merged = {name: adapter.merged(name, torch.ones(shapes[name])) for name in (table, kernel, gate)}
    torch.testing.assert_close(merged[table], 1 + 2 * (b @ a).T)
    torch.testing.assert_close(merged[kernel], 1 + 2 * torch.einsum("rchw,nr->nchw", first, second[..., 0, 0]))
    torch.testing.assert_close(merged[gate], whole)
    assert adapter.merged("vision.blocks.0.attn.qkv.bias", torch.zeros(60)).equal(bias)


@pytest.mark.parametrize("bits", [4, 8])
def test_codes_with_a_scale_a_component_are_the_same_as_floats(shapes: Shapes, tmp_path: Path, bits: int) -> None:
    draw = torch.Generator().manual_seed(0)
    coded: dict[str, Tensor] = {}
    floats: dict[str, Tensor] = {}
    stacks = [(Q, [Q]), *((f"{EXPERTS}.{part}", [f"{EXPERTS}.{n}.{part}" for n in range(5)]) for part in MLP)]
    for place, modules in stacks:
        rows, columns = shapes[f"{modules[0]}.weight"]
        lead, most = () if place == Q else (5,), 8 if bits == 4 else 128
        a, b = (torch.randint(1 - most, most, (*lead, 4, wide), generator=draw) for wide in (columns, rows))
        scales = torch.rand(*lead, 4, generator=draw).half()
        store = nibbles if bits == 4 else (lambda codes: codes.to(torch.int8))
        coded |= {
            f"base_model.model.{place}.lora_A.weight": store(a),
            f"base_model.model.{place}.lora_B.weight": store(b),
        }
        coded[f"base_model.model.{place}.lora_scale"] = scales
        for number, module in enumerate(modules):
            one = (number,) if lead else ...
            floats[f"base_model.model.{module}.lora_A.weight"] = a[one].float()
            floats[f"base_model.model.{module}.lora_B.weight"] = (b[one] * scales[one].float()[:, None]).T
    ours = read_adapter(write(tmp_path / "codes", coded, lora_alpha=3), shapes)
    theirs = read_adapter(write(tmp_path / "floats", floats, lora_alpha=3), shapes)
    assert ours.changes.keys() == theirs.changes.keys() and len(ours.changes) == 1 + 3 * 5
    for name in ours.changes:
        zero = torch.zeros(shapes[name])
        torch.testing.assert_close(ours.merged(name, zero), theirs.merged(name, zero))


@pytest.mark.parametrize("scheme", ["int8", "e4a8", "nf4"])
def test_what_is_packed_is_unpacked_for_the_merge_and_packed_again(
    folder: Path, tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "UNPACK", 0)
    known = released_shapes(ModelConfig.from_file(folder / "config.json"))
    packed, path = quantize_checkpoint(folder, tmp_path / "packed", scheme), lora(tmp_path / "adapter", known)
    before, after = (
        load_engine(packed, device="cpu", dtype="float32", adapter=given).network for given in (None, path)
    )
    adapter = read_adapter(path, known)

    def held(network: DeepseekVL2, end: str) -> PackedWeight:
        if end == "o_proj":
            module = network.get_submodule("language.model.layers.1.self_attn.o_proj")
            assert isinstance(module, QuantizedLinear)
            return module.packed()
        experts = network.get_submodule(EXPERTS)
        assert isinstance(experts, QuantizedExperts)
        return experts.down()[3]

    for end, name in (("o_proj", "language.model.layers.1.self_attn.o_proj"), ("down", f"{EXPERTS}.3.down_proj")):
        old, new = held(before, end), held(after, end)
        wanted = PackedWeight.of(new.form, adapter.merged(f"{name}.weight", old.dequantize()))
        assert old.form is new.form and wanted.dequantize().equal(new.dequantize())


def test_an_engine_says_what_was_merged(folder: Path, tmp_path: Path) -> None:
    path = lora(tmp_path, released_shapes(ModelConfig.from_file(folder / "config.json")), ("o_proj",))
    plain, merged = (load_engine(folder, device="cpu", adapter=given).info for given in (None, path))
    assert (plain.adapter, merged.adapter) == ("", str(path))
    assert plain.fingerprint != merged.fingerprint
    assert not merged.text_adapter


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"use_dora": True}, "DoRA", "merge_and_unload"),
    ({"peft_type": "LOHA"}, "'LOHA'", "merge_and_unload"),
    ({"init_lora_weights": "pissa_niter_4"}, "'pissa_niter_4'", "path_initial_model"),
    ({"target_parameters": ["mlp.experts.gate_up_proj"]}, "target_parameters", "merge_and_unload"),
    ({"r": 8}, "factors of rank 4 and 4, its configuration says 8", "trained on this model"),
    ({"r": "many"}, "r, lora_alpha", "again"),
    ({"lora_alpha": None}, "r, lora_alpha", "again"),
]


@pytest.mark.parametrize(("config", "fact", "hint"), WRONG)
def test_what_cannot_be_merged_is_named(
    shapes: Shapes, tmp_path: Path, config: dict[str, Any], fact: str, hint: str
) -> None:
    path = write(tmp_path, factors(shapes, [Q]), **config)
    with pytest.raises(AdapterError, match="adapter_") as caught:
        read_adapter(path, shapes)
    assert fact in str(caught.value) and hint in caught.value.hint


def rest_of(made: dict[str, Tensor], name: str, tensor: Tensor | None) -> dict[str, Tensor]:
    changed = {key: value for key, value in made.items() if not key.endswith(name)}
    return changed | ({f"base_model.model.{name}": tensor} if tensor is not None else {})


@pytest.mark.parametrize(
    ("name", "tensor", "fact"),
    [
        ("language.model.layers.9.self_attn.q_proj.lora_A.weight", torch.ones(4, 24), "only one of its two factors"),
        (f"{Q}.lora_A.weight", torch.ones(4, 25), r"is \[30, 25\], the model asks for \[30, 24\]"),
        (f"{Q}.lora_A.weight", torch.ones(4, 24).long(), "torch.int64"),
        (f"{Q}.lora_A.weight", torch.ones(4, 24).to(torch.int8), "torch.int8"),
        (f"{Q}.lora_A.weight", torch.ones(24), "no matrix"),
        (f"{Q}.lora_scale", torch.ones(4), "torch.float32"),
        (f"{Q}.lora_magnitude_vector", torch.ones(30), "DoRA"),
        ("language.model.norm.weight", torch.ones(7), r"is \[7\], the model asks for \[24\]"),
        ("language.model.norm.bias", torch.ones(24), "nothing that this model has"),
        (f"{EXPERTS}.up_proj.lora_scale", torch.ones(5, 4), "only one of its two factors"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    shapes: Shapes, tmp_path: Path, name: str, tensor: Tensor, fact: str
) -> None:
    path = write(tmp_path, rest_of(factors(shapes, [Q]), name, tensor))
    with pytest.raises(AdapterError, match=fact):
        read_adapter(path, shapes)


def test_modules_of_another_model_are_named(shapes: Shapes, tmp_path: Path) -> None:
    made = factors(shapes, [Q])
    other = {name.replace("layers.0", "layers.77"): tensor for name, tensor in made.items()}
    with pytest.raises(AdapterError, match=r"no module language\.model\.layers\.77\.self_attn\.q_proj"):
        read_adapter(write(tmp_path / "a", other), shapes)
    stack = {name.replace(Q, f"{EXPERTS}.up_proj"): torch.ones(6, *tensor.shape) for name, tensor in made.items()}
    with pytest.raises(AdapterError, match="number of experts"):
        read_adapter(write(tmp_path / "b", stack), shapes)
    twice = made | {name.replace("language.", ""): tensor for name, tensor in made.items()}
    with pytest.raises(AdapterError, match="twice"):
        read_adapter(write(tmp_path / "c", twice), shapes)


def test_a_folder_that_is_no_adapter_says_what_it_is(folder: Path, shapes: Shapes, tmp_path: Path) -> None:
    for path, fact in ((tmp_path, "no adapter_config.json"), (tmp_path / "none", "no folder"), (folder, "is a model")):
        with pytest.raises(AdapterNotFound, match=fact):
            load_engine(folder, device="cpu", adapter=path)
    path = write(tmp_path / "made", factors(shapes, [Q]))
    with pytest.raises(AdapterNotFound, match="is a file"):
        read_adapter(path / "adapter_config.json", shapes)
    weights = path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(AdapterError, match="cut short"):
        read_adapter(path, shapes)
    weights.rename(path / "adapter_model.bin")
    with pytest.raises(AdapterError, match="is missing") as caught:
        read_adapter(path, shapes)
    assert "safe_serialization" in caught.value.hint
    (path / "adapter_config.json").write_text(json.dumps([1]))
    with pytest.raises(AdapterError, match="not an object"):
        read_adapter(path, shapes)
    (path / "adapter_config.json").write_text("{")
    with pytest.raises(AdapterError, match="no JSON"):
        read_adapter(path, shapes)
