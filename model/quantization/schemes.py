"""How weights lie in a file. A scheme turns one tensor into stored tensors and back; the module tree never learns of it.

The scheme is recorded in config.json under `quantization_config`, never guessed from a name.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from dsvl2.model.errors import ConfigError

VERSION = 1
SCALE = "_scale"


class Scheme(Protocol):
    """One way to store weights."""

    name: str

    def encode(self, name: str, tensor: Tensor) -> dict[str, Tensor]:
        """The tensors to write for one tensor of the model, by name."""
        ...

    def decode(self, name: str, tensor: Tensor, companion: Callable[[str], Tensor]) -> Tensor:
        """The tensor of the model; `companion` reads another stored tensor by name."""
        ...

    def is_companion(self, name: str) -> bool:
        """Whether a stored tensor only accompanies another one."""
        ...


class Plain:
    """Weights as they are."""

    name = "none"

    def encode(self, name: str, tensor: Tensor) -> dict[str, Tensor]:
        return {name: tensor}

    def decode(self, name: str, tensor: Tensor, companion: Callable[[str], Tensor]) -> Tensor:
        return tensor

    def is_companion(self, name: str) -> bool:
        return False


class Int8:
    """Matrices as int8 with one fp32 scale per output row (symmetric, largest magnitude = 127); the rest as fp16.

    Routers stay fp32: near-ties between experts flip in less.
    """

    name = "int8"

    def encode(self, name: str, tensor: Tensor) -> dict[str, Tensor]:
        if name.endswith(("mlp.gate.weight", "e_score_correction_bias")):
            return {name: tensor.float()}
        if tensor.dim() < 2 or not name.endswith(".weight"):
            return {name: tensor.half()}
        codes, scale = quantize_rows(tensor)
        return {name: codes, name + SCALE: scale}

    def decode(self, name: str, tensor: Tensor, companion: Callable[[str], Tensor]) -> Tensor:
        if tensor.dtype != torch.int8:
            return tensor
        return dequantize_rows(tensor, companion(name + SCALE))

    def is_companion(self, name: str) -> bool:
        return name.endswith(SCALE)


SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in (Plain(), Int8())}


def scheme_of(quantization: Mapping[str, Any] | None) -> Scheme:
    """The scheme a config records; raise ConfigError when this version does not know it."""
    if quantization is None:
        return SCHEMES["none"]
    method, name, version = (quantization.get(key) for key in ("quant_method", "scheme", "version"))
    if method != "dsvl2" or name not in SCHEMES or version != VERSION:
        known = ", ".join(SCHEMES)
        raise ConfigError(
            f"quantization_config: method {method!r}, scheme {name!r}, version {version!r}",
            f"known: method 'dsvl2', schemes {known}, version {VERSION}; a newer dsvl2 may know it",
        )
    return SCHEMES[name]


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[out, ...] -> int8 of the same shape, fp32 scale [out]; a row of zeros gets scale 1."""
    rows = weight.float().flatten(1)
    top = rows.abs().amax(1)
    scale = torch.where(top > 0, top / 127, 1.0)
    codes = (rows / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return codes.view(weight.shape), scale


def dequantize_rows(codes: Tensor, scale: Tensor) -> Tensor:
    """The inverse of `quantize_rows`, fp32."""
    return codes.float() * scale.float().view(-1, *[1] * (codes.dim() - 1))
