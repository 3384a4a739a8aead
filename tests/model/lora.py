"""Random LoRA adapters, written as PEFT writes them (and in codes, as it does not), without any code of the package."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]
ATTENTION = ("q_proj", "k_proj", "v_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")


def modules_of(shapes: Shapes, ends: Iterable[str] = (*ATTENTION, *MLP)) -> list[str]:
    """The modules of the language part whose names end so."""
    names = [name.removesuffix(".weight") for name in shapes if name.startswith("language.")]
    return [name for name in names if name.rpartition(".")[2] in set(ends)]


def factors(
    shapes: Shapes, modules: Iterable[str], rank: int = 4, size: float = 0.1, seed: int = 0
) -> dict[str, Tensor]:
    """PEFT's tensors of some modules: lora_A [r, K] and lora_B [N, r]."""
    draw = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}
    for module in modules:
        rows, *more = shapes[f"{module}.weight"]
        made[f"base_model.model.{module}.lora_A.weight"] = size * torch.randn(rank, *more, generator=draw)
        ones = [1] * (len(more) - 1)
        made[f"base_model.model.{module}.lora_B.weight"] = size * torch.randn(rows, rank, *ones, generator=draw)
    return made


def write(folder: Path, tensors: Mapping[str, Tensor], **config: Any) -> Path:
    """An adapter's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none", **config}
    (folder / "adapter_config.json").write_text(json.dumps(raw))
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in tensors.items()}, folder / "adapter_model.safetensors"
    )
    return folder


def lora(folder: Path, shapes: Shapes, ends: Iterable[str] = (*ATTENTION, *MLP), **how: Any) -> Path:
    """An adapter of every module of the language part whose name ends so."""
    return write(folder, factors(shapes, modules_of(shapes, ends), **how))


def nibbles(codes: Tensor) -> Tensor:
    """Whole numbers of -7 to 7 [.., n] as bytes [.., n / 2], the even ones in the low half."""
    low, high = (codes + 8).unflatten(-1, (-1, 2)).unbind(-1)
    return (low + 16 * high).to(torch.uint8)
