"""Mixture of experts: three ways to route, stacked routed experts, shared experts (spec.md 6.3).

Letters: N tokens, H hidden, E experts, k experts per token, I expert width, G groups.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsvl2.kernels import joined, ops
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

    @property
    def pair(self) -> ops.Pair:
        """Both stacks, as `ops.moe_layer` takes them."""
        return self.gate_up_proj, self.down_proj

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        return ops.moe_experts(x, routing.idx, routing.weight, self.gate_up_proj, self.down_proj)


class Router(nn.Module):
    """Scores every expert in fp32 and picks k by the configured method."""

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.rule = ops.RouteRule(
            chosen=config.num_experts_per_tok or 0,
            scoring=config.scoring_func,
            method=config.topk_method,
            groups=config.n_group or 1,
            kept=config.topk_group or 1,
            normalized=config.norm_topk_prob,
            scale=config.routed_scaling_factor,
        )
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts or 0, config.hidden_size))
        nn.init.uniform_(self.weight, -(config.hidden_size**-0.5), config.hidden_size**-0.5)
        if config.topk_method == "noaux_tc":
            self.e_score_correction_bias = nn.Parameter(torch.zeros(config.n_routed_experts or 0))

    def forward(self, x: Tensor) -> Routing:
        """fp32 also under autocast: near-ties flip in half precision."""
        bias = getattr(self, "e_score_correction_bias", None)
        if not torch.is_autocast_enabled(x.device.type):  # entering a context costs as much as the product
            return Routing(*joined.choice(x, self.weight, bias, self.rule))
        with torch.autocast(x.device.type, enabled=False):
            return Routing(*ops.route(F.linear(x.float(), self.weight.float()), bias, self.rule))


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
