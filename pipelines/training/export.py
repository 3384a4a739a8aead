"""Turn trained weights into a checkpoint folder: `python -m dsvl2.pipelines.training.export RUN/weights.pt OUT`.

Names and shapes are those of the released checkpoints; the training-only character map is left out.
With --scheme the folder is quantized as any checkpoint is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dsvl2.pipelines.training import nano


def released_tensors(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield (released name, tensor) for a learner's state dict: experts apart, no training-only head."""
    for key, tensor in state.items():
        name = key.removeprefix("model.").replace("._orig_mod", "")
        if not key.startswith("model.") or key.startswith("model.character_map"):
            continue
        if name.endswith("experts.gate_up_proj"):
            for expert, matrix in enumerate(tensor):
                gate, up = matrix.chunk(2)
                yield name.replace("gate_up_proj", f"{expert}.gate_proj.weight"), gate
                yield name.replace("gate_up_proj", f"{expert}.up_proj.weight"), up
        elif name.endswith("experts.down_proj"):
            for expert, matrix in enumerate(tensor):
                yield name.replace("down_proj", f"{expert}.down_proj.weight"), matrix
        else:
            yield name, tensor


def export(weights: Path, out: Path, scheme: str | None = None) -> Path:
    """Write the checkpoint folder ``out`` from a weights file; quantize it when a scheme is named."""
    state = torch.load(weights, map_location="cpu", weights_only=True)
    tensors = {name: tensor.float().contiguous().clone() for name, tensor in released_tensors(state)}
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain"
        nano.write_files(plain)
        save_file(tensors, plain / "model.safetensors", metadata={"format": "pt"})
        if scheme is None:
            shutil.copytree(plain, out, dirs_exist_ok=True)
        else:
            from dsvl2.model import quantize_checkpoint

            quantize_checkpoint(plain, out, scheme, whole=True)
    return out


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.export", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scheme", help="quantization scheme, for example int8")
    options = parser.parse_args(argv)
    folder = export(options.weights, options.out, options.scheme)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    sys.stderr.write(f"{folder}: {size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
