"""Kernels are held against plain PyTorch on the card before they are taken, once for each size; what errs is left to Triton."""

import warnings
from collections.abc import Callable

import torch

_ERRORS: dict[tuple[str, int, tuple[int, ...]], str] = {}  # of what was tried; empty where it is right


def trusted(check: Callable[..., float], largest: float, device: int, *sizes: int) -> bool:
    """Whether check(device, *sizes), which compiles and runs a kernel on Hopper, errs by less than `largest`.

    Whatever else may happen counts as an error; each is said once, as a warning.
    """
    key = check.__name__, device, sizes
    if key not in _ERRORS:
        if torch.cuda.get_device_capability(device)[0] != 9:
            _ERRORS[key] = "the CUDA kernels are for Hopper"
        elif torch.cuda.is_current_stream_capturing():
            return False  # nothing can be tried now
        else:
            _ERRORS[key] = _tried(check, largest, device, sizes)
            if _ERRORS[key]:
                warnings.warn(f"Triton's kernels are taken: {_ERRORS[key]}", RuntimeWarning, stacklevel=3)
    return not _ERRORS[key]


def _tried(check: Callable[..., float], largest: float, device: int, sizes: tuple[int, ...]) -> str:
    try:
        with torch.cuda.device(device):
            found = check(torch.device("cuda", device), *sizes)
    except Exception as error:  # whatever a driver or a compiler may raise
        return f"{check.__name__} {sizes}: {error}"
    return "" if found < largest else f"{check.__name__} {sizes} errs by {found:.4f}"


def doubts(device: int) -> list[str]:
    """What was tried on a device and is not taken."""
    return sorted({error for (_, place, _), error in _ERRORS.items() if place == device and error})
