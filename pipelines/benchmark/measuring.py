"""The measuring itself: medians of several runs, the first of which (it compiles, and fills caches) is not counted."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, SamplingParams, step_bytes
from dsvl2.pipelines.benchmark.machine import Machine, bandwidth, look_at_machine
from dsvl2.pipelines.documents import PageImage
from dsvl2.pipelines.errors import DocumentError
from dsvl2.pipelines.reading import prepare
from dsvl2.pipelines.tasks import OcrTask

if TYPE_CHECKING:
    from dsvl2.model import Engine

NEW = 64  # tokens of a decode measurement
LEAST = 8  # tokens that every answer must have for one
SEQUENCES = {"cpu": (1, 8), "cuda": (1, 32)}


class BenchmarkError(DocumentError):
    """What was to be measured did not happen: a page that cannot be read has no reading time."""

    code = "benchmark"


class Reader(Protocol):
    """Another engine, which reads a page's image into text."""

    name: str
    about: str

    def read_page(self, page: PageImage) -> str: ...


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds of every counted run."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class PageTimes:
    """All pages once a run: pages, characters read, tokens written, seconds."""

    pages: int
    characters: int
    tokens: int
    seconds: Spread


@dataclass(frozen=True, slots=True)
class Decoding:
    """Tokens after a page, so many sequences together. `floor_ms`: what reading `bytes` takes at the measured bandwidth."""

    sequences: int
    context: int
    step_ms: float
    bytes: int
    floor_ms: float | None

    @property
    def tokens_per_second(self) -> float:
        return self.sequences * 1000 / self.step_ms

    @property
    def share(self) -> float | None:
        """Of the floor, 1 at best."""
        return None if self.floor_ms is None else self.floor_ms / self.step_ms


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured; sizes in bytes, bandwidth in bytes a second."""

    machine: Machine
    model: ModelInfo
    load_seconds: float
    reading: PageTimes
    decoding: tuple[Decoding, ...]
    bandwidth: float
    peak_memory: int
    peak_device: int | None
    cold_start: Spread | None = None
    others: tuple[tuple[str, str, Spread], ...] = ()


def measure(
    engine: Engine,
    pages: Sequence[PageImage],
    *,
    load_seconds: float,
    repeat: int = 3,
    others: Sequence[Reader] = (),
    told: Callable[[str], None] = lambda step: None,
) -> Figures:
    """Read the pages `repeat` times, ours and others in turns so that all see the same load; then decode alone.

    Raises:
        BenchmarkError: a page cannot be read.
    """
    machine = look_at_machine(engine.info.device)
    reading, taken = _reading(engine, pages, repeat, others, told)
    told("decoding")
    size = step_bytes(engine.network.config, engine.info, 1, 1024)
    speed = bandwidth(engine.info.device, size)
    kind = "cuda" if engine.info.device.startswith("cuda") else "cpu"
    decoding = [_decode(engine, pages, count, speed, repeat, single=kind == "cpu") for count in SEQUENCES[kind]]
    return Figures(
        machine, engine.info, load_seconds, reading, tuple(one for one in decoding if one is not None), speed,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024), _device_peak(kind),
        others=tuple((o.name, o.about, Spread(tuple(seconds))) for o, seconds in zip(others, taken, strict=True)),
    )  # fmt: skip


class _Counting:
    """The engine, and how many tokens it wrote."""

    def __init__(self, engine: Engine) -> None:
        self.info, self._engine, self.tokens = engine.info, engine, 0

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationResult]:
        results = self._engine.generate(requests)
        self.tokens += sum(len(result.token_ids) for result in results)
        return results


def _reading(
    engine: Engine, pages: Sequence[PageImage], repeat: int, others: Sequence[Reader], told: Callable[[str], None]
) -> tuple[PageTimes, list[list[float]]]:
    ours: list[float] = []
    taken: list[list[float]] = [[] for _ in others]
    characters = tokens = 0
    for run in range(repeat + 1):
        told(f"reading, run {run} of {repeat}" if run else "warming up")
        counting = _Counting(engine)
        start = time.perf_counter()
        results = OcrTask().read(pages, counting)
        seconds = time.perf_counter() - start
        for result in results:
            if result.error is not None:
                raise BenchmarkError(f"page {result.number} cannot be read: {result.error.message}")
        if run:
            ours.append(seconds)
        tokens = counting.tokens
        characters = sum(len(block.text or "") for result in results for block in result.blocks)
        for other, found in zip(others, taken, strict=True):
            start = time.perf_counter()
            for page in pages:
                other.read_page(page)
            if run:
                found.append(time.perf_counter() - start)
    return PageTimes(len(pages), characters, tokens, Spread(tuple(ours))), taken


def _decode(
    engine: Engine, pages: Sequence[PageImage], count: int, speed: float, repeat: int, *, single: bool
) -> Decoding | None:
    """Answers of NEW tokens less answers of one. None when the model ends too soon. `single`: a floor for one sequence only."""
    requests = _requests(engine, pages, count)
    if not requests:
        return None
    times: dict[int, list[float]] = {1: [], NEW + 1: []}
    made = context = 0
    for new, taken in times.items():  # one after the other: a cache and its graphs are kept while the length stays
        sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
        for run in range(repeat + 1):
            start = time.perf_counter()
            results = engine.generate([replace(request, sampling=sampling, draft=None) for request in requests])
            if run:
                taken.append(time.perf_counter() - start)
            if new > 1 and min(len(result.token_ids) for result in results) <= LEAST:
                return None
            made = sum(len(result.token_ids) - 1 for result in results)
            context = sum(result.usage.prompt_tokens + len(result.token_ids) // 2 for result in results) // count
    seconds = max(statistics.median(times[NEW + 1]) - statistics.median(times[1]), 1e-9)
    step_ms = 1000 * seconds * count / made
    size = step_bytes(engine.network.config, engine.info, count, context)
    return Decoding(count, context, step_ms, size, None if single and count > 1 else 1000 * size / speed)


def _requests(engine: Engine, pages: Sequence[PageImage], count: int) -> list[GenerationRequest]:
    """So many different requests: those of the pages, again with their images moved a little to the side."""
    from PIL import ImageChops

    found = [request for page in pages for request in prepare(page, engine.info.reading).requests]
    made: list[GenerationRequest] = []
    for number in range(count if found else 0):
        request, moved = found[number % len(found)], 5 * (number // len(found))
        (message,) = request.messages
        images = tuple(ImageChops.offset(image, moved, 0) for image in message.images)
        made.append(replace(request, messages=(replace(message, images=images),)))
    return made


def _device_peak(kind: str) -> int | None:
    if kind != "cuda":
        return None
    import torch

    return int(torch.cuda.max_memory_allocated())


def measure_cold_start(command: Sequence[str], repeat: int) -> Spread:
    """Seconds of a command in new processes, from its start to its end; raises BenchmarkError if it fails."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        seconds.append(time.perf_counter() - start)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise BenchmarkError(f"the cold start ended with {done.returncode}: {said[-1] if said else 'no message'}")
    return Spread(tuple(seconds))
