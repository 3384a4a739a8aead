"""Time on a GPU: medians of graph replays over rotating calls, and what the card can do at best. On a CPU: the host's clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Call = Callable[[], Any]
REPLAYS = 15
LEAST = 1.5e-3  # seconds in a replay


def replays(calls: Sequence[Call], least: float = LEAST) -> float:
    """Microseconds a call: all calls one after the other as a graph, repeated to `least` seconds; median of the replays."""
    if not torch.cuda.is_available():
        return clocked(lambda: [call() for call in calls], 3) / len(calls)
    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        for call in calls:
            call()
        torch.cuda.synchronize()
        start = time.perf_counter()
        for call in calls:
            call()
        torch.cuda.synchronize()
        rounds = max(1, min(50, int(least / (time.perf_counter() - start) * 3) + 1))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(rounds):
            for call in calls:
                call()
    graph.replay()
    return clocked(graph.replay, REPLAYS) / rounds / len(calls)


def clocked(call: Call, times: int) -> float:
    """Microseconds of a call, median: on the GPU's clock, what the host takes to launch included where it is the slower."""
    taken = []
    for _ in range(times):
        if torch.cuda.is_available():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize()
            start.record()
            call()
            end.record()
            end.synchronize()
            taken.append(start.elapsed_time(end) * 1000)
        else:
            before = time.perf_counter()
            call()
            taken.append((time.perf_counter() - before) * 1e6)
    return sorted(taken)[times // 2]


def error(got: Tensor, want: Tensor) -> float:
    """Relative distance; not a number when there is one in `got`."""
    return float((got.float() - want.float()).norm() / want.float().norm())


def ceilings(size: int = 1 << 30, side: int = 8192) -> dict[str, float]:
    """Bytes/s of a kernel that reads and writes (the driver's copy is slower, and no ceiling), bf16 operations/s in a burst."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        size, side = 1 << 25, 512
    source = torch.zeros(size, dtype=torch.bfloat16, device=device)
    target = torch.empty_like(source)
    taken = clocked(lambda: torch.add(source, 1, out=target), 9)
    moved = 2 * source.nbytes / taken * 1e6
    a, b = (torch.randn(side, side, dtype=torch.bfloat16, device=device) for _ in range(2))
    out = torch.empty_like(a)
    torch.mm(a, b, out=out)
    return {"bytes_per_s": moved, "operations_per_s": 2 * side**3 / clocked(lambda: torch.mm(a, b, out=out), 9) * 1e6}
