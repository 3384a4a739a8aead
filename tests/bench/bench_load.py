"""Load the released models at full size, with random weights: seconds, peak memory, and a page read. Not collected by pytest.

    python tests/bench/full_size.py small DIR --tokenizer tests/parity/fixture     # 7, 33 or 55 GB for tiny, small, base
    python tests/bench/bench_load.py DIR [--quant e4a8,nf4] [--device cuda] [--new 1000] [--adapter RANK]
    python tests/bench/bench_load.py --make-in DIR --variants tiny,small,base --minutes 5     # all of it, and tidied up

--adapter merges a random LoRA of this rank into every linear layer of the language part. A page (2 x 3 tiles) is read when the
folder has a tokenizer; the end token is ignored. The first load reads from disk and fills the page cache: say which one it was.
Peaks are those since the load before (GPU: PyTorch's counter; host: VmHWM, reset).
"""

from __future__ import annotations

import argparse
import gc
import json
import runpy
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch

SCHEMES = ("none", "e4a8", "int8", "nf4")


def random_adapter(folder: Path, rank: int) -> Path:
    """A LoRA adapter, in fp16, of attention, MLPs and every expert of the model in this folder."""
    from dsvl2.model import ModelConfig
    from dsvl2.model.weights import released_shapes

    tools = runpy.run_path(str(Path(__file__).parents[1] / "model" / "lora.py"))
    shapes = released_shapes(ModelConfig.from_file(folder / "config.json"))
    made = tools["factors"](shapes, tools["modules_of"](shapes), rank, 0.02)
    found: Path = tools["write"](folder / "random_adapter", {k: v.half() for k, v in made.items()}, r=rank)
    return found


def measure(folder: Path, quant: str, device: str, new: int, rank: int = 0) -> dict[str, Any]:
    """Load once; read a page and generate when there is a tokenizer."""
    from dsvl2.model import ModelConfig
    from dsvl2.model.adapters.files import read_adapter
    from dsvl2.model.loading import load_engine
    from dsvl2.model.memory import cache_bytes, need
    from dsvl2.model.quantization.placement import held_bytes
    from dsvl2.model.quantization.schemes import SCHEMES as ALL
    from dsvl2.model.weights import load_network, released_shapes

    place = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else device.replace("auto", "cpu"))
    config = ModelConfig.from_file(folder / "config.json")
    chosen = None if quant == "none" else quant
    adapter = random_adapter(folder, rank) if rank else None
    before = reset_peaks(place)
    left = (
        torch.cuda.memory_allocated(place) / 1e9 if place.type == "cuda" else None
    )  # by loads before, in this process
    start, engine = time.perf_counter(), None
    if (folder / "tokenizer.json").is_file():
        engine = load_engine(folder, device=str(place), dtype="bfloat16", quant=chosen, adapter=adapter)
        network = engine.network
    else:
        network = load_network(
            folder,
            config,
            dtype=torch.bfloat16,
            device=place,
            quant=ALL[quant] if chosen else None,
            packed=bool(chosen),
            adapters=[read_adapter(adapter, released_shapes(config))] if adapter else [],
        )
    if place.type == "cuda":
        torch.cuda.synchronize()
    figures: dict[str, Any] = {
        "quant": quant,
        "adapter_gb": None if adapter is None else (adapter / "adapter_model.safetensors").stat().st_size / 1e9,
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu",
        "load_seconds": round(time.perf_counter() - start, 2),
        "held_gb": held_bytes(network) / 1e9,
        "expected_gb": need(config, ALL[quant], torch.bfloat16, packed=quant != "none").weights / 1e9,
        **{f"load_{name}": value for name, value in peaks(place, before).items()},
        "gpu_before_gb": left,
        "cache_bytes_per_token": cache_bytes(config.language, torch.bfloat16),
    }
    if left is not None:
        figures["load_peak_above_final_gb"] = figures["load_peak_gpu_gb"] - left - figures["held_gb"]
    if engine is not None and new:
        figures |= read_page(engine, new, place, before)
        if place.type == "cuda":
            engine._lanes._schedulers[0].room.kept = None
            figures["step_ms"] = {slots: step_time(engine.network, slots) for slots in (1, 8, 32, 128)}
    return figures


def read_page(engine: Any, new: int, place: torch.device, before: float) -> dict[str, Any]:
    """A noisy page of 2 x 3 tiles and so many tokens, twice: the first time compiles and captures."""
    from PIL import Image

    from dsvl2.model import GenerationRequest, Message, SamplingParams

    figures: dict[str, Any] = {}
    for run in ("first", "second"):
        page = Image.effect_noise((768, 1152), 60).convert("RGB")
        requests = {
            count: GenerationRequest(
                (Message("user", "<image>\nRead.", (page,)),), SamplingParams(max_new_tokens=count, guard_loops=False)
            )
            for count in (1, new)
        }
        engine._lanes._schedulers[0].rules.stop = frozenset()  # a network of random weights may end at any time
        seconds = {}
        for count, request in requests.items():
            start = time.perf_counter()
            result = engine.generate([request])[0]
            seconds[count] = time.perf_counter() - start
        made = result.usage.completion_tokens
        figures |= {
            f"{run}_page_seconds": round(seconds[new], 3),
            f"{run}_prompt_seconds": round(seconds[1], 3),
        }
    figures["tokens_per_second"] = round((made - 1) / (seconds[new] - seconds[1]), 1)
    usage = result.usage
    figures |= {"prompt_tokens": usage.prompt_tokens, "new_tokens": made, "tiles": usage.tiles}
    return figures | {f"page_{name}": value for name, value in peaks(place, before).items()}


@torch.inference_mode()
def step_time(network: Any, slots: int, context: int = 2048) -> float:
    """Milliseconds of a decode step of so many sequences with so many tokens each, on the GPU: median of graph replays."""
    from dsvl2.model.cache import Row
    from dsvl2.model.room import Room

    cache, steps = Room(torch.bfloat16).make(network, context, slots)
    for layer in cache.layers:
        layer.buffer.normal_()
    leases = [cache.lease(context) for _ in range(slots)]
    tokens = torch.randint(
        0, network.config.language.vocab_size, (slots,)
    ).tolist()  # unlike ones: or few experts are read
    rows = [Row(token, context - 40, lease) for token, lease in zip(tokens, leases, strict=True) if lease is not None]
    steps.launch(rows)
    times = []
    for _ in range(25):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        steps._graphs[slots][0].replay()  # type: ignore[attr-defined]
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return round(sorted(times)[len(times) // 2], 3)


def reset_peaks(place: torch.device) -> float:
    """Forget earlier peaks; returns the gigabytes that the host holds now."""
    gc.collect()
    if place.type == "cuda":
        torch.cuda.init()
        torch.empty(1, device=place)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(place)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
    return host("VmRSS")


def peaks(place: torch.device, before: float) -> dict[str, float | None]:
    """Peaks since the reset, GB."""
    cuda = torch.cuda.max_memory_allocated(place) / 1e9 if place.type == "cuda" else None
    return {"peak_gpu_gb": cuda, "peak_host_gb": host("VmHWM"), "host_before_gb": before}


def host(field: str) -> float:
    """A line of /proc/self/status, GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith(field))


def everything(options: argparse.Namespace) -> int:
    """Make each variant, measure its schemes in one process, remove it; stop when the time is over."""
    end, code = time.monotonic() + 60 * options.minutes, 0
    here = Path(__file__).parent
    for variant in options.variants.split(","):
        folder = options.make_in / variant
        tokenizer = here.parent / "parity" / "fixture"
        extra = ["--scaled"] if options.scaled else []
        made = [str(here / "full_size.py"), variant, str(folder), "--tokenizer", str(tokenizer), *extra]
        rest = ["--device", options.device, "--new", str(options.new), "--quant", options.quant]
        try:
            for command in (
                made,
                [__file__, str(folder), "--minutes", str(max(0.0, end - time.monotonic()) / 60), *rest],
            ):
                left = end - time.monotonic()
                if left < 10:
                    return 3
                code |= subprocess.run([sys.executable, *command], check=False, timeout=left).returncode
        except subprocess.TimeoutExpired:
            code |= 4
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return code


def main() -> int:
    """Print one JSON object a quantization."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--quant", default=",".join(SCHEMES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--new", type=int, default=1000, help="tokens to generate after the page; 0: load only")
    parser.add_argument("--adapter", type=int, default=0, metavar="RANK", help="merge a random LoRA of this rank")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin nothing after so long")
    parser.add_argument("--make-in", type=Path, help="make the checkpoints here, one after the other")
    parser.add_argument("--variants", default="tiny,small,base")
    parser.add_argument("--scaled", action="store_true", help="small stand-ins, to try this script")
    options = parser.parse_args()
    if options.make_in:
        return everything(options)
    end, failed = time.monotonic() + 60 * options.minutes, 0
    for quant in options.quant.split(","):
        if time.monotonic() > end:
            print(json.dumps({"folder": options.folder.name, "quant": quant, "skipped": "no time left"}), flush=True)
            continue
        try:
            figures = measure(options.folder, quant, options.device, options.new, options.adapter)
        except Exception as error:  # the other schemes are still worth measuring
            traceback.print_exc(limit=-4)
            figures, failed = {"quant": quant, "failed": f"{type(error).__name__}: {error}"[:500]}, 1
        print(json.dumps({"folder": options.folder.name} | figures), flush=True)
        gc.collect()
    return failed


if __name__ == "__main__":
    sys.exit(main())
