"""Where the time of an engine goes: what its device did between which moments, and what its thread waited for.

Not collected by pytest; see `bench_engine.py --trace`. Parts are measured by CUDA events around them (on a CPU by the clock):
a part that waits for its own launches counts as that part; what lies between parts is a gap, named after the part behind it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from dsvl2.model.cache import BlockCache
from dsvl2.model.decoder import Decoder
from dsvl2.model.pictures import Ahead, Pictures
from dsvl2.model.prompt_graphs import PromptGraphs
from dsvl2.model.row_cache import RowCache
from dsvl2.model.steps import Flight, GraphSteps, Steps

DEVICE = {"vision": (Pictures, "encode"), "prompts": (Decoder, "forward")}
HOST = {"images, cut and encoded": (Ahead, "rows"), "results, waited for": (Flight, "read")}


class Timeline:
    """Collects while it is `on`; `report` says seconds and shares."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self._spans: list[tuple[str, Any, Any]] = []
        self._host: dict[str, float] = defaultdict(float)
        self._count: dict[str, int] = defaultdict(int)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Wrap the parts for a while."""
        places = [(owner, name, label, True) for label, (owner, name) in DEVICE.items()]
        places += [(owner, "launch", "steps", True) for owner in (Steps, GraphSteps)]
        places += [(owner, "adopt", "prompts", True) for owner in (BlockCache, RowCache)]
        places.append((PromptGraphs, "run", "prompts", True))
        places += [(owner, name, label, False) for label, (owner, name) in HOST.items()]
        before = [(owner, name, owner.__dict__[name]) for owner, name, _, _ in places]
        for owner, name, label, device in places:
            setattr(owner, name, self._around(owner.__dict__[name], label, device))
        try:
            yield
        finally:
            for owner, name, plain in before:
                setattr(owner, name, plain)

    def _mark(self) -> Any:
        if not self.cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _around(self, plain: Callable[..., Any], label: str, device: bool) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            if self.cuda and torch.cuda.is_current_stream_capturing():
                return plain(*given, **named)
            begun, start = time.perf_counter(), self._mark() if device else None
            try:
                return plain(*given, **named)
            finally:
                self._host[label] += time.perf_counter() - begun
                self._count[label] += 1
                if device:
                    self._spans.append((label, start, self._mark()))

        return timed

    def report(self) -> dict[str, Any]:
        """Seconds on the device by part, gaps before each, and the thread's seconds in each."""
        if self.cuda:
            torch.cuda.synchronize()
        busy: dict[str, float] = defaultdict(float)
        gaps: dict[str, float] = defaultdict(float)
        last = None
        for label, start, end in self._spans:
            busy[label] += self._between(start, end)
            if last is not None:
                gaps[label] += max(0.0, self._between(last, start))
            last = end
        whole = self._between(self._spans[0][1], last) if self._spans else 0.0
        return {
            "seconds": round(whole, 3),
            "device": {label: round(value, 3) for label, value in busy.items()},
            "share": {label: round(value / whole, 3) for label, value in busy.items()} if whole else {},
            "gap_before": {label: round(value, 3) for label, value in gaps.items()},
            "thread": {label: round(value, 3) for label, value in self._host.items()},
            "calls": dict(self._count),
        }

    def parts(self) -> list[tuple[str, float, float]]:
        """Every part on the device, and its begin and end in ms."""
        first = self._spans[0][1] if self._spans else None
        return [
            (label, *(round(1000 * self._between(first, moment), 1) for moment in (start, end)))
            for label, start, end in self._spans
        ]

    def _between(self, start: Any, end: Any) -> float:
        return float(start.elapsed_time(end)) / 1000 if self.cuda else float(end - start)
