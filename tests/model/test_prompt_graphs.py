"""Prompts as graphs, without a GPU: the graph is a call, kernels are the plain form."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from dsvl2.model import prompt_graphs
from dsvl2.model.answers import Job
from dsvl2.model.cache import PrefixCache
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.prompt_graphs import PromptGraphs
from dsvl2.model.request import SamplingParams
from dsvl2.model.room import Room
from dsvl2.model.scheduler import Scheduler
from tests.model.test_graph_steps import CalledRoom, jobs, said


class Called(PromptGraphs):
    """Graphs are calls."""

    captured = 0

    def _record(self, given: Tensor, ends: Tensor, caches: Sequence[PrefixCache]) -> Any:
        self.captured += 1
        hidden = self._compute(given, ends, caches).clone()

        class Graph:
            def replay(graph) -> None:
                hidden.copy_(self._compute(given, ends, caches))

        return Graph(), hidden


@pytest.fixture(scope="module")
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]) -> Engine:
    engine = load_engine(checkpoint(small_shape), device="cpu", dtype="float32")
    engine.network.language.lm_head.out_features = (
        engine.network.config.language.vocab_size
    )  # as test_graph_steps reads it
    return engine


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_graphs, "ops", SimpleNamespace(native=lambda x: True))
    monkeypatch.setattr(prompt_graphs, "BEFORE", 2)


NINE = SamplingParams(max_new_tokens=9, guard_loops=False)


def job(engine: Engine, index: int, length: int, sampling: SamplingParams = NINE) -> Job:
    ids = torch.tensor([[5 + (index * 31 + at * 7) % 90 for at in range(length)]])
    return Job(index, length, lambda: engine.network.language.embed(ids), sampling)


def test_a_length_seen_before_runs_as_a_graph_and_says_the_same(engine: Engine) -> None:
    todo = [job(engine, index, length) for index, length in enumerate((70, 3, 128, 65, 64, 70, 127, 1, 200))]
    want = {one.index: said(engine, Room(torch.float32), [one])[one.index] for one in todo}
    scheduler = Scheduler(engine.network, CalledRoom(torch.float32), stop=(1,), spell=engine.tokenizer.decode)
    graphs = Called(engine.network.language.model)
    scheduler.prompts = replace(scheduler.prompts, graphs=graphs)
    found = {answer.job.index: (answer.ids, answer.finish, answer.loops) for answer in scheduler.run(todo)}
    assert found == want
    assert graphs.captured == 3  # of 80, 128 and 16 tokens: those of 64 and 208 came once only


def test_graphs_are_few_and_long_prompts_have_none(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_graphs, "MOST", 3)
    cache, _ = CalledRoom(torch.float32).make(engine.network, 64, 1)
    graphs = Called(engine.network.language.model)
    with torch.inference_mode():
        for wide in range(1, 6):
            x = engine.network.language.embed(torch.full((1, 64 * wide), 7))
            assert graphs.run(x, [64 * wide], cache) is None
            assert (graphs.run(x, [64 * wide], cache) is not None) == (wide <= 3)
        assert graphs.run(torch.zeros(1, 2049, x.shape[2]), [2049], cache) is None


def test_prompts_that_run_together_have_graphs_too_and_say_the_same(engine: Engine) -> None:
    lengths = (70, 75, 80) * 5
    todo = [job(engine, index, length) for index, length in enumerate(lengths)]
    want = {one.index: said(engine, Room(torch.float32), [one])[one.index] for one in todo}
    scheduler = Scheduler(engine.network, CalledRoom(torch.float32), stop=(1,), spell=engine.tokenizer.decode)
    graphs = Called(engine.network.language.model)
    scheduler.prompts = replace(scheduler.prompts, graphs=graphs, together=3 * 80)
    found = {answer.job.index: (answer.ids, answer.finish, answer.loops) for answer in scheduler.run(todo)}
    assert found == want
    assert list(graphs._graphs) == [(3, 80)]  # from the third batch on, for all that were left


def test_order_of_arrival_changes_nothing_where_prompts_and_steps_are_graphs(engine: Engine) -> None:
    """Greedy and drawn answers, of many lengths, with loops in them, and with drafts of which a fourth is wrong."""
    long = [job(engine, 40 + at, 15 + at, SamplingParams(max_new_tokens=150)) for at in range(3)]
    want = said(engine, Room(torch.float32), jobs(engine) + long)
    assert any(loops for _, _, loops in want.values())

    def drafted(index: int) -> Any:
        if index % 3:
            return None
        return lambda ids: [(token + (at % 4 == 3)) % 100 for at, token in enumerate(want[index][0][len(ids) :])]

    todo = jobs(engine, drafted) + long
    scheduler = Scheduler(engine.network, CalledRoom(torch.float32), stop=(1,), spell=engine.tokenizer.decode)
    graphs = Called(engine.network.language.model)
    scheduler.prompts = replace(scheduler.prompts, graphs=graphs, together=128)
    for order in (todo, todo[::-1], random.Random(5).sample(todo, len(todo)), [todo[7]]):
        found = {answer.job.index: (answer.ids, answer.finish, answer.loops) for answer in scheduler.run(order)}
        assert found == {job.index: want[job.index] for job in order}
    assert any(count > 1 for count, _ in graphs._graphs) and any(count == 1 for count, _ in graphs._graphs)


def test_without_memory_to_spare_only_single_prompts_have_graphs(engine: Engine) -> None:
    cache, _ = CalledRoom(torch.float32).make(engine.network, 64, 4)
    graphs = Called(engine.network.language.model, lambda tokens: tokens < 64)
    with torch.inference_mode():
        pair, one = (engine.network.language.embed(torch.full((count, 20), 7)) for count in (2, 1))
        assert all(graphs.run(pair, [20, 18], cache) is None for _ in range(5))
        assert [graphs.run(one, [20], cache) is None for _ in range(3)] == [True, False, False]
