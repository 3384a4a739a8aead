"""Rewrite a checkpoint folder under another scheme."""

import json
import shutil
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from dsvl2.model.config import ModelConfig, read_json
from dsvl2.model.errors import WeightsError
from dsvl2.model.quantization.schemes import SCHEMES, VERSION, scheme_of
from dsvl2.model.weights import CheckpointReader, is_unused

EXTRAS = ("processor_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "reading.json")


def quantize_checkpoint(source: Path | str, target: Path | str, scheme: str = "int8") -> Path:
    """Write `source` (released layout, not quantized) to the folder `target`; return the new weight file.

    Tensors the network never uses are left out. Raises WeightsError when `target` already holds weights.
    """
    source, target = Path(source), Path(target)
    config = read_json(source / "config.json")
    if scheme not in SCHEMES:
        raise WeightsError(f"unknown scheme {scheme!r}", f"known: {', '.join(SCHEMES)}")
    if scheme_of(ModelConfig.from_dict(config).quantization).name != "none":
        raise WeightsError(f"{source} is quantized already", "start from the checkpoint with full weights")
    target.mkdir(parents=True, exist_ok=True)
    path = target / "model.safetensors"
    if path.exists():
        raise WeightsError(f"{path} exists", "give an empty folder")
    stored: dict[str, Tensor] = {}
    with CheckpointReader(source) as reader:
        for name in reader.names:
            if not is_unused(name):
                stored.update(
                    {
                        key: tensor.contiguous()
                        for key, tensor in SCHEMES[scheme].encode(name, reader.read(name)).items()
                    }
                )
    save_file(stored, path, metadata={"format": "pt"})
    config["quantization_config"] = {"quant_method": "dsvl2", "scheme": scheme, "version": VERSION}
    (target / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for extra in EXTRAS:
        if (source / extra).exists():
            shutil.copyfile(source / extra, target / extra)
    return path
