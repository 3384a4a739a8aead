"""Whole networks through the Triton ops against the plain path: prompt, decoding, all schemes; interpreted without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model import execution
from dsvl2.model.cache import BlockCache, Row
from dsvl2.model.config import ModelConfig
from dsvl2.model.prefill import run_prompt
from dsvl2.model.quantization import placement
from dsvl2.model.quantization.schemes import SCHEMES
from dsvl2.model.room import Room, part_of, row_count
from dsvl2.model.steps import Steps
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import load_network
from tests.model.released import write_released

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PROMPT, NEW = 15, 2  # the answer begins a block of its own


def run(network: DeepseekVL2) -> Tensor:
    """Logits of a prompt's end and of some decoded tokens, in row 1 of 2."""
    config = network.config.language
    cache = BlockCache(6, 16, config.num_hidden_layers, part_of(config), dtype=torch.float32, device=DEVICE)
    steps, prefix = Steps(network, cache, 2, 64), cache.new_prefix(PROMPT)
    ids = torch.arange(2, 2 + PROMPT, device=DEVICE)
    logits = [network.language.logits(run_prompt(network.language.model, network.language.embed(ids)[None], prefix))[0]]
    cache.lease(20)
    lease = cache.lease(PROMPT + NEW)
    assert lease is not None
    cache.adopt([lease], [PROMPT], prefix)
    for number in range(NEW):
        logits.append(steps.launch([None, Row(5 + number, PROMPT + number, lease)]).logits[1])
    return torch.stack(logits)


@pytest.mark.parametrize(
    ("variant", "scheme"),
    [("tiny", "none"), ("small", "e4a8"), ("base", "nf4"), pytest.param("base", "none", marks=pytest.mark.gpu)],
)
@pytest.mark.usefixtures("triton_runs")
@torch.inference_mode()
def test_kernels_run_whole_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str, scheme: str) -> None:
    made = placement.Placement

    def arranged(experts: int, device: torch.device) -> placement.Placement:
        return made(experts, device, arranged=True)

    monkeypatch.setattr("dsvl2.model.weights.Placement", arranged)
    config = ModelConfig.from_file(write_released(tmp_path, variant) / "config.json")
    network = load_network(
        tmp_path, config, dtype=torch.float32, device=DEVICE,
        quant=None if scheme == "none" else SCHEMES[scheme], packed=scheme != "none",
    )  # fmt: skip
    with ops.backend("plain"):
        want = run(network)
        grouped = run(execution.group(network))
    assert (grouped - want).norm() / want.norm() < 2e-5
    with ops.backend("triton"):
        got = run(network)
    assert (got - want).norm() / want.norm() < 2e-5


def test_a_cpu_has_plain_steps_of_a_few_rows_in_fours(tmp_path: Path) -> None:
    config = ModelConfig.from_file(write_released(tmp_path, "small") / "config.json")
    network = execution.prepare(load_network(tmp_path, config, dtype=torch.float32), torch.float32)
    for waiting, rows in ((1, 8), (9, 12), (500, 16)):
        cache, steps = Room(torch.float32).make(network, 600, waiting)
        assert type(steps) is Steps and steps.rows == cache.blocks == rows
        assert [steps.width(needed) for needed in (1, 4, 5, 10)] == [4, 4, 8, 12]


def test_a_gpu_has_rows_for_what_waits_and_a_deterministic_one_always_as_many() -> None:
    assert [row_count(waiting) for waiting in (1, 64, 65, 100, 5000)] == [64, 64, 128, 128, 256]
    assert {row_count(waiting, fixed=True) for waiting in (1, 16, 17, 100, 5000)} == {128}
