"""What is compiled before the first step covers both sides of the size at which the compiler parts its graphs."""

from __future__ import annotations

import torch

from dsvl2.pipelines.training.recipe import Recipe
from dsvl2.pipelines.training.warmup import REST, dummy

PARTED = 5_242_880 // 256  # tokens of a batch


def test_full_and_left_over_batches_of_conversations_lie_on_both_sides() -> None:
    sizes = []
    for share in (1.0, REST):
        images, targets = dummy(Recipe(), "answers", 0, 1024, torch.device("cpu"), share)
        assert images is None
        rows, width = targets.tokens.shape
        sizes.append(rows * (width - 1))
    assert sizes[0] >= PARTED > sizes[1]
