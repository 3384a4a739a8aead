"""Tile sizes by kernel, format and number of tokens: a table of what was best on a card, and a rule for every other.

The table is made by `tests/bench/tune_tiles.py`; its keys are (kernel, format number, bin of tokens).
"""

import json
import os
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dsvl2.kernels.triton_backend.measured import CARDS
from dsvl2.kernels.triton_backend.tiles import INT4

EXPERT_BINS = (0.5, 2, 6, 16, 32, 200)  # upper bounds of the mean number of tokens of an expert
EXPERT_TOKENS = (16, 16, 16, 16, 32, 64, 128)  # of a tile, by bin
LINEAR_BINS = (4, 16, 32, 64, 256)  # upper bounds of the number of tokens
TOKENS = (16, 16, 16, 32, 64, 128)  # of a tile, by bin
EXPERTS = ("gate_up", "down")
WIDE = 1 << 14  # rows from which a linear counts as wide: a head


@dataclass(frozen=True, slots=True)
class Tile:
    """A program's share: tokens, weight rows, weight columns a step; warps; loads in flight (stages)."""

    tokens: int
    rows: int
    columns: int
    warps: int
    stages: int


PROGRAMS = 128  # about as many as an H100 has multiprocessors: fewer leave some of its memory bandwidth unused

table: dict[tuple[str, int, int], Tile] = {}
_loaded_for: list[str] = []


def expert_bin(load: float) -> int:
    """The bin of a mean number of tokens an expert."""
    return bisect_left(EXPERT_BINS, load)


def width_of(place: int) -> int:
    """Tokens of an expert's tile in a bin, where none was measured."""
    return EXPERT_TOKENS[place]


def tile(kernel: str, form: int, place: int, outputs: int, like: Tensor) -> Tile:
    """The tile for activations `like`.

    kernel "linear", "head" (a wide linear), "gate_up" or "down"; place: the bin of tokens; outputs: weight rows of all
    blocks of tokens together. A measured tile that would leave multiprocessors idle is passed over.
    """
    usual = (EXPERT_TOKENS if kernel in EXPERTS else TOKENS)[place]
    if like.dtype == torch.float32:
        return Tile(min(usual, 64), 64, 32, 4, 2)
    if like.is_cuda and not _loaded_for:
        _load(torch.cuda.get_device_name(like.device))
    found = table.get((kernel, form, place))
    if found is not None and outputs // found.rows >= PROGRAMS * 3 // 4:
        return found
    return default(kernel, usual if found is None else found.tokens, outputs, form)


def default(kernel: str, tokens: int, outputs: int, form: int = 0) -> Tile:
    """Sane everywhere."""
    if kernel == "divided":  # its columns are divided among programs (see `linear.shares`): tiles may be large
        return Tile(tokens, 64, 128, 4, 4 if tokens <= 32 else 3)
    if tokens <= 32:
        rows = next((rows for rows in (64, 32) if outputs // rows >= PROGRAMS), 16)
        few = form > 0 and outputs // rows < 4 * PROGRAMS  # short steps, and few programs: more of both under way
        if few and form == INT4:  # one token's experts: 33.9 us for 39.2 (routed int4, shared int8)
            rows = min(rows, 32)
            return Tile(tokens, rows, 128, rows // 16, 6)
        return Tile(tokens, rows, 64, rows // 16, 6 if few else 4)
    if kernel == "gate_up" or outputs // 128 < PROGRAMS:  # two accumulators, or too few programs of 128 rows
        return Tile(tokens, 64, 64, 4, 3)
    return Tile(tokens, 128, 64, 8 if tokens == 128 else 4, 3)


def _load(card: str) -> None:
    """What was measured on this card, by this machine ($DSVL2_TILES, a file of tune_tiles.py) or before."""
    _loaded_for.append(card)
    if own := os.environ.get("DSVL2_TILES"):
        for kernel, form, place, sizes in json.loads(Path(own).read_text(encoding="utf-8")).get(card, []):
            table[kernel, form, place] = Tile(*sizes)
    known = next((name for name in CARDS if name in card), None)
    for key, sizes in CARDS.get(known or "", {}).items():
        table.setdefault(key, Tile(*sizes))
