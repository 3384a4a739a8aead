"""Where the program gets its engine. Tests put a scripted one in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsvl2.model import Engine, ModelInfo, ReadingProfile
    from dsvl2.pipelines import Engine as AnyEngine
    from dsvl2_cli.settings import Settings


PAGE_SECONDS: Final = 600.0


def check_model(name: str) -> None:
    """Look whether there is such a model, before anything is read.

    Raises:
        ModelNotFound: the hint lists what there is.
    """
    from dsvl2_cli.catalog import find

    find(name)


def make_engine(settings: Settings) -> Engine:
    """Load the model that the settings name.

    Raises:
        ModelNotFound: the hint lists what there is. WeightsError, ConfigError, DeviceError: it cannot be loaded.
        AdapterNotFound, AdapterError: its adapter cannot be.
    """
    from dsvl2_cli.catalog import find

    entry = find(settings.model)
    from dsvl2.model import load_engine

    place = entry.name if entry.origin == "embedded" else entry.path
    return load_engine(
        place,
        device=settings.device,
        dtype=settings.dtype,
        quant=settings.quant,
        threads=settings.threads,
        kv=settings.kv,
        deterministic=settings.deterministic,
        adapter=settings.adapter,
    )


def in_words(info: ModelInfo) -> str:
    """Return what runs: model, adapter, scheme, number format and device."""
    adapter = f" with {info.adapter}" if info.adapter else ""
    return f"{info.name}{adapter}, {info.scheme}, {info.dtype} on {info.device}"


def reading_profile(settings: Settings) -> ReadingProfile:
    """Return how the model that the settings name is fed with pages, without loading it."""
    from dsvl2.model import ReadingProfile
    from dsvl2_cli.catalog import find

    return ReadingProfile.for_folder(find(settings.model).path)


def page_seconds(settings: Settings, engine: AnyEngine | None) -> float | None:
    """Return the seconds that a page may take: as asked for, else with models of which a page takes a few."""
    if settings.page_timeout is not None:
        return settings.page_timeout or None
    small = engine is None or (engine.info.device == "cpu" and engine.info.reading.mode == "bands")
    return PAGE_SECONDS if small else None


def make_in_worker(maker: Callable[[Settings], Engine], settings: Settings) -> Engine:
    """Load an engine in a process of its own, where what the whole program obeys has to be put into force again."""
    if settings.offline:
        from dsvl2_cli.offline import forbid_network

        forbid_network()
    return maker(settings)


def engine_key(settings: Settings) -> str:
    """Name the model that `make_engine` would load and its files, without reading them."""
    from dsvl2_cli.catalog import files_of, find

    folder = find(settings.model).path
    files = files_of(folder) + (files_of(Path(settings.adapter).expanduser()) if settings.adapter else [])
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return json.dumps([settings.device, settings.dtype, settings.quant, settings.kv, facts])
