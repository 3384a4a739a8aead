"""The engine under load: pages and tokens a second, and whether neighbours change an answer.

    python tests/bench/bench_engine.py [--cases tiny:bf16,small:e4a8] [--pages 128] [--new 800] [--seconds 170]
        [--trace]

Weights are random and made on the device, packed and arranged as loading does it; every page is noise of 2 x 3 tiles (7 for
the tower, 1,429 image tokens), in memory, scaled and cut by the engine; the end token is ignored, so that every answer has
`--new` tokens. `bench_pages.py` draws them too. One JSON object a figure, as soon as it is known; nothing
begins after `--seconds`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from tokenizers import Tokenizer as Backend
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.model import GenerationRequest, Message, SamplingParams, execution
from dsvl2.model.config import ModelConfig, ProcessorConfig
from dsvl2.model.engine import Engine
from dsvl2.model.quantization.placement import Placement
from dsvl2.model.quantization.schemes import SCHEMES
from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import ModelInfo
from dsvl2.model.tokenizer import Tokenizer
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import released_shapes
from tests.bench import cases as over
from tests.bench.full_size import scale_of
from tests.bench.timeline import Timeline
from tests.model.conftest import character_tokenizer
from tests.model.released import config_of

TEXT = "Read the page, and say what it says. "


def made(shape: tuple[int, ...], name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A random tensor that keeps activations near 1."""
    scale = scale_of(name, shape)
    return (
        torch.randn(shape, device=device, dtype=dtype) * scale
        if scale
        else torch.ones(shape, device=device, dtype=dtype)
    )


def build(variant: str, scheme_name: str, device: torch.device, *, scaled: bool) -> DeepseekVL2:
    """A network of random weights as loading leaves it; the experts of one shape are all alike, in memory of their own."""
    config, scheme = ModelConfig.from_dict(config_of(variant, scaled=scaled)), SCHEMES[scheme_name]
    with torch.device("meta"):
        network = DeepseekVL2(config)
    placement = Placement(config.language.n_routed_experts or 0, device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    packed: dict[Any, PackedWeight] = {}
    for name, shape in released_shapes(config).items():
        if placement.takes(name, scheme):
            form = scheme.form_of(name)
            assert form is not None  # it is taken
            key = (form.name, shape) if ".experts." in name else name
            if key not in packed:
                packed[key] = PackedWeight.of(form, made(shape, name, device, dtype))
            placement.add(name, packed[key])
    placement.install(network)
    filled = {
        name: made(tuple(tensor.shape), name.replace("gate_up_proj", "w").replace("down_proj", "w"), device, dtype)
        for name, tensor in network.state_dict().items()
        if tensor.is_meta
    }
    for name, tensor in filled.items():
        if "experts." in name and tensor.dim() == 3:
            tensor.mul_((tensor[0].numel() / tensor.shape[2]) ** 0.5)  # a matrix each: the fan is its columns
    network.load_state_dict(filled, assign=True, strict=False)
    network.eval().requires_grad_(False)
    return execution.prepare(network, dtype)


def engine_of(variant: str, scheme: str, device: torch.device, *, scaled: bool) -> Engine:
    """An engine over such a network whose answers never end by themselves."""
    network = build(variant, scheme, device, scaled=scaled)
    language = network.config.language
    raw = character_tokenizer("".join(map(chr, range(32, 127))))
    for number in range(len(raw["model"]["vocab"]), language.vocab_size):
        raw["model"]["vocab"][f"<{number}>"] = number
    tokenizer = Tokenizer(Backend.from_str(json.dumps(raw)), bos=0, eos=-1)
    dtype = "bfloat16" if device.type == "cuda" else "float32"
    info = ModelInfo(
        variant, "", 0, 0, scheme, dtype, str(device), language.max_position_embeddings, language.vocab_size, "", ReadingProfile()
    )  # fmt: skip
    engine = Engine(network, tokenizer, ProcessorConfig(), info)
    for scheduler in engine._lanes._schedulers:
        scheduler.rules.stop = frozenset()
    return engine


def page(number: int) -> Image.Image:
    """Noise that is scaled down to 2 x 3 tiles, as a scan is."""
    return Image.effect_noise((1000, 1500), 40 + number % 50).convert("RGB")


def read(engine: Engine, pages: list[Image.Image], count: int, new: int) -> dict[str, Any]:
    """Read so many pages, all queued at once."""
    sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
    requests = [
        GenerationRequest((Message("user", "<image>\n" + TEXT, (pages[number % len(pages)],)),), sampling)
        for number in range(count)
    ]
    cuda = engine.network.image_newline.is_cuda
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    results = engine.generate(requests)
    seconds = time.perf_counter() - start
    tokens = sum(result.usage.completion_tokens for result in results)
    return {
        "pages": count, "new": new, "tiles": results[0].usage.tiles, "prompt_tokens": results[0].usage.prompt_tokens,
        "seconds": round(seconds, 2), "pages_per_second": round(count / seconds, 3),
        "tokens_per_second": round(tokens / seconds, 1),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if cuda else None,
    }  # fmt: skip


def invariance(engine: Engine, pages: list[Image.Image], together: int, new: int) -> dict[str, Any]:
    """How many of some answers are, alone, token for token what they are among others; and after how many tokens they part."""
    sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
    requests = [
        GenerationRequest((Message("user", TEXT * (1 + number % 7) + str(number)),), sampling)
        for number in range(together)
    ]
    requests[5] = GenerationRequest((Message("user", "<image>\n" + TEXT, (pages[0],)),), sampling)
    among = engine.generate(requests)
    chosen = sorted({5, *range(0, together, max(1, together // 6))})
    same, parted, apart = 0, [], 0.0
    for number in chosen:
        alone = engine.generate([requests[number]])[0]
        first = next(
            (
                i
                for i, pair in enumerate(zip(alone.token_ids, among[number].token_ids, strict=True))
                if pair[0] != pair[1]
            ),
            None,
        )
        same += first is None
        parted += [] if first is None else [first]
        until = new if first is None else first
        pairs = zip(alone.logprobs[:until], among[number].logprobs[:until], strict=True)
        apart = max([apart, *(abs(one - other) for one, other in pairs)])
    return {"together": together, "alone": len(chosen), "same": same, "parted_at": parted, "logprobs_apart": apart}


def cases(options: argparse.Namespace, variant: str, scheme: str, device: torch.device) -> Iterator[dict[str, Any]]:
    """Figures of one network, the dearest first."""
    start = time.perf_counter()
    engine = engine_of(variant, scheme, device, scaled=options.scaled)
    yield {"what": "built", "seconds": round(time.perf_counter() - start, 1)}
    pages = [page(number) for number in range(8)]
    start = time.perf_counter()
    read(
        engine, pages, options.pages, min(options.new, 40)
    )  # long enough for steps of every width: their graphs are kept
    yield {"what": "first", "seconds": round(time.perf_counter() - start, 1)}
    if options.trace:
        timeline = Timeline(device)
        with timeline.on():
            figures = read(engine, pages, options.pages, options.new)
        yield {"what": "pages, traced"} | figures | {"timeline": timeline.report()}
        return
    yield {"what": "pages"} | read(engine, pages, options.pages, options.new)
    yield {"what": "one page"} | read(engine, pages, 1, options.new)
    if variant == "tiny" or options.scaled:
        for fixed in (False, True):
            engine.pictures.fixed = fixed
            for scheduler in engine._lanes._schedulers:
                scheduler.room.fixed, scheduler.room.kept = fixed, None
            yield {"what": "invariance", "fixed": fixed} | invariance(engine, pages, options.pages, 48)


def main() -> int:
    """Print the figures as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    over.options_of(parser, "tiny:bf16,small:e4a8", 170)
    parser.add_argument("--pages", type=int, default=128)
    parser.add_argument("--new", type=int, default=800)
    parser.add_argument("--trace", action="store_true", help="only where the time of a run goes")
    options = parser.parse_args()
    return over.run(options, lambda *case: cases(options, *case))


if __name__ == "__main__":
    sys.exit(main())
