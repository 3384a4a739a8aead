"""Continuous batching: late results, scarce memory, drafts and 8-bit caches change when things happen, not what is said."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dsvl2.model import execution
from dsvl2.model.answers import Answer, Job
from dsvl2.model.cache import BlockCache
from dsvl2.model.engine import Engine
from dsvl2.model.errors import NotEnoughMemory
from dsvl2.model.loading import load_engine
from dsvl2.model.request import SamplingParams
from dsvl2.model.room import Room, block_bytes
from dsvl2.model.running import LATER
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.steps import Flight, Steps

MakeCheckpoint = Callable[[dict[str, Any]], Path]
# Rows of 16 floats, as in every real checkpoint: otherwise the last bit of MKL's products depends on alignment.
ALIGNED = {
    "hidden_size": 32, "moe_intermediate_size": 16, "intermediate_size": 48, "num_attention_heads": 2,
    "kv_lora_rank": 12, "qk_rope_head_dim": 4, "qk_nope_head_dim": 12, "v_head_dim": 16, "max_position_embeddings": 4096,
}  # fmt: skip


class LateSteps(Steps):
    """Results are looked at two steps late and steps are as narrow as can be, as on a GPU."""

    lag = 2

    def width(self, needed: int) -> int:
        return next(count for count in (1, 2, 4, 8, 16, self.rows) if count >= needed)


class LateRoom(Room):
    """Makes steps that are late."""

    def make(self, network: Any, capacity: int, waiting: int) -> tuple[BlockCache, Steps]:
        cache, _ = super().make(network, capacity, waiting)
        return cache, LateSteps(network, cache, 16, 4096)


@pytest.fixture(scope="module", params=[True, False], ids=["latent", "multi-head"])
def engine(request: pytest.FixtureRequest, checkpoint: MakeCheckpoint, small_shape: dict[str, Any]) -> Engine:
    config = {
        **small_shape, "language_config": {**small_shape["language_config"], **ALIGNED, "use_mla": request.param},
        "projector_config": {**small_shape["projector_config"], "n_embed": 32},
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "DENSE", 0)
        return load_engine(checkpoint(config), device="cpu", dtype="float32")


def jobs(engine: Engine, count: int, propose: Callable[[int], Any] = lambda index: None) -> list[Job]:
    """Prompts of many lengths, one of them of several blocks; greedy, sampled, penalized, guarded and not."""
    draw, embed = random.Random(7), engine.network.language.embed
    made = []
    for index in range(count):
        length = 520 if index % 20 == 3 else draw.choice((2, 30, 60))
        ids = torch.tensor([[draw.randrange(5, 100) for _ in range(length)]])
        sampling = SamplingParams(
            max_new_tokens=draw.choice((1, 2, 9, 9, 24)),
            temperature=0.7 if index % 5 == 4 else 0.0,
            repetition_penalty=1.2 if index % 7 == 6 else 1.0,
            seed=index,
            guard_loops=index % 3 != 0,
        )
        made.append(Job(index, ids.shape[1], lambda ids=ids: embed(ids), sampling, propose=propose(index)))  # type: ignore[misc]
    return made


def answers(engine: Engine, room: Room, todo: Sequence[Job], chunk: int = 2048) -> dict[int, Answer]:
    scheduler = Scheduler(engine.network, room, stop=(1,), spell=engine.tokenizer.decode, chunk=chunk)
    found = {answer.job.index: answer for answer in scheduler.run(todo)}
    assert len(found) == len(todo)
    return found


def said(found: dict[int, Answer]) -> dict[int, Any]:
    return {index: (tuple(answer.ids), answer.finish, answer.loops) for index, answer in sorted(found.items())}


def bits(found: dict[int, Answer]) -> dict[int, Any]:
    return {i: (tuple(a.ids), [x.hex() for x in a.logprobs], a.finish, a.empty) for i, a in sorted(found.items())}


def test_128_together_in_any_order_answer_as_each_alone(engine: Engine) -> None:
    if not engine.network.config.language.use_mla:
        pytest.skip("once is enough")
    todo = jobs(engine, 128)
    together = bits(answers(engine, Room(torch.float32), todo))
    for job in todo[::25]:
        assert bits(answers(engine, Room(torch.float32), [job])) == {job.index: together[job.index]}
    random.Random(1).shuffle(todo)
    assert bits(answers(engine, Room(torch.float32), todo)) == together
    assert len({ids for ids, *_ in together.values()}) > 50


def test_late_results_in_steps_of_any_width_change_nothing(engine: Engine) -> None:
    todo = jobs(engine, 24)
    assert said(answers(engine, LateRoom(torch.float32), todo)) == said(answers(engine, Room(torch.float32), todo))


def test_requests_wait_for_blocks_and_say_the_same(engine: Engine) -> None:
    todo = jobs(engine, 14)
    plenty = answers(engine, Room(torch.float32), todo)
    for limit, kind in ((4, Room), (6, LateRoom), (14, Room)):
        scarce = answers(engine, kind(torch.float32, limit=limit), todo)
        assert said(scarce) == said(plenty) and (kind is LateRoom or bits(scarce) == bits(plenty))


def test_a_request_that_can_never_fit_is_told_before_any_work(engine: Engine) -> None:
    todo = [Job(0, 700, lambda: pytest.fail("work was done"), SamplingParams(max_new_tokens=9))]
    with pytest.raises(
        NotEnoughMemory, match=r"needs .* of cache for its prompt and answer, cpu has room for"
    ) as caught:
        answers(engine, Room(torch.float32, limit=1), todo)
    assert "shorter answer" in caught.value.hint


def test_blocks_come_back(engine: Engine) -> None:
    cache = BlockCache(9, 4, 1, (1, 1, 2), dtype=torch.float32, device=torch.device("cpu"), rows=3)
    one, two = cache.lease(9, row=0), cache.lease(12, row=1)
    assert one is not None and one.blocks == (1, 4, 7) and two is not None and two.blocks == (2, 5, 8)
    assert cache.free == 3 and cache.lease(13) is None
    three = cache.lease(12, row=1)
    assert three is not None and sorted(three.blocks) == [3, 6, 9] and cache.lease(1) is None
    cache.release(two)
    cache.release(one)
    again = cache.lease(24, row=0)
    assert again is not None and set(again.blocks) == {1, 2, 4, 5, 7, 8} and cache.free == 0


def test_nothing_is_made_of_a_request_before_there_is_room_for_it(engine: Engine) -> None:
    """A queue of any length costs no memory: prompts are embedded when a row and blocks are free, and let go."""
    made = finished = most = 0
    embed = engine.network.language.embed

    def prompt() -> torch.Tensor:
        nonlocal made, most
        made += 1
        most = max(most, made - finished)
        return embed(torch.full((1, 20), 7))

    todo = [Job(index, 20, prompt, SamplingParams(max_new_tokens=3)) for index in range(60)]
    for room, rows in ((Room(torch.float32), 16), (LateRoom(torch.float32, limit=4), 4)):
        made = finished = most = 0
        for _ in Scheduler(engine.network, room, stop=(1,), spell=engine.tokenizer.decode).run(todo):
            finished += 1
        assert finished == 60 and most <= rows + 2


@pytest.mark.parametrize(("done", "together"), [(False, 3), (True, 1)])
def test_a_prompt_may_come_until_the_device_has_run_the_last_ones(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, done: bool, together: int
) -> None:
    """So that steps are not taken by one or two answers while a queue begins."""
    looks, rows = 0, list[int]()
    launch = LateSteps.launch

    def ready(flight: Flight) -> bool:
        nonlocal looks
        looks += 1
        return done or looks > 9

    monkeypatch.setattr(Flight, "ready", property(ready))
    monkeypatch.setattr(
        LateSteps, "launch", lambda steps, given: rows.append(sum(r is not None for r in given)) or launch(steps, given)
    )  # type: ignore[func-returns-value]
    coming: list[Any] = []
    plain = SamplingParams(max_new_tokens=9, guard_loops=False)
    for job in (replace(job, sampling=plain) for job in jobs(engine, 3)):
        coming += [job, LATER, LATER]
    coming[-2:] = [None, None]
    waiting = iter(coming)
    scheduler = Scheduler(engine.network, LateRoom(torch.float32), stop=(1,), spell=engine.tokenizer.decode)
    found = {answer.job.index for answer in scheduler.serve(lambda wait: next(waiting), 4096, waiting=16)}
    assert found == {0, 1, 2} and rows[0] == together


def test_chunks_of_a_prompt_leave_the_same_answer(engine: Engine) -> None:
    todo = jobs(engine, 9)
    whole, pieces = (answers(engine, LateRoom(torch.float32), todo, chunk=chunk) for chunk in (2048, 128))
    assert said(whole) == said(pieces)


@pytest.mark.parametrize("rate", [1.0, 0.8, 0.0])
def test_drafts_are_verified_several_tokens_a_step_and_change_no_bit(engine: Engine, rate: float) -> None:
    plain = answers(engine, Room(torch.float32), jobs(engine, 8))
    draw = random.Random(3)

    def drafted(index: int) -> Callable[[Sequence[int]], Sequence[int]]:
        whole = plain[index].ids

        def propose(ids: Sequence[int]) -> Sequence[int]:
            return [token if draw.random() < rate else 2 for token in whole[len(ids) : len(ids) + 9]]

        return propose

    for room in (Room(torch.float32), LateRoom(torch.float32)):
        todo = jobs(engine, 8, drafted)
        found = answers(engine, room, todo)
        assert said(found) == said(plain)
        if type(room) is Room:
            assert bits(found) == bits(plain)
        (alone,) = answers(
            engine,
            room,
            [next(job for job in todo if job.sampling.max_new_tokens == 24 and job.index not in (4, 6, 9))],
        ).values()
        assert alone.finish is not None and (alone.accepted > 0) == (rate > 0)
        assert rate < 1 or alone.loops or alone.steps <= 1 + len(alone.ids) / 8
        assert alone.accepted <= alone.drafted


def test_an_8_bit_cache_is_smaller_and_nearly_as_good(engine: Engine) -> None:
    if engine.network.config.language.use_mla:
        pytest.skip("for keys and values")
    todo = [job for job in jobs(engine, 30) if job.sampling.temperature == 0]
    full, short = (answers(engine, Room(torch.float32, codes=codes), todo) for codes in (False, True))
    first = [
        (full[i].logprobs[1], short[i].logprobs[1])
        for i in full
        if full[i].ids[:2] == short[i].ids[:2] != [] and len(full[i].ids) > 1
    ]
    assert len(first) > len(todo) // 2
    for exact, near in first:
        assert near == pytest.approx(exact, abs=0.05)
    assert any(exact != near for exact, near in first)
    config = engine.network.config.language
    sizes = [block_bytes(config, 512, torch.float32, codes=codes) for codes in (False, True)]
    assert sizes[1] < 0.51 * sizes[0]
