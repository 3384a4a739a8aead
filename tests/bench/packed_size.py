"""Random checkpoints of the released sizes that are quantized already: random codes, no weight is ever rounded.

python tests/bench/packed_size.py small DIR [--scheme e4a8] [--tokenizer FOLDER]

10.2 GB for small in e4a8, where full weights are 32.3. The codes are uniform, with a scale that gives every row the spread a
random weight would have.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsvl2.kernels.packing import BLOCK, INT4, INT8
from dsvl2.model.config import ModelConfig
from dsvl2.model.names import is_router
from dsvl2.model.quantization.schemes import Scheme, scheme_named
from dsvl2.model.tensor_files import NAMES
from dsvl2.model.weights import released_shapes
from tests.bench.full_size import SHARD, TOKENIZER, WRITERS, scale_of
from tests.model.released import config_of

POOL = 1 << 26
MIDDLE = 0x88  # two zero points of 8
SPREAD = {INT4: 16 / 12**0.5, INT8: 256 / 12**0.5}  # standard deviation of uniform codes


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of a file: random codes, random numbers of a spread, or all one value."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    value: float | None = None
    spread: float = 0.0

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def stored(name: str, shape: tuple[int, ...], scheme: Scheme) -> Iterator[Stored]:
    """What a released tensor becomes in a file of `scheme` (model/quantization/files.py has the layout)."""
    form, spread = scheme.form_of(name), scale_of(name, shape)
    if form is INT8:
        yield Stored(f"{name}_scale", shape[:1], torch.float32, spread / SPREAD[INT8])
        yield Stored(name, shape, torch.int8)
    elif form is INT4:
        groups = -(-shape[1] // BLOCK)
        yield Stored(f"{name}_scale", (shape[0], groups), torch.bfloat16, spread / SPREAD[INT4])
        yield Stored(f"{name}_zero", (shape[0], -(-groups // 2)), torch.uint8, MIDDLE)
        yield Stored(name, (shape[0], groups * BLOCK // 2), torch.uint8)
    elif form is not None:
        raise ValueError(f"{scheme.name} has formats this does not write; known: int8, w4, e4a8")
    else:
        dtype = torch.float32 if is_router(name) else torch.bfloat16
        yield Stored(name, shape, dtype, None if spread else 1.0, spread)


def write_shard(path: Path, parts: list[Stored], codes: Tensor, numbers: Tensor) -> None:
    """One safetensors file, widest types first; no fsync, this is a bench."""
    parts, header, end = sorted(parts, key=lambda part: -part.dtype.itemsize), dict[str, Any](), 0
    for part in parts:
        begin, end = end, end + part.bytes
        header[part.name] = {"dtype": NAMES[part.dtype], "shape": part.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for part in parts:
            write_part(file, part, codes, numbers)


def write_part(file: Any, part: Stored, codes: Tensor, numbers: Tensor) -> None:
    """The bytes of one tensor, cut from the pools at an offset of its own."""
    count = prod(part.shape)
    if part.value is not None:
        file.write(torch.full((count,), part.value, dtype=part.dtype).view(torch.uint8).numpy().data)
        return
    pool = numbers if part.spread else codes
    for start in range(0, count, len(pool) // 2):
        length = min(count - start, len(pool) // 2)
        piece = pool.narrow(0, hash((part.name, start)) % (len(pool) - length + 1), length)
        made = (piece * part.spread).to(part.dtype) if part.spread else piece
        file.write(made.view(torch.uint8).numpy().data)


def write(variant: str, folder: Path, scheme: str, tokenizer: Path | None, *, scaled: bool = False) -> float:
    """Write a checkpoint of a variant; returns seconds."""
    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    raw, chosen = config_of(variant, scaled=scaled), scheme_named(scheme)
    if scaled:
        raw["language_config"]["vocab_size"] = 1024  # the tokens of the fixture's tokenizer, and some it does not know
    shapes = released_shapes(ModelConfig.from_dict(raw))
    groups = list(shards(part for name, shape in shapes.items() for part in stored(name, shape, chosen)))
    names = [f"model-{number + 1:05d}-of-{len(groups):05d}.safetensors" for number in range(len(groups))]
    size = POOL if not scaled else 1 << 20
    codes, numbers = torch.randint(0, 256, (size,), dtype=torch.uint8), torch.randn(size // 4)
    with ThreadPoolExecutor(WRITERS) as threads:
        made = [
            threads.submit(write_shard, folder / name, group, codes, numbers)
            for name, group in zip(names, groups, strict=True)
        ]
        for future in made:
            future.result()
    where = {part.name: file for file, group in zip(names, groups, strict=True) for part in group}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    raw["quantization_config"] = chosen.record()
    (folder / "config.json").write_text(json.dumps(raw, indent=2, sort_keys=True))
    processor = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "normalize": True, "patch_size": 14}
    (folder / "processor_config.json").write_text(json.dumps(processor))
    for name in TOKENIZER:
        if tokenizer is not None and (tokenizer / name).is_file():
            (folder / name).write_bytes((tokenizer / name).read_bytes())
    return time.perf_counter() - start


def shards(parts: Iterator[Stored]) -> Iterator[list[Stored]]:
    """In groups of about half a shard's size, so that all writers have work."""
    group, size = list[Stored](), 0
    for part in parts:
        group.append(part)
        size += part.bytes
        if size >= SHARD // 2 and part.dtype in (torch.int8, torch.uint8):
            yield group
            group, size = [], 0
    if group:
        yield group


def main() -> int:
    """Write one checkpoint and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", choices=("tiny", "small", "base"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scheme", default="e4a8")
    parser.add_argument("--tokenizer", type=Path, help="folder whose tokenizer files are copied beside the weights")
    parser.add_argument("--scaled", action="store_true", help="the architecture at a size for trying this script")
    options = parser.parse_args()
    seconds = write(options.variant, options.folder, options.scheme, options.tokenizer, scaled=options.scaled)
    size = sum(path.stat().st_size for path in options.folder.glob("*.safetensors"))
    print(json.dumps({"made": options.variant, "gb": size / 1e9, "seconds": round(seconds, 1)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
