"""Weights to start a run from: those of an earlier run, or of a checkpoint folder, quantized or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from dsvl2.model.config import ModelConfig
from dsvl2.model.weights import load_network


def starting_weights(paths: Sequence[Path], device: torch.device) -> dict[str, Tensor]:
    """The state of a learner from `weights.pt` files and checkpoint folders; later ones win.

    A folder has no training-only heads: give a file that has them beside it, or they begin anew.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        if path.is_dir():
            network = load_network(
                path, ModelConfig.from_file(path / "config.json"), dtype=torch.float32, device=device
            )
            found |= {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
        else:
            found |= torch.load(path, map_location=device, weights_only=True)
    return found
