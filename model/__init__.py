"""The network and its runtime.

Names are imported when first used, so that sizes, prompts and errors can be had without loading torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Read by OpenMP when torch is first loaded. Threads that spin while they wait make every product of a machine that is busy
# with something else hundreds of times slower (measured on 2 cores at load 5: a decode step of 15 ms took 24 to 260 ms).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from dsvl2.model.config import ModelConfig, ProcessorConfig
    from dsvl2.model.constraints.begun import NotEmpty
    from dsvl2.model.constraints.decoding import Constraint, GrammarConstraint
    from dsvl2.model.engine import Engine
    from dsvl2.model.errors import (
        AdapterError,
        AdapterNotFound,
        ConfigError,
        ConstraintError,
        ContextOverflow,
        DestinationError,
        DeviceError,
        DiskFull,
        ImageError,
        ModelError,
        ModelNotFound,
        NotEnoughMemory,
        PromptError,
        QuantizationError,
        TokenizerError,
        WeightsError,
    )
    from dsvl2.model.folders import RELEASED_MODELS, cache_folder, cached_models, embedded_models, is_deepseek_vl2
    from dsvl2.model.loading import load_engine
    from dsvl2.model.quantization.convert import quantize_checkpoint
    from dsvl2.model.reading import ReadingProfile
    from dsvl2.model.request import (
        GenerationRequest,
        GenerationResult,
        Message,
        ModelInfo,
        RequestSize,
        SamplingParams,
        Usage,
    )
    from dsvl2.model.tiling import TileGrid, choose_canvas, choose_grid
    from dsvl2.model.traffic import step_bytes

_HOME = {
    "config": ("ModelConfig", "ProcessorConfig"),
    "constraints.begun": ("NotEmpty",),
    "constraints.decoding": ("Constraint", "GrammarConstraint"),
    "engine": ("Engine",),
    "errors": (
        "AdapterError",
        "AdapterNotFound",
        "ConfigError",
        "ConstraintError",
        "ContextOverflow",
        "DestinationError",
        "DeviceError",
        "DiskFull",
        "ImageError",
        "ModelError",
        "ModelNotFound",
        "NotEnoughMemory",
        "PromptError",
        "QuantizationError",
        "TokenizerError",
        "WeightsError",
    ),
    "folders": ("RELEASED_MODELS", "cache_folder", "cached_models", "embedded_models", "is_deepseek_vl2"),
    "loading": ("load_engine",),
    "quantization.convert": ("quantize_checkpoint",),
    "reading": ("ReadingProfile",),
    "request": (
        "GenerationRequest",
        "GenerationResult",
        "Message",
        "ModelInfo",
        "RequestSize",
        "SamplingParams",
        "Usage",
    ),
    "tiling": ("TileGrid", "choose_canvas", "choose_grid"),
    "traffic": ("step_bytes",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "RELEASED_MODELS",
    "AdapterError",
    "AdapterNotFound",
    "ConfigError",
    "Constraint",
    "ConstraintError",
    "ContextOverflow",
    "DestinationError",
    "DeviceError",
    "DiskFull",
    "Engine",
    "GenerationRequest",
    "GenerationResult",
    "GrammarConstraint",
    "ImageError",
    "Message",
    "ModelConfig",
    "ModelError",
    "ModelInfo",
    "ModelNotFound",
    "NotEmpty",
    "NotEnoughMemory",
    "ProcessorConfig",
    "PromptError",
    "QuantizationError",
    "ReadingProfile",
    "RequestSize",
    "SamplingParams",
    "TileGrid",
    "TokenizerError",
    "Usage",
    "WeightsError",
    "cache_folder",
    "cached_models",
    "choose_canvas",
    "choose_grid",
    "embedded_models",
    "is_deepseek_vl2",
    "load_engine",
    "quantize_checkpoint",
    "step_bytes",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'dsvl2.model' has no attribute {name!r}")
    return getattr(import_module(f"dsvl2.model.{_MODULE_OF[name]}"), name)
