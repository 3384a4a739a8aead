"""Plain-torch forms of every op: what a faster backend is measured against.

Letters: N tokens, H hidden width, E experts, k experts per token, I expert width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Scale by the fp32 root mean square, cast back to the dtype of `x`, then multiply by `weight` (spec.md 6)."""
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """down(silu(gate x) * up x), weights as [out, in]."""
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def moe_experts_loop(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Run each expert on the tokens routed to it; see `ops.moe_experts`."""
    out = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    for expert in idx.unique().tolist():
        token, slot = torch.where(idx == expert)
        gate, up = F.linear(x[token], gate_up[expert]).chunk(2, dim=-1)
        y = F.linear(F.silu(gate) * up, down[expert]).float()
        out = out.index_add(0, token, y * weight[token, slot, None].float())
    return out.to(x.dtype)


def moe_experts_dense(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Run all experts as one wide product, the hidden layer times the routing weight, zero where unselected.

    Equal to the loop up to rounding, differentiable, without data-dependent shapes: the training path,
    and the faster one wherever experts are tiny.
    """
    experts, width = gate_up.shape[0], down.shape[2]
    share = torch.zeros(x.shape[0], experts, dtype=weight.dtype, device=x.device).scatter(1, idx, weight)
    gate, up = F.linear(x, gate_up.flatten(0, 1)).view(-1, experts, 2 * width).chunk(2, dim=-1)  # [N, E, I]
    hidden = F.silu(gate) * up * share.to(gate.dtype)[:, :, None]
    return hidden.flatten(1) @ down.transpose(1, 2).flatten(0, 1)
