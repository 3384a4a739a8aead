"""The engine's promises: sizes before work, limits, reasons to stop, loops, sampling."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dsvl2.model import execution
from dsvl2.model.engine import Engine
from dsvl2.model.errors import ContextOverflow
from dsvl2.model.loading import load_engine
from dsvl2.model.request import GenerationRequest, Message, SamplingParams
from dsvl2.model.sampling import choose, draw, told, uniform


@pytest.fixture(scope="module")
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]) -> Engine:
    return load_engine(checkpoint(small_shape), device="cpu", dtype="float32")


def ask(text: str, *images: Image.Image, **sampling: Any) -> GenerationRequest:
    return GenerationRequest((Message("user", text, images),), SamplingParams(**sampling))


def test_count_measures_without_running(engine: Engine) -> None:
    size = engine.count(ask("<image>x", Image.new("L", (90, 40))))
    assert (size.image_tokens, size.tiles) == (2 * 3 + 1 + 2 * 5, 3)
    assert size.prompt_tokens == size.image_tokens + len("[bos]: x\n\n:") - 2  # bos and two role tokens


def test_overflow_is_told_with_figures_before_any_work(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_embed", lambda plan: pytest.fail("work was done"))
    with pytest.raises(ContextOverflow, match=r"1000 new tokens = \d+, the context holds 1024") as caught:
        engine.generate([ask("fine"), ask("x" * 50, max_new_tokens=1000)])
    assert "at most" in caught.value.hint


def test_the_answer_ends_at_the_limit_or_at_a_stop_token(engine: Engine) -> None:
    (whole,) = engine.generate([ask("abc", max_new_tokens=12)])
    assert whole.finish_reason == "length" and len(whole.token_ids) == 12
    assert "".join(whole.pieces) == whole.text and len(whole.logprobs) == 12
    stop = whole.token_ids[5]
    (short,) = engine.generate([ask("abc", max_new_tokens=12, stop_token_ids=(stop,))])
    assert short.finish_reason == "stop"
    assert short.token_ids == whole.token_ids[: whole.token_ids.index(stop)]
    assert short.usage.completion_tokens == len(short.token_ids)


def test_no_requests_no_answers(engine: Engine) -> None:
    assert engine.generate([]) == []


def test_answers_come_in_the_order_of_the_requests(engine: Engine) -> None:
    requests = [ask("q" * n, max_new_tokens=1 + 7 * n % 13) for n in range(1, 20)]
    answers = engine.generate(requests)
    assert [answer.usage.prompt_tokens for answer in answers] == [
        engine.count(request).prompt_tokens for request in requests
    ]


def test_a_second_image_changes_the_answer(engine: Engine) -> None:
    images = [Image.new("L", (48, 48), shade) for shade in (0, 250)]
    first, second = engine.generate([ask("<image>", image, max_new_tokens=8) for image in images])
    assert first.token_ids != second.token_ids or first.logprobs != second.logprobs


@pytest.mark.parametrize("mla", [True, False])
def test_exchanged_modules_compute_the_same(
    checkpoint: Callable[[dict[str, Any]], Path],
    small_shape: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    mla: bool,
) -> None:
    config = {**small_shape, "language_config": {**small_shape["language_config"], "use_mla": mla}}
    request = ask("<image>hello", Image.linear_gradient("L").resize((90, 48)), max_new_tokens=30, guard_loops=False)
    (fast,) = load_engine(checkpoint(config), device="cpu", dtype="float32").generate([request])
    monkeypatch.setattr(execution, "prepare", lambda network, dtype: network)
    (plain,) = load_engine(checkpoint(config), device="cpu", dtype="float32").generate([request])
    assert fast.token_ids == plain.token_ids
    torch.testing.assert_close(torch.tensor(fast.logprobs), torch.tensor(plain.logprobs), rtol=1e-3, atol=1e-4)


def test_yarn_and_low_rank_queries_decode_as_they_prefill(
    checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]
) -> None:
    scaling = {
        "type": "yarn",
        "factor": 4,
        "mscale": 0.7,
        "mscale_all_dim": 0.7,
        "original_max_position_embeddings": 64,
    }
    language = {**small_shape["language_config"], "q_lora_rank": 8, "rope_scaling": scaling}
    engine = load_engine(checkpoint({**small_shape, "language_config": language}), device="cpu", dtype="float32")
    (answer,) = engine.generate([ask("yarn", max_new_tokens=20, guard_loops=False)])
    prompt = engine._plan(ask("yarn")).prompt.ids
    ids = torch.tensor([[*prompt, *answer.token_ids]])
    with torch.inference_mode():
        logits = engine.network.language.logits(engine.network.language.model(engine.network.language.embed(ids)))
    logprobs = logits[0, len(prompt) - 1 : -1].log_softmax(-1).gather(1, ids[0, len(prompt) :, None])[:, 0]
    torch.testing.assert_close(torch.tensor(answer.logprobs), logprobs, rtol=1e-4, atol=1e-4)


def test_sampling_is_a_function_of_seed_and_place_and_the_nucleus_is_kept() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    params = SamplingParams(temperature=1.0, top_p=0.7, seed=3)
    draws = [choose(logits, params, (), place)[0] for place in range(400)]
    assert draws == [choose(logits, params, (), place)[0] for place in range(400)]
    assert set(draws) == {0, 1}  # 0.64 + 0.24 passes 0.7: two tokens stay
    assert draws.count(0) / 400 == pytest.approx(0.731, abs=0.07)
    assert draws != [choose(logits, replace(params, seed=4), (), place)[0] for place in range(400)]
    assert choose(logits, SamplingParams(temperature=1.0, top_p=0.01), ())[0] == 0


def test_rows_are_drawn_each_as_if_it_were_alone() -> None:
    torch.manual_seed(0)
    logits, places = 3 * torch.randn(64, 500), torch.randint(0, 4000, (64,))
    warm = [(0.0 if row % 5 == 0 else 0.3 + row % 4, 0.2 + 0.1 * (row % 9), row - 20 << 45) for row in range(64)]
    heat, seeds = told(warm)
    together = draw(logits, heat, seeds, places)
    for row in range(64):
        assert draw(logits[row, None], heat[:, row, None], seeds[row, None], places[row, None]) == together[row]
    assert together[::5].equal(logits[::5].argmax(-1))
    chance = uniform(torch.arange(20000) % 7, torch.arange(20000))
    assert chance.min() >= 0 and chance.max() < 1 and chance.mean() == pytest.approx(0.5, abs=0.01)
    assert torch.histc(chance, 10, 0, 1) == pytest.approx(2000, rel=0.1)


def test_penalty_counts_generated_ids_and_bans_are_absolute() -> None:
    logits = torch.tensor([2.0, 1.9, -1.0])
    assert choose(logits, SamplingParams(repetition_penalty=1.3), [0])[0] == 1
    assert choose(logits, SamplingParams(), (), banned=(0, 1))[0] == 2
    token, logprob = choose(logits, SamplingParams(), ())
    assert logprob == pytest.approx(float(logits.log_softmax(-1)[token]))


@pytest.mark.parametrize(
    "wrong", [{"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"repetition_penalty": 0.0}]
)
def test_impossible_sampling_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SamplingParams(**wrong)
