"""A low-rank adapter that learns while the network beneath it stays as it is: W + sum over i of B_i A_i for every matrix.

The network's own modules run on the merged weights, so compiled blocks and expert kernels need not know of it: `write`
puts the merged weights in place before a step, `collect` turns the gradients of the weights into those of the factors.
The factors are merged as they will be stored (few bits, a scale for each component); gradients pass through the rounding.
LoRA: Hu et al., 2021.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dsvl2.pipelines.training.average import Average
from dsvl2.pipelines.training.learner import Learner
from dsvl2.pipelines.training.recipe import Recipe

#: Which part of the language model a matrix belongs to, by a piece of its name; the first that is found counts.
PARTS = {"experts_routed": ".experts.", "shared": "shared_experts", "router": "mlp.gate.weight", "attention": "self_attn",
         "head": "lm_head", "dense": ".mlp."}  # fmt: skip
CLIP = 2.7  # of a component's deviation: the range of four-bit codes that errs least for normal values


@dataclass(frozen=True, slots=True)
class Matrix:
    """One matrix, or the stack of a layer's experts: module name as released, where it lies, and its shape [E, out, in]."""

    name: str
    parameter: str
    rows: slice
    shape: tuple[int, int, int]
    rank: int


def part_of(name: str) -> str:
    """The key of `PARTS` for a parameter's name; empty for what has no adapter."""
    return next((part for part, piece in PARTS.items() if piece in name), "")


def matrices(language: nn.Module, ranks: Mapping[str, int]) -> Iterator[Matrix]:
    """The matrices of a language part that get an adapter, with their ranks."""
    for name, parameter in language.named_parameters():
        rank = ranks.get(part_of(name), 0)
        if not rank or parameter.dim() < 2 or "norm" in name or "embed" in name:
            continue
        plain = name.removesuffix(".weight")
        if parameter.dim() == 2:
            yield Matrix(plain, name, slice(None), (1, *parameter.shape), rank)
            continue
        experts, rows, columns = parameter.shape
        if name.endswith("gate_up_proj"):
            for half, module in enumerate(("gate_proj", "up_proj")):
                where = slice(half * rows // 2, (half + 1) * rows // 2)
                yield Matrix(plain.replace("gate_up_proj", module), name, where, (experts, rows // 2, columns), rank)
        else:
            yield Matrix(plain, name, slice(None), (experts, rows, columns), rank)


def rounded(factor: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Codes (whole numbers, in fp32) and the scale of each component [.., r, 1] of a factor [.., r, n]; bits 4 or 8."""
    most = 2 ** (bits - 1) - 1
    peak = factor.abs().amax(-1, keepdim=True)
    reach = peak if bits > 4 else torch.minimum(peak, CLIP * factor.square().mean(-1, keepdim=True).sqrt())
    scale = reach.clamp(min=1e-8) / most
    return (factor / scale).round().clamp(-most, most), scale


class LowRank(nn.Module):
    """Factors of an adapter over the language part of a network, which it changes in place. Alike matrices lie together.

    a [N, r, in], b [N, r, out] in each group of N matrices; `bits` 0 merges the factors unrounded.
    """

    def __init__(self, language: nn.Module, ranks: Mapping[str, int], bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.groups: dict[tuple[int, int, int], list[Matrix]] = {}
        self._weights = dict(language.named_parameters())
        for matrix in matrices(language, ranks):
            self.groups.setdefault((*matrix.shape[1:], matrix.rank), []).append(matrix)
        held = {matrix.parameter for group in self.groups.values() for matrix in group}
        for name, parameter in language.named_parameters():
            parameter.requires_grad_(name in held)
        self._base = {name: self._weights[name].detach().clone() for name in held}
        self.a, self.b = nn.ParameterList(), nn.ParameterList()
        for (rows, columns, rank), group in self.groups.items():
            count, device = sum(matrix.shape[0] for matrix in group), self._weights[group[0].parameter].device
            self.a.append(nn.Parameter(torch.randn(count, rank, columns, device=device) * columns**-0.5))
            self.b.append(nn.Parameter(torch.zeros(count, rank, rows, device=device)))

    @classmethod
    def of(cls, language: nn.Module, factors: Mapping[str, tuple[Tensor, Tensor]], bits: int) -> LowRank:
        """An adapter of known factors by module name, as `named_factors` has them; each part has one rank."""
        adapter = cls(language, {part_of(f"{name}.weight"): a.shape[1] for name, (a, _) in factors.items()}, bits)
        with torch.no_grad():
            for matrix, a, b in adapter.named_factors():
                a.copy_(factors[matrix.name][0])
                b.copy_(factors[matrix.name][1])
        return adapter

    def merged(self) -> list[tuple[Tensor, Tensor]]:
        """The factors of each group as they count: rounded, in fp32."""
        if not self.bits:
            return [(a.detach(), b.detach()) for a, b in zip(self.a, self.b, strict=True)]
        found = []
        for a, b in zip(self.a, self.b, strict=True):
            (a_codes, a_scale), (b_codes, b_scale) = rounded(a.detach(), self.bits), rounded(b.detach(), self.bits)
            found.append((a_codes * a_scale, b_codes * b_scale))
        return found

    @torch.no_grad()
    def write(self, scale: float = 1.0) -> None:
        """Put the merged weights in place; with scale 0 those beneath."""
        for group, (a, b) in zip(self.groups.values(), self.merged(), strict=True):
            deltas = (b.mT @ a).split([matrix.shape[0] for matrix in group])
            for matrix, delta in zip(group, deltas, strict=True):
                weight, base = self._weights[matrix.parameter].detach(), self._base[matrix.parameter]
                weight = weight if weight.dim() == 3 else weight[None]
                base = base if base.dim() == 3 else base[None]
                torch.add(base[:, matrix.rows], delta, alpha=scale, out=weight[:, matrix.rows])

    @torch.no_grad()
    def collect(self) -> None:
        """Gradients of the factors from those of the weights."""
        for number, (group, (a, b)) in enumerate(zip(self.groups.values(), self.merged(), strict=True)):
            found = []
            for matrix in group:
                gradient = self._weights[matrix.parameter].grad
                assert gradient is not None  # the trainer gives every parameter a place for it
                found.append((gradient if gradient.dim() == 3 else gradient[None])[:, matrix.rows])
            both = torch.cat(found) if len(found) > 1 else found[0]
            self.a[number].grad, self.b[number].grad = b @ both, a @ both.mT

    def named_factors(self) -> Iterator[tuple[Matrix, Tensor, Tensor]]:
        """Each matrix with its factors a [E, r, in] and b [E, r, out]."""
        for number, group in enumerate(self.groups.values()):
            sizes = [matrix.shape[0] for matrix in group]
            parts = zip(group, self.a[number].detach().split(sizes), self.b[number].detach().split(sizes), strict=True)
            yield from parts


def taught_adapter(learner: Learner, recipe: Recipe) -> LowRank | None:
    """The adapter that a recipe with ranks teaches; everything beneath it keeps its weights. None: everything learns."""
    if not recipe.adapter_ranks:
        return None
    learner.requires_grad_(False)
    return LowRank(learner.model.language, recipe.adapter_ranks, recipe.adapter_bits)


@contextmanager
def averaged(average: Average | None, adapter: LowRank | None) -> Iterator[None]:
    """The averages in the place of what learns, in the network too, for a while."""
    with average.applied() if average is not None else nullcontext():
        if adapter is not None:
            adapter.write()
        yield
    if adapter is not None:
        adapter.write()
