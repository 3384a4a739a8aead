"""Tile sizes by kernel, format and number of tokens: what was best on an H100, and sane everywhere else."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Tile:
    """A program's share: tokens, weight rows, weight columns a step; warps; loads in flight (stages)."""

    tokens: int
    rows: int
    columns: int
    warps: int
    stages: int


def tile(kernel: str, form: int, tokens: float, dtype: torch.dtype) -> Tile:
    """kernel "linear", "gate_up" or "down"; tokens: those that share a weight (for experts the mean of an expert)."""
    count = 16 if tokens <= 16 else 32 if tokens <= 32 else 64 if tokens <= 128 else 128
    if dtype == torch.float32:
        return Tile(min(count, 64), 64, 32, 4, 2)
    if count <= 32:
        return Tile(count, 64, 64, 4, 4)
    if kernel == "gate_up":  # two accumulators
        return Tile(count, 64, 64, 4, 3)
    return Tile(count, 128, 64, 8 if count == 128 else 4, 3)
