"""Engines on a GPU: the same tokens as on a CPU, graphs that are captured once, memory that is what the weights need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dsvl2.model.config import ModelConfig
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.quantization.placement import held_bytes
from dsvl2.model.quantization.schemes import SCHEMES
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.steps import GraphSteps
from dsvl2.model.weights import load_network
from tests.model.released import write_released

pytestmark = pytest.mark.gpu
MakeCheckpoint = Callable[[dict[str, Any]], Path]


def texts(engine: Engine, prompts: list[str], new: int = 12) -> list[tuple[int, ...]]:
    sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
    requests = [GenerationRequest((Message("user", text),), sampling) for text in prompts]
    return [result.token_ids for result in engine.generate(requests)]


def test_a_gpu_says_what_a_cpu_says(checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> None:
    folder = checkpoint(small_shape)
    prompts = ["abc", "a longer one, of other length", "", "x" * 40]
    on_cpu = texts(load_engine(folder, device="cpu", dtype="float32"), prompts)
    engine = load_engine(folder, device="cuda", dtype="float32")
    assert texts(engine, prompts) == on_cpu
    steps = engine._lanes._schedulers[0].room.kept[1]  # type: ignore[index]
    assert isinstance(steps, GraphSteps)
    graphs = dict(steps._graphs)
    assert texts(engine, prompts) == on_cpu and steps._graphs == graphs  # replayed, not captured again
    assert texts(engine, prompts[:1]) == on_cpu[:1]


def test_neighbours_of_the_same_batch_size_do_not_matter(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any]
) -> None:
    engine = load_engine(checkpoint(small_shape), device="cuda", dtype="bfloat16")
    first = texts(engine, ["one", "two, longer than that", "three", "4"])
    assert texts(engine, ["4", "other", "one", "three"]) == [
        first[3],
        texts(engine, ["other"] * 4)[0],
        first[0],
        first[2],
    ]


def test_a_deterministic_engine_answers_alone_as_among_many(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any]
) -> None:
    engine = load_engine(checkpoint(small_shape), device="cuda", dtype="bfloat16", deterministic=True)
    prompts = ["abcdefgh"[number % 8] * (1 + number % 50) + str(number) for number in range(140)]
    together = texts(engine, prompts)
    kept = engine._lanes.first.room.kept
    for number in (0, 7, 77, 139):
        assert texts(engine, [prompts[number]]) == [together[number]]
    assert engine._lanes.first.room.kept is kept
    assert texts(engine, prompts[::-1]) == together[::-1]


def test_a_stream_says_what_a_call_says(checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> None:
    engine = load_engine(checkpoint(small_shape), device="cuda", dtype="float32")
    image = Image.linear_gradient("L").resize((96, 48))
    sampling = SamplingParams(max_new_tokens=9, guard_loops=False)
    requests = [
        GenerationRequest((Message("user", "<image>" + "x" * (number % 9), (image.rotate(number),)),), sampling)
        for number in range(40)
    ]
    found = dict(engine.stream(iter(requests), 8))
    for number, want in enumerate(engine.generate(requests)):
        got = found[number]
        assert isinstance(got, GenerationResult) and got.token_ids == want.token_ids


@pytest.mark.parametrize("scheme", ["none", "int8", "e4a8", "w4", "nf4", "int8-bnb"])
@pytest.mark.parametrize("variant", ["tiny", "base"])
def test_loading_holds_little_beside_the_weights(tmp_path: Path, variant: str, scheme: str) -> None:
    config = ModelConfig.from_file(write_released(tmp_path, variant) / "config.json")
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    network = load_network(
        tmp_path, config, dtype=torch.bfloat16, device=torch.device("cuda"),
        quant=None if scheme == "none" else SCHEMES[scheme], packed=scheme != "none",
    )  # fmt: skip
    assert torch.cuda.max_memory_allocated() - before < held_bytes(network) + (64 << 20)
