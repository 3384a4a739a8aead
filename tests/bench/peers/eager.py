"""The reference's way: a loop over experts in Python with a copy to the host, plain products for everything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import reference
from tests.bench.peers.cases import Cases, Method, absorbed


def experts(cases: Cases) -> Iterator[Method]:
    """Each expert on its tokens in turn; the host waits for the routing."""
    sets = [(*cases.stacks(number), *cases.shared()) for number in range(2)]
    for problem in cases.problems():
        yield cases.layer("expert loop, eager", "bf16", 16, problem, _layer, sets, sets[0], eager=True)


def _layer(x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    up, down, shared_up, shared_down = held
    gate, value = F.linear(x, shared_up).chunk(2, -1)
    return reference.moe_experts_loop(x, idx, weight, up, down) + F.linear(F.silu(gate) * value, shared_down)


def decode(cases: Cases) -> Iterator[Method]:
    """Latent attention absorbed, by two products."""
    for slots, query, caches, want, moved, work in cases.decodes():
        calls = [lambda c=c, q=query: absorbed(q, c, cases.shape.latent) for c in caches]
        yield Method("decode", "two matmuls", "bf16", slots, calls, want, moved, work)


GROUPS = {"experts": experts, "decode": decode}
