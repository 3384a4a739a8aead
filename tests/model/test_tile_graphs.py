"""Batches of tiles as graphs, without a GPU: the graph is a call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from dsvl2.model import graphs
from dsvl2.model.graphs import TILES, Sights, TileGraphs

BEFORE = 2


class Called(TileGraphs):
    """Graphs are calls; counts them."""

    captured = replayed = 0

    def _record(self, given: Tensor, pool: object) -> Any:
        self.captured += 1
        made = self._seen(given).clone()

        class Graph:
            def pool(graph) -> None:
                return None

            def replay(graph) -> None:
                self.replayed += 1
                made.copy_(self._seen(given))

        return Graph(), made


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "ops", SimpleNamespace(native=lambda x: True))
    monkeypatch.setattr(graphs, "BEFORE", BEFORE)


def twice(pixels: Tensor) -> Tensor:
    return pixels.flatten(1) * 2


def test_a_batch_seen_before_is_a_graph_and_gives_the_same() -> None:
    tiles = Called(twice)
    batches = [torch.rand(count, 3, 4, 4) for count in (4, 2, 4, 4, 4, 1, 4)]
    found = [tiles.run(pixels) for pixels in batches]
    assert all(torch.equal(one, twice(pixels)) for one, pixels in zip(found, batches, strict=True))  # none overwritten
    assert (tiles.captured, tiles.replayed) == (1, 5 - BEFORE)


def test_graphs_are_few_and_need_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles = Called(twice)
    for count in range(1, TILES + 4):
        for _ in range(BEFORE + 1):
            tiles.run(torch.rand(count, 3, 4, 4))
    assert tiles.captured == TILES
    monkeypatch.setattr(graphs, "to_be_had", lambda device: 1 << 30)
    scarce = Called(twice)
    for _ in range(BEFORE + 3):
        scarce.run(torch.rand(2, 3, 4, 4))
    assert not scarce.captured


def test_a_shape_that_was_refused_for_want_of_room_may_have_a_graph_later() -> None:
    sights, room = Sights(2, 1), iter((False, True))
    assert [sights.worth("a", lambda: next(room)) for _ in range(4)] == [False, False, True, True]
