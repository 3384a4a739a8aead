"""The whole network, names as in the released checkpoints (only the experts are stacked). spec.md 2-6.

Letters: N tiles, S tile size in pixels, q image tokens on a side, B sequences, T tokens, n image tokens, E width.
"""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from dsvl2.model.config import ModelConfig
from dsvl2.model.decoder import LanguageModel
from dsvl2.model.layout import assemble
from dsvl2.model.moe import Routing
from dsvl2.model.projector import Projector
from dsvl2.model.vision import VisionTower

if TYPE_CHECKING:
    from dsvl2.model.compiled import CompiledDecoder


class DeepseekVL2(nn.Module):
    """Vision tower, projector, layout vectors and language model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.projector.n_embed
        self.vision = VisionTower(config.vision)
        self.projector = Projector(config.projector)
        # uniform, not normal: a normal draw on the meta device imports torch._dynamo, 1.8 s of every start
        bound = (3 / width) ** 0.5
        self.image_newline = nn.Parameter(torch.empty(width).uniform_(-bound, bound))
        self.view_seperator = nn.Parameter(torch.empty(width).uniform_(-bound, bound))  # spelt as in the checkpoint
        self.language = LanguageModel(config.language)
        self.compiled: CompiledDecoder | None = None  # the decoder once more, for steps in compiled code

    def tiles(self, pixels: Tensor) -> Tensor:
        """pixels [N, 3, S, S] -> vectors [N, q*q, E]."""
        return cast(Tensor, self.projector(self.vision(pixels)))

    def image_rows(self, vectors: Tensor, grid: tuple[int, int]) -> Tensor:
        """vectors [..., tiles, q*q, E] of an image with grid (columns, rows) -> [..., n, E]."""
        return assemble(vectors, grid[0], grid[1], self.image_newline, self.view_seperator)

    def forward(
        self,
        before: Tensor,
        pixels: Tensor,
        grid: tuple[int, int],
        after: Tensor,
        routed: list[Routing] | None = None,
    ) -> Tensor:
        """Teacher-forced logits for sequences of one shape: ids, one image, ids.

        before [B, P]; pixels [B, tiles, 3, S, S] with the global view first (for grid (1, 1) one tile will do);
        after [B, T]. Returns fp32 [B, 1 + T, V]: row 0 follows the last image token, row t follows after[:, t - 1].
        """
        vectors = self.tiles(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2])
        image = self.image_rows(vectors, grid)
        x = torch.cat((self.language.embed(before), image, self.language.embed(after)), dim=1)
        hidden = self.language.model(x, routed=routed)
        return self.language.logits(hidden[:, -1 - after.shape[1] :])
