"""Rewrite a checkpoint folder under another scheme: a tensor at a time, and all or nothing."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsvl2.model.config import ModelConfig
from dsvl2.model.errors import DestinationError, DiskFull, WeightsError
from dsvl2.model.folders import TEXT_ADAPTER, read_json
from dsvl2.model.memory import in_words
from dsvl2.model.names import is_unused
from dsvl2.model.quantization.files import encode, fetch, is_companion
from dsvl2.model.quantization.schemes import NONE, Scheme, scheme_named, scheme_of
from dsvl2.model.tensor_files import AGAIN, ShardWriter
from dsvl2.model.weights import CheckpointReader, released_shapes

EXTRAS = (
    "processor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "reading.json",
    "LICENSE", "LICENSE-MODEL", "README.md", "MODEL_CARD.md",
)  # fmt: skip
Progress = Callable[[int, int, str], None]


def quantize_checkpoint(
    source: Path | str,
    target: Path | str,
    scheme: str = "int8",
    *,
    whole: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write `source` (released layout, full weights) under another scheme as the folder `target`; return the folder.

    Host memory holds one shard of 1 GB beside one tensor. Tensors the network never uses are left out. whole also rounds
    the vision tower and the embeddings. progress is called with tensors done, tensors in all, and the name of the next one.
    The folder appears when it is complete, or not at all. Scheme "bf16" also unpacks a quantized checkpoint.

    Raises SchemeError for an unknown scheme, WeightsError for a damaged or quantized source, DestinationError when the
    target exists, DiskFull when there is no room.
    """
    source, target = Path(source), Path(target)
    to = scheme_named(scheme)
    raw = read_json(source / "config.json")
    config = ModelConfig.from_dict(raw)
    if to is NONE:
        raise WeightsError("scheme 'none' changes nothing", "copy the folder, or use bf16")
    if scheme_of(config.quantization) is not NONE and to.name != "bf16":
        raise WeightsError(f"{source} is quantized already", "start from the checkpoint with full weights")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DestinationError(f"{target} exists", "name a folder that does not, or remove it first")
    staging = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
        _write(source, staging, config, to, whole=whole, progress=progress)
        (staging / "config.json").write_text(_record(raw, to), encoding="utf-8")
        staging.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fact = f"the disk of {target.parent} is full"
            raise DiskFull(fact, "free some space or name a folder elsewhere; nothing was left behind") from error
        fact = f"{target} cannot be written: {error.strerror or error}"
        raise DestinationError(fact, "name a folder you may write to") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _write(
    source: Path, folder: Path, config: ModelConfig, to: Scheme, *, whole: bool, progress: Progress | None
) -> None:
    shapes, own, writer = released_shapes(config), scheme_of(config.quantization), ShardWriter(folder)
    with CheckpointReader(source) as reader:
        names = [name for name in reader.names if not is_unused(name) and not is_companion(own, name)]
        _check_room(folder, [shapes[name] for name in names if name in shapes])
        for done, name in enumerate(names):
            if name not in shapes:
                raise WeightsError(f"unexpected tensor {name}", AGAIN)
            if progress is not None:
                progress(done, len(names), name)
            weight = fetch(own, name, shapes[name], reader.read)
            tensor = weight if isinstance(weight, Tensor) else weight.dequantize().view(shapes[name])
            for key, stored in encode(to, name, tensor, whole=whole).items():
                writer.put(key, stored)
        lost = [name for name in shapes if name not in set(names)]
        if lost:
            raise WeightsError(f"the checkpoint lacks the tensor {lost[0]}", AGAIN)
        writer.close()
    for extra in EXTRAS:
        if (source / extra).exists():
            shutil.copyfile(source / extra, folder / extra)
    if (source / TEXT_ADAPTER).is_dir():  # of factors in full: merged before anything is rounded
        shutil.copytree(source / TEXT_ADAPTER, folder / TEXT_ADAPTER, copy_function=shutil.copyfile)


def _check_room(folder: Path, shapes: list[tuple[int, ...]]) -> None:
    """Half a byte a weight is the least any scheme needs: said at once instead of after an hour."""
    least = sum(torch.Size(shape).numel() for shape in shapes) // 2
    free = shutil.disk_usage(folder).free
    if least > free:
        fact = f"the result needs at least {in_words(least)}, the disk of {folder.parent} has {in_words(free)} free"
        raise DiskFull(fact, "free some space or name a folder elsewhere")


def _record(raw: dict[str, Any], to: Scheme) -> str:
    config = {key: value for key, value in raw.items() if key != "quantization_config"}
    record = to.record()
    if record is None:
        config["torch_dtype"] = "bfloat16"
    else:
        config["quantization_config"] = record
    return json.dumps(config, indent=2, sort_keys=True) + "\n"
