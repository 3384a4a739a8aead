"""AdamW for weights kept in bfloat16 alone: every result is rounded up or down by chance, so that small steps add up.

A bfloat16 number near .02 is .0001 from the next one; a step of 2e-5 rounded to the nearest is lost each time, and with the
usual decay of .999 so is most of what the second moment should take in. Rounded by chance, a fifth of the steps arrives
whole, and the mean is right. Two bytes each for a weight, its gradient and two moments, against sixteen with copies in fp32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_BETAS, _EPS = (0.9, 0.999), 1e-8
_LOW = 1 << 16  # a bfloat16 number is the upper half of a float32


def put_(target: Tensor, value: Tensor) -> None:
    """Write float32 `value` into bfloat16 `target`, of the two numbers around each the nearer the likelier."""
    bits = value.contiguous().view(torch.int32)
    target.copy_(((bits + torch.randint_like(bits, _LOW)) & -_LOW).view(torch.float32))


class RoundedAdamW:
    """AdamW as `torch.optim.AdamW` counts it, in float32 one parameter at a time, kept in bfloat16."""

    def __init__(self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float) -> None:
        held = list(parameters)
        self.param_groups: list[dict[str, Any]] = [{"params": held, "lr": lr, "weight_decay": weight_decay}]
        self.moments = [(torch.zeros_like(parameter), torch.zeros_like(parameter)) for parameter in held]
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """Take one step with the gradients that are there; a parameter without one rests."""
        self.steps += 1
        group = self.param_groups[0]
        first, second = (1 - beta**self.steps for beta in _BETAS)
        for parameter, (mean, square) in zip(group["params"], self.moments, strict=True):
            if parameter.grad is None:
                continue
            gradient = parameter.grad.float()
            m = mean.float().lerp_(gradient, 1 - _BETAS[0])
            v = square.float().mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
            put_(mean, m)
            put_(square, v)
            update = m.div_(first).div_(v.div_(second).sqrt_().add_(_EPS))
            weight = parameter.float().mul_(1 - group["lr"] * group["weight_decay"])
            put_(parameter, weight.sub_(update, alpha=group["lr"]))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None
