"""From a name or a folder to an engine: where built-in models lie, which device and number format to use."""

import hashlib
import os
from collections.abc import Callable
from functools import partial
from math import prod
from pathlib import Path

import torch

from dsvl2.model import execution
from dsvl2.model.adapters.files import Adapter, adapter_files, read_adapter
from dsvl2.model.config import ModelConfig, ProcessorConfig
from dsvl2.model.engine import Engine
from dsvl2.model.errors import DeviceError, SchemeError
from dsvl2.model.folders import TEXT_ADAPTER, find_model, is_embedded, read_json
from dsvl2.model.memory import check_memory
from dsvl2.model.quantization.placement import held_bytes
from dsvl2.model.quantization.schemes import NONE, Scheme, scheme_named, scheme_of
from dsvl2.model.reading import ReadingProfile
from dsvl2.model.request import ModelInfo
from dsvl2.model.tokenizer import Tokenizer
from dsvl2.model.vl2 import DeepseekVL2
from dsvl2.model.weights import load_network, released_shapes, weight_files

SIDE_FILES = ("config.json", "processor_config.json", "tokenizer.json", "reading.json")
WHOLE_HASH = 1 << 28  # bytes of one weight file that are hashed whole; larger ones by head, tail and samples
SAMPLE = 1 << 20
UNPACK = 1 << 28  # parameters up to which quantized weights are unpacked once: 1 GB at most


def load_engine(
    model: str | Path = "nano",
    *,
    device: str = "auto",
    dtype: str | None = None,
    quant: str | None = None,
    threads: int | None = None,
    kv: str | None = None,
    deterministic: bool = False,
    adapter: str | Path | None = None,
) -> Engine:
    """Load a built-in model by name, or a folder in the released layout.

    device "auto" takes a GPU when there is one. dtype "float32" or "bfloat16"; None picks the fastest exact enough one
    for the device. quant rounds the weights of a checkpoint with full ones while they are read: 4bit, 8bit or a scheme's
    name; for a quantized checkpoint it may only repeat its scheme. Raises NotEnoughMemory before a weight is read. threads
    limits the CPU threads of the whole process. kv "8bit" keeps keys and values in 8 bits (models without latents).
    deterministic makes a GPU compute the same shapes whatever there is to do, so that no answer depends on its neighbours
    by a bit; a CPU always does. adapter is the folder of a LoRA adapter in PEFT's layout, merged into the weights. Raises
    AdapterNotFound and AdapterError, before a weight is read.

    A checkpoint with a folder `text_adapter` answers requests without an image by a language part that has this adapter
    merged as well; it is made when the first such request comes.

    Quantized weights stay packed, and are unpacked a layer at a time as they are used; those of a small model, for which
    memory is no concern, are unpacked here once.
    """
    folder = find_model(model)
    config = ModelConfig.from_file(folder / "config.json")
    short = _short_cache(kv, folder.name, config)
    stored = scheme_of(config.quantization)
    scheme = _scheme(quant, stored)
    place = choose_device(device)
    if threads is not None:
        if threads < 1:
            raise DeviceError(f"threads is {threads}", "give 1 or more")
        torch.set_num_threads(threads)
    number = execution.choose_dtype(dtype, place)
    language = config.language
    tokenizer = Tokenizer.from_file(folder / "tokenizer.json", bos=language.bos_token_id, eos=language.eos_token_id)
    tokenizer.check_rows(language.vocab_size)
    shapes = released_shapes(config)
    parameters = sum(prod(shape) for shape in shapes.values())
    given = None if adapter is None else read_adapter(Path(os.path.expanduser(adapter)), shapes)
    texts = read_adapter(folder / TEXT_ADAPTER, shapes) if (folder / TEXT_ADAPTER).is_dir() else None
    packed = scheme.experts is not None and parameters > UNPACK
    kind = execution.storage_dtype(config, number, place)
    if parameters > UNPACK:
        check_memory(folder.name, config, scheme, kind, place, packed=packed, text=texts)
    chosen = None if scheme is stored else scheme
    load = partial(load_network, folder, config, dtype=kind, device=place, quant=chosen, packed=packed)
    merged = () if given is None else (given,)
    network = load(adapters=merged)
    reading, whole = fingerprints(folder, given)
    stored_in = weight_files(folder) + adapter_files(folder / TEXT_ADAPTER)
    info = ModelInfo(
        name=model if isinstance(model, str) and is_embedded(model) else folder.name,
        path=str(folder),
        parameters=parameters,
        weight_bytes=sum(path.stat().st_size for path in stored_in) if chosen is None else held_bytes(network),
        scheme=scheme.name,
        dtype=str(number).removeprefix("torch."),
        device=str(place),
        context_length=language.max_position_embeddings,
        vocab_size=language.vocab_size,
        fingerprint=whole,
        reading=ReadingProfile.for_folder(folder),
        adapter="" if given is None else str(given.folder),
        reading_fingerprint=reading,
    )
    processor_file = folder / "processor_config.json"
    processor = ProcessorConfig.from_dict(read_json(processor_file) if processor_file.exists() else {})
    prepared = execution.prepare(network, number)
    text = None if texts is None else partial(_text_network, load, prepared, (*merged, texts), number)
    return Engine(prepared, tokenizer, processor, info, short_cache=short, deterministic=deterministic, text=text)


def _text_network(
    load: Callable[..., DeepseekVL2], beside: DeepseekVL2, adapters: tuple[Adapter, ...], dtype: torch.dtype
) -> DeepseekVL2:
    """The language part for requests of text alone, over the tower and the other unchanged parts of a network that runs."""
    return execution.prepare_language(load(adapters=adapters, beside=beside), dtype)


def _short_cache(kv: str | None, name: str, config: ModelConfig) -> bool:
    """Whether keys and values are kept in 8 bits."""
    if kv is None:
        return False
    if kv != "8bit":
        raise DeviceError(f"unknown format of the cache {kv!r}", "known: 8bit")
    if config.language.use_mla:
        raise DeviceError(
            f"{name} keeps latents, not keys and values: 8 bits are not offered for them", "leave --kv out"
        )
    return True


def _scheme(quant: str | None, stored: Scheme) -> Scheme:
    """What the weights shall be held in, given what is asked for and what is stored."""
    if quant is None:
        return stored
    asked = scheme_named(quant)
    if asked.name == "bf16" and stored is NONE:
        return stored
    if stored is not NONE and asked is not stored:
        raise SchemeError(
            f"the checkpoint is stored as {stored.name!r}, not {asked.name!r}",
            "quantize the checkpoint with full weights, or leave --quant out",
        )
    return asked


def choose_device(device: str) -> torch.device:
    """Resolve "auto" and check that the device exists."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {device!r}", "use auto, cpu or cuda") from error
    if place.type not in ("cpu", "cuda") or (place.type == "cuda" and not torch.cuda.is_available()):
        raise DeviceError(
            f"device {device!r} is not available{_why_no_gpu(place)}", "use auto or cpu; see: dsvl2 doctor"
        )
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"there is no {device}", f"GPUs here: cuda:0 to cuda:{torch.cuda.device_count() - 1}")
    return place


def _why_no_gpu(place: torch.device) -> str:
    if place.type != "cuda":
        return ""
    return ": this PyTorch is built for CPU only" if torch.version.cuda is None else ": PyTorch finds no GPU"


def fingerprint(folder: Path, adapter: Adapter | None = None) -> str:
    """sha256 over the side files, the weights and the adapters."""
    return fingerprints(folder, adapter)[1]


def fingerprints(folder: Path, adapter: Adapter | None = None) -> tuple[str, str]:
    """Two sha256 over the side files, the weights and an adapter: without, and with the adapter for text.

    Weight files beyond 256 MiB enter by size, head, tail and 64 samples: reading 50 GB to name a model would cost a minute.
    """
    digest = hashlib.sha256()
    own = [folder / name for name in SIDE_FILES if (folder / name).exists()]
    for path in own + weight_files(folder) + ([] if adapter is None else adapter_files(adapter.folder)):
        _add(digest, path)
    reading = digest.hexdigest()
    for path in adapter_files(folder / TEXT_ADAPTER):
        _add(digest, path)
    return reading, digest.hexdigest()


def _add(digest: "hashlib._Hash", path: Path) -> None:
    size = path.stat().st_size
    digest.update(f"{path.name}\0{size}\0".encode())
    with path.open("rb") as handle:
        if size <= WHOLE_HASH:
            digest.update(handle.read())
            return
        for part in range(65):
            handle.seek((size - SAMPLE) * part // 64)
            digest.update(handle.read(SAMPLE))
