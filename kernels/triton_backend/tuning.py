"""Tile sizes by kernel, format and number of tokens: a table of what was best on a card, and a rule for every other.

The table is made by `tests/bench/tune_tiles.py`; its keys are (kernel, format number, bin of tokens).
"""

from bisect import bisect_left
from dataclasses import dataclass

import torch

from dsvl2.kernels.triton_backend.measured import CARDS

EXPERT_BINS = (0.5, 2, 16, 32, 128)  # upper bounds of the mean number of tokens of an expert
LINEAR_BINS = (4, 16, 32, 64, 256)  # upper bounds of the number of tokens
TOKENS = (16, 16, 16, 32, 64, 128)  # of a tile, by bin
WIDE = 1 << 14  # rows from which a linear counts as wide: a head


@dataclass(frozen=True, slots=True)
class Tile:
    """A program's share: tokens, weight rows, weight columns a step; warps; loads in flight (stages)."""

    tokens: int
    rows: int
    columns: int
    warps: int
    stages: int


table: dict[tuple[str, int, int], Tile] = {}
_loaded_for: list[str] = []


def expert_bin(load: float) -> int:
    """The bin of a mean number of tokens an expert."""
    return bisect_left(EXPERT_BINS, load)


def tile(kernel: str, form: int, place: int, dtype: torch.dtype, device: torch.device) -> Tile:
    """kernel "linear", "head" (a wide linear), "gate_up" or "down"; place: the bin of tokens."""
    if dtype == torch.float32:
        return Tile(min(TOKENS[place], 64), 64, 32, 4, 2)
    if device.type == "cuda" and not _loaded_for:
        _load(torch.cuda.get_device_name(device))
    return table.get((kernel, form, place)) or default(kernel, TOKENS[place])


def default(kernel: str, tokens: int) -> Tile:
    """Sane everywhere."""
    if tokens <= 32:
        return Tile(tokens, 64, 64, 4, 4)
    if kernel == "gate_up":  # two accumulators
        return Tile(tokens, 64, 64, 4, 3)
    return Tile(tokens, 128, 64, 8 if tokens == 128 else 4, 3)


def _load(card: str) -> None:
    _loaded_for.append(card)
    known = next((name for name in CARDS if name in card), None)
    for key, sizes in CARDS.get(known or "", {}).items():
        table.setdefault(key, Tile(*sizes))
