"""What a batch should be answered with, on the training device, and the noise that its inputs get.

Letters: B samples, L tokens, N characters, m tiles a band.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.charset import CHARACTERS

MAP_ROWS, MAP_COLS = 2, 4  # cells a 16 px patch: 8 px high, 4 px wide
MAP_CLASSES = len(CHARACTERS) + 1  # 0 = nothing here


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch should be read as.

    tokens         [B, L] int64: the answer and its end token, padded; the whole conversation where there is no image
    weight         [B, L] float: of each token in the loss; 0 = padding, >= 1 = to be answered, between = only context
    is_location    [B, L] bool: tokens that place a line of the answer
    character_map  [B, m, patches, cells] int64, or None where no character's place is known
    """

    tokens: Tensor
    weight: Tensor
    is_location: Tensor
    character_map: Tensor | None = None

    @property
    def asked(self) -> Tensor:
        """Where the answer stands, [B, L] bool."""
        return self.weight >= 1


def corrupt(targets: Targets, characters: float, locations: float) -> Tensor:
    """Input tokens [B, L-1]: a share of the answer's characters replaced, of its locations moved by one bin.

    A model that writes its answer from what it wrote before must survive its own slips.
    """
    tokens = targets.tokens[:, :-1]
    location = targets.is_location[:, :-1]
    draw = torch.rand(tokens.shape, device=tokens.device)
    others = torch.randint(nano.FIRST_CHARACTER, nano.FIRST_LOCATION, tokens.shape, device=tokens.device)
    real = (tokens >= nano.FIRST_CHARACTER) & ~location & targets.asked[:, :-1]
    noisy = torch.where((draw < characters) & real, others, tokens)
    step = torch.randint(0, 2, tokens.shape, device=tokens.device) * 2 - 1
    last = nano.FIRST_LOCATION + nano.LOCATION_BINS - 1
    moved = (tokens + step).clamp(nano.FIRST_LOCATION, last)
    return torch.where((draw < locations) & location, moved, noisy)


def character_labels(points: Tensor, classes: Tensor, columns: int, grid: int) -> Tensor:
    """Classes of the characters whose centres lie in each cell: [B, m, grid*grid, cells]; 0 where none does.

    points [B,N,2] in canvas px (x < 0 = padding), classes [B,N] from 1.
    """
    batch = len(points)
    rows, cols = grid * MAP_ROWS, grid * MAP_COLS * columns
    cell = nano.TILE // grid
    column = (points[..., 0] * MAP_COLS / cell).floor().long()
    row = (points[..., 1] * MAP_ROWS / cell).floor().long()
    inside = (points[..., 0] >= 0) & (column >= 0) & (column < cols) & (row >= 0) & (row < rows)
    index = torch.where(inside, row * cols + column, rows * cols)
    labels = torch.zeros(batch, rows * cols + 1, dtype=torch.long, device=points.device)
    labels = labels.scatter(1, index, classes.long().clamp(min=0))[:, :-1]
    cells = labels.view(batch, grid, MAP_ROWS, columns, grid, MAP_COLS).permute(0, 3, 1, 4, 2, 5)
    return cells.reshape(batch, columns, grid * grid, MAP_ROWS * MAP_COLS)
