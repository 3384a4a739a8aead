"""Checkpoints in the released layout: read one tensor at a time into a network built on the meta device, and written back.

Only one thing differs between file and network: the experts of a layer are one tensor in the network. spec.md 2.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from dsvl2.kernels.packing import PackedWeight
from dsvl2.model.adapters.files import Adapter
from dsvl2.model.config import ModelConfig
from dsvl2.model.errors import WeightsError
from dsvl2.model.folders import read_json
from dsvl2.model.names import EXPERT, is_unused, unit_of
from dsvl2.model.quantization.files import fetch, is_companion
from dsvl2.model.quantization.placement import Placement
from dsvl2.model.quantization.schemes import Scheme, scheme_of
from dsvl2.model.read_ahead import ReadAhead
from dsvl2.model.tensor_files import AGAIN, SIDE_BY_SIDE, TensorFile, write_file
from dsvl2.model.vl2 import DeepseekVL2

TABLE = "language.model.embed_tokens.weight"


class CheckpointReader:
    """The tensors of a folder by name, whichever file they lie in. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, TensorFile] = {}
        self._open: list[TensorFile] = []
        try:
            for path in weight_files(folder):
                self._add(TensorFile(path))
        except WeightsError:
            self.close()
            raise

    def _add(self, file: TensorFile) -> None:
        self._open.append(file)
        for name in file.names:
            if name in self._files:
                raise WeightsError(f"{name} lies in both {self._files[name].path.name} and {file.path.name}", AGAIN)
            self._files[name] = file

    def __enter__(self) -> "CheckpointReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for file in self._open:
            file.close()

    @property
    def names(self) -> list[str]:
        """Every tensor, in file order."""
        return list(self._files)

    def sizes(self) -> dict[str, int]:
        """Bytes of every tensor, in file order."""
        return {name: file.size(name) for name, file in self._files.items()}

    def read(self, name: str) -> Tensor:
        """Read one tensor into memory of its own; raise WeightsError when it is not there or its file is damaged."""
        if name not in self._files:
            raise WeightsError(f"the checkpoint has no tensor {name}", AGAIN)
        return self._files[name].read(name)


def load_network(
    folder: Path,
    config: ModelConfig,
    *,
    dtype: torch.dtype,
    device: torch.device = torch.device("cpu"),
    quant: Scheme | None = None,
    packed: bool = False,
    adapters: Sequence[Adapter] = (),
    beside: DeepseekVL2 | None = None,
) -> DeepseekVL2:
    """Build the network and fill it; raise WeightsError naming the first tensor that does not fit.

    quant rounds the weights of a checkpoint with full ones. packed keeps what has a format in it; otherwise it is unpacked
    once, here. At no time is more than one tensor held beside the network itself. adapters are merged in fp32, before
    anything is rounded: what was stored in few bits is unpacked for it, and packed again in the same format. beside: a
    network that runs already, of the same checkpoint with all of these adapters but the last, which shares with this one
    whatever that one leaves as it is; see `lent`.
    """
    with torch.device("meta"):
        network = DeepseekVL2(config)
    network.eval().requires_grad_(False)
    everything = network.state_dict()
    if beside is not None:
        for path in lent(beside, adapters[-1]):
            parent, _, child = path.rpartition(".")
            setattr(network.get_submodule(parent), child, attrgetter(path)(beside))
    wanted = {name: tensor for name, tensor in network.state_dict().items() if tensor.is_meta}
    filled: dict[str, Tensor] = {}
    arrived: set[str] = set()
    source = scheme_of(config.quantization)
    placement = Placement(config.language.n_routed_experts or 0, device)
    start = "" if beside is None else "language."
    with CheckpointReader(folder) as reader, _ahead(reader, device, start) as ahead:
        for name in reader.names:
            if is_unused(name) or is_companion(source, name):
                continue
            target, index = _destination(name, config)
            if target not in everything:
                raise WeightsError(f"unexpected tensor {name}", AGAIN)
            if target not in wanted:
                continue
            part = wanted[target] if index is None else wanted[target][index]
            stored = fetch(source, name, tuple(part.shape), ahead.read)
            weight = _rounded(_adapted(stored, name, tuple(part.shape), adapters, device), name, quant, device)
            taken = packed and placement.takes(name, quant or source)
            if taken and isinstance(stored, PackedWeight) and isinstance(weight, Tensor):
                weight = PackedWeight.of(stored.form, weight, device)
            if taken and isinstance(weight, PackedWeight):
                placement.add(name, weight)
            else:
                if target not in filled:
                    filled[target] = torch.empty(wanted[target].shape, dtype=dtype, device=device)
                place = filled[target] if index is None else filled[target][index]
                place.copy_(weight if isinstance(weight, Tensor) else weight.dequantize().view(place.shape))
            arrived.add(name)
    _check_complete(wanted, arrived)
    network.load_state_dict(filled, assign=True, strict=False)
    placement.install(network)
    return network


def lent(network: DeepseekVL2, adapter: Adapter) -> list[str]:
    """What a network shares with one that has an adapter more, by path: all but the language part, and of that every
    attention, MLP and norm that is the same in both; under a compiled step, which wants all weights plain, the table alone.
    """
    units = dict.fromkeys(unit for name in released_shapes(network.config) if (unit := unit_of(name)) is not None)
    same = [unit for unit in units if unit not in set(map(unit_of, adapter.changes))]
    if network.compiled is not None:
        same = [unit for unit in same if unit == unit_of(TABLE)]
    return ["vision", "projector", "image_newline", "view_seperator", *same]


def _adapted(
    stored: Tensor | PackedWeight,
    name: str,
    shape: tuple[int, ...],
    adapters: Sequence[Adapter],
    device: torch.device,
) -> Tensor | PackedWeight:
    """What is stored, unpacked and in fp32 on the device where an adapter changes it."""
    changing = [adapter for adapter in adapters if name in adapter.changes]
    if not changing:
        return stored
    if isinstance(stored, Tensor):
        weight = stored.to(device)
    else:
        parts = {part: tensor.to(device) for part, tensor in stored.parts.items()}
        weight = PackedWeight(stored.form, parts, stored.rows, stored.columns).dequantize().view(shape)
    for adapter in changing:
        weight = adapter.merged(name, weight)
    return weight


def _ahead(reader: CheckpointReader, device: torch.device, start: str) -> ReadAhead:
    """Reads what begins so ahead for a GPU; a CPU, which would hold what is read beside the network, reads when it needs."""
    if device.type == "cpu" or not SIDE_BY_SIDE:
        return ReadAhead(reader.read, {})
    sizes = reader.sizes().items()
    return ReadAhead(
        reader.read, {name: size for name, size in sizes if name.startswith(start) and not is_unused(name)}
    )


def _rounded(
    weight: Tensor | PackedWeight, name: str, quant: Scheme | None, device: torch.device
) -> Tensor | PackedWeight:
    """What arrived, packed on the device if a scheme is asked for and has a format for it."""
    form = None if quant is None else quant.form_of(name)
    return PackedWeight.of(form, weight, device) if form is not None and isinstance(weight, Tensor) else weight


def _check_complete(wanted: Mapping[str, Tensor], arrived: set[str]) -> None:
    missing = [name for name, _ in unstack(wanted) if name not in arrived]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WeightsError(f"the checkpoint lacks the tensor {missing[0]}{more}", AGAIN)


def released_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor a checkpoint of this config must hold, by its released name, with its shape."""
    with torch.device("meta"):
        state = DeepseekVL2(config).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in unstack(state)}


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
    write_file(folder / "model.safetensors", tensors)
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
