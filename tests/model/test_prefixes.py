"""What prompts have in common is run once, and no answer changes by a bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dsvl2.model.cache import PrefixCache
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.prefixes import Part, PrefixStore
from dsvl2.model.request import GenerationRequest, Message, SamplingParams

MakeCheckpoint = Callable[[dict[str, Any]], Path]
PAGE = "Pump B, 412 litres per second; valve, 5,200 pounds. " * 4
QUESTIONS = [
    "what pump?",
    "x",
    "",
    "what does the valve cost, in pounds?",
    "Pump",
    "412?",
    "a b c d e",
    "who signed it",
]

# Rows of 16 floats, as in every real checkpoint: otherwise the last bit of MKL's products depends on alignment.
ALIGNED = {
    "hidden_size": 32, "moe_intermediate_size": 16, "intermediate_size": 48, "num_attention_heads": 4,
    "kv_lora_rank": 12, "qk_rope_head_dim": 4, "qk_nope_head_dim": 12, "v_head_dim": 16,
}  # fmt: skip


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def about(text: str, question: str, *images: Image.Image, shared: bool = True, **sampling: Any) -> GenerationRequest:
    message = Message("user", f"{text}\nQ: {question}", images, shared=len(text) if shared else None)
    return GenerationRequest((message,), SamplingParams(max_new_tokens=12, guard_loops=False, **sampling))


def bits(engine: Engine, requests: list[GenerationRequest]) -> list[tuple[Any, ...]]:
    return [(r.token_ids, tuple(x.hex() for x in r.logprobs), r.usage) for r in engine.generate(requests)]


def alone(folder: Path, requests: list[GenerationRequest]) -> list[tuple[Any, ...]]:
    """Answers of an engine that forgets everything in between."""
    engine = load_engine(folder, device="cpu", dtype="float32")
    answers = []
    for request in requests:
        engine.prefixes.clear()
        answers += bits(engine, [request])
    assert engine.prefixes.hits == 0
    return answers


@pytest.fixture(scope="module", params=["small", "multi-head", "nano"])
def folder(
    request: pytest.FixtureRequest,
    checkpoint: MakeCheckpoint,
    small_shape: dict[str, Any],
    nano_shape: dict[str, Any],
) -> Path:
    if request.param == "nano":
        return checkpoint(nano_shape)
    heads = {"use_mla": False, "num_attention_heads": 2} if request.param == "multi-head" else {}
    config = {**small_shape, "language_config": {**small_shape["language_config"], **ALIGNED, **heads}}
    return checkpoint({**config, "projector_config": {**config["projector_config"], "n_embed": 32}})


def test_questions_about_one_text_run_it_once_and_answer_as_alone(folder: Path) -> None:
    requests = [about(PAGE, question) for question in QUESTIONS]
    engine = load_engine(folder, device="cpu", dtype="float32")
    together = bits(engine, requests)
    assert engine.prefixes.misses == 1
    assert together == alone(folder, requests)
    assert len({logprobs for _, logprobs, _ in together}) == len(QUESTIONS)
    assert bits(engine, requests[::-1]) == together[::-1]
    assert engine.prefixes.misses == 1


def test_questions_about_one_text_run_together_behind_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page alone, its questions side by side filled up to a multiple of four tokens, a very long one by itself."""
    requests = [about((PAGE * 2)[:300], question) for question in (*QUESTIONS, "how much? " * 8, "why? " * 40)]
    engine = load_engine(folder, device="cpu", dtype="float32")
    decoder, shapes = engine.network.language.model, list[tuple[int, ...]]()
    plain = decoder.forward
    monkeypatch.setattr(decoder, "forward", lambda x, *a, **b: shapes.append(x.shape[:2]) or plain(x, *a, **b))
    together = bits(engine, requests)
    own = [size.prompt_tokens - shapes[0][1] for size in map(engine.count, requests)]
    assert shapes[1:] == [(len(QUESTIONS) + 1, -(-max(own[:-1]) // 4) * 4), (1, own[-1])]
    assert together == alone(folder, requests)


def test_questions_about_images_encode_them_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side = load_engine(folder, device="cpu").network.config.candidate_resolutions[0][0]
    one, other = noise((2 * side, side)), noise((side, side), seed=1)
    requests = [about("<image>", question, one) for question in QUESTIONS[:3]]
    requests += [about("<image>", question, other) for question in QUESTIONS[:3]]
    requests += [about("<image>\n<image>", question, one, other) for question in QUESTIONS[:2]]
    wanted = alone(folder, requests)
    engine = load_engine(folder, device="cpu", dtype="float32")
    tiles: list[int] = []
    encode = engine.network.tiles
    monkeypatch.setattr(engine.network, "tiles", lambda pixels: tiles.append(len(pixels)) or encode(pixels))
    assert bits(engine, requests) == wanted
    assert sum(tiles) == 3 + 1 + 3 + 1


def test_the_next_turn_begins_where_the_last_one_ended(folder: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="float32")
    turns: list[Message] = []
    requests = []
    for number, question in enumerate(QUESTIONS[:4]):
        turns.append(
            Message("user", PAGE + question, shared=len(PAGE)) if not number else Message("user", question, shared=0)
        )
        request = GenerationRequest(tuple(turns), SamplingParams(max_new_tokens=6, guard_loops=False))
        requests.append(request)
        (answer,) = engine.generate([request])
        turns.append(Message("assistant", answer.text.replace("<", "(")))
    assert engine.prefixes.misses == 4 and engine.prefixes.hits == 3
    engine.prefixes.clear()
    assert bits(engine, requests) == alone(folder, requests)


def test_a_prompt_without_a_mark_is_run_whole_and_nothing_is_kept(folder: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="float32")
    bits(engine, [about(PAGE, question, shared=False) for question in QUESTIONS[:2]])
    assert engine.prefixes.size == 0


def test_a_divided_prompt_answers_as_a_whole_one(folder: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="float32")
    divided = engine.generate([about(PAGE, question) for question in QUESTIONS])
    whole = engine.generate([about(PAGE, question, shared=False) for question in QUESTIONS])
    assert [r.token_ids for r in divided] == [r.token_ids for r in whole]
    for one, other in zip(divided, whole, strict=True):
        torch.testing.assert_close(torch.tensor(one.logprobs), torch.tensor(other.logprobs), rtol=1e-3, atol=1e-4)


def caches(length: int) -> list[PrefixCache]:
    return [PrefixCache(torch.empty(1, length, 1)) for _ in range(2)]


def fill(store: PrefixStore, *keys: str, size: int = 4) -> int:
    """Run a prompt of parts of `size` tokens; return how many tokens had to be run."""
    ran = 0
    held = caches(size * (len(keys) + 1))

    def extend(x: torch.Tensor, start: int) -> torch.Tensor:
        nonlocal ran
        ran += x.shape[1]
        for cache in held:
            assert cache.stored.shape[1] == start
            cache.extend(x)
        return x[:, -1]

    def part(number: int, key: str | None) -> Part:
        return Part(number * size, (number + 1) * size, lambda: torch.full((1, size, 1), float(number)), key)

    store.run([part(number, key) for number, key in enumerate((*keys, None))], held, extend)
    assert held[0].stored[0, :, 0].tolist() == [float(n) for n in range(len(keys) + 1) for _ in range(size)]
    return ran


def test_the_longest_beginning_is_taken() -> None:
    store = PrefixStore()
    assert [fill(store, "a"), fill(store, "a"), fill(store, "a", "ab"), fill(store, "a", "ab"), fill(store, "b")] == [
        8, 4, 8, 4, 8,
    ]  # fmt: skip


def test_the_store_stays_within_its_limits_and_drops_the_oldest() -> None:
    store = PrefixStore(entries=2)
    for key in ("a", "b", "a", "c"):
        fill(store, key)
    assert [fill(store, "a"), fill(store, "b")] == [4, 8]
    small = PrefixStore(limit=100)
    for key in "abcdefgh":
        fill(small, key, size=5)
        assert small.size <= 100
    assert fill(small, "z", size=50) == 100 and fill(small, "z", size=50) == 50  # the newest is kept whatever its size


def test_a_failure_leaves_the_store_usable() -> None:
    store = PrefixStore()
    broken = Part(0, 1, lambda: 1 / 0, "a")  # type: ignore[arg-type, return-value]
    with pytest.raises(ZeroDivisionError):
        store.run([broken, Part(1, 2, lambda: torch.zeros(1, 1, 1))], caches(2), lambda x, start: x)
    assert fill(store, "a") == 8


def test_an_answer_can_be_watched_while_it_grows(folder: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="float32")
    requests = [about(PAGE, question) for question in QUESTIONS[:3]]
    seen: dict[int, list[str]] = {0: [], 1: [], 2: []}
    answers = engine.generate(requests, lambda index, text: seen[index].append(text))
    for index, answer in enumerate(answers):
        assert seen[index][-1] == answer.text
        assert len(seen[index]) == len(answer.token_ids)
        assert all(later.startswith(earlier) for earlier, later in zip(seen[index], seen[index][1:], strict=False))


def test_a_watcher_may_end_the_call(folder: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="float32")

    def stop(index: int, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.generate([about(PAGE, "x")], stop)
    assert len(engine.generate([about(PAGE, "x")])) == 1


def test_a_budget_of_tiles_changes_what_images_cost(folder: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="float32")
    side = engine.network.config.candidate_resolutions[0][0]
    wide = noise((2 * side, side))
    message = Message("user", "<image>" * 3, (wide,) * 3)
    by_rule, one, two = (engine.count(GenerationRequest((message,), tiles=tiles)) for tiles in (None, 1, 2))
    assert by_rule == one and (one.tiles, two.tiles) == (3, 9)
    with pytest.raises(ValueError, match="at least 1"):
        GenerationRequest((message,), tiles=0)
