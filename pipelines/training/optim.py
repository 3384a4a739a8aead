"""Optimiser of the small-model recipes: Muon for matrices inside the network, AdamW for everything else.

Muon replaces a matrix's momentum by its nearest semi-orthogonal matrix (Newton-Schulz iteration with the quintic
coefficients 3.4445, -4.7750, 2.0315 of K. Jordan's published method), so every direction of a weight moves equally fast.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from dsvl2.pipelines.training.recipe import Recipe

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_FUSED_ROWS = {"qkv": 3, "gate_up_proj": 2}  # matrices stored one above the other: each is orthogonalised alone


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return the approximate polar factor of each matrix [K, rows, cols], in bfloat16 arithmetic."""
    a, b, c = _COEFFICIENTS
    x = matrices.bfloat16()
    transposed = x.shape[-2] > x.shape[-1]
    if transposed:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    result: Tensor = (x.mT if transposed else x).float()
    return result


def _matrix_shape(name: str, parameter: Tensor) -> tuple[int, int, int]:
    """Shape (K, rows, cols) under which a parameter is K independent matrices."""
    parts = next((count for key, count in _FUSED_ROWS.items() if key in name), 1)
    if parameter.dim() == 3:
        experts, rows, cols = parameter.shape
        return experts * parts, rows // parts, cols
    rows, cols = parameter.shape
    return parts, rows // parts, cols


class Muon:
    """Momentum with orthogonalised updates over named matrices; same-shaped matrices are treated in one batch."""

    def __init__(
        self,
        named: Iterable[tuple[str, nn.Parameter]],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
    ) -> None:
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.groups: dict[tuple[int, int], list[tuple[nn.Parameter, tuple[int, int, int]]]] = {}
        for name, parameter in named:
            shape = _matrix_shape(name, parameter)
            self.groups.setdefault(shape[1:], []).append((parameter, shape))
        self.buffers: dict[tuple[int, int], Tensor] = {}

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Apply one update at ``scale`` times the base rate."""
        for key, members in self.groups.items():
            gradient = torch.cat([_gradient(p).reshape(shape).float() for p, shape in members])
            buffer = self.buffers.setdefault(key, torch.zeros_like(gradient))
            buffer.lerp_(gradient, 1 - self.momentum)
            update = orthogonalise(gradient.lerp(buffer, self.momentum))
            update *= self.lr * scale * max(1.0, key[0] / key[1]) ** 0.5
            start = 0
            for parameter, shape in members:
                piece = update[start : start + shape[0]].reshape(parameter.shape)
                parameter.mul_(1 - self.lr * scale * self.weight_decay).sub_(piece)
                start += shape[0]

    def state_dict(self) -> dict[str, Tensor]:
        """Momentum buffers by matrix shape."""
        return {f"{rows}x{cols}": buffer for (rows, cols), buffer in self.buffers.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore what ``state_dict`` returned."""
        for key, buffer in state.items():
            rows, cols = (int(part) for part in key.split("x"))
            self.buffers[rows, cols] = buffer


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def split_parameters(model: nn.Module) -> tuple[list[tuple[str, nn.Parameter]], list[nn.Parameter]]:
    """Split into (named matrices for Muon, the rest for AdamW).

    Embeddings, the output head, the router, the patch embedding and training-only heads stay with AdamW: their rows
    are looked up or compared one by one, which an orthogonal update does not respect.
    """
    matrices: list[tuple[str, nn.Parameter]] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = any(key in name for key in ("blocks.", "layers.")) and parameter.dim() >= 2
        lookup = any(key in name for key in ("mlp.gate.weight", "embed", "lm_head", "character_map"))
        if inside and not lookup and min(parameter.shape[-2:]) > 1:
            matrices.append((name, parameter))
        else:
            rest.append(parameter)
    return matrices, rest


REACH = (
    16.0  # rank at which both factors of an adapter move alike; B moves faster below, as the root of the ratio (rsLoRA)
)


def parameter_groups(taught: nn.Module, recipe: Recipe) -> tuple[list[tuple[str, nn.Parameter]], list[dict[str, Any]]]:
    """Named matrices for Muon and groups for AdamW, each with its rate as `base`; an adapter's factors are all AdamW's."""
    rate = recipe.adam_lr
    if not recipe.adapter_ranks:
        matrices, rest = split_parameters(taught)
        return matrices, [{"params": rest, "lr": rate, "base": rate, "weight_decay": 0.01}]
    groups = []
    for name, factor in taught.named_parameters():
        base = rate * ((REACH / factor.shape[1]) ** 0.5 if name.startswith("b.") else 1.0)
        groups.append({"params": [factor], "lr": base, "base": base, "weight_decay": 0.0})
    return [], groups
