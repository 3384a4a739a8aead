"""The 2-D token layout of an image: global view, separator, mosaic of local tiles (spec.md 4.6).

Letters: q tokens on a side of a tile, tw x th the tile grid, E width, n rows in all.
"""

import torch
from torch import Tensor


def token_count(side: int, columns: int, rows: int) -> int:
    """Rows an image takes in the prompt: q(q+1) + 1 + th*q*(tw*q+1); 421 for q = 14 and a 1x1 grid."""
    return side * (side + 1) + 1 + rows * side * (columns * side + 1)


def assemble(vectors: Tensor, columns: int, rows: int, newline: Tensor, separator: Tensor) -> Tensor:
    """Lay out the vectors of one image, or of a batch of images with one grid.

    vectors [..., 1 + rows*columns, q*q, E], global view first; for a 1x1 grid one tile may stand for both.
    newline and separator [E]. Returns [..., n, E].
    """
    lead, tiles, count, width = vectors.shape[:-3], vectors.shape[-3], vectors.shape[-2], vectors.shape[-1]
    side = int(count**0.5)
    first = 0 if tiles == 1 else 1
    local = vectors[..., first:, :, :].reshape(*lead, rows, columns, side, side, width)
    mosaic = local.movedim(-4, -3).reshape(*lead, rows * side, columns * side, width)  # [..., th*q, tw*q, E]
    view = vectors[..., 0, :, :].reshape(*lead, side, side, width)
    separator = separator.to(vectors.dtype).expand(*lead, 1, width)
    return torch.cat((_end_rows(view, newline), separator, _end_rows(mosaic, newline)), dim=-2)


def _end_rows(rows: Tensor, newline: Tensor) -> Tensor:
    """Put the newline vector behind every row: [..., y, x, E] -> [..., y*(x+1), E]."""
    ends = newline.to(rows.dtype).expand(*rows.shape[:-2], 1, rows.shape[-1])
    return torch.cat((rows, ends), dim=-2).flatten(-3, -2)
