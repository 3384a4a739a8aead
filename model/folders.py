"""Where models lie: those that ship with the package, by name, and any folder in the released layout. Loads no torch."""

import os
from pathlib import Path

from dsvl2.model.errors import ModelNotFound

EMBEDDED = Path(__file__).parent / "embedded"


def embedded_models() -> tuple[str, ...]:
    """Names of the models that ship with the package."""
    return tuple(sorted(path.parent.name for path in EMBEDDED.glob("*/config.json")))


def is_embedded(name: str) -> bool:
    """Whether a name is that of a built-in model."""
    return name in embedded_models()


def find_model(model: str | Path) -> Path:
    """The folder of a model; raise ModelNotFound when there is none."""
    if isinstance(model, str) and is_embedded(model):
        return EMBEDDED / model
    folder = Path(os.path.expanduser(model))
    if (folder / "config.json").is_file():
        return folder
    known = ", ".join(embedded_models()) or "none"
    fact = f"{folder} holds no config.json" if folder.is_dir() else f"no model {str(model)!r}"
    raise ModelNotFound(
        fact, f"built-in models: {known}; or give a folder with config.json, tokenizer.json and the weights"
    )
