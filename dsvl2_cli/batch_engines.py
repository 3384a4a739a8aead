"""Where a batch's workers are: processes of this machine, or actors of a Ray cluster; and how each gets its engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.errors import UsageError

if TYPE_CHECKING:
    from dsvl2.pipelines.batch import BatchOptions, EngineSpec, Hands
    from dsvl2.pipelines.batch.cluster import Cluster
    from dsvl2_cli.batches import Job
    from dsvl2_cli.settings import Settings

ENGINES = ("local", "ray")
CPU_BATCH = 2  # pages: the bands of one do not fill the rows that two cores decode
GPU_BATCH = 64  # pages that a GPU reads together: the more decode at once, the cheaper each
MOST_DEFAULT_JOBS = 8


@dataclass(frozen=True, slots=True)
class Workers:
    """Engines, options that know how many there are, and where they run (None: here)."""

    engines: EngineSpec
    options: BatchOptions
    hands: Hands | None = None


def check_engine(name: str, address: str | None, settings: Settings) -> None:
    """Look whether there is such an engine.

    Raises:
        UsageError: there is not, or it is not installed.
    """
    if name not in ENGINES:
        raise UsageError(f"--engine knows no {name!r}", f"choose {' or '.join(ENGINES)}")
    if address is not None and name != "ray":
        raise UsageError("--address is that of a Ray cluster", "add --engine ray")
    if name == "ray":
        if find_spec("ray") is None:
            raise UsageError("Ray is not installed", "pip install 'dsvl2[ray]'")
        if settings.offline:
            raise UsageError("--offline forbids the connections that Ray works by", "use --engine local")


@contextmanager
def workplace(job: Job, options: BatchOptions) -> Iterator[Workers]:
    """Say who works, and let go of the cluster at the end.

    Raises:
        UsageError: there is no such cluster, or it is too small.
    """
    if job.engine == "local":
        spec = local_engines(job)
        yield Workers(spec, replace(options, decoders=len(spec.makers)))
        return
    from dsvl2.pipelines.batch import cluster

    wished = job.jobs or max(1, cores() // 2)
    try:
        found = cluster.connect(job.address, cpus=2 * wished)
    except ConnectionError as error:
        raise UsageError(
            f"no Ray cluster can be reached: {error}",
            "see --address and `ray status`; a cluster with tokens wants RAY_AUTH_MODE=token here too",
        ) from error
    try:
        yield on_cluster(job, options, found)
    finally:
        cluster.leave()


def on_cluster(job: Job, options: BatchOptions, found: Cluster) -> Workers:
    """A reader on every GPU, or on half of the processors, and as many decoders.

    Raises:
        UsageError: more readers were asked for than there is room for, decoders included.
    """
    from dsvl2.pipelines.batch import EngineSpec, cluster

    settings = job.parsed_settings()
    gpu = found.gpus > 0 and settings.device in ("auto", "cuda")
    readers = job.jobs or (found.gpus if gpu else max(1, found.cpus // 2))
    if (gpu and readers > found.gpus) or readers >= found.cpus:
        room = found.gpus if gpu else found.cpus - 1
        fact = (
            f"--jobs {readers}: the cluster has {found.gpus} GPUs and {found.cpus} processors, one of them for decoding"
        )
        raise UsageError(fact, f"give at most --jobs {min(room, found.cpus - 1)}" if room > 0 else "add a node")
    if gpu:
        settings = replace(settings, device="cuda:0")  # Ray shows an actor its own GPU alone
    elif settings.threads is None:
        settings = replace(settings, threads=max(1, cores() // readers) if found.own else 1)
    maker = partial(engines.make_in_worker, engines.make_engine, settings)
    size = settings.batch_size or (GPU_BATCH if gpu else CPU_BATCH)
    spec = EngineSpec((maker,) * (readers * cluster.SEATS), engines.engine_key(settings), size, eager=True)
    options = replace(options, decoders=min(2 * readers, max(1, found.cpus - readers)))
    return Workers(spec, options, cluster.RayHands(options, readers=readers, gpus=gpu))


def local_engines(job: Job) -> EngineSpec:
    """Say how many workers of this machine there are and how each gets its engine."""
    from dsvl2.pipelines.batch import EngineSpec

    settings = job.parsed_settings()
    places = devices(settings.device)
    gpu = places[0].startswith("cuda")
    jobs = job.jobs or (len(places) if gpu else min(max(1, cores() // 2), MOST_DEFAULT_JOBS))
    if settings.threads is None and jobs > 1 and not gpu:
        settings = replace(settings, threads=max(1, cores() // jobs))
    makers = tuple(
        partial(engines.make_in_worker, engines.make_engine, replace(settings, device=places[worker % len(places)]))
        for worker in range(jobs)
    )
    size = settings.batch_size or (GPU_BATCH if gpu else CPU_BATCH)
    return EngineSpec(makers, engines.engine_key(settings), size, eager=gpu)


def devices(asked: str) -> tuple[str, ...]:
    """Where workers run, in turn: every GPU that this process may see for `auto` and `cuda`, else what was asked for."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = (
        len(list(Path("/dev").glob("nvidia[0-9]*"))) if visible is None else len([v for v in visible.split(",") if v])
    )
    if asked in ("auto", "cuda") and found:
        return tuple(f"cuda:{index}" for index in range(found))
    return (asked,)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
