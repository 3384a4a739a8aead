"""What an engine does for many requests on a GPU: draws by temperature there, runs questions behind their page together, and
says the same in any order of arrival."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel

from dsvl2.kernels import joined, ops
from dsvl2.model import scheduler as scheduling
from dsvl2.model.engine import Engine
from dsvl2.model.graphs import BEFORE
from dsvl2.model.loading import load_engine
from dsvl2.model.prefill import visible
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.room import tokens_at_once
from dsvl2.model.sampling import draw, told

pytestmark = pytest.mark.gpu
MakeCheckpoint = Callable[[dict[str, Any]], Path]
DEVICE = torch.device("cuda")
PAGE = "Pump B, 412 litres per second; valve, 5,200 pounds. " * 4


def asked(text: str, *images: Image.Image, shared: int | None = None, **sampling: Any) -> GenerationRequest:
    chosen = SamplingParams(**{"max_new_tokens": 12, "guard_loops": False, **sampling})
    return GenerationRequest((Message("user", text, images, shared=shared),), chosen)


def said(results: Iterable[Any]) -> list[tuple[int, ...]]:
    return [result.token_ids for result in results]


def pictures(count: int) -> list[Image.Image]:
    image = Image.linear_gradient("L").resize((96, 48))
    return [image.rotate(7 * number) for number in range(count)]


def of_all_kinds(count: int) -> list[GenerationRequest]:
    """With and without an image, greedy and drawn, of many lengths."""
    made = []
    for number, image in enumerate(pictures(count)):
        heat = (0.0, 0.7, 0.0, 1.2)[number % 4]
        images = (image,) if number % 3 == 0 else ()
        text = "<image>" * len(images) + "abcdefgh"[number % 8] * (1 + number % 40) + str(number)
        top = (1.0, 0.8)[number % 2]
        made.append(asked(text, *images, max_new_tokens=6 + number % 7, temperature=heat, top_p=top, seed=number))
    return made


def test_tokens_are_drawn_on_a_gpu_as_on_a_cpu(checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(128, 2000, generator=generator) * 3
    heat, seeds = told([(0.2 + 0.02 * row, 0.5 + 0.003 * row, row**9) for row in range(128)])
    places = torch.arange(128) * 17
    here = draw(logits, heat, seeds, places)
    there = draw(*(part.to(DEVICE) for part in (logits, heat, seeds, places))).cpu()
    assert int((here != there).sum()) <= 1  # a sum of 2,000 chances may end on the other side of a draw

    folder = checkpoint(small_shape)
    requests = [asked("abc" * (1 + n), temperature=0.9, top_p=(1.0, 0.7)[n % 2], seed=n) for n in range(24)]
    on_cpu = said(load_engine(folder, device="cpu", dtype="float32").generate(requests))
    engine = load_engine(folder, device=str(DEVICE), dtype="float32")
    found = said(engine.generate(requests))
    assert sum(one == other for one, other in zip(found, on_cpu, strict=True)) >= 22
    assert len(set(found)) > 20  # drawn, each by its own seed
    assert said(engine.generate(requests)) == found


def test_questions_behind_a_page_run_together_on_a_gpu(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (page,) = checkpoint(small_shape), pictures(1)
    text = f"<image>{PAGE}"
    questions = [f"{text}\nQ: why, and why, and {'x' * (n % 3)}{n}" for n in range(10)]
    requests = [asked(question, page, shared=len(text)) for question in questions]
    on_cpu = said(load_engine(folder, device="cpu", dtype="float32").generate(requests))
    engine = load_engine(folder, device=str(DEVICE), dtype="float32")
    batches = list[int]()
    decoder = engine.network.language.model
    plain = decoder.forward
    monkeypatch.setattr(decoder, "forward", lambda x, *given, **named: batches.append(len(x)) or plain(x, *given, **named))  # type: ignore[func-returns-value] # fmt: skip
    assert said(engine.generate(requests)) == on_cpu
    assert engine.prefixes.misses == 1 and max(batches) >= 3 and len(batches) < 8
    engine.prefixes.clear()
    batches.clear()
    monkeypatch.setattr(scheduling, "tokens_at_once", lambda config, device: 0)  # a full GPU
    assert said(engine.generate(requests)) == on_cpu and max(batches) == 1


def test_a_prompt_that_comes_again_runs_as_a_graph(checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> None:
    folder = checkpoint(small_shape)
    requests = [asked("<image>x", image) for image in pictures(6)]
    on_cpu = said(load_engine(folder, device="cpu", dtype="float32").generate(requests))
    engine = load_engine(folder, device=str(DEVICE), dtype="float32")
    found = [engine.generate([request])[0] for request in requests]
    graphs = engine._lanes.first.prompts.graphs
    assert graphs is not None and len(graphs._graphs) == 1
    assert said(found) == on_cpu


def test_a_gpu_says_how_many_tokens_of_prompts_fit(checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> None:
    engine = load_engine(checkpoint(small_shape), device=str(DEVICE), dtype="bfloat16")
    before = tokens_at_once(engine.network.config.language, DEVICE)
    held = torch.empty(torch.cuda.mem_get_info()[0] // 2, dtype=torch.uint8, device=DEVICE)
    after = tokens_at_once(engine.network.config.language, DEVICE)
    del held
    torch.cuda.empty_cache()
    assert 0 < after < 0.7 * before


def test_a_deterministic_engine_does_not_mind_the_order(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any]
) -> None:
    """Alone, 128 together, the other way round, shuffled, and as a stream: the same tokens and the same bits of chances."""
    engine = load_engine(checkpoint(small_shape), device=str(DEVICE), dtype="bfloat16", deterministic=True)
    requests = of_all_kinds(128)

    def bits(results: Iterable[Any]) -> list[tuple[Any, ...]]:
        return [(result.token_ids, tuple(chance.hex() for chance in result.logprobs)) for result in results]

    together = bits(engine.generate(requests))
    for number in (0, 1, 3, 64, 127):
        assert bits(engine.generate([requests[number]])) == [together[number]]
    order = random.Random(4).sample(range(128), 128)
    assert bits(engine.generate([requests[number] for number in order])) == [together[number] for number in order]
    streamed = dict(engine.stream(iter(requests[::-1]), 128))
    assert all(isinstance(result, GenerationResult) for result in streamed.values())
    assert bits(streamed[127 - number] for number in range(128)) == together


def test_a_draft_changes_nothing_in_a_deterministic_engine(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any]
) -> None:
    engine = load_engine(checkpoint(small_shape), device=str(DEVICE), dtype="bfloat16", deterministic=True)
    requests = [asked("abc" * (1 + n), max_new_tokens=60) for n in range(6)]
    plain = engine.generate(requests)
    drafts = [result.text if n % 2 else result.text[::-1] for n, result in enumerate(plain)]
    drafted = engine.generate([replace(request, draft=draft) for request, draft in zip(requests, drafts, strict=True)])
    assert said(drafted) == said(plain)
    assert sum(result.accepted for result in drafted) > 10


def test_codes_of_keys_and_values_serve_on_a_gpu(checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> None:
    """Multi-head attention over an 8-bit cache: the first tokens are those of a CPU that keeps the same codes."""
    heads = {"use_mla": False, "num_attention_heads": 2}
    config = {**small_shape, "language_config": {**small_shape["language_config"], **heads}}
    folder, requests = checkpoint(config), [asked("xyz" * (1 + n)) for n in range(12)]
    engines: list[Engine] = [
        load_engine(folder, device=device, dtype="float32", kv="8bit") for device in ("cpu", str(DEVICE))
    ]
    here, there = (said(engine.generate(requests)) for engine in engines)
    assert sum(one == other for one, other in zip(here, there, strict=True)) >= 10


@pytest.mark.parametrize("masked", [False, True])
def test_values_narrower_than_keys_are_attended_as_they_are(masked: bool) -> None:
    """At the widths of small, causal and behind a beginning: what a prompt in chunks and questions about a page need."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 300, 16, width, device=DEVICE).bfloat16().transpose(1, 2) for width in (192, 192, 128))
    mask = visible(torch.ones(1, 300, dtype=torch.bool, device=DEVICE), 100) if masked else None
    q = q[:, :, 100:] if masked else q
    got = ops.attention(q, k, v, mask=mask, causal=not masked)
    with sdpa_kernel(SDPBackend.MATH):
        want = ops.attention(q.float(), k.float(), v.float(), mask=mask, causal=not masked)
    assert got.shape == want.shape
    torch.testing.assert_close(got.float(), want, rtol=0.02, atol=0.02)


def test_gelu_is_the_last_step_of_its_product() -> None:
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(*shape, device=DEVICE).bfloat16() for shape in ((3, 50, 96), (200, 96), (200,)))
    want = torch.nn.functional.gelu(x.float() @ weight.float().T + bias.float(), approximate="tanh")
    with torch.inference_mode():
        torch.testing.assert_close(joined.gelu_linear(x, weight, bias).float(), want, rtol=0.02, atol=0.05)


def test_prompts_and_tiles_that_come_again_run_as_graphs_and_say_the_same(
    checkpoint: MakeCheckpoint, small_shape: dict[str, Any]
) -> None:
    folder = checkpoint(small_shape)
    requests = [asked("<image>x", image) for image in pictures(32)]
    on_cpu = said(load_engine(folder, device="cpu", dtype="float32").generate(requests))
    engine = load_engine(folder, device=str(DEVICE), dtype="float32")
    for _ in range(BEFORE + 2):
        jobs = [engine._job(engine._plan(request, number), None) for number, request in enumerate(requests)]
        answers = sorted(engine._lanes.first.run(jobs), key=lambda answer: answer.job.index)
        assert [tuple(answer.ids) for answer in answers] == on_cpu
    prompts, tiles = engine._lanes.first.prompts.graphs, engine.pictures._graphs
    assert prompts is not None and any(count > 1 for count, _ in prompts._graphs)
    assert tiles is not None and tiles._graphs
    streamed = dict(engine.stream(iter(requests), 32))
    assert said(streamed[number] for number in range(32)) == said(engine.generate(requests)) == on_cpu
