"""Mixture of experts: three ways to route, stacked routed experts, shared experts (spec.md 6.3).

Letters: N tokens, H hidden, E experts, k experts per token, I expert width, G groups.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsvl2.kernels import ops
from dsvl2.model.config import LanguageConfig


class Routing(NamedTuple):
    """What the router decided: idx [N, k], weight [N, k] fp32, and the score of every expert [N, E] fp32."""

    idx: Tensor
    weight: Tensor
    scores: Tensor


class SwiGLU(nn.Module):
    """down(silu(gate x) * up x)."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden, width, bias=False)
        self.up_proj = nn.Linear(hidden, width, bias=False)
        self.down_proj = nn.Linear(width, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Experts(nn.Module):
    """The routed experts of a layer, stacked: gate rows over up rows."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        experts, width, hidden = config.n_routed_experts or 0, config.moe_intermediate_size, config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * width, hidden))
        self.down_proj = nn.Parameter(torch.empty(experts, hidden, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in (self.gate_up_proj, self.down_proj):
            bound = weight.shape[-1] ** -0.5  # what nn.Linear does
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        return ops.moe_experts(x, routing.idx, routing.weight, self.gate_up_proj, self.down_proj)


class Router(nn.Module):
    """Scores every expert in fp32 and picks k by the configured method."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts or 0, config.hidden_size))
        nn.init.uniform_(self.weight, -(config.hidden_size**-0.5), config.hidden_size**-0.5)
        if config.topk_method == "noaux_tc":
            self.e_score_correction_bias = nn.Parameter(torch.zeros(config.n_routed_experts or 0))

    def forward(self, x: Tensor) -> Routing:
        config, k = self.config, self.config.num_experts_per_tok or 0
        logits = self._logits(x)  # [N, E]
        scores = logits.softmax(-1) if config.scoring_func == "softmax" else logits.sigmoid()
        idx = self._preference(scores).topk(k, dim=-1).indices
        weight = scores.gather(1, idx)
        if config.norm_topk_prob and k > 1:
            weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
        return Routing(idx, weight * config.routed_scaling_factor, scores)

    def _logits(self, x: Tensor) -> Tensor:
        """fp32 also under autocast: near-ties flip in half precision."""
        if not torch.is_autocast_enabled(x.device.type):  # entering a context costs as much as the product
            return F.linear(x.float(), self.weight.float())
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), self.weight.float())

    def _preference(self, scores: Tensor) -> Tensor:
        """What top-k ranks by: the score itself, within the best groups, or with the correction bias added."""
        config = self.config
        if config.topk_method == "greedy":
            return scores
        groups, kept = config.n_group or 1, config.topk_group or 1
        pick = scores
        if config.topk_method == "noaux_tc":
            pick = scores + self.e_score_correction_bias.float()
        grouped = pick.unflatten(-1, (groups, -1))  # [N, G, E/G]
        if config.topk_method == "noaux_tc":
            group_score = grouped.topk(2, dim=-1).values.sum(-1)
        else:
            group_score = grouped.amax(-1)
        best = group_score.topk(kept, dim=-1).indices
        keep = torch.zeros_like(group_score, dtype=torch.bool).scatter(1, best, True)
        # the others become 0, not -inf: with negative corrected scores they may still be picked, as in the release
        return grouped.masked_fill(~keep[..., None], 0.0).flatten(1)


class MoE(nn.Module):
    """Routed experts plus one fused shared expert without a gate."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.gate = Router(config)
        self.experts = Experts(config)
        shared = (config.n_shared_experts or 0) * config.moe_intermediate_size
        self.shared_experts = SwiGLU(config.hidden_size, shared) if shared else None

    def forward(self, x: Tensor, routed: list[Routing] | None = None) -> Tensor:
        """x [..., H] -> [..., H]; the routing is appended to `routed` when a list is given (balance loss, parity)."""
        flat = x.flatten(0, -2)
        routing = self.gate(flat)
        if routed is not None:
            routed.append(routing)
        y = self.experts(flat, routing).view_as(x)
        return y if self.shared_experts is None else y + self.shared_experts(x)
