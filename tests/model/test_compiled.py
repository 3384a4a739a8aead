"""The compiled decode step: what the plain network says, whoever is beside a row, and PyTorch where it is not there."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dsvl2.kernels import compiled
from dsvl2.model.cache import Row
from dsvl2.model.compiled import CompiledDecoder, compile_decoder, fits
from dsvl2.model.compiled_steps import CompiledSteps, LatentRows
from dsvl2.model.config import ModelConfig
from dsvl2.model.prefill import run_prompt
from dsvl2.model.room import part_of
from dsvl2.model.vl2 import DeepseekVL2

SHAPE: dict[str, Any] = {
    "vocab_size": 48, "hidden_size": 64, "intermediate_size": 80, "moe_intermediate_size": 32, "num_hidden_layers": 3,
    "num_attention_heads": 4, "n_shared_experts": 3, "n_routed_experts": 16, "num_experts_per_tok": 3, "kv_lora_rank": 48,
    "q_lora_rank": None, "qk_nope_head_dim": 12, "qk_rope_head_dim": 16, "v_head_dim": 16, "topk_method": "greedy",
    "first_k_dense_replace": 1, "bos_token_id": 0, "eos_token_id": 1, "max_position_embeddings": 1024,
    "routed_scaling_factor": 1.5,
}  # fmt: skip
LIMIT = 1000


@pytest.fixture(scope="session", autouse=True)
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was installed, or else is compiled here; skip without a compiler."""
    found = compiled.library()
    if found is None:
        compiler = shutil.which("cc") or pytest.skip("needs the compiled step, or a C compiler")
        made = tmp_path_factory.mktemp("compiled") / "step.so"
        source = Path(compiled.__file__).with_name("csrc") / "step.c"
        flags = ["-O2", "-fno-math-errno", "-Wno-psabi", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, str(source), "-o", str(made), "-lm"], check=True)
        found = compiled.opened(made)
    patch = pytest.MonkeyPatch()
    patch.setattr(compiled, "library", lambda: found)
    yield found
    patch.undo()


def network_of(*, coded: bool = True, **changes: Any) -> DeepseekVL2:
    torch.manual_seed(1)
    config = ModelConfig.from_dict(
        {
            "vision_config": {"image_size": 32, "patch_size": 16, "width": 32, "layers": 1, "heads": 2, "mlp_ratio": 2},
            "projector_config": {"input_dim": 32, "n_embed": 64, "mlp_ratio": 1},
            "candidate_resolutions": [[32, 32]],
            "tile_tag": "2D",
            "global_view_pos": "head",
            "language_config": SHAPE | changes,
        }
    )
    network = DeepseekVL2(config).eval()
    for name, weight in network.language.named_parameters():
        weight.requires_grad_(False)
        if coded and weight.dim() > 1:
            scale = weight.abs().amax(-1, keepdim=True) / 127
            weight.copy_((weight / scale).round() * scale)
        elif "norm" in name:
            weight.uniform_(0.5, 1.5)
    return network


class Pair:
    """Sequences in the plain network and in the compiled steps."""

    def __init__(self, network: DeepseekVL2, rows: int) -> None:
        network.compiled = compile_decoder(network.language, network.config.language)
        self.network, self.config = network, network.config.language
        self.cache = LatentRows(rows, self.config.num_hidden_layers, part_of(self.config), dtype=torch.float32)
        self.steps = CompiledSteps(network, self.cache, rows, LIMIT)
        self.ids: list[list[int]] = []
        self.leases: list[Any] = []

    def begin(self, *lengths: int) -> None:
        for length in lengths:
            ids = torch.randint(0, self.config.vocab_size, (length,)).tolist()
            prefix = self.cache.new_prefix(length)
            run_prompt(self.network.language.model, self.network.language.embed(torch.tensor([ids])), prefix)
            lease = self.cache.lease(LIMIT, len(self.ids))
            assert lease is not None
            self.cache.adopt([lease], [length], prefix)
            self.ids.append(ids)
            self.leases.append(lease)

    def say(self, row: int, token: int | None, *, ahead: int = 0) -> Row:
        return Row(token, len(self.ids[row]) + ahead, self.leases[row])

    def plain(self, ids: list[int]) -> torch.Tensor:
        x = self.network.language.embed(torch.tensor([ids]))
        return self.network.language.logits(self.network.language.model(x)[:, -1])[0]


@torch.inference_mode()
@pytest.mark.parametrize("coded", [True, False])
@pytest.mark.parametrize(
    "changes", [{}, {"norm_topk_prob": True, "n_shared_experts": None}, {"n_routed_experts": None}]
)
def test_every_token_is_the_plain_network_s(coded: bool, changes: dict[str, Any]) -> None:
    pair = Pair(network_of(coded=coded, **changes), 7)
    pair.begin(1, 63, 64, 65, 300, 17, 5)
    for number in range(4):
        token = 3 * number
        seen = pair.steps.launch([pair.say(row, token) for row in range(7)])
        for row, ids in enumerate(pair.ids):
            ids.append(token)
            said = pair.plain(ids)
            assert torch.allclose(seen.logits[row], said, atol=1e-4), (row, number)
            best, chance = said.log_softmax(-1).max(-1)[::-1]
            assert (seen.read()[0][row], seen.read()[1][row]) == (int(best), pytest.approx(float(chance), abs=1e-4))


@torch.inference_mode()
def test_a_row_s_bits_depend_on_no_neighbour_and_on_no_length_but_its_own() -> None:
    network = network_of()
    alone, together = Pair(network, 1), Pair(network, 6)
    for pair in (alone, together):
        torch.manual_seed(2)
        pair.begin(90)
    together.begin(700, 2, 64, 64, 130)
    one = alone.steps.launch([alone.say(0, 7)])
    six = together.steps.launch([together.say(row, 7 + row) for row in range(6)])
    assert torch.equal(one.logits[0], six.logits[0]) and one.read()[1][0] == six.read()[1][0]


@torch.inference_mode()
def test_rows_without_a_token_stay_where_they_are_and_the_others_go_on_with_what_they_chose() -> None:
    pair = Pair(network_of(), 4)
    pair.begin(9, 30, 3, 80)
    first = pair.steps.launch([pair.say(row, 5) for row in range(4)]).read()[0]
    for ids in pair.ids:
        ids.append(5)
    flight = pair.steps.launch([None, pair.say(1, None), None, pair.say(3, None)])
    for row in (1, 3):
        assert torch.allclose(flight.logits[row], pair.plain([*pair.ids[row], int(first[row])]), atol=1e-4)
    assert len(flight.read()[0]) == 4 and not flight.logits[0].any()


@torch.inference_mode()
def test_rows_of_one_sequence_see_those_before_them() -> None:
    """A draft: several tokens of one answer in one step."""
    pair = Pair(network_of(), 8)
    pair.begin(62, 20)
    draft = [4, 9, 11, 40]
    rows = [pair.say(0, token, ahead=number) for number, token in enumerate(draft)]
    flight = pair.steps.launch([*rows, pair.say(1, 8)])
    for number in range(len(draft)):
        assert torch.allclose(flight.logits[number], pair.plain([*pair.ids[0], *draft[: number + 1]]), atol=1e-4)
    assert torch.allclose(flight.logits[4], pair.plain([*pair.ids[1], 8]), atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 72}, {"q_lora_rank": 16}, {"topk_method": "group_limited_greedy"}, {"num_attention_heads": 6},
        {"scoring_func": "sigmoid"}, {"vocab_size": 50}, {"moe_intermediate_size": 24}, {"kv_lora_rank": 40},
        {"attention_bias": True}, {"use_mla": False, "kv_lora_rank": None},
    ],
)  # fmt: skip
def test_other_shapes_are_left_to_pytorch(changes: dict[str, Any]) -> None:
    config = network_of().config.language
    assert fits(config)
    assert not fits(replace(config, **changes))


def test_weights_are_bytes_only_where_that_loses_nothing() -> None:
    torch.manual_seed(0)
    weight, scale = torch.randint(-127, 128, (32, 8)).float(), torch.rand(32, 1) + 0.1
    weight[:, 0] = 127
    found = compiled.codes(weight * scale)
    assert found is not None and torch.equal(found[0].float(), weight)
    assert compiled.codes(torch.randn(32, 8)) is None


def test_without_a_library_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = network_of()
    assert isinstance(compile_decoder(network.language, network.config.language), CompiledDecoder)
    monkeypatch.setattr(compiled, "library", lambda: None)
    assert compile_decoder(network.language, network.config.language) is None
    with pytest.raises(OSError, match=r"no\.so"):
        compiled.opened(tmp_path / "no.so")
