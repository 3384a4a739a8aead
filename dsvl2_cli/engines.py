"""Where the program gets its engine. Tests put a scripted one in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsvl2.model import Engine
    from dsvl2_cli.settings import Settings


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
    """
    from dsvl2_cli.catalog import find

    entry = find(settings.model)
    from dsvl2.model import load_engine

    place = entry.name if entry.origin == "embedded" else entry.path
    return load_engine(
        place, device=settings.device, dtype=settings.dtype, quant=settings.quant, threads=settings.threads
    )
