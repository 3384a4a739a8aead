"""What a captured step does to its own state, without a GPU: the graph is a call, kernels are the plain form."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.answers import Job
from dsvl2.model.cache import BlockCache
from dsvl2.model.engine import Engine
from dsvl2.model.loading import load_engine
from dsvl2.model.prefixes import Part
from dsvl2.model.request import SamplingParams
from dsvl2.model.room import Room, part_of, tokens_at_once
from dsvl2.model.scheduler import Scheduler
from dsvl2.model.steps import GraphSteps, Steps


class Replayed:
    """Stands for a graph: what is captured runs at each replay, and its results stay where they were."""

    def __init__(self, everything: Callable[[], tuple[Tensor, Tensor]]) -> None:
        self._everything = everything
        self.results: tuple[Tensor, Tensor] | None = None
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        new = self._everything()
        self.results = self.results or (new[0].clone(), new[1].clone())
        for place, value in zip(self.results, new, strict=True):
            place.copy_(value)


class CalledSteps(GraphSteps):
    """Graph steps whose graphs are calls."""

    def launch(self, rows: Sequence[Any]) -> Any:
        flight = super().launch(rows)
        flight._values = flight._values.clone()  # on a GPU the copy is made before the next step is
        return flight

    def _captured(self, count: int, warm: bool) -> Any:
        graph = Replayed(lambda: self._everything(count, warm))
        graph.results = (
            torch.zeros(2, count, dtype=torch.float64),
            torch.zeros(count, self._language.lm_head.out_features),
        )
        return graph, graph.results

    def _seen_by(self, table: Tensor, lengths: Tensor) -> ops.Sight:
        size = self._cache.size
        begun = [own[: -(-n // size)] for own, n in zip(table.tolist(), lengths.tolist(), strict=True)]
        wide = max(1, *map(len, begun)) * size
        bias = torch.zeros(len(begun), wide).masked_fill(
            torch.arange(wide) >= lengths.clamp(min=1)[:, None], float("-inf")
        )
        return ops.Sight(table, lengths, bias, ops.spans(begun, self._cache.blocks + 1, table.device))


class CalledRoom(Room):
    """Room as on a GPU: small blocks, rows in buckets."""

    def make(self, network: Any, capacity: int, waiting: int) -> tuple[BlockCache, Steps]:
        config = network.config.language
        cache = BlockCache(
            self.limit or 400, 16, config.num_hidden_layers, part_of(config),
            dtype=self.dtype, device=torch.device("cpu"), codes=self.codes,
        )  # fmt: skip
        self.kept = cache, CalledSteps(network, cache, 32, 1024, fixed=self.fixed)
        return self.kept


@pytest.fixture(scope="module")
def engine(checkpoint: Callable[[dict[str, Any]], Path], small_shape: dict[str, Any]) -> Engine:
    engine = load_engine(checkpoint(small_shape), device="cpu", dtype="float32")
    head = engine.network.language.lm_head
    head.out_features = engine.network.config.language.vocab_size  # type: ignore[assignment]
    return engine


def jobs(engine: Engine, propose: Callable[[int], Any] = lambda index: None) -> list[Job]:
    draw, embed = random.Random(3), engine.network.language.embed
    made = []
    for index in range(40):
        ids = torch.tensor([[draw.randrange(5, 100) for _ in range(draw.choice((2, 15, 16, 40)))]])
        sampling = SamplingParams(
            max_new_tokens=draw.choice((1, 5, 20, 33)), temperature=0.8 * (index % 9 == 5), seed=index
        )
        made.append(
            Job(index, ids.shape[1], lambda ids=ids: embed(ids), sampling, propose=propose(index))  # type: ignore[misc]
        )
    return made


def said(engine: Engine, room: Room, todo: list[Job]) -> dict[int, Any]:
    scheduler = Scheduler(engine.network, room, stop=(1,), spell=engine.tokenizer.decode)
    return {answer.job.index: (answer.ids, answer.finish, answer.loops) for answer in scheduler.run(todo)}


@pytest.mark.parametrize("fixed", [False, True])
def test_graphs_keep_tokens_and_positions_by_themselves(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    sent = list[int]()
    real = GraphSteps.launch.__globals__["sent"]
    monkeypatch.setitem(GraphSteps.launch.__globals__, "sent", lambda *given: sent.append(1) or real(*given))
    want = said(engine, Room(torch.float32), jobs(engine))
    room = CalledRoom(torch.float32, fixed=fixed)
    assert said(engine, room, jobs(engine)) == want
    assert room.kept is not None
    graphs = room.kept[1]._graphs  # type: ignore[attr-defined]
    assert set(graphs) == {32} if fixed else len(graphs) > 2
    sent.clear()
    greedy = [
        Job(
            0,
            4,
            lambda: engine.network.language.embed(torch.tensor([[5, 6, 7, 8]])),
            SamplingParams(max_new_tokens=40, guard_loops=False),
        )
    ]
    assert len(said(engine, CalledRoom(torch.float32), greedy)[0][0]) > 10
    assert len(sent) <= 4  # a row, its table and its start: a sequence that goes on by itself is told nothing more


def test_scarce_blocks_and_drafts_change_nothing(engine: Engine) -> None:
    want = said(engine, Room(torch.float32), jobs(engine))
    assert said(engine, CalledRoom(torch.float32, limit=12), jobs(engine)) == want

    def drafted(index: int) -> Callable[[Sequence[int]], Sequence[int]]:
        return lambda ids: [(token + (at % 4 == 3)) % 100 for at, token in enumerate(want[index][0][len(ids) :])]

    assert said(engine, CalledRoom(torch.float32), jobs(engine, drafted)) == want


@pytest.mark.parametrize("limit", [400, 30])
def test_prompts_that_run_together_leave_what_each_leaves_alone(engine: Engine, limit: int) -> None:
    """Of several lengths, filled up on the right; a long one goes in chunks by itself, and blocks may be scarce."""
    want = said(engine, Room(torch.float32), jobs(engine))
    batches = list[int]()
    decoder = engine.network.language.model
    plain = decoder.forward
    decoder.forward = lambda x, *given, **named: batches.append(len(x)) or plain(x, *given, **named)  # type: ignore[func-returns-value]
    try:
        room = CalledRoom(torch.float32, limit=limit)
        scheduler = Scheduler(engine.network, room, stop=(1,), spell=engine.tokenizer.decode, chunk=32)
        scheduler.prompts = replace(scheduler.prompts, together=128, tails=0)  # as on a GPU
        found = {answer.job.index: (answer.ids, answer.finish, answer.loops) for answer in scheduler.run(jobs(engine))}
    finally:
        del decoder.forward
    assert found == want
    assert max(batches) >= 3 and batches.count(1) > 2


def test_questions_about_one_page_run_together_behind_it(engine: Engine) -> None:
    """The page once, the questions side by side: the answers are those of asking each alone."""
    draw, embed = random.Random(5), engine.network.language.embed
    page = torch.tensor([[draw.randrange(5, 100) for _ in range(90)]])

    def asked(count: int) -> list[Job]:
        made = []
        for index in range(count):
            ids = torch.tensor([[draw.randrange(5, 100) for _ in range(9 + index % 3)]])
            parts = (
                Part(0, 90, lambda: embed(page), "page"),
                Part(90, 90 + ids.shape[1], lambda ids=ids: embed(ids)),  # type: ignore[misc]
            )
            sampling = SamplingParams(max_new_tokens=12, guard_loops=False)
            made.append(Job(index, 90 + ids.shape[1], lambda: page, sampling, parts))
        return made

    todo = asked(10)
    todo.insert(4, Job(10, 90, lambda: embed(page), SamplingParams(max_new_tokens=12, guard_loops=False)))
    want = {job.index: said(engine, Room(torch.float32), [job])[job.index] for job in todo}
    batches = list[tuple[int, int]]()
    decoder = engine.network.language.model
    plain = decoder.forward
    decoder.forward = lambda x, *given, **named: batches.append(x.shape[:2]) or plain(x, *given, **named)  # type: ignore[func-returns-value]
    try:
        scheduler = Scheduler(engine.network, CalledRoom(torch.float32), stop=(1,), spell=engine.tokenizer.decode)
        scheduler.prompts = replace(scheduler.prompts, together=2048, tails=0)
        found = {answer.job.index: (answer.ids, answer.finish, answer.loops) for answer in scheduler.run(todo)}
    finally:
        del decoder.forward
    assert found == want
    assert batches == [(1, 90), (4, 11), (1, 90), (6, 11)]


def test_prompts_that_run_together_are_as_many_as_memory_allows(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, cpu = engine.network.config.language, torch.device("cpu")
    monkeypatch.setattr("dsvl2.model.room.to_be_had", lambda device: 1 << 24)
    few = tokens_at_once(config, cpu)
    monkeypatch.setattr("dsvl2.model.room.to_be_had", lambda device: 1 << 30)
    assert 0 < few < 1 << 24 and tokens_at_once(config, cpu) == pytest.approx(64 * few, rel=0.1)
    monkeypatch.setattr("dsvl2.model.room.to_be_had", lambda device: None)
    assert tokens_at_once(config, cpu) == 0
