"""NF4 and LLM.int8 beside bitsandbytes on the CPU: each reads what the other wrote to the same numbers."""

import warnings
from typing import Any

import pytest
import torch

from dsvl2.kernels.packing import INT8_BNB, NF4, PackedWeight
from dsvl2.kernels.packing.bnb import CODE, dequantize_absmax
from tests.kernels.double_quantized import dynamic_map, quantize_absmax

# Not 96 columns: with a multiple of 32 that is none of 64, the AVX512 code of bitsandbytes 0.50 takes a wrong scale.
SHAPES = [(4, 64), (6, 192), (5, 130), (129, 256)]


@pytest.fixture(scope="module")
def functional() -> Any:
    """bitsandbytes.functional, or skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("bitsandbytes", reason="needs bitsandbytes").functional


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_we_read_nf4_as_it_does(functional: Any, shape: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    packed, state = functional.quantize_4bit(torch.randn(shape, dtype=dtype), quant_type="nf4", blocksize=64)
    ours = PackedWeight(NF4, {"codes": packed.flatten(), "absmax": state.absmax}, *shape).dequantize(dtype)
    assert torch.equal(ours, functional.dequantize_4bit(packed, state))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_reads_nf4_as_we_do(functional: Any, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours = PackedWeight.of(NF4, torch.randn(shape))
    state = functional.QuantState(
        absmax=ours.parts["absmax"],
        shape=torch.Size(shape),
        code=torch.tensor(CODE),
        blocksize=64,
        quant_type="nf4",
        dtype=torch.float32,
    )
    assert torch.equal(functional.dequantize_4bit(ours.parts["codes"][:, None], state), ours.dequantize())


def test_we_write_the_bytes_it_writes(functional: Any) -> None:
    torch.manual_seed(0)
    weight = torch.randn(64, 256)
    packed, state = functional.quantize_4bit(weight, quant_type="nf4", blocksize=64)
    ours = NF4.pack(weight)
    assert torch.equal(ours["absmax"], state.absmax)
    assert (ours["codes"] != packed.flatten()).sum() <= 2  # a weight on a border may fall either way
    assert torch.equal(state.code, torch.tensor(CODE))


def test_double_quantized_scales_go_both_ways(functional: Any) -> None:
    torch.manual_seed(0)
    weight = torch.randn(256, 320)
    packed, state = functional.quantize_4bit(weight, quant_type="nf4", blocksize=64, compress_statistics=True)
    absmax = dequantize_absmax(state.absmax, state.state2.absmax, state.state2.code, state.offset.item(), 256)
    ours = PackedWeight(NF4, {"codes": packed.flatten(), "absmax": absmax}, *weight.shape)
    assert torch.equal(ours.dequantize(), functional.dequantize_4bit(packed, state))
    codes, nested, values, offset = quantize_absmax(NF4.pack(weight)["absmax"])
    assert torch.equal(values, functional.create_dynamic_map()) and torch.equal(values, dynamic_map())
    assert torch.equal(nested, state.state2.absmax) and (codes != state.absmax).sum() <= 2
    state.absmax, state.state2.absmax, state.offset = codes, nested, torch.tensor(offset)
    theirs = functional.dequantize_4bit(packed, state)
    absmax = dequantize_absmax(codes, nested, values, offset, 256)
    ours = PackedWeight(NF4, {"codes": packed.flatten(), "absmax": absmax}, *weight.shape)
    assert torch.equal(theirs, ours.dequantize())


@pytest.mark.parametrize("shape", SHAPES)
def test_int8_goes_both_ways(functional: Any, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape, dtype=torch.float16)
    codes, scb, _ = functional.int8_vectorwise_quant(weight)
    theirs = PackedWeight(INT8_BNB, {"codes": codes, "scb": scb}, *shape)
    assert torch.equal(theirs.dequantize(), functional.int8_vectorwise_dequant(codes, scb))
    ours = PackedWeight.of(INT8_BNB, weight)
    assert torch.equal(ours.parts["scb"], scb) and (ours.parts["codes"] != codes).sum() <= 1
    assert torch.equal(functional.int8_vectorwise_dequant(ours.parts["codes"], ours.parts["scb"]), ours.dequantize())
