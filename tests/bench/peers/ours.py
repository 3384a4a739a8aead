"""This project's kernels, through `ops` as the model calls them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.kernels.packing import INT4, INT8, NF4, Format, PackedWeight, arrange
from tests.bench.peers.cases import Cases, Method, copies

FORMS: dict[str, Format | None] = {"bf16": None, "int8": INT8, "int4": INT4, "nf4": NF4}


def experts(name: str, cases: Cases) -> Iterator[Method]:
    """Routed and shared experts in one op, in one format."""
    form, shared = FORMS[name], cases.shared()
    wide = [cases.stacks(number) for number in range(cases.shape.sets)]
    if form is None:
        sets: list[Any] = [(pair, (shared[0][None], shared[1][None])) for pair in wide]
        exact, bits = (*wide[0], *shared), 16.0
    else:
        both = packed(form, shared[0].unflatten(0, (2, -1))[None]), packed(form, shared[1][None])
        sets = [((packed(form, up.unflatten(1, (2, -1))), packed(form, down)), both) for up, down in wide]
        (up, down), bits = sets[0][0], form.bits
        exact = (
            up.dequantize().flatten(1, 2), down.dequantize(),
            both[0].dequantize()[0].flatten(0, 1), both[1].dequantize()[0],
        )  # fmt: skip
    for problem in cases.problems(prefill=name in ("bf16", "int4")):
        yield cases.layer("ours", name, bits, problem, _layer, sets, exact)


def _layer(x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    return ops.moe_layer(x, idx, weight, *held)


def packed(form: Format, weight: Tensor) -> PackedWeight:
    """A stack packed expert by expert, as loading does: all at once would need ten times its size."""
    done = [arrange(PackedWeight.of(form, part)) for part in weight]
    parts = {name: torch.stack([one.parts[name] for one in done]) for name in done[0].parts}
    return PackedWeight(done[0].form, parts, done[0].rows, done[0].columns)


def decode(cases: Cases) -> Iterator[Method]:
    """One token against the cache, in blocks that lie side by side; block 0 belongs to nobody."""
    s = cases.shape
    for slots, query, caches, want, moved, work in cases.decodes():
        count = slots * s.length // s.page
        blocked = [
            torch.cat((c.new_zeros(1, s.page, c.shape[-1]), c.view(count, s.page, -1)))[None, :, None] for c in caches
        ]  # [1, P, 1, page, r + d]
        table = torch.arange(1, count + 1, dtype=torch.int32, device=cases.device).view(slots, -1)
        lengths = torch.full((slots,), s.length, dtype=torch.int32, device=cases.device)
        bias = torch.zeros(slots, s.length, device=cases.device)
        sight = ops.Sight(table, lengths, bias, ops.spans(table.tolist(), count + 1, table.device))
        calls = [
            lambda c=c, q=query, e=sight: ops.decode(q[:, None], c, e, s.latent)[:, 0, :, : s.latent] for c in blocked
        ]
        yield Method("decode", "ours", "bf16", slots, calls, want, moved, work)


def head(cases: Cases) -> Iterator[Method]:
    """The output matrix."""
    weight = cases.heads()
    for name, form in FORMS.items():
        if form is None:
            yield from cases.linear("F.linear", "bf16", 16, F.linear, copies(weight, cases.shape.rotated), weight)
            continue
        first = arrange(PackedWeight.of(form, weight))
        size = sum(part.nbytes for part in first.parts.values())
        held = [first]
        for _ in range(max(0, int(cases.shape.rotated / size) - 1)):
            parts = {name: part.clone() for name, part in first.parts.items()}
            held.append(PackedWeight(first.form, parts, first.rows, first.columns))
        yield from cases.linear("ours", name, form.bits, ops.packed_linear, held, first.dequantize())


GROUPS = {**{f"experts-{name}": partial(experts, name) for name in FORMS}, "decode": decode, "head": head}
