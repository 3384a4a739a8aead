"""Decode of the embedded model beside the same network run eagerly in fp32: no packing, no fusing, experts one by one.

Both get the same random prompts and the same tokens after them; times are of processor seconds on one thread, in turns, and
nothing is reported if the two do not agree on what comes next.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

PROMPT, STEPS, AGREE = 615, 24, 0.9  # tokens of a band's prompt; steps that are timed; share of equal next tokens


def speeds(model: str, rows: int) -> dict[str, float]:
    """Tokens a second of `rows` answers that grow together, ours and eager, and their ratio."""
    from dsvl2.model import load_engine
    from dsvl2.model.config import ModelConfig
    from dsvl2.model.folders import find_model
    from dsvl2.model.weights import load_network

    folder = find_model(model)
    config = ModelConfig.from_file(folder / "config.json")
    eager = load_network(folder, config, dtype=torch.float32, device=torch.device("cpu"))
    engine = load_engine(model)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            ids = torch.randint(4, config.language.vocab_size, (rows, PROMPT + STEPS), generator=torch.manual_seed(0))
            takers = {"eager": _eager(eager, ids), "ours": _ours(engine, ids)}
            said, seconds = _in_turns(takers)
    finally:
        torch.set_num_threads(before)
    agree = float((said["eager"] == said["ours"]).float().mean())
    if agree < AGREE:
        raise SystemExit(f"eager and ours agree on {agree:.0%} of the next tokens only: nothing is reported")
    found = {name: rows / statistics.median(times) for name, times in seconds.items()}
    return {**found, "ratio": found["ours"] / found["eager"]}


def _in_turns(takers: dict[str, Callable[[int], Any]]) -> tuple[dict[str, Any], dict[str, list[float]]]:
    said: dict[str, list[Any]] = {name: [] for name in takers}
    seconds: dict[str, list[float]] = {name: [] for name in takers}
    for number in range(STEPS):
        for name, step in takers.items():
            start = time.thread_time()
            said[name].append(step(number))
            seconds[name].append(time.thread_time() - start)
    return {name: torch.stack(tokens) for name, tokens in said.items()}, seconds


def _eager(network: Any, ids: Any) -> Callable[[int], Any]:
    """Steps through the plain forward pass over a cache."""
    from dsvl2.model.cache import PrefixCache
    from dsvl2.model.prefill import run_prompt
    from dsvl2.model.room import part_of

    decoder, language = network.language.model, network.config.language
    caches = [
        PrefixCache(torch.empty(len(ids), PROMPT + STEPS, *part_of(language)))
        for _ in range(language.num_hidden_layers)
    ]
    run_prompt(decoder, network.language.embed(ids[:, :PROMPT]), caches)

    def step(number: int) -> Any:
        at = PROMPT + number
        hidden = run_prompt(decoder, network.language.embed(ids[:, at : at + 1]), caches, after=at)
        return network.language.logits(hidden).argmax(-1)

    return step


def _ours(engine: Any, ids: Any) -> Callable[[int], Any]:
    """Steps as the engine runs them."""
    from dsvl2.model.cache import Row
    from dsvl2.model.prefill import run_prompt
    from dsvl2.model.room import Room

    network = engine.network
    cache, steps = Room(getattr(torch, engine.info.dtype)).make(network, PROMPT + STEPS, len(ids))
    leases = []
    for row, own in enumerate(ids):
        lease, prefix = cache.lease(PROMPT + STEPS, row), cache.new_prefix(PROMPT)
        assert lease is not None
        run_prompt(network.language.model, network.language.embed(own[None, :PROMPT]), prefix)
        cache.adopt([lease], [PROMPT], prefix)
        leases.append(lease)

    def step(number: int) -> Any:
        at = PROMPT + number
        told = [Row(int(own[at]), at, lease) for own, lease in zip(ids, leases, strict=True)]
        values = steps.launch([*told, *[None] * (steps.width(len(told)) - len(told))]).read()
        return torch.tensor(values[0][: len(told)]).long()

    return step
