"""The processes of a run: who this one is, which device is its own, averages over all of them, and how far they are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

PATIENCE = timedelta(seconds=240)  # a peer that is silent for longer has hung: end, so that torchrun can start again


def keep_own_device() -> None:
    """Hide the other processes' GPUs; call before CUDA starts.

    Every process then calls its own device cuda:0, so kernels that one of them compiled serve them all.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        os.environ["CUDA_VISIBLE_DEVICES"] = visible[local] if local < len(visible) else str(local)


@dataclass(slots=True)
class Cluster:
    """This process among its peers."""

    rank: int = field(default_factory=lambda: int(os.environ.get("RANK", "0")))
    local: int = field(default_factory=lambda: int(os.environ.get("LOCAL_RANK", "0")))
    world: int = field(default_factory=lambda: int(os.environ.get("WORLD_SIZE", "1")))

    def start(self) -> torch.device:
        """Join the group and return this process's device."""
        device = torch.device("cpu")
        if torch.cuda.is_available():  # one device is left, unless CUDA had started before the others were hidden
            device = torch.device("cuda", self.local if torch.cuda.device_count() >= self.world > 1 else 0)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        if self.world > 1:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        return device

    def mean(self, flat: Tensor) -> None:
        """Average in place over all processes."""
        if self.world > 1:
            dist.all_reduce(flat)
            flat /= self.world


def flat_gradients(module: nn.Module, more: int) -> Tensor:
    """Make every gradient of a module a view of one buffer, so that one all-reduce serves them all; `more` numbers ride along."""
    parameters = list(module.parameters())
    flat = torch.zeros(sum(p.numel() for p in parameters) + more, device=parameters[0].device)
    start = 0
    for parameter in parameters:
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()
    return flat


@dataclass(slots=True)
class Progress:
    """Where a run stands; saved with the state."""

    step: int = 0
    elapsed: float = 0.0
    level: int = 0
    level_step: int = 0
    accuracy: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)
