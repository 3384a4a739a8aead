"""How packed weights are stored: one tensor under the released name, its companions beside it.

int8   X int8 [N, K], X_scale fp32 [N]             int4  X uint8 [N, K/2], X_scale bf16 [N, K/64], X_zero uint8 [N, K/128]
nf4    X uint8 [N K / 2, 1], X.absmax, X.quant_map, X.quant_state.bitsandbytes__nf4 (JSON), X.nested_* when double quantized
int8-bnb  X int8 [N, K], SCB fp32 [N], weight_format (these two in place of the last part of the name)
"""

import json
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from dsvl2.kernels.packing import BLOCK, CODE, INT4, INT8, INT8_BNB, NF4, PackedWeight, dequantize_absmax
from dsvl2.model.errors import WeightsError
from dsvl2.model.names import is_router
from dsvl2.model.quantization.schemes import BITSANDBYTES, Scheme

STATE = ".quant_state.bitsandbytes__"
COMPANIONS = {
    "dsvl2": ("_scale", "_zero"),
    BITSANDBYTES: (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".SCB", ".weight_format"),
}
LARGEST_HALF = 6e4
Read = Callable[[str], Tensor]


def is_companion(scheme: Scheme, name: str) -> bool:
    """Whether a stored tensor only accompanies another one."""
    if scheme.experts is None:
        return False
    return name.endswith(COMPANIONS[scheme.method]) or STATE in name


def encode(scheme: Scheme, name: str, tensor: Tensor, *, whole: bool = False) -> dict[str, Tensor]:
    """The tensors to store for one tensor of a network.

    whole rounds every other weight of two and more dimensions too (embeddings, tower): for models whose file must be small.
    Tensors that are left keep bf16; fp32 becomes fp16, which is finer, except for routers.
    """
    if scheme.name == "bf16":
        return {name: tensor.to(torch.bfloat16)}
    form = scheme.form_of(name)
    if form is None and whole and tensor.dim() > 1 and name.endswith(".weight") and not is_router(name):
        form = scheme.others
    if form is None:
        return {name: _left(name, tensor)}
    parts = dict(PackedWeight.of(form, tensor.flatten(1)).parts)
    codes = parts.pop("codes")
    if form is INT8:
        return {name: codes.view(tensor.shape), f"{name}_scale": parts["scale"]}
    if form is INT4:
        return {name: codes, f"{name}_scale": parts["scale"], f"{name}_zero": parts["zero"]}
    if form is INT8_BNB:
        base = name.removesuffix("weight")
        return {name: codes, f"{base}SCB": parts["scb"], f"{base}weight_format": torch.tensor(0, dtype=torch.uint8)}
    dtype = str(tensor.dtype).removeprefix("torch.")
    state = {"quant_type": "nf4", "blocksize": BLOCK, "dtype": dtype, "shape": list(tensor.shape)}
    return {
        name: codes[:, None],
        f"{name}.absmax": parts["absmax"],
        f"{name}.quant_map": torch.tensor(CODE),
        f"{name}{STATE}nf4": torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8),
    }


def _left(name: str, tensor: Tensor) -> Tensor:
    if is_router(name):
        return tensor.float()
    fits = tensor.dtype == torch.float32 and bool((tensor.abs() < LARGEST_HALF).all())
    return tensor.half() if fits else tensor


def fetch(scheme: Scheme, name: str, shape: tuple[int, ...], read: Read) -> Tensor | PackedWeight:
    """A stored tensor as it lies there: packed, or a plain tensor of the expected shape; raise WeightsError if neither fits.

    A packed tensor of more than two dimensions counts as a matrix of shape[0] rows.
    """
    tensor = read(name)
    if tensor.is_floating_point() or scheme.experts is None:
        _expect(name, tensor, shape)
        return tensor
    rows, columns = shape[0], prod(shape[1:])
    if tensor.dtype == torch.int8:
        _expect(name, tensor, shape)
        codes = tensor.flatten(1)
        if scheme.method == BITSANDBYTES:
            return PackedWeight(
                INT8_BNB, {"codes": codes, "scb": read(name.removesuffix("weight") + "SCB")}, rows, columns
            )
        return PackedWeight(INT8, {"codes": codes, "scale": read(f"{name}_scale")}, rows, columns)
    if scheme.method == BITSANDBYTES:
        codes = tensor.flatten()
        _expect(name, codes, (-(-rows * columns // 2),))
        return PackedWeight(
            NF4, {"codes": codes, "absmax": _absmax(name, -(-rows * columns // BLOCK), read)}, rows, columns
        )
    groups = -(-columns // BLOCK)
    _expect(name, tensor, (rows, groups * BLOCK // 2))
    parts = {"codes": tensor, "scale": read(f"{name}_scale"), "zero": read(f"{name}_zero")}
    _expect(f"{name}_scale", parts["scale"], (rows, groups))
    return PackedWeight(INT4, parts, rows, columns)


def _absmax(name: str, blocks: int, read: Read) -> Tensor:
    """fp32 [blocks]; undoes double quantization, which would save 0.4 bits a weight and cost a look-up at every use."""
    state: dict[str, Any] = json.loads(bytes(read(f"{name}{STATE}nf4").tolist()))
    if state.get("blocksize") != BLOCK:
        raise WeightsError(f"{name} is NF4 in blocks of {state.get('blocksize')}", f"only blocks of {BLOCK} are read")
    absmax = read(f"{name}.absmax").flatten()
    _expect(f"{name}.absmax", absmax, (blocks,))
    if "nested_offset" not in state:
        return absmax.float()
    nested, values = read(f"{name}.nested_absmax"), read(f"{name}.nested_quant_map")
    return dequantize_absmax(absmax, nested, values, state["nested_offset"], state["nested_blocksize"])


def _expect(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise WeightsError(
            f"{name} has shape {list(tensor.shape)}, the config asks for {list(shape)}",
            "download the checkpoint again, or check that config.json belongs to it",
        )
