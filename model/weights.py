"""Checkpoints in the released layout: read one tensor at a time into a network built on the meta device, and written back.

Only one thing differs between file and network: the experts of a layer are one tensor in the network. spec.md 2.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dsvl2.model.config import ModelConfig, read_json
from dsvl2.model.errors import WeightsError
from dsvl2.model.quantization.schemes import Scheme, scheme_of
from dsvl2.model.vl2 import DeepseekVL2

EXPERT = re.compile(r"(.+\.mlp\.experts)\.(\d+)\.(gate|up|down)_proj\.weight")
UNUSED = ("vision.attn_pool.", "tile_indicators")
AGAIN = "download the checkpoint again, or check that config.json belongs to it"


def is_unused(name: str) -> bool:
    """Tensors of the released files that the network never reads."""
    return name.startswith(UNUSED)


class CheckpointReader:
    """The tensors of a folder by name, whichever file they lie in. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._files = _files_by_tensor(folder)
        self._open: dict[Path, Any] = {}

    def __enter__(self) -> "CheckpointReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.clear()

    @property
    def names(self) -> list[str]:
        """Every tensor, in file order."""
        return list(self._files)

    def read(self, name: str) -> Tensor:
        """Read one tensor; raise WeightsError when it is not there or its file is damaged."""
        if name not in self._files:
            raise WeightsError(f"the checkpoint has no tensor {name}", AGAIN)
        path = self._files[name]
        try:
            if path not in self._open:
                self._open[path] = safe_open(path, framework="pt")
            tensor: Tensor = self._open[path].get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{name} cannot be read from {path.name}: {error}", AGAIN) from error
        return tensor


def load_network(
    folder: Path, config: ModelConfig, *, dtype: torch.dtype, device: torch.device = torch.device("cpu")
) -> DeepseekVL2:
    """Build the network and fill it; raise WeightsError naming the first tensor that does not fit.

    At no time is more than one tensor held beside the network itself.
    """
    with torch.device("meta"):
        network = DeepseekVL2(config)
    network.eval().requires_grad_(False)
    wanted = network.state_dict()
    filled: dict[str, Tensor] = {}
    arrived: set[str] = set()
    scheme = scheme_of(config.quantization)
    with CheckpointReader(folder) as reader:
        for name in reader.names:
            if is_unused(name) or scheme.is_companion(name):
                continue
            target, index = _destination(name, config)
            if target not in wanted:
                raise WeightsError(f"unexpected tensor {name}", AGAIN)
            place = filled.setdefault(target, torch.empty(wanted[target].shape, dtype=dtype, device=device))
            _fill(name, place if index is None else place[index], _decoded(reader, scheme, name))
            arrived.add(name)
    missing = [name for name in released_names(config) if name not in arrived]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WeightsError(f"the checkpoint lacks the tensor {missing[0]}{more}", AGAIN)
    network.load_state_dict(filled, assign=True)
    return network


def released_names(config: ModelConfig) -> list[str]:
    """Every tensor a checkpoint of this config must hold, by its released name."""
    with torch.device("meta"):
        state = DeepseekVL2(config).state_dict()
    return [name for name, _ in unstack(state)]


def unstack(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Give the tensors of a network under their released names: the stacked experts one by one."""
    for name, tensor in state.items():
        if name.endswith(".experts.gate_up_proj"):
            for expert, both in enumerate(tensor):
                gate, up = both.chunk(2)
                yield f"{name[:-13]}.{expert}.gate_proj.weight", gate
                yield f"{name[:-13]}.{expert}.up_proj.weight", up
        elif name.endswith(".experts.down_proj"):
            for expert, down in enumerate(tensor):
                yield f"{name[:-10]}.{expert}.down_proj.weight", down
        else:
            yield name, tensor


def save_checkpoint(
    state: Mapping[str, Tensor], config: Mapping[str, Any], folder: Path, *, dtype: torch.dtype
) -> None:
    """Write a network's state dict and its raw config.json as a checkpoint in the released layout."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous().clone() for name, tensor in unstack(state)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def weight_files(folder: Path) -> list[Path]:
    """The files that hold tensors: those the index names, else model.safetensors, else every *.safetensors."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        names = sorted(set(read_json(index).get("weight_map", {}).values()))
        lost = [name for name in names if not (folder / name).is_file()]
        if lost:
            raise WeightsError(
                f"{lost[0]} is missing; {index.name} names {len(names)} files, {len(lost)} are absent", AGAIN
            )
        return [folder / name for name in names]
    single = folder / "model.safetensors"
    files = [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    if not files:
        raise WeightsError(f"no *.safetensors in {folder}", "download the weights into the folder of config.json")
    return files


def _files_by_tensor(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="pt") as handle:
                names = list(handle.keys())
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path.name} is cut short or damaged: {error}", AGAIN) from error
        for name in names:
            if name in found:
                raise WeightsError(f"{name} lies in both {found[name].name} and {path.name}", AGAIN)
            found[name] = path
    return found


def _destination(name: str, config: ModelConfig) -> tuple[str, tuple[int, slice] | None]:
    """Where a released tensor goes: the parameter, and the part of it when it is one expert of a stack."""
    match = EXPERT.fullmatch(name)
    if match is None:
        return name, None
    stack, expert, part = match[1], int(match[2]), match[3]
    if expert >= (config.language.n_routed_experts or 0):
        raise WeightsError(
            f"unexpected tensor {name}: the config has {config.language.n_routed_experts} experts", AGAIN
        )
    width = config.language.moe_intermediate_size
    if part == "down":
        return f"{stack}.down_proj", (expert, slice(None))
    return f"{stack}.gate_up_proj", (expert, slice(0, width) if part == "gate" else slice(width, 2 * width))


def _decoded(reader: CheckpointReader, scheme: Scheme, name: str) -> Tensor:
    return scheme.decode(name, reader.read(name), reader.read)


def _fill(name: str, place: Tensor, tensor: Tensor) -> None:
    if tuple(place.shape) != tuple(tensor.shape):
        raise WeightsError(f"{name} has shape {list(tensor.shape)}, the config asks for {list(place.shape)}", AGAIN)
    place.copy_(tensor)
