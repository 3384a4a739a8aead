"""Which models are on this machine, told from their JSON and safetensors headers alone; no weight is read."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsvl2_cli.packaged import embedded_models

CHECKSUMS = "SHA256SUMS"
TEXT_ADAPTER = "text_adapter"  # the adapter that a checkpoint brings for requests without an image
# What only accompanies quantized weights, and what the network never reads (dsvl2.model knows; it would cost a second here).
COMPANIONS = (
    "_scale", "_zero", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".SCB", ".weight_format",
    ".bitsandbytes__nf4",
)  # fmt: skip
UNUSED = ("vision.attn_pool.",)


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that --model would take under `name`; `origin` is embedded, cache or folder."""

    name: str
    path: Path
    origin: str


def available(folders: Sequence[str] = ()) -> list[Entry]:
    """List the embedded models, those in Hugging Face's cache, our own, and those in or just below the given folders."""
    from dsvl2.model import cached_models

    entries = [Entry(name, path, "embedded") for name, path in embedded_models().items()]
    entries += [Entry(name, path, "cache") for name, path in cached_models().items()]
    entries += [Entry(path.name, path, "own") for path in _below(own_folder())]
    for folder in folders:
        entries += [Entry(str(path), path, "folder") for path in _below(Path(folder))]
    return entries


def find(name: str) -> Entry:
    """Find a model by its listed name or as tiny, small or base, or take a folder that holds one.

    Raises:
        ModelNotFound: the hint lists what there is, or says how to get a released model.
    """
    from dsvl2.model import RELEASED_MODELS, ModelNotFound

    found = available()
    wanted = name if (Path(name) / "config.json").is_file() else RELEASED_MODELS.get(name, name)
    for entry in found:
        if entry.name == wanted:
            return entry
    if (Path(name) / "config.json").is_file():
        return Entry(name, Path(name), "folder")
    if wanted in RELEASED_MODELS.values():
        raise ModelNotFound(f"{wanted} is not on this machine", f"get it with: dsvl2 models pull {wanted}")
    names = ", ".join(entry.name for entry in found) or "none"
    missing = f"there is no folder {name}" if name.startswith((".", "/", "~")) else f"no model is called {name!r}"
    fact = f"no config.json in {name}" if Path(name).is_dir() else missing
    known = ", ".join(RELEASED_MODELS)
    hint = f"here: {names}; {known} and ORG/NAME after models pull; or give a folder with config.json and the weights"
    raise ModelNotFound(fact, hint)


def own_folder() -> Path:
    """Where models that belong to this program lie: folders put here are listed and found by their names."""
    from platformdirs import user_data_path

    return user_data_path("dsvl2", appauthor=False) / "models"


def _below(root: Path) -> list[Path]:
    from dsvl2.model import is_deepseek_vl2

    configs = sorted([*root.glob("config.json"), *root.glob("*/config.json")])
    return [config.parent for config in configs if is_deepseek_vl2(config)]


def files_of(folder: Path) -> list[Path]:
    """The files of a model's folder and of its adapter for text, in the order of their names; none that is hidden."""
    try:
        found = [*folder.iterdir(), *(folder / TEXT_ADAPTER).glob("*")]
    except OSError:
        return []
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def adapter_of(folder: Path) -> str | None:
    """What the adapter for requests without an image is, in words; None where the model has none.

    Raises ValueError when it is damaged.
    """
    place = folder / TEXT_ADAPTER
    if not place.is_dir():
        return None
    try:
        rank = json.loads((place / "adapter_config.json").read_text(encoding="utf-8"))["r"]
        tensors = header(place / "adapter_model.safetensors")
    except FileNotFoundError as error:
        raise ValueError(f"{TEXT_ADAPTER}/{Path(error.filename).name} is missing") from error
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{place / 'adapter_config.json'} is no configuration of an adapter") from error
    size = sum(path.stat().st_size for path in place.iterdir())
    modules = {name.rpartition(".lora_")[0] for name in tensors if ".lora_" in name}
    return f"LoRA of rank {rank} on {len(modules)} modules, {size:,} bytes, for requests without an image"


def read_headers(folder: Path) -> dict[str, Any]:
    """Sum up the safetensors headers of a folder: number of tensors, parameters, and bytes by stored type.

    Parameters are weights of the network, however stored: two for a byte of 4-bit codes, none for scales.

    Raises:
        ValueError: a file is cut short or is no safetensors file; the message names it.
    """
    tensors = parameters = stored = 0
    types: dict[str, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in header(path).items():
            begin, end = tensor["data_offsets"]
            tensors += 1
            if not name.endswith(COMPANIONS) and not name.startswith(UNUSED):
                parameters += math.prod(tensor["shape"]) * (2 if tensor["dtype"] == "U8" else 1)
            stored += end - begin
            types[tensor["dtype"]] = types.get(tensor["dtype"], 0) + end - begin
    return {"tensors": tensors, "parameters": parameters, "bytes": stored, "bytes_by_type": dict(sorted(types.items()))}


def header(path: Path) -> dict[str, Any]:
    """The entries of a safetensors file by tensor; raise ValueError when the file is cut short or none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if length > size - 8:
            raise ValueError(f"{path} is cut short or no safetensors file")
        try:
            entries: dict[str, Any] = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"{path} is no safetensors file") from error
    entries.pop("__metadata__", None)
    ends = [tensor["data_offsets"][1] for tensor in entries.values()]
    if max(ends, default=0) > size - 8 - length:
        raise ValueError(f"{path} is cut short: its header promises {max(ends):,} bytes of tensors")
    return entries


def verify(folder: Path) -> str:
    """Check the weights' headers, and the files against SHA256SUMS.

    Returns "ok", "no checksums" (nothing to compare with, headers whole), or what is missing or differs.
    """
    try:
        if not read_headers(folder)["tensors"]:
            return "the weights are missing"
        adapter_of(folder)
    except (OSError, ValueError) as error:
        return str(error)
    sums = folder / CHECKSUMS
    if not sums.is_file():
        return "no checksums"
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = folder / name.strip()
        if not path.is_file():
            return f"{name} is missing"
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                return f"{name} differs from its checksum"
    return "ok"
