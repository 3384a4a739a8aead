"""Random checkpoints of the released sizes, written as fast as a disk takes them: from a GPU's random numbers where there is one.

python tests/bench/full_size.py small DIR [--tokenizer FOLDER]
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsvl2.model.config import ModelConfig
from dsvl2.model.weights import released_shapes
from tests.model.released import config_of

SHARD = 2 << 30
POOL = 1 << 28  # random numbers that all tensors are cut from, each at an offset and scale of its own
WRITERS = 8
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def scale_of(name: str, shape: tuple[int, ...]) -> float:
    """Standard deviation that keeps activations near 1; 0 stands for a tensor of ones."""
    if name.endswith("norm.weight") or (".norm" in name and name.endswith("weight")):
        return 0.0
    fan = torch.Size(shape[1:]).numel() if len(shape) > 1 else 1
    special = {"pos_embed": 0.02, "bias": 0.01, "e_score_correction_bias": 0.01}
    return special.get(name.rpartition(".")[2], 1.0 if "embed_tokens" in name else fan**-0.5)


def shards_of(shapes: dict[str, tuple[int, ...]]) -> list[list[str]]:
    """Names, in order, in groups of about a shard's size."""
    groups, size = list[list[str]]([[]]), 0
    for name, shape in shapes.items():
        groups[-1].append(name)
        size += 2 * torch.Size(shape).numel()
        if size >= SHARD:
            groups.append([])
            size = 0
    return [group for group in groups if group]


def write_shard(path: Path, names: list[str], shapes: dict[str, tuple[int, ...]], pool: Tensor) -> None:
    """One safetensors file in bf16; no fsync, this is a bench."""
    header, end = dict[str, Any](), 0
    for name in names:
        begin, end = end, end + 2 * torch.Size(shapes[name]).numel()
        header[name] = {"dtype": "BF16", "shape": list(shapes[name]), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            count, scale = torch.Size(shapes[name]).numel(), scale_of(name, shapes[name])
            for start in range(0, count, len(pool) // 2):
                part = min(count - start, len(pool) // 2)
                offset = hash(name) % (len(pool) - part + 1)
                made = pool.narrow(0, offset, part) * scale if scale else torch.ones(part, dtype=pool.dtype)
                file.write(made.cpu().view(torch.uint8).numpy().data)


def write(variant: str, folder: Path, tokenizer: Path | None, *, scaled: bool = False) -> float:
    """Write a checkpoint of a variant; returns seconds."""
    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    raw = config_of(variant, scaled=scaled)
    if scaled:
        raw["language_config"]["vocab_size"] = 1024  # the tokens of the fixture's tokenizer, and some it does not know
    shapes = released_shapes(ModelConfig.from_dict(raw))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = POOL if not scaled else 1 << 20
    pool = torch.empty(size, dtype=torch.bfloat16, device=device).normal_()
    groups = shards_of(shapes)
    names = [f"model-{number + 1:05d}-of-{len(groups):06d}.safetensors" for number in range(len(groups))]
    with ThreadPoolExecutor(WRITERS) as threads:
        done = [
            threads.submit(write_shard, folder / name, group, shapes, pool)
            for name, group in zip(names, groups, strict=True)
        ]
        for future in done:
            future.result()
    where = {name: file for file, group in zip(names, groups, strict=True) for name in group}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    (folder / "config.json").write_text(json.dumps(raw, indent=2, sort_keys=True))
    processor = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "normalize": True, "patch_size": 14}
    (folder / "processor_config.json").write_text(json.dumps(processor))
    for name in TOKENIZER:
        if tokenizer is not None and (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)
    return time.perf_counter() - start


def main() -> int:
    """Write one checkpoint and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", choices=("tiny", "small", "base"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, help="folder whose tokenizer files are copied beside the weights")
    parser.add_argument("--scaled", action="store_true", help="the architecture at a size for trying this script")
    options = parser.parse_args()
    seconds = write(options.variant, options.folder, options.tokenizer, scaled=options.scaled)
    size = sum(path.stat().st_size for path in options.folder.glob("*.safetensors"))
    print(json.dumps({"made": options.variant, "gb": size / 1e9, "seconds": round(seconds, 1)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
