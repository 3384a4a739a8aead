"""Collects the packed weights of a network while they arrive, then puts modules that run on them in its tree."""

import torch
from torch import Tensor, nn

from dsvl2.kernels.packing import Format, PackedWeight, arrange
from dsvl2.model.errors import WeightsError
from dsvl2.model.names import EXPERT
from dsvl2.model.quantization.modules import QuantizedExperts, QuantizedLinear
from dsvl2.model.quantization.schemes import Scheme

# Decoding multiplies by the two halves of kv_b one after the other (absorbed attention), so it is held unpacked.
UNPACKED = ("kv_b_proj.weight",)


class Placement:
    """Stacks are made when the first of their experts arrives: nothing is held twice.

    arranged puts weights in the order that kernels read; by default on a GPU.
    """

    def __init__(self, experts: int, device: torch.device, *, arranged: bool | None = None) -> None:
        self.experts, self.device = experts, device
        self.arranged = device.type == "cuda" if arranged is None else arranged
        self._weights: dict[str, PackedWeight] = {}

    def takes(self, name: str, scheme: Scheme) -> bool:
        """Whether a packed weight stays packed; an embedding that is stored so does not, for nothing runs on it."""
        return scheme.form_of(name) is not None and not name.endswith(UNPACKED)

    def add(self, name: str, weight: PackedWeight) -> None:
        """Take one weight under its released name."""
        parts = {part: tensor.to(self.device) for part, tensor in weight.parts.items()}
        if self.arranged:
            weight = arrange(PackedWeight(weight.form, parts, weight.rows, weight.columns))
            parts = dict(weight.parts)
        match = EXPERT.fullmatch(name)
        if match is None:
            self._weights[name.removesuffix(".weight")] = PackedWeight(weight.form, parts, weight.rows, weight.columns)
            return
        stack, expert, part = match[1], int(match[2]), match[3]
        key, index = (
            (f"{stack}/down", (expert,)) if part == "down" else (f"{stack}/gate_up", (expert, int(part == "up")))
        )
        held = self._weights.get(key)
        if held is None:
            lead = (self.experts,) if part == "down" else (self.experts, 2)
            empty = {part: tensor.new_empty(*lead, *tensor.shape) for part, tensor in parts.items()}
            held = self._weights[key] = PackedWeight(weight.form, empty, weight.rows, weight.columns)
        self._check(name, held.form, weight.form)
        for part, tensor in parts.items():
            held.parts[part][index] = tensor

    def install(self, network: nn.Module) -> None:
        """Exchange the modules whose weights arrived."""
        for name, weight in self._weights.items():
            if name.endswith("/down"):
                continue
            path = name.removesuffix("/gate_up")
            parent, _, child = path.rpartition(".")
            plain = network.get_submodule(path)
            if path == name:
                setattr(network.get_submodule(parent), child, QuantizedLinear(weight, _bias(plain)))
            else:
                experts = QuantizedExperts(weight, self._weights[f"{path}/down"])
                setattr(network.get_submodule(parent), child, experts)

    @staticmethod
    def _check(name: str, held: Format, given: Format) -> None:
        if held is not given:
            raise WeightsError(
                f"{name} is stored as {given.name}, other experts of its layer as {held.name}",
                "quantize the checkpoint again",
            )


def _bias(module: nn.Module) -> nn.Parameter | None:
    bias = getattr(module, "bias", None)
    assert bias is None or isinstance(bias, nn.Parameter)
    return bias


def held_bytes(network: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    tensors: list[Tensor] = [*network.parameters(), *network.buffers()]
    return sum(tensor.nbytes for tensor in tensors)
