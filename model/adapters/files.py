"""An adapter's folder, in PEFT's layout: adapter_config.json and adapter_model.safetensors.

base_model.model.<module>.lora_A.weight [r, K], ...lora_B.weight [N, r], <module> as in the released checkpoint (`language.`
may be left out, as in adapters of the language part alone); lora_embedding_A, lora_embedding_B; <module>.weight and .bias
that were trained whole.

Two extensions, for adapters that have to be small. <module>.lora_scale [r] says that both factors are codes, a component a
row: lora_A [r, K], lora_B [r, N], int8 or (two a byte) uint8; see `changes.LowRank`. ...mlp.experts.gate_proj (up_proj,
down_proj) without an expert's number stands for all routed experts of the layer: every tensor has a first dimension more.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from dsvl2.model.adapters.changes import Change, LowRank, Whole, changed
from dsvl2.model.adapters.configuration import MERGE_THERE, WEIGHTS_FILE, LoraConfig, read_config
from dsvl2.model.errors import AdapterError, WeightsError
from dsvl2.model.names import is_unused
from dsvl2.model.tensor_files import TensorFile

AGAIN = "copy or train the adapter again, or check that it was trained on this model"
PREFIX = "base_model.model."
LANGUAGE = "language."
WRAPPED = ".base_layer."  # what PEFT puts around a module whose bias was trained
FACTOR = re.compile(r"(.+)\.(lora_(?:embedding_)?[AB]|lora_scale)(?:\.weight)?")
STACK = re.compile(r"(.+\.mlp\.experts)\.((?:gate|up|down)_proj)")
DOUBLES = (".modules_to_save.", ".original_module.")  # with bias="all" PEFT stores such biases once more
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """What is to be done to the weights of a model, by their released names."""

    folder: Path
    changes: Mapping[str, Change]

    def merged(self, name: str, weight: Tensor) -> Tensor:
        """The weight of this name with what the adapter does to it, in fp32; the very weight where that is nothing."""
        change = self.changes.get(name)
        return weight if change is None else changed(weight, change)


def read_adapter(folder: Path, shapes: Shapes) -> Adapter:
    """Read an adapter of a model whose tensors have these released names and shapes.

    Raises AdapterNotFound when the folder is none, AdapterError when something cannot be merged, or does not fit the model.
    """
    config = read_config(folder)
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        hint = "save it with safe_serialization=True: pickles are not read" if pickled else AGAIN
        raise AdapterError(f"{path} is missing", hint)
    try:
        with closing(TensorFile(path)) as file:
            stored = {name: file.read(name) for name in file.names}
    except WeightsError as error:
        raise AdapterError(f"{folder}: {error}", AGAIN) from error
    changes: dict[str, Change] = {}
    for name, change in _changes(stored, config, shapes, path):
        if name in changes:
            raise AdapterError(f"{path} changes {name} twice", AGAIN)
        changes[name] = change
    if not changes:
        raise AdapterError(f"{path} changes nothing of this model", AGAIN)
    return Adapter(folder, changes)


def adapter_files(folder: Path) -> list[Path]:
    """The files of an adapter's folder that decide what it does."""
    return sorted(folder.glob("adapter_*.*"))


def _changes(
    stored: Mapping[str, Tensor], config: LoraConfig, shapes: Shapes, path: Path
) -> Iterator[tuple[str, Change]]:
    factors: dict[str, dict[str, Tensor]] = {}
    for key, tensor in stored.items():
        name = key.removeprefix(PREFIX).replace(WRAPPED, ".")
        if is_unused(name) or any(part in name for part in DOUBLES):
            continue
        if "lora_magnitude" in name:
            raise AdapterError(f"{path}: DoRA ({key}) cannot be merged here", MERGE_THERE)
        match = FACTOR.fullmatch(name)
        if match is not None:
            factors.setdefault(match[1], {})[match[2]] = tensor
            continue
        target = _known(name, shapes)
        if target is None:
            raise AdapterError(f"{path}: {key} is nothing that this model has", AGAIN)
        _expect(f"{path}: {key}", tuple(tensor.shape), shapes[target])
        yield target, Whole(tensor)
    for module, parts in factors.items():
        yield from _low_rank(module, parts, config, shapes, path)


def _known(name: str, shapes: Shapes) -> str | None:
    """The released name of a tensor, with or without the name of the language part."""
    return next((found for found in (name, LANGUAGE + name) if found in shapes), None)


def _low_rank(
    module: str, parts: Mapping[str, Tensor], config: LoraConfig, shapes: Shapes, path: Path
) -> Iterator[tuple[str, Change]]:
    """The changes of one module: one, or one for each expert of a stack."""
    place, turned = f"{path}: {module}", "lora_embedding_A" in parts
    a, b = (parts.get(f"lora_embedding_{side}" if turned else f"lora_{side}") for side in "AB")
    if a is None or b is None:
        raise AdapterError(f"{place} has only one of its two factors", AGAIN)
    change = LowRank(a, b, config.scale_of(module), parts.get("lora_scale"), turned)
    rank = config.rank_of(module)
    target = _known(f"{module}.weight", shapes)
    if target is not None:
        yield target, _fitting(change, place, rank, shapes[target])
        return
    names = _stack(module, shapes)
    if not names:
        raise AdapterError(f"{path}: the model has no module {module}", AGAIN)
    for tensor in parts.values():
        _expect(f"{place}: the number of experts", tuple(tensor.shape[:1]), (len(names),))
    for number, name in enumerate(names):
        scales = None if change.components is None else change.components[number]
        one = replace(change, a=a[number], b=b[number], components=scales)
        yield name, _fitting(one, place, rank, shapes[name])


def _stack(module: str, shapes: Shapes) -> list[str]:
    """The weights that a stack of all experts stands for, in the order of the experts; none for another module."""
    match = STACK.fullmatch(module)
    if match is None:
        return []
    found: list[str] = []
    while (name := _known(f"{match[1]}.{len(found)}.{match[2]}.weight", shapes)) is not None:
        found.append(name)
    return found


def _fitting(change: LowRank, place: str, rank: int, shape: tuple[int, ...]) -> LowRank:
    """The change, if its factors have the rank that the configuration says and the shape of the weight."""
    coded = change.components is not None
    kinds = {change.a.dtype, change.b.dtype}
    if coded != (kinds <= {torch.int8, torch.uint8}) or (
        not coded and not all(kind.is_floating_point for kind in kinds)
    ):
        raise AdapterError(f"{place} is stored as {', '.join(sorted(map(str, kinds)))}, which is not known here", AGAIN)
    if min(change.a.dim(), change.b.dim()) < 2:
        raise AdapterError(f"{place}: a factor is no matrix", AGAIN)
    ranks = (change.a.shape[0], change.b.shape[0 if coded else 1])
    scales = () if change.components is None else tuple(change.components.shape)
    if ranks != (rank, rank) or (coded and scales != (rank,)):
        raise AdapterError(
            f"{place} has factors of rank {ranks[0]} and {ranks[1]}, its configuration says {rank}", AGAIN
        )
    _expect(place, change.shape, (shape[0], prod(shape[1:])))
    return change


def _expect(place: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise AdapterError(f"{place} is {list(found)}, the model asks for {list(wanted)}", AGAIN)
