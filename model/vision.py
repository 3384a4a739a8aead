"""The SigLIP tower: square tiles in, one vector per patch out (spec.md 3).

Letters: N tiles, P patches (grid * grid), W width, A heads. Knows nothing of tiling or of the language model.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsvl2.kernels import joined, ops
from dsvl2.model.config import VisionConfig

EPS = 1e-6


class PatchEmbed(nn.Module):
    """Cut a tile into patches; pixels beyond the last whole patch are never seen."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.width, config.patch_size, stride=config.patch_size)

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.proj(pixels).flatten(2).transpose(1, 2)  # [N, P, W]
        return patches.contiguous()  # sums keep the order of memory: every norm of the tower would copy it back


class Attention(nn.Module):
    """Full attention in both directions, rows of `qkv` ordered q, k, v."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each [N, A, P, W/A]
        mixed = ops.attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two layers around the tanh form of GELU."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.mlp_width)
        self.fc2 = nn.Linear(config.mlp_width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        if type(self.fc1) is nn.Linear:
            return self.fc2(joined.gelu_linear(x, self.fc1.weight, self.fc1.bias))
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))  # packed: nobody joins that


class LayerNorm(nn.LayerNorm):
    """Layer norm behind the sum of the residual stream."""

    def behind(self, x: Tensor, delta: Tensor | None) -> tuple[Tensor, Tensor]:
        """x + delta (or x) and its norm."""
        return joined.layer_norm(x, delta, self.weight, self.bias, self.eps)


class Block(nn.Module):
    """A pre-norm transformer block. The sum of x and delta goes in, and comes out: norms add them up."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.norm1 = LayerNorm(config.width, eps=EPS)
        self.attn = Attention(config)
        self.norm2 = LayerNorm(config.width, eps=EPS)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, delta: Tensor | None) -> tuple[Tensor, Tensor]:
        x, normed = self.norm1.behind(x, delta)
        x, normed = self.norm2.behind(x, self.attn(normed))
        return x, self.mlp(normed)


class VisionTower(nn.Module):
    """pixels [N, 3, S, S] (normalised) -> features [N, P, W] after the final norm."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.grid**2, config.width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = LayerNorm(config.width, eps=EPS)

    def forward(self, pixels: Tensor) -> Tensor:
        x, delta = self.patch_embed(pixels) + self.pos_embed, None
        for block in self.blocks:
            x, delta = block(x, delta)
        normed: Tensor = self.norm.behind(x, delta)[1]
        return normed
