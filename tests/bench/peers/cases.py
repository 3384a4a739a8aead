"""The problems that every peer gets: the same shapes, seeds and routing, and the fp32 answer to each.

Letters: T tokens, E experts, k chosen, H hidden, I expert width, B sequences, L tokens in the cache, r + d latent and rotary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.bench.peers.clock import Call

TOLERANCE = 0.012  # relative, against fp32 with the peer's own dequantized weights: bf16 sums err by 0.2 to 0.5 %


@dataclass(frozen=True)
class Shape:
    """What of a model the cases need."""

    hidden: int
    width: int
    experts: int
    chosen: int
    heads: int
    latent: int
    rotary: int
    vocab: int
    length: int = 2048
    page: int = 64
    sets: int = 4  # copies of a layer's weights, more than a cache holds
    routes: int = 16
    rotated: float = 4e8  # bytes of other operands that are gone through
    tokens: tuple[int, ...] = (1, 8, 32, 128)
    skewed: tuple[int, ...] = (8, 128)
    prefill: int = 4096
    rows: tuple[int, ...] = (1, 16, 64, 128)


SHAPES = {
    "small": Shape(2048, 1408, 64, 6, 16, 512, 64, 102400),
    "base": Shape(2560, 1536, 72, 6, 32, 512, 64, 129280, sets=3),
    "toy": Shape(
        128, 64, 8, 3, 4, 64, 16, 320, length=512, sets=2, routes=3, rotated=1e5, tokens=(1, 8), skewed=(8,), prefill=32,
        rows=(1, 16),
    ),
}  # fmt: skip


@dataclass
class Method:
    """A way to solve one case: its calls rotate through the operands; `want` is the answer to the first call."""

    what: str
    method: str
    form: str
    size: int
    calls: Sequence[Call]
    want: Tensor
    moved: float
    work: float
    skew: float = 0.0
    eager: bool = False  # launches cannot be recorded: the host's share is in the time
    tolerance: float = TOLERANCE
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """A MoE layer's inputs with its routing: one tuple (x [T, H], idx [T, k], weight [T, k]) a call."""

    size: int
    skew: float
    inputs: tuple[tuple[Tensor, Tensor, Tensor], ...]
    distinct: float


class Cases:
    """Data on one device; everything follows from the seed."""

    def __init__(self, shape: Shape, device: str) -> None:
        self.shape, self.device = shape, device

    def random(self, seed: int, *size: int, scale: float = 1.0) -> Tensor:
        """Normal numbers in bf16."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return torch.randn(size, device=self.device, dtype=torch.bfloat16, generator=generator) * scale

    def stacks(self, number: int) -> tuple[Tensor, Tensor]:
        """Gate over up [E, 2I, H], down [E, H, I] of one set."""
        s = self.shape
        up = self.random(10 + number, s.experts, 2 * s.width, s.hidden, scale=s.hidden**-0.5)
        return up, self.random(20 + number, s.experts, s.hidden, s.width, scale=s.width**-0.5)

    def shared(self) -> tuple[Tensor, Tensor]:
        """The two shared experts as one, twice as wide: [4I, H], [H, 2I]."""
        s = self.shape
        up = self.random(30, 4 * s.width, s.hidden, scale=s.hidden**-0.5)
        return up, self.random(31, s.hidden, 2 * s.width, scale=s.width**-0.5)

    def problems(self, *, prefill: bool = True) -> Iterator[Problem]:
        """All sizes with uniform experts, some with experts by a Zipf law."""
        s = self.shape
        sizes = [(size, 0.0) for size in (*s.tokens, *([s.prefill] if prefill else []))]
        for size, skew in [*sizes, *((size, 1.0) for size in s.skewed)]:
            inputs = tuple(self._input(size, skew, call) for call in range(s.routes if size == 1 else s.sets))
            yield Problem(size, skew, inputs, sum(len(idx.unique()) for _, idx, _ in inputs) / len(inputs))

    def _input(self, size: int, skew: float, call: int) -> tuple[Tensor, Tensor, Tensor]:
        s, generator = self.shape, torch.Generator(self.device).manual_seed(1000 + 31 * size + call + int(7 * skew))
        chance = torch.arange(1, s.experts + 1, device=self.device).float() ** -skew
        idx = torch.multinomial(chance.expand(size, -1), s.chosen, generator=generator)
        weight = torch.rand(size, s.chosen, device=self.device, generator=generator) / s.chosen
        return self.random(2000 + 31 * size + call, size, s.hidden), idx, weight

    def layer(
        self, method: str, form: str, bits: float, problem: Problem, run: Callable[..., Tensor], sets: Sequence[Any],
        exact: tuple[Tensor, Tensor, Tensor, Tensor], **more: Any,
    ) -> Method:  # fmt: skip
        """`run(x, idx, weight, set)` is the layer, routed and shared; exact: the four weights as the peer holds them."""
        s = self.shape
        calls = [
            lambda part=part, number=number: run(*part, sets[number % len(sets)])
            for number, part in enumerate(problem.inputs)
        ]
        expert = 3 * s.hidden * s.width
        return Method(
            "layer", method, form, problem.size, calls, moe(*problem.inputs[0], *exact),
            (problem.distinct + 2) * expert * bits / 8, 2 * problem.size * (s.chosen + 2) * expert, problem.skew, **more,
        )  # fmt: skip

    def decodes(self) -> Iterator[tuple[int, Tensor, list[Tensor], Tensor, float, float]]:
        """Latent attention of one token against L: B, query [B, A, r + d] (scaled), caches [B, L, r + d], answer, bytes, work."""
        s = self.shape
        width = s.latent + s.rotary
        for slots in s.tokens:
            size = slots * s.length * width * 2
            count = max(2, int(s.rotated / size))
            caches = [self.random(40 + number, slots, s.length, width) for number in range(count)]
            query = self.random(50, slots, s.heads, width, scale=width**-0.5)
            want = torch.cat([_attend(q, c, s.latent) for q, c in zip(query.split(8), caches[0].split(8), strict=True)])
            yield slots, query, caches, want, size, 2 * slots * s.heads * s.length * (width + s.latent)

    def heads(self) -> Tensor:
        """The output matrix [V, H]."""
        return self.random(60, self.shape.vocab, self.shape.hidden, scale=self.shape.hidden**-0.5)

    def linear(
        self,
        method: str,
        form: str,
        bits: float,
        run: Callable[[Tensor, Any], Tensor],
        held: Sequence[Any],
        exact: Tensor,
    ) -> Iterator[Method]:
        """The output matrix with several rows; `held` are copies of the weight."""
        s = self.shape
        for rows in s.rows:
            x = self.random(70 + rows, rows, s.hidden)
            calls = [lambda w=w, x=x: run(x, w) for w in held]
            weights = s.vocab * s.hidden
            yield Method(
                "head", method, form, rows, calls, F.linear(x.float(), exact.float()), weights * bits / 8, 2 * rows * weights
            )  # fmt: skip


def moe(
    x: Tensor, idx: Tensor, weight: Tensor, up: Tensor, down: Tensor, shared_up: Tensor, shared_down: Tensor
) -> Tensor:
    """The layer in fp32, expert by expert: the answer that everyone is held against."""
    x = x.float()
    gate, value = F.linear(x, shared_up.float()).chunk(2, -1)
    out = F.linear(F.silu(gate) * value, shared_down.float())
    for expert in idx.unique().tolist():
        token, place = (idx == expert).nonzero(as_tuple=True)
        gate, value = F.linear(x[token], up[expert].float()).chunk(2, -1)
        made = F.linear(F.silu(gate) * value, down[expert].float())
        out.index_add_(0, token, made * weight[token, place, None].float())
    return out


def _attend(query: Tensor, cache: Tensor, values: int) -> Tensor:
    cache = cache.float()
    return torch.bmm(torch.bmm(query.float(), cache.transpose(1, 2)).softmax(-1), cache[..., :values])


def absorbed(query: Tensor, cache: Tensor, values: int) -> Tensor:
    """Latent attention by two products of PyTorch."""
    return torch.bmm(torch.bmm(query, cache.transpose(1, 2)).softmax(-1), cache[..., :values])


def copies(tensor: Tensor, rotated: float) -> list[Tensor]:
    """The tensor and copies of it, so many that going through them reads `rotated` bytes."""
    return [tensor, *(tensor.clone() for _ in range(max(1, int(rotated / tensor.nbytes)) - 1))]
