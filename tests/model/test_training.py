"""The network can be trained: gradients reach every parameter, with either expert form, and it compiles as one graph."""

from typing import Any

import pytest
import torch

from dsvl2.kernels import ops
from dsvl2.model.config import ModelConfig
from dsvl2.model.moe import Routing
from dsvl2.model.vl2 import DeepseekVL2


def batch(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int], torch.Tensor]:
    before, after = torch.zeros(2, 1, dtype=torch.long), torch.arange(66).view(2, 33)
    return before, torch.randn(2, 3, 3, 48, 48, dtype=dtype), (2, 1), after


def loss(network: DeepseekVL2) -> torch.Tensor:
    routed: list[Routing] = []
    before, pixels, grid, after = batch()
    logits = network(before, pixels, grid, after, routed)
    assert logits.shape == (2, 34, 112) and len(routed) == 2
    return logits.logsumexp(-1).mean() + torch.stack([routing.scores.square().mean() for routing in routed]).sum()


@pytest.mark.parametrize("form", ["sparse", "loop", "dense"])
def test_gradients_reach_every_parameter(small_shape: dict[str, Any], form: str) -> None:
    torch.manual_seed(0)
    network = DeepseekVL2(ModelConfig.from_dict(small_shape))
    with ops.using(form):
        loss(network).backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not missing


def test_the_training_pass_is_one_graph_under_autocast(small_shape: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = DeepseekVL2(ModelConfig.from_dict(small_shape))
    before, pixels, grid, after = batch()

    def step() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            out: torch.Tensor = network(before, pixels, grid, after).logsumexp(-1).mean()
        return out

    with ops.using("dense"):
        compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
        value = compiled()
        value.backward()
        torch.testing.assert_close(value, step(), rtol=1e-2, atol=1e-2)


def test_logits_start_at_the_last_image_token(small_shape: dict[str, Any]) -> None:
    network = DeepseekVL2(ModelConfig.from_dict(small_shape)).eval()
    before, pixels, grid, after = batch()
    whole = network(before, pixels, grid, after)
    shorter = network(before, pixels, grid, after[:, :5])
    torch.testing.assert_close(whole[:, :6], shorter, rtol=1e-4, atol=1e-5)


def test_one_tile_stands_for_both_views(small_shape: dict[str, Any]) -> None:
    network = DeepseekVL2(ModelConfig.from_dict(small_shape)).eval()
    vectors = torch.randn(1, 4, 24)
    assert torch.equal(network.image_rows(vectors, (1, 1)), network.image_rows(vectors.repeat(2, 1, 1), (1, 1)))
