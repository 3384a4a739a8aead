"""From patch features to language vectors: 2x2 neighbours become one vector, then an MLP (spec.md 5).

Letters: N tiles, P patches, W tower width, r downsample ratio, E language width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from dsvl2.model.config import ProjectorConfig


def group_neighbours(features: Tensor, ratio: int) -> Tensor:
    """[N, P, W] -> [N, ceil(g/r)**2, W*r*r]; zero rows pad an odd grid below and at the right.

    Inside a group the channel is slowest: index = c * r * r + dy * r + dx, the order of `torch.nn.functional.unfold`.
    """
    tiles, patches, width = features.shape
    grid = int(patches**0.5)
    pad = -grid % ratio
    side = (grid + pad) // ratio
    x = F.pad(features.view(tiles, grid, grid, width), (0, 0, 0, pad, 0, pad))
    x = x.view(tiles, side, ratio, side, ratio, width).permute(0, 1, 3, 5, 2, 4)  # [N, y, x, c, dy, dx]
    return x.reshape(tiles, side * side, width * ratio * ratio)


class Projector(nn.Module):
    """features [N, P, W] -> vectors [N, q*q, E], q = ceil(grid / r)."""

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.ratio = config.downsample_ratio
        inner = config.n_embed * config.mlp_ratio
        layers: list[nn.Module] = [nn.Linear(config.input_dim * self.ratio**2, inner)]
        for _ in range(1, config.depth - 1):
            layers += [nn.GELU(), nn.Linear(inner, inner)]
        layers += [nn.GELU(), nn.Linear(inner, config.n_embed)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.layers(group_neighbours(features, self.ratio))
        return out
