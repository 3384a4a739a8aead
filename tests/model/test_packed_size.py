"""Random checkpoints that are quantized already (tests/bench/packed_size.py): laid out like rounded ones, with sane numbers."""

import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from dsvl2.kernels.packing import PackedWeight
from dsvl2.model.config import ModelConfig
from dsvl2.model.loading import load_engine
from dsvl2.model.quantization.convert import quantize_checkpoint
from dsvl2.model.quantization.files import fetch
from dsvl2.model.quantization.schemes import scheme_named
from dsvl2.model.weights import CheckpointReader, released_shapes, weight_files
from tests.bench.packed_size import write
from tests.model.released import write_released

FIXTURE = Path(__file__).parents[1] / "parity" / "fixture"


def layout(folder: Path) -> dict[str, str]:
    """Types by name."""
    found = {}
    for path in weight_files(folder):
        with safe_open(path, "pt") as file:
            found |= {name: str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    return found


@pytest.mark.parametrize("scheme", ["e4a8", "int8", "w4"])
def test_the_layout_is_that_of_a_rounded_checkpoint(tmp_path: Path, scheme: str) -> None:
    write("small", tmp_path / "made", scheme, None, scaled=True)
    rounded = quantize_checkpoint(write_released(tmp_path / "full", "small"), tmp_path / "rounded", scheme)
    assert layout(tmp_path / "made") == layout(rounded)


def test_rows_have_the_spread_of_a_random_weight_and_an_engine_runs_on_them(tmp_path: Path) -> None:
    write("small", tmp_path / "made", "e4a8", FIXTURE, scaled=True)
    config = ModelConfig.from_file(tmp_path / "made" / "config.json")
    shapes = released_shapes(config)
    with CheckpointReader(tmp_path / "made") as reader:
        for name in ("language.model.layers.1.mlp.experts.3.up_proj.weight", "language.lm_head.weight"):
            weight = fetch(scheme_named("e4a8"), name, shapes[name], reader.read)
            assert isinstance(weight, PackedWeight)
            spread = float(weight.dequantize().std()) * math.sqrt(shapes[name][1])
            assert spread == pytest.approx(1, rel=0.1)
    engine = load_engine(tmp_path / "made")
    assert engine.info.scheme == "e4a8"
    assert all(
        torch.isfinite(tensor).all() for tensor in engine.network.state_dict().values() if tensor.is_floating_point()
    )
