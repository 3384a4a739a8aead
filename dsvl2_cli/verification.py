"""Every check that a model's files allow without running it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from dsvl2_cli.catalog import CHECKSUMS, TEXT_ADAPTER, adapter_of, files_of, header

SHA256 = re.compile(r"[0-9a-f]{64}")
INDEX = "model.safetensors.index.json"


def check(folder: Path, *, sums: bool = True) -> tuple[dict[str, str], list[str]]:
    """Return what was found of each file (`sha256` compared, `header` whole, or `damaged`), and the problems in words.

    Without `sums` no file is read whole.
    """
    files: dict[str, str] = {}
    problems: list[str] = []
    tensors: dict[str, str] = {}
    size = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            entries = header(path)
        except (OSError, ValueError) as error:
            files[path.name] = "damaged"
            problems.append(str(error))
            continue
        files[path.name] = "header"
        tensors |= dict.fromkeys(entries, path.name)
        size += sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in entries.values())
    if not files:
        problems.append("the weights are missing")
    for path in sorted((folder / TEXT_ADAPTER).glob("*.safetensors")):
        files[_name(path, folder)] = "header"
    try:
        adapter_of(folder)
    except ValueError as error:
        problems.append(str(error))
        files |= dict.fromkeys((name for name in files if name.startswith(TEXT_ADAPTER)), "damaged")
    problems += _configuration(folder) + _index(folder, tensors, size)
    for name, digest in digests(folder).items() if sums else ():
        path = folder / name
        if not path.is_file():
            files[name] = "missing"
            problems.append(f"{name} is missing")
        elif _sha256(path) != digest:
            files[name] = "damaged"
            problems.append(f"{name} differs from its checksum")
        elif files.get(name) != "damaged":
            files[name] = "sha256"
    return files, problems


def _configuration(folder: Path) -> list[str]:
    """What keeps the configuration from being that of a model that runs here."""
    from dsvl2.model import ModelConfig, ModelError

    try:
        ModelConfig.from_file(folder / "config.json")
    except ModelError as error:
        return [str(error)]
    return []


def _index(folder: Path, tensors: dict[str, str], size: int) -> list[str]:
    """What the index promises and the files do not hold."""
    path = folder / INDEX
    if not path.is_file():
        return []
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        promised: dict[str, str] = index["weight_map"]
        total = index.get("metadata", {}).get("total_size")
    except (ValueError, KeyError, AttributeError):
        return [f"{INDEX} cannot be read"]
    absent = sorted({file for file in promised.values() if not (folder / file).is_file()})
    if absent:
        return [f"{name} is missing" for name in absent]
    wrong = [name for name, file in promised.items() if tensors.get(name) != file]
    problems = [f"{wrong[0]} is not in {promised[wrong[0]]} ({len(wrong)} tensors in all)"] if wrong else []
    if total is not None and total != size:
        problems.append(f"the index promises {total:,} bytes of tensors, the files hold {size:,}")
    return problems


def digests(folder: Path) -> dict[str, str]:
    """sha256 by file: from SHA256SUMS, and from Hugging Face's cache, which names large files by theirs."""
    found = {}
    for path in files_of(folder):
        if path.is_symlink() and SHA256.fullmatch(path.readlink().name):
            found[_name(path, folder)] = path.readlink().name
    sums = folder / CHECKSUMS
    if sums.is_file():
        for line in sums.read_text(encoding="utf-8").splitlines():
            digest, _, name = line.partition("  ")
            found[name.strip()] = digest
    return found


def _name(path: Path, folder: Path) -> str:
    """A file's name as checksums have it."""
    return path.relative_to(folder).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
