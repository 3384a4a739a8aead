"""An adapter learns over weights that stay: its gradients, what is stored of it, and that the runtime merges the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dsvl2.model.adapters.files import read_adapter
from dsvl2.pipelines.training import adapter_file
from dsvl2.pipelines.training.average import Average
from dsvl2.pipelines.training.low_rank import LowRank, averaged, part_of, rounded

RANKS = {"attention": 3, "experts_routed": 2, "router": 1}
SHAPES = {
    "model.layers.0.self_attn.q_proj": (6, 8), "model.layers.0.mlp.experts.gate_up_proj": (4, 12, 8),
    "model.layers.0.mlp.experts.down_proj": (4, 8, 6), "model.layers.0.mlp.gate": (4, 8), "model.norm": (8,),
    "model.layers.0.mlp.shared_experts.up_proj": (6, 8),
}  # fmt: skip


class Language(nn.Module):
    """Parameters under the names of a language part."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.held = {}
        for name, shape in SHAPES.items():
            inner: nn.Module = self
            *path, last = (name if "experts." in name and "shared" not in name else f"{name}.weight").split(".")
            for part in path:
                if not hasattr(inner, part):
                    inner.add_module(part, nn.Module())
                inner = getattr(inner, part)
            inner.register_parameter(last, nn.Parameter(torch.randn(shape)))
            self.held[name] = getattr(inner, last)


def taught(bits: int = 0) -> tuple[Language, LowRank]:
    language = Language()
    adapter = LowRank(language, RANKS, bits)
    with torch.no_grad():
        for factor in adapter.b:
            factor.normal_(std=0.3)
    return language, adapter


def test_only_matrices_with_a_rank_learn_and_they_start_as_they_were() -> None:
    language = Language()
    before = {name: weight.detach().clone() for name, weight in language.held.items()}
    adapter = LowRank(language, RANKS, 4)
    adapter.write()
    assert all(torch.equal(weight, before[name]) for name, weight in language.held.items())
    learning = {name for name, weight in language.held.items() if weight.requires_grad}
    assert learning == {name for name in SHAPES if RANKS.get(part_of(f"{name}.weight"))}


def test_gradients_of_the_factors_are_those_of_the_merged_weights() -> None:
    language, adapter = taught()
    adapter.write()
    learning = [weight for weight in language.held.values() if weight.requires_grad]
    sum((weight * weight.detach().cos()).sum() for weight in learning).backward()  # type: ignore[union-attr]
    wanted = {name: weight.grad.clone() for name, weight in language.held.items() if weight.grad is not None}
    adapter.collect()
    for number, group in enumerate(adapter.groups.values()):
        a, b = (factor.detach().requires_grad_() for factor in (adapter.a[number], adapter.b[number]))
        deltas = (b.mT @ a).split([matrix.shape[0] for matrix in group])
        flows = []
        for matrix, delta in zip(group, deltas, strict=True):
            gradient = wanted[matrix.parameter.removesuffix(".weight")]
            flows.append((delta * (gradient if gradient.dim() == 3 else gradient[None])[:, matrix.rows]).sum())
        torch.stack(flows).sum().backward()
        torch.testing.assert_close(adapter.a[number].grad, a.grad)
        torch.testing.assert_close(adapter.b[number].grad, b.grad)


def test_scale_nothing_gives_back_the_weights_and_averages_come_and_go() -> None:
    language, adapter = taught()
    before = {name: weight.detach().clone() for name, weight in language.held.items()}
    average = Average(adapter)
    adapter.write()
    now = {name: weight.detach().clone() for name, weight in language.held.items()}
    with torch.no_grad():
        for factor in adapter.b:
            factor.zero_()
    adapter.write()
    with averaged(average, adapter):
        assert all(torch.equal(weight, now[name]) for name, weight in language.held.items())
    assert all(torch.equal(weight, before[name]) for name, weight in language.held.items())
    with averaged(average, adapter):
        adapter.write(0.0)
        assert all(torch.equal(weight, before[name]) for name, weight in language.held.items())


@pytest.mark.parametrize("bits", [4, 8])
def test_what_is_stored_is_what_was_learned_with(bits: int, tmp_path: Path) -> None:
    language, adapter = taught(bits)
    before = {name: weight.detach().clone() for name, weight in language.held.items()}
    adapter.write(0.5)
    adapter_file.write(adapter_file.factors_of(adapter), tmp_path, bits=bits, scale=0.5)
    found = read_adapter(tmp_path, {name: tuple(weight.shape) for name, weight in released(before)})
    live = dict(released({name: weight.detach() for name, weight in language.held.items()}))
    for name, weight in released(before):
        merged = found.merged(name, weight)
        torch.testing.assert_close(
            merged, live[name], rtol=0, atol=2e-3 * float((live[name] - weight).abs().max() + 1e-9)
        )


def released(weights: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """Tensors by their released names: experts apart."""
    found: list[tuple[str, Tensor]] = []
    for name, weight in weights.items():
        module = f"language.{name}"
        if name.endswith("experts.gate_up_proj"):
            for number, both in enumerate(weight):
                for half, part in zip(("gate_proj", "up_proj"), both.chunk(2), strict=True):
                    found.append((module.replace("gate_up_proj", f"{number}.{half}.weight"), part))
        elif name.endswith("experts.down_proj"):
            found += [(module.replace("down_proj", f"{n}.down_proj.weight"), part) for n, part in enumerate(weight)]
        else:
            found.append((f"{module}.weight", weight))
    return found


@pytest.mark.parametrize(("bits", "most"), [(4, 0.018), (8, 0.0002)])
def test_rounding_loses_little_of_a_component(bits: int, most: float) -> None:
    torch.manual_seed(1)
    factor = torch.randn(5, 3, 256) * torch.tensor([1.0, 1e-3, 40.0])[:, None]
    codes, scale = rounded(factor, bits)
    assert codes.abs().max() <= 2 ** (bits - 1) - 1 and torch.equal(codes, codes.round())
    lost = (codes * scale - factor).square().sum(-1) / factor.square().sum(-1)
    assert lost.max() < most
