"""Small numbers to the device without waiting for what it is doing, and which device a thread works on."""

from collections.abc import Sequence

import torch
from torch import Tensor


def sent(
    values: Sequence[int] | Sequence[Sequence[int]], device: torch.device, dtype: torch.dtype = torch.int64
) -> Tensor:
    """The values as a tensor on `device`; the copy takes its turn behind what was started before."""
    held = torch.tensor(values, dtype=dtype)
    return held if device.type == "cpu" else held.pin_memory().to(device, non_blocking=True)


def on_device(device: torch.device) -> torch.cuda.device:
    """Make a GPU the current one of this thread inside a `with` block; nothing on a CPU."""
    return torch.cuda.device(device if device.type == "cuda" else -1)
