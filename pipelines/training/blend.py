"""Weights between those before and after a run: what was learned, with less of what was unlearned.

    python -m dsvl2.pipelines.training.blend BEFORE.pt AFTER.pt OUT.pt --share 0.65

It needs both ends to lie in one valley, as a short run at a low rate does; after run 3, at five times that, it won nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dsvl2.pipelines.training.start import put_whole


def blend(before: Mapping[str, Tensor], after: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` of the way from `before` to `after`, tensor by tensor, in half precision.

    Raises:
        ValueError: the two do not have the same tensors.
    """
    if before.keys() != after.keys() or any(before[name].shape != after[name].shape for name in after):
        raise ValueError("the two files do not hold weights of the same model")
    return {name: torch.lerp(before[name].float(), tensor.float(), share).half() for name, tensor in after.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and blend."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.blend", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the way from BEFORE to AFTER")
    options = parser.parse_args(argv)
    before, after = (
        torch.load(path, map_location="cpu", weights_only=True) for path in (options.before, options.after)
    )
    put_whole(options.out, blend(before, after, options.share))


if __name__ == "__main__":
    main()
