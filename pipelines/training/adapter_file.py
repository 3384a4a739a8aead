"""Writes a learned adapter in PEFT's layout, its factors as codes of four or eight bits with a scale for each component.

`adapter_config.json` and `adapter_model.safetensors` as `dsvl2.model.adapters` reads them; `--scale` of the command line
keeps less of what was learned, as a blend does:

    python -m dsvl2.pipelines.training.adapter_file RUN/adapter.pt CHECKPOINT/text_adapter --bits 4 --scale 0.8
    python -m dsvl2.pipelines.training.adapter_file RUN/adapter.pt OUT --base CHECKPOINT     # the checkpoint with it
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dsvl2.pipelines.training.low_rank import LowRank, rounded

PLACE = "text_adapter"  # in a checkpoint: for requests without an image
PREFIX = "base_model.model.language."
Factors = Mapping[
    str, tuple[Tensor, Tensor]
]  # module -> a [E, r, in], b [E, r, out]; E is 1 where there are no experts


def factors_of(adapter: LowRank) -> dict[str, tuple[Tensor, Tensor]]:
    """The factors by module name, in fp32 on the host."""
    return {matrix.name: (a.float().cpu(), b.float().cpu()) for matrix, a, b in adapter.named_factors()}


def packed(codes: Tensor, bits: int) -> Tensor:
    """Codes as they are stored: int8, or two of four bits in a byte, the even column in the low half."""
    if bits == 8:
        return codes.to(torch.int8)
    whole = (codes + 8).to(torch.uint8)
    return whole[..., ::2] | whole[..., 1::2] << 4


def tensors_of(factors: Factors, bits: int) -> dict[str, Tensor]:
    """What the file holds."""
    found = {}
    for name, (a, b) in factors.items():
        (a_codes, a_scale), (b_codes, b_scale) = rounded(a, bits), rounded(b, bits)
        parts = {"lora_A.weight": packed(a_codes, bits), "lora_B.weight": packed(b_codes, bits)}
        parts["lora_scale"] = (a_scale * b_scale)[..., 0].half()
        for part, tensor in parts.items():
            found[f"{PREFIX}{name}.{part}"] = (tensor if ".experts." in name else tensor[0]).contiguous()
    return found


def config_of(factors: Factors, bits: int, scale: float) -> dict[str, object]:
    """PEFT's description: the commonest rank, and patterns for the modules that have another."""
    ranks = {".".join(name.split(".")[-2:]): a.shape[1] for name, (a, _) in factors.items()}
    usual = max(set(ranks.values()), key=list(ranks.values()).count)
    others = {name: rank for name, rank in ranks.items() if rank != usual}
    return {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": usual, "lora_alpha": round(usual * scale, 4),
        "rank_pattern": others, "alpha_pattern": {name: round(rank * scale, 4) for name, rank in others.items()},
        "target_modules": sorted({name.rpartition(".")[2] for name in ranks}), "bias": "none", "use_rslora": False,
        "use_dora": False, "inference_mode": True, "dsvl2_bits": bits,
    }  # fmt: skip


def write(factors: Factors, folder: Path, *, bits: int, scale: float = 1.0) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors_of(factors, bits), folder / "adapter_model.safetensors", metadata={"format": "pt"})
    text = json.dumps(config_of(factors, bits, scale), indent=1)
    (folder / "adapter_config.json").write_text(text + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(prog="python -m dsvl2.pipelines.training.adapter_file", description=__doc__)
    parser.add_argument("factors", type=Path, help="adapter.pt of a run")
    parser.add_argument("out", type=Path, help="folder to write; with --base that of the whole checkpoint")
    parser.add_argument("--bits", type=int, choices=(4, 8), default=4)
    parser.add_argument("--scale", type=float, default=1.0, help="of what was learned, as it is kept")
    parser.add_argument("--base", type=Path, help="checkpoint that it was learned over, to be copied")
    options = parser.parse_args(argv)
    found: dict[str, tuple[Tensor, Tensor]] = torch.load(options.factors, map_location="cpu", weights_only=True)
    folder: Path = options.out
    if options.base is not None:
        gone = shutil.ignore_patterns(PLACE, "SHA256SUMS", "confidence.json", "MODEL_CARD.md")  # true of other weights
        shutil.copytree(options.base, folder, dirs_exist_ok=True, ignore=gone)
        folder = folder / PLACE
    write(found, folder, bits=options.bits, scale=options.scale)
    sys.stderr.write(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir()):,} bytes\n")


if __name__ == "__main__":
    main()
