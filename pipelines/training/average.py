"""The running average of a learner's parameters: what is saved, so that a run that ends early leaves calm weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Parameters averaged over the last steps, with weights that fall off exponentially."""

    def __init__(self, module: nn.Module) -> None:
        self._live = dict(module.named_parameters())
        self._mean = {name: parameter.detach().clone() for name, parameter in self._live.items()}

    @torch.no_grad()
    def update(self, share: float) -> None:
        """Move by ``share`` of the way to the present parameters."""
        live = [parameter.detach() for parameter in self._live.values()]
        torch._foreach_lerp_(list(self._mean.values()), live, share)

    @contextmanager
    @torch.no_grad()
    def applied(self) -> Iterator[None]:
        """Put the averages in the place of the parameters for a while."""
        live: list[Tensor] = list(self._live.values())
        kept = [parameter.detach().clone() for parameter in live]
        torch._foreach_copy_(live, list(self._mean.values()))
        try:
            yield
        finally:
            torch._foreach_copy_(live, kept)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by parameter name."""
        return self._mean

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what ``state_dict`` returned."""
        for name, mean in self._mean.items():
            mean.copy_(state[name])
