"""Which models are on this machine, told from their JSON and safetensors headers alone; no weight is read."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsvl2_cli.packaged import embedded_models

MODEL_TYPE = "deepseek_vl_v2"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that --model would take under `name`; `origin` is embedded, cache or folder."""

    name: str
    path: Path
    origin: str


def available(folders: Sequence[str] = ()) -> list[Entry]:
    """List the embedded models, those in Hugging Face's cache, and those in or below the given folders by one level."""
    entries = [Entry(name, path, "embedded") for name, path in embedded_models().items()]
    entries += _cached()
    for folder in folders:
        root = Path(folder)
        for config in sorted([*root.glob("config.json"), *root.glob("*/config.json")]):
            if _is_ours(config):
                entries.append(Entry(str(config.parent), config.parent, "folder"))
    return entries


def find(name: str) -> Entry:
    """Find a model by its listed name, or take a folder that holds one.

    Raises:
        ModelNotFound: the hint lists what there is.
    """
    from dsvl2.model.errors import ModelNotFound

    found = available()
    for entry in found:
        if entry.name == name:
            return entry
    if (Path(name) / "config.json").is_file():
        return Entry(name, Path(name), "folder")
    names = ", ".join(entry.name for entry in found) or "none"
    fact = f"no config.json in {name}" if Path(name).is_dir() else f"no model is called {name!r}"
    raise ModelNotFound(fact, f"available: {names}; or give a folder with config.json and the weights")


def cache_folder() -> Path:
    """Hugging Face's cache: $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub."""
    if explicit := os.environ.get("HF_HUB_CACHE"):
        return Path(explicit)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(home) / "hub"


def _cached() -> list[Entry]:
    entries = []
    for repository in sorted(cache_folder().glob("models--*--*")):
        reference = repository / "refs" / "main"
        snapshots = sorted((repository / "snapshots").glob("*"))
        if reference.is_file():
            snapshots = [repository / "snapshots" / reference.read_text(encoding="utf-8").strip()]
        for snapshot in snapshots[-1:]:
            if _is_ours(snapshot / "config.json"):
                organisation, _, name = repository.name.removeprefix("models--").partition("--")
                entries.append(Entry(f"{organisation}/{name}", snapshot, "cache"))
    return entries


def _is_ours(config: Path) -> bool:
    try:
        data = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("model_type") == MODEL_TYPE


def read_headers(folder: Path) -> dict[str, Any]:
    """Sum up the safetensors headers of a folder: number of tensors, elements and bytes by stored type.

    Raises:
        ValueError: a file is cut short or is no safetensors file; the message names it.
    """
    tensors = elements = stored = 0
    types: dict[str, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in _header(path).items():
            if name == "__metadata__":
                continue
            begin, end = tensor["data_offsets"]
            tensors += 1
            elements += math.prod(tensor["shape"])
            stored += end - begin
            types[tensor["dtype"]] = types.get(tensor["dtype"], 0) + end - begin
    return {"tensors": tensors, "elements": elements, "bytes": stored, "bytes_by_type": dict(sorted(types.items()))}


def _header(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if length > size - 8:
            raise ValueError(f"{path} is cut short or no safetensors file")
        try:
            header: dict[str, Any] = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"{path} is no safetensors file") from error
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    if max(ends, default=0) > size - 8 - length:
        raise ValueError(f"{path} is cut short: its header promises {max(ends):,} bytes of tensors")
    return header


def verify(folder: Path) -> str:
    """Check the weights' headers, and the files against SHA256SUMS.

    Returns "ok", "no checksums" (nothing to compare with, headers whole), or what is missing or differs.
    """
    try:
        if not read_headers(folder)["tensors"]:
            return "the weights are missing"
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
