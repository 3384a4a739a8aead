"""Where models lie: those that ship with the package, released ones in Hugging Face's cache, any folder. Loads no torch."""

import json
import os
from pathlib import Path
from typing import Any

from dsvl2.model.errors import ConfigError, ModelNotFound

EMBEDDED = Path(__file__).parent / "embedded"
TEXT_ADAPTER = "text_adapter"  # folder beside the weights: what is merged for requests without an image
MODEL_TYPE = "deepseek_vl_v2"
RELEASED_MODELS = {
    "tiny": "deepseek-ai/deepseek-vl2-tiny",
    "small": "deepseek-ai/deepseek-vl2-small",
    "base": "deepseek-ai/deepseek-vl2",
}


def embedded_models() -> tuple[str, ...]:
    """Names of the models that ship with the package."""
    return tuple(sorted(path.parent.name for path in EMBEDDED.glob("*/config.json")))


def is_embedded(name: str) -> bool:
    """Whether a name is that of a built-in model."""
    return name in embedded_models()


def find_model(model: str | Path) -> Path:
    """The folder of a model: a built-in name, tiny, small or base, org/name in the cache, or a folder.

    Raises ModelNotFound; for a released model that is not in the cache the hint is the command that gets it.
    """
    if isinstance(model, str) and is_embedded(model):
        return EMBEDDED / model
    folder = Path(os.path.expanduser(model))
    if (folder / "config.json").is_file():
        return folder
    repository = RELEASED_MODELS.get(str(model), str(model))
    if (cached := cached_models().get(repository)) is not None:
        return cached
    if repository in RELEASED_MODELS.values():
        raise ModelNotFound(f"{repository} is not on this machine", f"get it with: dsvl2 models pull {repository}")
    known = ", ".join((*embedded_models(), *RELEASED_MODELS))
    fact = f"{folder} holds no config.json" if folder.is_dir() else f"no model {str(model)!r}"
    raise ModelNotFound(
        fact, f"built-in models: {known}; or give a folder with config.json, tokenizer.json and the weights"
    )


def cache_folder() -> Path:
    """Hugging Face's cache: $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub."""
    if explicit := os.environ.get("HF_HUB_CACHE"):
        return Path(explicit)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(home) / "hub"


def cached_models() -> dict[str, Path]:
    """The models of this architecture in Hugging Face's cache: org/name -> the snapshot that `main` points to."""
    found = {}
    for repository in sorted(cache_folder().glob("models--*--*")):
        reference = repository / "refs" / "main"
        snapshots = sorted((repository / "snapshots").glob("*"))
        if reference.is_file():
            snapshots = [repository / "snapshots" / reference.read_text(encoding="utf-8").strip()]
        if snapshots and is_deepseek_vl2(snapshots[-1] / "config.json"):
            organisation, _, name = repository.name.removeprefix("models--").partition("--")
            found[f"{organisation}/{name}"] = snapshots[-1]
    return found


def is_deepseek_vl2(config: Path) -> bool:
    """Whether a config.json is one of this architecture."""
    try:
        data = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("model_type") == MODEL_TYPE


def read_json(path: Path) -> dict[str, Any]:
    """Parse a JSON object; raise ModelNotFound when the file is absent, ConfigError when it is no JSON object."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelNotFound(
            f"no {path.name} in {path.parent}", "give the folder that holds config.json and the weights"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid JSON: {error}", "download the file again") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {type(raw).__name__}, not an object", "download the file again")
    return raw
