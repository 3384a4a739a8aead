"""One decode step of all slots: the plain way, and on CUDA as a graph that is captured once and replayed.

A step of small is some 600 launches, 10 ms of a host's time where the GPU needs 2: replayed as one graph they cost nothing.
Letters: S slots, V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dsvl2.kernels import ops
from dsvl2.model import rope
from dsvl2.model.cache import Sight, SlotCache
from dsvl2.model.vl2 import DeepseekVL2

SLOTS = (
    8  # a multiple of 4: row results of the matrix products then do not depend on the row (measured, MKL and oneDNN)
)
BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)  # slots on CUDA, where an idle slot costs time
ROOM = 0.6  # of the free memory of a GPU for the cache; prompts need the rest


class Step(NamedTuple):
    """logits fp32 [S, V]; greedy fp64 [2, S]: the likeliest ids and their log probabilities, one copy to the host."""

    logits: Tensor
    greedy: Tensor


class Steps:
    """Runs steps over a cache; `tokens` are the last ones of the slots, anything for those that idle."""

    def __init__(self, network: DeepseekVL2, cache: SlotCache) -> None:
        self._language, self._cache = network.language, cache
        self._device = network.image_newline.device
        places = torch.arange(cache.capacity, device=self._device)
        self._cos, self._sin = rope.angles(network.config.language, places)

    def __call__(self, tokens: Sequence[int], active: Sequence[int]) -> Step:
        positions, sight = self._cache.advance(active)
        return self._run(torch.tensor(tokens, device=self._device), positions, sight)

    def _run(self, tokens: Tensor, positions: Tensor, sight: Sight) -> Step:
        x = self._language.embed(tokens)
        hidden = self._language.model.step(x, self._cos[positions], self._sin[positions], sight, self._cache.layers)
        logits = self._language.logits(hidden)  # [S, V]
        best, ids = logits.max(-1)
        return Step(logits, torch.stack((ids.double(), (best - logits.logsumexp(-1)).double())))


class GraphSteps(Steps):
    """The same as one CUDA graph: everything it reads and writes stays where it was at the capture.

    A step costs the host one copy there (tokens, positions, lengths), one launch, and one copy back.
    """

    def __init__(self, network: DeepseekVL2, cache: SlotCache) -> None:
        super().__init__(network, cache)
        self._said = torch.zeros(3, cache.slots, dtype=torch.int64, pin_memory=True)
        self._given = torch.zeros(3, cache.slots, dtype=torch.int64, device=self._device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._step: Step | None = None

    def __call__(self, tokens: Sequence[int], active: Sequence[int]) -> Step:
        self._said.copy_(torch.tensor([tokens, *self._cache.count(active)]))
        self._given.copy_(self._said, non_blocking=True)
        if self._graph is None:
            self._capture()
        assert self._graph is not None and self._step is not None  # just captured
        self._graph.replay()
        return self._step

    def _everything(self) -> Step:
        positions, sight = self._cache.point(self._given[1:])
        return self._run(self._given[0], positions, sight)

    def _capture(self) -> None:
        """Run once to compile and warm up (the token is written to the cache again, as it is), then record."""
        aside = torch.cuda.Stream(self._device)
        aside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(aside):
            self._everything()
        torch.cuda.current_stream(self._device).wait_stream(aside)
        torch.cuda.synchronize(self._device)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._step = self._everything()


def steps_for(network: DeepseekVL2, cache: SlotCache) -> Steps:
    """Steps that suit the network's device: a graph needs kernels that take lengths from the device."""
    weight = network.language.model.norm.weight
    return GraphSteps(network, cache) if weight.is_cuda and ops.native(weight) else Steps(network, cache)


def slot_count(device: torch.device, waiting: int, slot_bytes: int) -> int:
    """How many slots to decode in: as many as there are jobs, in steps, and as the memory of a GPU has room for.

    A CPU always takes the same number, so that every product has one shape whoever the neighbours are.
    """
    if device.type != "cuda":
        return SLOTS
    free = torch.cuda.mem_get_info(device)[0]
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    fitting = [count for count in BUCKETS if count * slot_bytes <= free * ROOM] or [1]
    return next((count for count in fitting if count >= waiting), fitting[-1])
