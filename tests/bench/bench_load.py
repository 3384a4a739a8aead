"""Load the released models at full size, with random weights: seconds, peak memory, and a page read. Not collected by pytest.

    python tests/bench/bench_load.py --make small DIR          # writes DIR in the released layout: 33 GB, a shard at a time
    python tests/bench/bench_load.py DIR [--quant e4a8] [--device cuda] [--new 1000]
    python tests/bench/bench_load.py DIR --tokenizer FOLDER    # with a real tokenizer, to read a page too

Each quantization is measured in a process of its own, as peaks never go down. The first load reads from disk and fills the page
cache: run it twice, or say which one it was. Needs 7, 33 or 55 GB of disk for tiny, small and base.
"""

from __future__ import annotations

import argparse
import json
import resource
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCHEMES = ("none", "int8", "e4a8", "nf4")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def make(variant: str, folder: Path, tokenizer: Path | None) -> None:
    """Write a checkpoint of a variant; its shards are smaller than the released ones, which would be held in memory here."""
    released = runpy.run_path(str(Path(__file__).parents[1] / "model" / "released.py"))
    start = time.perf_counter()
    released["write_released"](folder, variant, scaled=False, shard=1 << 31)
    for name in TOKENIZER:
        if tokenizer is not None and (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, folder / name)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"{folder}: {size / 1e9:.2f} GB in {time.perf_counter() - start:.0f} s")


def measure(folder: Path, quant: str, device: str, new: int) -> dict[str, Any]:
    """Load once in this process; read a page of 2 x 3 tiles and generate when there is a tokenizer."""
    import torch

    from dsvl2.model import GenerationRequest, Message, ModelConfig, SamplingParams, load_engine
    from dsvl2.model.memory import cache_bytes, need
    from dsvl2.model.quantization.placement import held_bytes
    from dsvl2.model.quantization.schemes import SCHEMES as ALL
    from dsvl2.model.weights import load_network

    place = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else device.replace("auto", "cpu"))
    cuda = place.type == "cuda"
    config = ModelConfig.from_file(folder / "config.json")
    start = time.perf_counter()
    engine = None
    if (folder / "tokenizer.json").is_file():
        engine = load_engine(folder, device=str(place), dtype="bfloat16", quant=None if quant == "none" else quant)
        network = engine.network
    else:
        chosen = None if quant == "none" else ALL[quant]
        network = load_network(folder, config, dtype=torch.bfloat16, device=place, quant=chosen, packed=quant != "none")
    if cuda:
        torch.cuda.synchronize()
    figures: dict[str, Any] = {
        "quant": quant,
        "device": torch.cuda.get_device_name(place) if cuda else "cpu",
        "seconds": time.perf_counter() - start,
        "held_gb": held_bytes(network) / 1e9,
        "expected_gb": need(config, ALL[quant], torch.bfloat16, packed=quant != "none").weights / 1e9,
        "peak_load_gb": torch.cuda.max_memory_allocated(place) / 1e9 if cuda else None,
        "host_peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "cache_bytes_per_token": cache_bytes(config.language, torch.bfloat16),
    }
    if engine is not None and new:
        from PIL import Image

        page = Image.effect_noise((768, 1152), 60).convert("RGB")
        request = GenerationRequest((Message("user", "<image>\nRead.", (page,)),), SamplingParams(max_new_tokens=new))
        start = time.perf_counter()
        result = engine.generate([request])[0]
        figures |= {
            "page_seconds": time.perf_counter() - start,
            "prompt_tokens": result.usage.prompt_tokens,
            "new_tokens": result.usage.completion_tokens,
            "peak_page_gb": torch.cuda.max_memory_allocated(place) / 1e9 if cuda else None,
            "host_peak_page_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        }
    return figures


def main() -> int:
    """Make a checkpoint, or print one JSON object a quantization."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", choices=("tiny", "small", "base"))
    parser.add_argument("--tokenizer", type=Path, help="folder whose tokenizer files are copied beside the weights")
    parser.add_argument(
        "--quant", help=f"one of them in this process; default: each of {', '.join(SCHEMES)} in its own"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--new", type=int, default=1000, help="tokens to generate after the page; 0: load only")
    options = parser.parse_args()
    if options.make:
        make(options.make, options.folder, options.tokenizer)
        return 0
    if options.quant:
        print(json.dumps(measure(options.folder, options.quant, options.device, options.new)), flush=True)
        return 0
    rest = ["--device", options.device, "--new", str(options.new)]
    codes = [
        subprocess.run([sys.executable, __file__, str(options.folder), "--quant", quant, *rest], check=False).returncode
        for quant in SCHEMES
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
