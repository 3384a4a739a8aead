"""Where the time of a whole step goes: kernels of decode steps, of a prompt and of the tower, beside what their bytes cost.

    python tests/bench/profile_step.py [--what decode,prefill,vision] [--variants tiny,small] [--schemes bf16,int8,e4a8,w4,nf4]
        [--slots 1,8,128] [--context 1024,2048,4096] [--seconds 200] [--kernels]

The network is made of random weights on the GPU, codes instead of weights where a scheme packs them: seconds, and no checkpoint.
One JSON object a case: microseconds by graph replays (median) beside the floor (bytes / 3.00 TB/s, operations / 790 TFLOP/s).
When all are timed, with --kernels, the cases come once more, each with its launches and the microseconds of every kernel: a
process that has profiled once is slower for good, by some 0.4 us a launch (tiny in w4: 410.7 us a step, then 443.1; H100).
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dsvl2.kernels.packing import ARRANGED_INT4, ARRANGED_INT8, ARRANGED_NF4, INT4, INT8, NF4, Format, PackedWeight
from dsvl2.model import execution
from dsvl2.model.cache import Row
from dsvl2.model.config import ModelConfig
from dsvl2.model.moe import Experts
from dsvl2.model.prefill import run_prompt
from dsvl2.model.quantization.modules import QuantizedExperts, QuantizedLinear
from dsvl2.model.quantization.schemes import SCHEMES, Scheme
from dsvl2.model.room import Room
from dsvl2.model.vl2 import DeepseekVL2
from tests.bench.bench_layers import clocked
from tests.model.released import config_of

BYTES, OPERATIONS = 3.00e12, 790e12
OVER = 3  # exit code: out of time
PROFILING: list[bool] = []  # not empty: no case is timed any more
SCALE = {
    INT8: 73.0,
    INT4: 4.7,
    NF4: 0.5,
}  # root mean square of random codes: a step of 1 / that / sqrt(K) keeps activations near 1


def codes_of(form: Format, *shape: int) -> PackedWeight:
    """A packed weight of random codes on the GPU, in kernel order."""
    (*lead, rows, columns), step = shape, shape[-1] ** -0.5 / SCALE[form]
    tiles, units = -(-rows // 64), columns // (32 if form is INT8 else 64)
    codes = torch.randint(0, 256, (*lead, tiles, units, 2048), dtype=torch.uint8, device="cuda")
    if form is INT8:
        scale = torch.full((*lead, tiles * 64), step, device="cuda")
        return PackedWeight(ARRANGED_INT8, {"codes": codes.view(torch.int8), "scale": scale}, rows, columns)
    words = torch.full((*lead, tiles, units, 64), step, device="cuda")
    if form is NF4:
        return PackedWeight(ARRANGED_NF4, {"codes": codes, "words": words}, rows, columns)
    words = (words.bfloat16().view(torch.int16).int() & 0xFFFF) | 0x4308 << 16  # a zero point of 8
    return PackedWeight(ARRANGED_INT4, {"codes": codes, "words": words}, rows, columns)


def build(variant: str, scheme: Scheme) -> DeepseekVL2:
    """A network of random weights on the GPU, as loading leaves it."""
    with torch.device("meta"):
        network = DeepseekVL2(ModelConfig.from_dict(config_of(variant, scaled=False)))
    network.eval().requires_grad_(False)
    for name, module in list(network.named_modules()):
        parent, _, child = name.rpartition(".")
        if isinstance(module, Experts) and scheme.experts is not None:
            (count, both, hidden), width = module.gate_up_proj.shape, module.down_proj.shape[2]
            packed = (
                codes_of(scheme.experts, count, 2, both // 2, hidden),
                codes_of(scheme.experts, count, hidden, width),
            )
            setattr(network.get_submodule(parent), child, QuantizedExperts(*packed))
        elif (
            isinstance(module, nn.Linear)
            and (form := scheme.form_of(f"{name}.weight")) is not None
            and child != "kv_b_proj"
        ):
            packed_weight = codes_of(form, module.out_features, module.in_features)
            setattr(network.get_submodule(parent), child, QuantizedLinear(packed_weight, None))
    filled = {}
    for name, tensor in network.state_dict().items():
        if tensor.is_meta:
            filled[name] = torch.empty(tensor.shape, dtype=torch.bfloat16, device="cuda")
            flat = filled[name].view(-1)
            if "norm" in name and tensor.dim() == 1:
                flat.fill_(0.0 if name.endswith("bias") else 1.0)
            else:
                fan = 1 if "embed_tokens" in name else tensor[0].numel() if tensor.dim() > 1 else tensor.numel()
                for part in flat.split(1 << 28):
                    part.normal_(std=fan**-0.5)
    network.load_state_dict(filled, assign=True, strict=False)
    return execution.prepare(network, torch.bfloat16)


def matrix_bytes(network: DeepseekVL2, slots: int) -> tuple[float, float]:
    """Bytes of weights that a step of so many sequences has to read, and the weights that one token is multiplied by."""
    config = network.config.language
    experts, chosen = config.n_routed_experts or 0, config.num_experts_per_tok or 0
    touched = 1 - (1 - chosen / experts) ** slots
    read = active = 0.0
    for name, tensor in (*network.language.named_parameters(), *network.language.named_buffers()):
        if "embed_tokens" in name:
            continue
        routed = ".experts." in name
        read += tensor.nbytes * (touched if routed else 1)
        packed = tensor.dtype == torch.uint8 and tensor.dim() >= 2 and name.endswith("codes")
        active += tensor.numel() * (2 if packed else 1) * (chosen / experts if routed else 1)
    return read, active


def kernels_of(call: Callable[[], Any], times: int = 3) -> dict[str, tuple[float, float]]:
    """Microseconds and launches of every kernel in one call."""
    activities = [torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(times):
            call()
        torch.cuda.synchronize()
    found: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for event in profile.events():
        if event.device_type == torch.autograd.DeviceType.CUDA and event.device_time_total > 0:
            micros, count = found[event.name[:90]]
            found[event.name[:90]] = micros + event.device_time_total / times, count + 1 / times
    return dict(found)


def report(case: dict[str, Any], call: Callable[[], Any], moved: float, work: float) -> None:
    """Time one case, or profile it once all are timed, and print it."""
    for _ in range(2):
        call()
    if PROFILING:
        print(json.dumps(case | _profiled(call)), flush=True)
        return
    micros = clocked(call, 15)
    floor = max(moved / BYTES, work / OPERATIONS) * 1e6
    case |= {
        "us": round(micros, 1),
        "floor_us": round(floor, 1),
        "share": round(floor / micros, 3),
        "gb": round(moved / 1e9, 3),
    }
    print(json.dumps(case), flush=True)


def _profiled(call: Callable[[], Any]) -> dict[str, Any]:
    """Launches, the sum of all kernels, which overlap, and the largest ones."""
    try:
        found = kernels_of(call)
    except Exception as trouble:  # a machine without its profiler still has times
        return {"profiler": f"{type(trouble).__name__}: {trouble}"[:200]}
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    return {
        "kernels_us": round(sum(us for us, _ in found.values()), 1),
        "launches": round(sum(n for _, n in found.values())),
        "top": [[name, round(us, 1), round(count, 1)] for name, (us, count) in ranked[:24]],
    }


def graph_of(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call as a CUDA graph."""
    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        call()
        call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def decode(network: DeepseekVL2, case: dict[str, Any], slots: int, context: int) -> None:
    """A step of so many sequences that see `context` tokens each."""
    config = network.config.language
    cache, steps = Room(torch.bfloat16).make(network, context, slots)
    for layer in cache.layers:
        layer.buffer.normal_()
    room = 64  # every replay moves the positions on
    tokens = torch.randint(0, config.vocab_size, (slots,)).tolist()
    rows = []
    for token in tokens:
        lease = cache.lease(context)
        assert lease is not None  # room was made for all
        rows.append(Row(token, context - room, lease))
    flight = steps.launch(rows)
    read, active = matrix_bytes(network, slots)
    read += torch.Size(cache.part).numel() * 2.0 * config.num_hidden_layers * slots * context
    finite = bool(flight.logits.isfinite().all())
    report(
        case | {"slots": slots, "context": context, "finite": finite},
        steps._graphs[slots][0].replay,
        read,
        2 * active * slots,
    )  # type: ignore[attr-defined]


def prefill(network: DeepseekVL2, case: dict[str, Any], tokens: int) -> None:
    """A prompt of so many tokens, launched one kernel after the other, as the engine does, and as a graph."""
    x = torch.randn(1, tokens, network.config.language.hidden_size, device="cuda", dtype=torch.bfloat16)
    decoder = network.language.model
    read, active = matrix_bytes(network, tokens)

    def call() -> Tensor:
        return run_prompt(decoder, x, ())

    if not PROFILING:
        print(json.dumps(case | {"tokens": tokens, "eager_ms": round(clocked(call, 5) / 1000, 2)}), flush=True)
    report(case | {"tokens": tokens}, graph_of(call), read, 2 * active * tokens)


def vision(network: DeepseekVL2, case: dict[str, Any], tiles: int) -> None:
    """Tiles through tower and projector."""
    pixels = torch.randn(tiles, 3, 384, 384, device="cuda", dtype=torch.bfloat16)
    tower = sum(parameter.nbytes for parameter in network.vision.parameters())
    report(case | {"tiles": tiles}, graph_of(lambda: network.vision(pixels)), tower, tiles * 0.669e12)


def main() -> int:
    """Print the cases as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="decode,prefill,vision")
    parser.add_argument("--variants", default="tiny,small")
    parser.add_argument("--schemes", default="bf16,int8,e4a8,w4,nf4")
    parser.add_argument("--slots", default="1,8,128")
    parser.add_argument("--context", default="2048", help="tokens that a sequence sees; several, to see what one costs")
    parser.add_argument("--seconds", type=float, default=1e6, help="begin nothing after so long")
    parser.add_argument("--kernels", action="store_true", help="after all times: what the kernels of each case take")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    failed = run(options, end)
    if options.kernels and failed != OVER:
        PROFILING.append(True)
        failed = max(failed, run(options, end))
    return failed


def run(options: argparse.Namespace, end: float) -> int:
    """All cases once; 1 where one failed, OVER where there was no time for all."""
    failed, asked = 0, set(options.what.split(","))
    for variant in options.variants.split(","):
        for name in options.schemes.split(","):
            start = time.monotonic()
            if start > end:
                return OVER
            try:
                with torch.inference_mode():
                    network = build(variant, SCHEMES[name])
                    torch.cuda.synchronize()
                    case = {"variant": variant, "scheme": name}
                    print(json.dumps(case | {"built_s": round(time.monotonic() - start, 1)}), flush=True)
                    for slots in map(int, options.slots.split(",")) if "decode" in asked else ():
                        for context in map(int, options.context.split(",")):
                            if time.monotonic() < end:
                                decode(network, case | {"what": "decode"}, slots, context)
                                gc.collect()
                    if "prefill" in asked and time.monotonic() < end:
                        prefill(network, case | {"what": "prefill"}, 1461)
                    if "vision" in asked and name == "bf16":
                        for tiles in (7, 28):
                            vision(network, case | {"what": "vision"}, tiles)
            except Exception as trouble:
                traceback.print_exc()
                print(json.dumps({"variant": variant, "scheme": name, "failed": str(trouble)[:400]}), flush=True)
                failed = 1
            network = None  # type: ignore[assignment]
            gc.collect()
            torch.cuda.empty_cache()
    return failed


if __name__ == "__main__":
    sys.exit(main())
