"""What a benchmark runs on, and whether it is fit to be measured: its processors, its load, what its memory gives."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BUSY = 0.5  # of the cores, kept busy by others before anything is measured
READS = 7


@dataclass(frozen=True, slots=True)
class Machine:
    """`load` is the average of the last minute before the measurement, None where the system does not say."""

    processor: str
    cores: int
    load: float | None
    device: str

    @property
    def busy(self) -> bool:
        """Whether other programs take so much that times mean little."""
        return self.load is not None and self.load > BUSY * self.cores


def look_at_machine(device: str) -> Machine:
    """The machine as it is now; `device` is that of the model."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Machine(_processor(), cores, load, _device(device))


def bandwidth(device: str, size: int) -> float:
    """Bytes a second that a plain kernel reads from as much memory as `size` bytes: the best of several tries.

    What fits a cache is read from the cache, as the weights of a model are that fits one. On a GPU reads and writes count.
    """
    import torch

    place = torch.device(device)
    count = min(max(size, 1 << 22), 1 << 31 if place.type == "cuda" else 1 << 28) // 4
    source = torch.ones(count, device=place)
    if place.type == "cuda":
        target = torch.empty_like(source)
        return (
            2 * source.nbytes / _best(lambda: torch.add(source, 1, out=target), lambda: torch.cuda.synchronize(place))
        )
    return source.nbytes / _best(lambda: torch.dot(source, source), lambda: None)


def _best(run: Callable[[], object], settle: Callable[[], None]) -> float:
    taken = []
    for _ in range(READS):
        settle()
        start = time.perf_counter()
        run()
        settle()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return found or platform.processor() or platform.machine()


def _device(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"
