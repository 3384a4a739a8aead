"""Weights to start a run from: those of an earlier run, or of a checkpoint folder, quantized or not; and how they are kept."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def put_whole(path: Path, content: Any) -> None:
    """Save tensors so that the file is whole, or as it was before; a disk that is full is an OSError."""
    part = path.with_name(f".{path.name}")
    written = io.BytesIO()  # on a full disk torch.save itself ends with a RuntimeError about positions
    torch.save(content, written)
    try:
        part.write_bytes(written.getbuffer())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
