"""A whole network with random weights, end to end: milliseconds of a prompt and of a token after it, host included.

The same prompt length and number of tokens for this project's engine and for transformers' `generate`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from tests.bench.full_size import scale_of
from tests.model.released import LANGUAGE, config_of

TOKENIZER = Path(__file__).resolve().parents[2] / "parity" / "fixture" / "tokenizer.json"
NEW = 65


def filled(module: nn.Module, eos: int, device: str) -> Any:
    """Random weights for a module made on "meta"; the end token gets a logit of 0, which is never the greatest."""
    module = module.to(torch.bfloat16).to_empty(device=device)
    with torch.no_grad():
        for name, weight in module.state_dict().items():
            scale = scale_of(name, tuple(weight.shape))
            if weight.is_floating_point():
                weight.normal_(0, scale) if scale else weight.fill_(1)
        module.get_parameter("lm_head.weight" if hasattr(module, "lm_head") else "language.lm_head.weight")[eos].zero_()
    return module


def timed(run: Callable[[int, int], int], length: int) -> dict[str, float]:
    """run(length, new) makes so many tokens after a prompt of that length and returns how many came."""
    taken: dict[int, list[float]] = {1: [], NEW: []}
    for new, seconds in taken.items():  # one after the other: a cache and its graphs are kept while the length stays
        for _ in range(4):
            _settle()
            start = time.perf_counter()
            made = run(length, new)
            _settle()
            seconds.append(time.perf_counter() - start)
            if made != new:
                raise AssertionError(f"{made} tokens came, not {new}")
    first, whole = (median(seconds[1:]) for seconds in taken.values())  # the first compiles and captures
    return {"prompt_ms": round(first * 1e3, 2), "token_ms": round((whole - first) / (NEW - 1) * 1e3, 3)}


def _settle() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def ours(variant: str, device: str, *, scaled: bool) -> Callable[[int, int], int]:
    """The engine, from text to text."""
    from dsvl2.model import GenerationRequest, Message, ModelConfig, SamplingParams, execution
    from dsvl2.model.config import ProcessorConfig
    from dsvl2.model.engine import Engine
    from dsvl2.model.reading import ReadingProfile
    from dsvl2.model.request import ModelInfo
    from dsvl2.model.tokenizer import Tokenizer
    from dsvl2.model.vl2 import DeepseekVL2

    raw = config_of(variant, scaled=scaled)
    if scaled:
        raw["language_config"]["vocab_size"] = 1024  # the tokens of the fixture's tokenizer, and some it does not know
    config = ModelConfig.from_dict(raw)
    language = config.language
    with torch.device("meta"):
        network = DeepseekVL2(config)
    network = execution.prepare(filled(network, language.eos_token_id, device), torch.bfloat16)
    tokenizer = Tokenizer.from_file(TOKENIZER, bos=language.bos_token_id, eos=language.eos_token_id)
    info = ModelInfo("random", "", 0, 0, "none", "bfloat16", device, language.max_position_embeddings, language.vocab_size,
                     "", ReadingProfile())  # fmt: skip
    engine = Engine(network, tokenizer, ProcessorConfig.from_dict({}), info)

    def run(length: int, new: int) -> int:
        text, sampling = "a ", SamplingParams(max_new_tokens=new, guard_loops=False)
        unit = engine.count(GenerationRequest((Message("user", text * 20),), sampling)).prompt_tokens - (
            engine.count(GenerationRequest((Message("user", text * 10),), sampling)).prompt_tokens
        )
        request = GenerationRequest((Message("user", text * (10 * length // unit)),), sampling)
        return len(engine.generate([request])[0].token_ids)

    return run


def transformers(variant: str, device: str, *, scaled: bool) -> Callable[[int, int], int]:
    """`generate` of the native class, which takes grouped_mm for the prompt and batched_mm for the tokens."""
    from transformers import DeepseekV2Config, DeepseekV2ForCausalLM

    raw = config_of(variant, scaled=True)["language_config"] if scaled else LANGUAGE[variant]
    known = {key: value for key, value in raw.items() if key not in ("architectures", "model_type", "torch_dtype")}
    config = DeepseekV2Config(**{"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1} | known)
    with torch.device("meta"):
        network = DeepseekV2ForCausalLM(config)
    rope = network.model.rotary_emb
    network = filled(network, 1, device).eval()
    network.model.rotary_emb = type(rope)(config).to(device)  # its angles are a buffer, not weights

    def run(length: int, new: int) -> int:
        prompt = torch.randint(5, config.vocab_size, (1, length), device=device)
        out = network.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new, min_new_tokens=new, do_sample=False
        )
        return int(out.shape[1]) - length

    return run


KINDS = {"ours": ours, "transformers": transformers}
