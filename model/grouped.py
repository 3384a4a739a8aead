"""Equals of modules of the decoder that start fewer kernels, for a GPU.

Letters: S slots, H hidden.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from dsvl2.kernels import joined, ops
from dsvl2.kernels.packing import PackedWeight
from dsvl2.model.attention import LatentAttention, MultiHeadAttention, RMSNorm
from dsvl2.model.moe import Experts, MoE, Routing, SwiGLU
from dsvl2.model.quantization.modules import PackedParameter, QuantizedExperts, QuantizedLinear


class ChosenLinear(nn.Module):
    """nn.Linear through the op that chooses a kernel by the number of tokens."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias
        self.out_features, self.in_features = weight.shape

    @property
    def held(self) -> Tensor:
        """The weight, for kernels that do more than multiply."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        return joined.few_linear(x, self.weight, self.bias)


def choose(module: nn.Module) -> None:
    """Exchange every plain linear layer below a module."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, ChosenLinear(cast(nn.Parameter, child.weight), cast(nn.Parameter | None, child.bias)))
        else:
            choose(child)


def merge_first(attention: nn.Module) -> None:
    """Make one product of those that attention begins with, if they are held alike."""
    if getattr(attention, "first", None) is not None:  # of another network's that is shared
        return
    if isinstance(attention, LatentAttention):
        names = ["q_a_proj" if attention.low_rank_query else "q_proj", "kv_a_proj_with_mqa"]
    elif isinstance(attention, MultiHeadAttention):
        names = ["q_proj", "k_proj", "v_proj"]
    else:
        return
    first = merged([attention.get_submodule(name) for name in names])
    if first is not None:
        attention.first = first
        for name in names:
            delattr(attention, name)


def merged(parts: Sequence[nn.Module]) -> nn.Module | None:
    """Linear layers of one input as one, or None where their weights are not held alike."""
    if all(isinstance(part, nn.Linear) for part in parts):
        plain = [cast(nn.Linear, part) for part in parts]
        biases: list[Tensor] = [part.bias for part in plain if part.bias is not None]
        if biases and len(biases) < len(plain):
            return None
        weight = nn.Parameter(torch.cat([part.weight for part in plain]), requires_grad=False)
        return ChosenLinear(weight, nn.Parameter(torch.cat(biases), requires_grad=False) if biases else None)
    if not all(isinstance(part, QuantizedLinear) for part in parts):
        return None
    packed = [cast(QuantizedLinear, part) for part in parts]
    weights = [part.held for part in packed]
    alike = len({id(weight.form) for weight in weights}) == 1 and weights[0].form.name.endswith("arranged")
    if not alike or any(weight.rows % 64 for weight in weights) or any(part.bias is not None for part in packed):
        return None
    made = {name: torch.cat([weight.parts[name] for weight in weights]) for name in weights[0].parts}
    rows = sum(weight.rows for weight in weights)
    return QuantizedLinear(PackedWeight(weights[0].form, made, rows, weights[0].columns), None)


class GroupedMoE(nn.Module):
    """Routed and shared experts in one op, the shared ones laid out as a stack of one: what a GPU launches least for."""

    def __init__(self, plain: MoE) -> None:
        super().__init__()
        assert plain.shared_experts is not None  # see `fits`
        self.gate, self.experts, self.shared = plain.gate, plain.experts, GroupedSwiGLU(plain.shared_experts)

    @staticmethod
    def fits(plain: MoE) -> bool:
        """Whether there are shared experts, of one format."""
        return plain.shared_experts is not None and GroupedSwiGLU.fits(plain.shared_experts)

    def forward(self, x: Tensor, routed: list[Routing] | None = None) -> Tensor:
        flat = x.flatten(0, -2)
        routing = self.gate(flat)
        if routed is not None:
            routed.append(routing)
        return self._experts(flat, routing.idx, routing.weight).view(x.shape)

    def step(self, x: Tensor, delta: Tensor, norm: RMSNorm) -> tuple[Tensor, Tensor]:
        """One new token a slot [S, H]: x + delta, and the layer's result for its norm."""
        bias = getattr(self.gate, "e_score_correction_bias", None)
        total, normed, idx, weight = joined.norm_route(
            x, delta, norm.weight, norm.eps, self.gate.weight, bias, self.gate.rule
        )
        return total, self._experts(normed, idx, weight)

    def _experts(self, x: Tensor, idx: Tensor, weight: Tensor) -> Tensor:
        return ops.moe_layer(x, idx, weight, cast(Experts | QuantizedExperts, self.experts).pair, self.shared.pair)


class GroupedSwiGLU(nn.Module):
    """A SwiGLU whose gate and up are one weight, gate over up."""

    def __init__(self, plain: SwiGLU) -> None:
        super().__init__()
        self.gate_up: nn.Parameter | PackedParameter
        self.down: nn.Parameter | PackedParameter
        parts = (plain.gate_proj, plain.up_proj, plain.down_proj)
        if isinstance(plain.gate_proj, nn.Linear):
            gate, up, down = (part.weight for part in parts)
            self.gate_up = nn.Parameter(torch.cat((gate, up))[None], requires_grad=False)
            self.down = nn.Parameter(down.detach()[None], requires_grad=False)
        else:
            gates, ups, downs = (cast(QuantizedLinear, part).packed() for part in parts)
            both = {name: torch.stack((part, ups.parts[name]))[None] for name, part in gates.parts.items()}
            down_parts = {name: part[None] for name, part in downs.parts.items()}
            self.gate_up = PackedParameter(PackedWeight(gates.form, both, gates.rows, gates.columns))
            self.down = PackedParameter(PackedWeight(downs.form, down_parts, downs.rows, downs.columns))

    @staticmethod
    def fits(plain: SwiGLU) -> bool:
        """Whether all three are plain, or packed in one format."""
        parts = (plain.gate_proj, plain.up_proj, plain.down_proj)
        if all(isinstance(part, QuantizedLinear) for part in parts):
            return len({id(cast(QuantizedLinear, part).packed.form) for part in parts}) == 1
        return all(isinstance(part, nn.Linear) for part in parts)

    @property
    def pair(self) -> ops.Pair:
        """Gate over up, and down, each a stack of one."""
        if isinstance(self.gate_up, nn.Parameter):
            return self.gate_up, cast(Tensor, self.down)
        return self.gate_up(), cast(PackedParameter, self.down)()

    def forward(self, x: Tensor) -> Tensor:
        return ops.fused_swiglu(x, self.pair)
