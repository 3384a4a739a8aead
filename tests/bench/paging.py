"""What bench_pages measures: an engine that is warm, pages that are drawn meanwhile, rates by when answers came."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image

from dsvl2.model import GenerationRequest, GenerationResult, Message, SamplingParams
from dsvl2.model.cache import DEVICE_BLOCK, Row
from dsvl2.model.engine import Engine
from dsvl2.model.steps import BUCKETS
from tests.bench.bench_engine import TEXT, engine_of, page
from tests.bench.bench_load import host
from tests.bench.timeline import Timeline

TOGETHER = 8  # prompts that run together at most
FEW = 512  # blocks of cache that compiling needs


def asked(pages: Iterable[Image.Image], new: int) -> Iterator[GenerationRequest]:
    """A request for each page, when its turn comes near."""
    sampling = SamplingParams(max_new_tokens=new, guard_loops=False)
    for image in pages:
        yield GenerationRequest((Message("user", "<image>\n" + TEXT, (image,)),), sampling)


@torch.inference_mode()
def widths(engine: Engine, pages: int, *, little: bool) -> None:
    """Capture steps of every width, over the cache that so many pages are going to have."""
    scheduler = engine._lanes.first
    if scheduler.device.type != "cuda":
        return
    capacity = DEVICE_BLOCK if little else engine.info.context_length
    cache, steps = scheduler.room.make(engine.network, capacity, pages)
    leases = [cache.lease(DEVICE_BLOCK, row) for row in range(steps.rows)]
    rows = [Row(3 + at % 90, 0, lease) for at, lease in enumerate(leases) if lease is not None]
    for width in (*(width for width in BUCKETS if width < steps.rows), steps.rows):
        if width <= len(rows):
            steps.launch(rows[:width]).read()


@contextmanager
def at_once(engine: Engine) -> Iterator[None]:
    """Let shapes have their graphs the first time that they come, which takes a fraction of a second each."""
    tiles, prompts = engine.pictures._graphs, engine._lanes.first.prompts.graphs
    sights = [*([tiles.sights] if tiles else []), *([prompts.alone, prompts.together] if prompts else [])]
    before = [one.before for one in sights]
    for one in sights:
        one.before = 0
    try:
        yield
    finally:
        for one, number in zip(sights, before, strict=True):
            one.before = number


def warmed(engine: Engine, kept: list[Image.Image], pages: int, *, little: bool = False) -> float:
    """Compile and capture what a run of so many pages needs; the seconds that took."""
    start, scheduler = time.perf_counter(), engine._lanes.first
    scheduler.room.limit = FEW if little else None
    widths(engine, pages, little=little)
    some = 24 if little or kept[0].width > 384 else 96
    with at_once(engine):
        cuts = [engine.pictures.cut(image, engine.network.config.candidate_resolutions) for image in kept]
        for count in range(engine.pictures.at_once // len(cuts[0].tiles) if len(cuts[0].tiles) > 1 else 0):
            engine.pictures.encode(cuts[: count + 1])
        for count in range(1, TOGETHER + 1):
            turns = (kept[number % len(kept)] for number in range(count))
            jobs = [engine._job(engine._plan(one, number), None) for number, one in enumerate(asked(turns, 2))]
            assert len(list(scheduler.run(jobs))) == count
        for _ in range(1 if little else 2):  # batches as they will be
            turns = (kept[number % len(kept)] for number in range(some))
            taken(engine, asked(turns, 4), some if little else pages)
    return round(time.perf_counter() - start, 1)


def taken(engine: Engine, requests: Iterable[GenerationRequest], count: int, *, parts: bool = False) -> dict[str, Any]:
    """Read a stream of pages; rates by when they were done. parts: tell all that the device did, too."""
    cuda = engine.network.image_newline.is_cuda
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    timeline, begun = Timeline(engine.network.image_newline.device), time.process_time()
    start, ends, tokens = time.perf_counter(), list[float](), 0
    tiles = 0
    with timeline.on():
        for _, answer in engine.stream(requests, count):
            assert isinstance(answer, GenerationResult), answer
            ends.append(time.perf_counter() - start)
            tokens, tiles = tokens + answer.usage.completion_tokens, answer.usage.tiles
    return {
        "pages": len(ends), "tiles": tiles, "seconds": round(ends[-1], 2), "within": round(len(ends) / ends[-1], 3),
        "first_after": round(ends[0], 2), "tokens_per_second": round(tokens / ends[-1], 1),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if cuda else None, "host_gb": round(host("VmRSS"), 2),
        "own_processor_seconds": round(time.process_time() - begun, 2), "timeline": timeline.report(),
    } | ({"parts": timeline.parts()} if parts else {})  # fmt: skip


def grown(
    engine: Engine, kept: list[Image.Image], counts: list[int], new: int, *, parts: bool
) -> Iterator[dict[str, Any]]:
    """Queues of several lengths; and between each and the one before what one more page costs, without start and end."""
    before: dict[str, Any] = {}
    for count in counts:
        turns = (kept[number % len(kept)] for number in range(count))
        figures = taken(engine, list(asked(turns, new)), count, parts=parts and count <= BUCKETS[-2])
        if before:
            more, longer = count - before["pages"], figures["seconds"] - before["seconds"]
            figures["beyond_the_last"] = round(more / longer, 3)
        before = figures
        yield {"what": "growth", "new": new} | figures


def figures(options: argparse.Namespace, variant: str, scheme: str, device: torch.device) -> Iterator[dict[str, Any]]:
    """Figures of one network."""
    kept = [page(number) if options.tiles > 1 else page(number).resize((384, 384)) for number in range(8)]
    if options.growth or options.compile:
        engine = engine_of(variant, scheme, device, scaled=options.scaled)
        counts = [int(count) for count in options.growth.split(",") if count]
        seconds = warmed(engine, kept, max(counts, default=BUCKETS[-1]), little=options.compile)
        yield {"what": "first", "seconds": seconds}
        yield from grown(engine, kept, counts, options.new, parts=options.parts)
        return
    from dsvl2.pipelines.batch.aside import hands_here  # here: queues in memory need no PyMuPDF
    from tests.bench.drawn import DPI, drawn

    hands = options.drawers or hands_here()
    with drawn(options.pages, hands, options.dpi) as pages:
        engine = engine_of(variant, scheme, device, scaled=options.scaled)
        yield {"what": "first", "seconds": warmed(engine, kept, options.pages)}
        read = taken(engine, asked(pages, options.new), options.pages)
    yield {"what": "pages, drawn", "new": options.new, "drawers": hands, "dpi": options.dpi or DPI} | read
    if options.memory:
        turns = (kept[number % len(kept)] for number in range(options.pages))
        yield {"what": "pages, in memory", "new": options.new} | taken(engine, asked(turns, options.new), options.pages)
