"""transformers' own DeepSeek-V2 with each of its experts backends, and what plain PyTorch offers beside (tinygemm)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.bench.peers.cases import Cases, Method, copies

BACKENDS = ("batched_mm", "grouped_mm", "eager")


def experts(cases: Cases) -> Iterator[Method]:
    """Its experts module, its shared MLP; batched_mm is what `generate` takes for decoding, grouped_mm for prompts."""
    from transformers.integrations import moe
    from transformers.models.deepseek_v2 import modeling_deepseek_v2 as source

    s = cases.shape
    config = SimpleNamespace(
        num_experts=s.experts, n_routed_experts=s.experts, num_local_experts=s.experts, hidden_size=s.hidden,
        moe_intermediate_size=s.width, intermediate_size=2 * s.width, hidden_act="silu", mlp_bias=False,
    )  # fmt: skip
    sets = []
    for number in range(s.sets):
        with torch.device("meta"):
            module, shared = source.DeepseekV2Experts(config), source.DeepseekV2MLP(config)
        up, down = cases.stacks(number)
        module.gate_up_proj, module.down_proj = (nn.Parameter(part, requires_grad=False) for part in (up, down))
        wide, narrow = cases.shared()
        for name, part in zip(("gate_proj", "up_proj"), wide.chunk(2), strict=True):
            getattr(shared, name).weight = nn.Parameter(part.contiguous(), requires_grad=False)
        shared.down_proj.weight = nn.Parameter(narrow, requires_grad=False)
        sets.append((module, shared))
    exact = (*cases.stacks(0), *cases.shared())
    plain = getattr(source.DeepseekV2Experts.forward, "__wrapped__", source.DeepseekV2Experts.forward)
    ways: dict[str, Callable[..., Tensor]] = {
        "batched_mm": moe.batched_mm_experts_forward, "grouped_mm": moe.grouped_mm_experts_forward, "eager": plain,
    }  # fmt: skip
    for name in BACKENDS:
        for problem in cases.problems(prefill=name != "batched_mm"):
            if name == "batched_mm" and problem.size > 8:
                continue  # it copies every chosen expert for every token: 8 GB at 128
            run = partial(_layer, ways[name])
            yield cases.layer(f"transformers {name}", "bf16", 16, problem, run, sets, exact, eager=name == "eager")


def _layer(way: Callable[..., Tensor], x: Tensor, idx: Tensor, weight: Tensor, held: Any) -> Tensor:
    module, shared = held
    return way(module, x, idx, weight.to(x.dtype)) + shared(x)


def decode(cases: Cases) -> Iterator[Method]:
    """Its cache holds latents, but every step makes keys and values of the whole context from them again."""
    s = cases.shape
    for slots, _, caches, _, moved, work in cases.decodes():
        if slots > 32:
            continue  # keys and values of 128 x 2,048 tokens: 3 GB a call, and no other order of magnitude
        kv = cases.random(80, s.heads * 256, s.latent, scale=s.latent**-0.5)
        q = cases.random(81, slots, s.heads, 1, 128 + s.rotary, scale=(128 + s.rotary) ** -0.5)
        calls = [lambda c=c, q=q: _expanded(q, c, kv, s.latent) for c in caches]
        want = _expanded(q.float(), caches[0].float(), kv.float(), s.latent)
        more = {"work": "expands the latents, absorbs nothing: not the same products as the others"}
        yield Method(
            "decode",
            "transformers, keys made again",
            "bf16",
            slots,
            calls,
            want,
            moved,
            work,
            more=more,
            tolerance=0.02,
        )


def _expanded(q: Tensor, cache: Tensor, kv: Tensor, latent: int) -> Tensor:
    made = F.linear(cache[..., :latent], kv).unflatten(-1, (q.shape[1], -1)).transpose(1, 2)
    key, value = made.split(128, -1)
    rope = cache[:, None, :, latent:].expand(-1, q.shape[1], -1, -1)
    return F.scaled_dot_product_attention(q, torch.cat((key, rope), -1), value, scale=1.0)


def head(cases: Cases) -> Iterator[Method]:
    """PyTorch's int4 product (tinygemm)."""
    s = cases.shape
    if cases.device == "cpu":
        return
    group, weight = 64, cases.heads()
    grouped = weight.float().unflatten(1, (-1, group))
    scale = (grouped.amax(-1) - grouped.amin(-1)).clamp(min=1e-6) / 15
    zero = grouped.amin(-1) + 8 * scale
    scale, zero = scale.bfloat16().float(), zero.bfloat16().float()
    codes = ((grouped - zero[..., None]) / scale[..., None]).round().add(8).clamp(0, 15)
    exact = ((codes - 8) * scale[..., None] + zero[..., None]).flatten(1)
    codes = codes.flatten(1).to(torch.uint8)
    made = torch.ops.aten._convert_weight_to_int4pack(codes[:, ::2] << 4 | codes[:, 1::2], 8)
    fine = torch.stack((scale, zero), -1).transpose(0, 1).contiguous().bfloat16()  # [H / group, V, 2]
    held = [(one, fine) for one in copies(made, s.rotated)]
    yield from cases.linear("torch tinygemm", "int4", 4.5, _tiny, held, exact)


def _tiny(x: Tensor, held: Any) -> Tensor:
    return torch.ops.aten._weight_int4pack_mm(x, held[0], 64, held[1])


GROUPS = {"experts": experts, "decode": decode, "head": head}
