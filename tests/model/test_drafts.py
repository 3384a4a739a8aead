"""Drafts: exactly the greedy answer, in fewer steps the more of the draft is right; a wrong draft is soon left alone."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from dsvl2.model.drafts import Draft
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.request import GenerationRequest, GenerationResult, Message, SamplingParams

LETTERS = "abcdefghijklmnopqrstuvwxyz ,."


def steps_of(draft: Draft, answer: Sequence[int], rows: int = 7) -> tuple[int, int]:
    """Steps and verified tokens until `answer` is said, by an engine with so many rows to spare."""
    said, steps, drafted = list(answer[:1]), 0, 0
    while len(said) < len(answer):
        guess = list(draft(said))[:rows]
        rest = answer[len(said) :]
        right = next(
            (n for n, (a, b) in enumerate(zip(guess, rest, strict=False)) if a != b), min(len(guess), len(rest))
        )
        said += rest[: right + 1]
        steps, drafted = steps + 1, drafted + len(guess)
    return steps, drafted


@pytest.fixture(scope="module")
def text() -> list[int]:
    draw = random.Random(4)
    return [draw.randrange(5, 400) for _ in range(800)]


def test_a_right_draft_fills_every_step(text: list[int]) -> None:
    steps, drafted = steps_of(Draft(text), text)
    assert steps <= 102 and drafted <= 7 * steps


def test_a_draft_with_errors_is_followed_past_them(text: list[int]) -> None:
    draw = random.Random(5)
    wrong = [token if draw.random() < 0.8 else 3 for token in text]
    missing = [token for token in text if draw.random() < 0.9]
    extra = [t for token in text for t in ((token,) if draw.random() < 0.9 else (4, token))]
    for draft in (wrong, missing, extra):
        steps, _ = steps_of(Draft(draft), text)
        assert steps < 420


def test_a_draft_that_begins_elsewhere_is_found(text: list[int]) -> None:
    steps, _ = steps_of(Draft([*range(500, 700), *text, *range(700, 900)]), text)
    assert steps < 130


def test_a_wrong_draft_is_left_alone(text: list[int]) -> None:
    draw = random.Random(6)
    steps, drafted = steps_of(Draft([draw.randrange(5, 400) for _ in range(800)]), text)
    assert steps == len(text) - 1 and drafted < 40


def test_an_answer_that_goes_back_is_followed_from_there(text: list[int]) -> None:
    draft = Draft(text)
    draft(text[:300])
    assert list(draft(text[:150]))[:3] == text[150:153]
    assert list(Draft([])([1, 2, 3])) == [] and list(Draft([7])([7])) == []


@pytest.fixture(scope="module", params=["latent", "heads"])
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any], request: Any) -> Engine:
    # rows of 16 floats, as in every real checkpoint: MKL's last bit depends on their alignment
    aligned = {
        "hidden_size": 32, "moe_intermediate_size": 16, "intermediate_size": 48, "num_attention_heads": 4,
        "kv_lora_rank": 12, "qk_rope_head_dim": 4, "qk_nope_head_dim": 12, "v_head_dim": 16,
    }  # fmt: skip
    heads = {"use_mla": False, "num_key_value_heads": 2, "num_attention_heads": 2} if request.param == "heads" else {}
    config = {**small_shape, "language_config": {**small_shape["language_config"], **aligned, **heads}}
    config["projector_config"] = {**config["projector_config"], "n_embed": 32}
    engine = load_engine(checkpoint(config), device="cpu", dtype="float32")
    language, plain = engine.network.language, engine.network.language.logits
    odd = [number for number in range(112) if not 5 <= number < 102]  # marks, and ids without a text

    def lettered(hidden: torch.Tensor) -> torch.Tensor:
        out = plain(hidden).clone()
        out[..., odd] -= 1e4
        return out

    language.logits = lettered  # type: ignore[method-assign]
    return engine


def requests(drafts: Sequence[str | None], new: int = 64, **more: Any) -> list[GenerationRequest]:
    draw = random.Random(9)
    prompts = ["".join(draw.choices(LETTERS, k=20 + 7 * number)) for number in range(len(drafts))]
    sampling = SamplingParams(max_new_tokens=new, **more)
    return [
        GenerationRequest((Message("user", prompt),), sampling, draft=draft)
        for prompt, draft in zip(prompts, drafts, strict=True)
    ]


def bits(results: Sequence[GenerationResult]) -> list[Any]:
    return [(r.token_ids, tuple(x.hex() for x in r.logprobs), r.finish_reason, r.loops_recovered) for r in results]


@pytest.mark.parametrize(("right", "guard"), [(1.0, False), (0.8, False), (0.8, True), (0.0, False)])
def test_the_answer_is_the_greedy_one_to_the_bit(engine: Engine, right: float, guard: bool) -> None:
    plain = engine.generate(requests([None] * 4, guard_loops=guard))
    draw = random.Random(int(10 * right))
    drafts = ["".join(c if draw.random() < right else draw.choice(LETTERS) for c in r.text) for r in plain]
    together = engine.generate(requests(drafts, guard_loops=guard))
    assert bits(together) == bits(plain)
    assert all(r.accepted <= r.drafted for r in together) and all(r.drafted == 0 for r in plain)
    alone = [engine.generate([one])[0] for one in requests(drafts, guard_loops=guard)]
    assert bits(alone) == bits(plain)
    if right and not guard:
        ratio = sum(r.steps for r in plain) / sum(r.steps for r in alone)
        assert ratio > {1.0: 6, 0.8: 1.5}[right]


def test_a_draft_of_a_loop_is_no_way_back_into_it(engine: Engine) -> None:
    free = engine.generate(requests([None] * 4, 240, guard_loops=False))
    plain, drafted = (engine.generate(requests(d, 240)) for d in ([None] * 4, [r.text for r in free]))
    assert sum(r.loops_recovered for r in plain) > 0  # a network of random weights soon says the same again
    assert bits(drafted) == bits(plain)


def test_drafts_are_ignored_where_the_likeliest_token_is_not_taken(engine: Engine) -> None:
    (plain,) = engine.generate(requests([None], temperature=0.8, seed=3))
    (drafted,) = engine.generate(requests([plain.text], temperature=0.8, seed=3))
    assert bits([drafted]) == bits([plain]) and drafted.drafted == 0


def test_what_is_streamed_is_the_answer_as_it_grows(engine: Engine) -> None:
    (plain,) = engine.generate(requests([None], guard_loops=False))
    seen = list[str]()
    (drafted,) = engine.generate(requests([plain.text], guard_loops=False), lambda _, said: seen.append(said))
    assert drafted.text == plain.text == seen[-1] and len(seen) == len(plain.token_ids)
    assert all(len(later) == len(earlier) + 1 for earlier, later in pairwise(seen))
