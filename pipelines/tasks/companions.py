"""For tasks that answer from text and from what they see: pages are read by a model that reads by bands."""

from __future__ import annotations

from dsvl2.pipelines.tasks.base import Engine

_LOADED: dict[str, Engine] = {}


def text_engine(engine: Engine) -> Engine:
    """Return the engine itself if it reads by bands, else the embedded model on the same device, loaded once."""
    if engine.info.reading.mode == "bands":
        return engine
    device = engine.info.device
    if device not in _LOADED:
        from dsvl2.model import load_engine

        _LOADED[device] = load_engine("nano", device=device)
    return _LOADED[device]
