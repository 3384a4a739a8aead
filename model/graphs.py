"""Recording launches as CUDA graphs: a network of many small launches keeps a GPU waiting for the thread that makes them.

Beside threads that cut pages or draw them a launch takes that thread up to 0.2 ms, for every one waits for the interpreter.
Letters: N tiles.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model.memory import to_be_had

T = TypeVar("T")
ROOM = 4 << 30  # bytes to be had without which there are no graphs of batches: what they compute with stays theirs
TILES = 8  # graphs of the tower; they share their memory, and pages of a kind fill few batches
# Times that a shape of several is run plainly first: to record one takes 0.1 s, of which a use gives back 5 ms.
BEFORE = 6


def recorded(compute: Callable[[], T], device: torch.device, pool: object = None) -> tuple[torch.cuda.CUDAGraph, T]:
    """Run `compute` once, which compiles what is not compiled, then record it; the graph, and what it writes its results to."""
    aside = torch.cuda.Stream(device)
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):
        compute()
    torch.cuda.current_stream(device).wait_stream(aside)
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):  # type: ignore[arg-type]
        made = compute()
    return graph, made


def roomy(device: torch.device) -> bool:
    """Whether there is memory for graphs of batches."""
    free = to_be_had(device)
    return free is None or free >= ROOM


class Sights:
    """Says which shapes are worth a graph: those that came `before` times, while there are less than `most` graphs."""

    def __init__(self, most: int, before: int) -> None:
        self._most, self.before = most, before
        self._seen = Counter[Hashable]()
        self._chosen = set[Hashable]()

    def worth(self, shape: Hashable, allowed: Callable[[], bool] = lambda: True) -> bool:
        """Count a shape that comes now; whether it has a graph, or is to be given one, if that is allowed."""
        if shape in self._chosen:
            return True
        self._seen[shape] += 1
        if self._seen[shape] <= self.before or len(self._chosen) >= self._most or not allowed():
            return False
        self._chosen.add(shape)
        return True


class TileGraphs:
    """Runs batches of tiles [N, S, S, 3] through `seen` as graphs, one for each N that came before."""

    def __init__(self, seen: Callable[[Tensor], Tensor]) -> None:
        self._seen, self.sights = seen, Sights(TILES, BEFORE)
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}  # graph, what it reads and writes

    def run(self, tiles: Tensor) -> Tensor:
        """Their vectors, which nobody else writes to."""
        count = len(tiles)
        if not ops.native(tiles) or not self.sights.worth(count, lambda: roomy(tiles.device)):
            return self._seen(tiles)
        if count not in self._graphs:
            given = tiles.clone()
            pool = next(iter(self._graphs.values()))[0].pool() if self._graphs else None
            graph, made = self._record(given, pool)
            self._graphs[count] = graph, given, made
        graph, given, made = self._graphs[count]
        given.copy_(tiles)
        graph.replay()
        return made.clone()

    def _record(self, given: Tensor, pool: object) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        return recorded(lambda: self._seen(given), given.device, pool)
