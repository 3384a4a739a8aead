"""What a model needs in memory and what there is, told before a weight is read."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch

from dsvl2.kernels.packing import held_bits
from dsvl2.model.adapters.files import Adapter
from dsvl2.model.config import LanguageConfig, ModelConfig
from dsvl2.model.errors import NotEnoughMemory
from dsvl2.model.names import unit_of
from dsvl2.model.quantization.placement import UNPACKED
from dsvl2.model.quantization.schemes import ALIASES, NONE, SCHEMES, Scheme
from dsvl2.model.weights import released_shapes

WORKING = 1 << 29  # activations of a long prompt, and what packing holds beside the weights
OFFERED = ("int8", "e4a8", "w4")  # what to offer instead, the most exact first


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes: of the weights as held, of the cache for one full context, and for working."""

    weights: int
    cache: int
    working: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.working


def need(config: ModelConfig, scheme: Scheme, dtype: torch.dtype, *, packed: bool, text: Adapter | None = None) -> Need:
    """What a network needs with its weights held under a scheme, or unpacked in `dtype`.

    text: the adapter of a second language part, whose attentions and MLPs exist twice where it changes them.
    """
    weights = 0.0
    twice = set[str | None]() if text is None else set(map(unit_of, text.changes))
    for name, shape in released_shapes(config).items():
        form = scheme.form_of(name) if packed and not name.endswith(UNPACKED) else None
        times = 2 if unit_of(name) in twice else 1
        weights += prod(shape) * (held_bits(form) / 8 if form else dtype.itemsize) * times
    cache = cache_bytes(config.language, dtype) * config.language.max_position_embeddings
    return Need(int(weights), cache, min(WORKING, int(weights) // 4))


def cache_bytes(config: LanguageConfig, dtype: torch.dtype) -> int:
    """Bytes of cache a token: the latent and the shared rotary key with MLA, keys and values otherwise."""
    if config.use_mla:
        assert config.kv_lora_rank is not None  # the config refuses MLA without it
        values = config.kv_lora_rank + config.qk_rope_head_dim
    else:
        values = 2 * config.kv_heads * config.head_dim
    return values * config.num_hidden_layers * dtype.itemsize


def free_bytes(device: torch.device) -> int | None:
    """Memory to be had on a device; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)
    room = _group_room()
    return free if room is None or free is None else min(free, room)


def to_be_had(device: torch.device) -> int | None:
    """Bytes that nobody holds; on a GPU also those that PyTorch keeps for later."""
    free = free_bytes(device)
    if free is not None and device.type == "cuda":
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free


def _group_room() -> int | None:
    """What a container's limit leaves (cgroup v2)."""
    root = Path("/sys/fs/cgroup")
    try:
        most, used = ((root / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
        cached = next(
            int(line.split()[1])
            for line in (root / "memory.stat").read_text(encoding="ascii").splitlines()
            if line.startswith("file ")
        )
    except (OSError, StopIteration, ValueError):
        return None
    return None if most == "max" else int(most) - int(used) + cached


def check_memory(
    name: str,
    config: ModelConfig,
    scheme: Scheme,
    dtype: torch.dtype,
    device: torch.device,
    *,
    packed: bool,
    text: Adapter | None = None,
) -> None:
    """Raise NotEnoughMemory, with figures and with what would fit, when a model does not; text: see `need`."""
    free, wanted = free_bytes(device), need(config, scheme, dtype, packed=packed, text=text)
    if free is None or wanted.total <= free:
        return
    held = scheme.name if packed and scheme is not NONE else str(dtype).removeprefix("torch.")
    raise NotEnoughMemory(
        f"{name} in {held} needs {in_words(wanted.total)} "
        f"({in_words(wanted.weights)} of weights{', with a second language part for text' if text else ''}, "
        f"{in_words(wanted.cache)} of cache), {device} has {in_words(free)} free",
        _offer(config, scheme, dtype, free, text),
    )


def _offer(config: ModelConfig, scheme: Scheme, dtype: torch.dtype, free: int, text: Adapter | None) -> str:
    if scheme_is_stored(config):
        return "take a smaller model, a smaller scheme of the full checkpoint, or a machine with more memory"
    flags = {name: alias for alias, name in ALIASES.items()}
    sizes = {name: need(config, SCHEMES[name], dtype, packed=True, text=text).total for name in OFFERED}
    for name, size in sizes.items():
        if size <= free and name != scheme.name:
            return f"--quant {flags.get(name, name)} needs {in_words(size)} and fits"
    name, size = min(sizes.items(), key=lambda item: item[1])
    return f"even --quant {name} needs {in_words(size)}: take a smaller model, or a machine with more memory"


def scheme_is_stored(config: ModelConfig) -> bool:
    """Whether the checkpoint itself is quantized, so that no other scheme can be had from it."""
    return config.quantization is not None


def in_words(size: int) -> str:
    """Bytes as a person reads them."""
    unit, scale = ("GB", 1e9) if size >= 1e8 else ("MB", 1e6) if size >= 1e6 else ("kB", 1e3)
    return f"{size / scale:,.1f} {unit}"
