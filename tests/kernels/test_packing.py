"""Packed weights: how far they are from the weight, what they weigh, how they stack, what runs on them."""

import pytest
import torch
import torch.nn.functional as F

from dsvl2.kernels import ops, reference
from dsvl2.kernels.packing import FORMATS, INT4, PackedWeight
from dsvl2.kernels.packing.bnb import dequantize_absmax
from dsvl2.kernels.packing.integers import pair, unpair
from tests.kernels.double_quantized import dynamic_map, quantize_absmax

SHAPES = [(1, 1), (3, 7), (5, 64), (7, 63), (2, 65), (4, 129), (6, 192)]


def error(form: str, weight: torch.Tensor) -> float:
    back = PackedWeight.of(FORMATS[form], weight).dequantize()
    return float((back - weight).norm() / weight.norm())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMATS)
def test_every_shape_comes_back_near(form: str, shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape)
    back = PackedWeight.of(FORMATS[form], weight).dequantize()
    assert back.shape == weight.shape
    assert float((back - weight).norm() / weight.norm()) < (0.02 if "int8" in form else 0.15)


@pytest.mark.parametrize(
    ("form", "gaussian", "heavy"),
    [("int8", 0.0095, 0.019), ("int8-bnb", 0.0095, 0.019), ("int4", 0.0885, 0.110), ("nf4", 0.0935, 0.107)],
)
def test_the_errors_are_those_of_the_formats(form: str, gaussian: float, heavy: float) -> None:
    """Relative errors of Gaussian and Student-t(5) weights."""
    torch.manual_seed(0)
    assert error(form, torch.randn(64, 2048)) < gaussian
    assert error(form, torch.distributions.StudentT(5.0).sample((64, 2048))) < heavy


@pytest.mark.parametrize("form", FORMATS)
def test_the_bytes_are_those_promised(form: str) -> None:
    packed = PackedWeight.of(FORMATS[form], torch.randn(64, 2048))
    assert packed.nbytes * 8 / (64 * 2048) == pytest.approx(FORMATS[form].bits, rel=0.005)


@pytest.mark.parametrize("form", FORMATS)
def test_a_stack_packs_as_its_matrices_do(form: str) -> None:
    torch.manual_seed(0)
    stack = torch.randn(3, 2, 5, 70)
    packed = PackedWeight.of(FORMATS[form], stack)
    alone = PackedWeight.of(FORMATS[form], stack[1, 0])
    for name, part in alone.parts.items():
        assert torch.equal(packed[1][0].parts[name], part)
    assert torch.equal(packed.dequantize()[1, 0], alone.dequantize())


@pytest.mark.parametrize("form", FORMATS)
def test_zeros_stay_zero_and_bf16_is_read(form: str) -> None:
    weight = torch.zeros(4, 128, dtype=torch.bfloat16)
    assert not PackedWeight.of(FORMATS[form], weight).dequantize().any()
    weight[1] = 1.0
    back = PackedWeight.of(FORMATS[form], weight).dequantize(torch.bfloat16)
    assert back.dtype == torch.bfloat16 and not back[0].any() and (back[1] - 1).abs().max() < 0.02


def test_a_searched_range_is_no_worse_than_the_full_one(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weight = torch.randn(32, 512)
    searched = error("int4", weight)
    monkeypatch.setattr("dsvl2.kernels.packing.integers.RANGES", (1.0,))
    assert searched < 0.98 * error("int4", weight)


def test_long_weights_are_searched_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weight = torch.randn(9, 320)
    whole = INT4.pack(weight)
    monkeypatch.setattr("dsvl2.kernels.packing.integers.SLICE", 128)
    assert all(torch.equal(part, whole[name]) for name, part in INT4.pack(weight).items())


def test_nibbles_come_back_in_order() -> None:
    nibbles = torch.arange(16, dtype=torch.uint8).flip(0)
    assert torch.equal(unpair(pair(nibbles)), nibbles) and pair(nibbles)[0] == 14 * 16 + 15


def test_double_quantization_keeps_the_scales_within_a_percent() -> None:
    torch.manual_seed(0)
    absmax = torch.rand(700) + 0.5
    back = dequantize_absmax(*quantize_absmax(absmax), 256)
    assert back.shape == absmax.shape and float((back - absmax).norm() / absmax.norm()) < 0.01
    assert dynamic_map().shape == (256,)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (2, 3)])
def test_a_packed_linear_is_the_linear_of_the_unpacked_weight(form: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(9, 70), torch.randn(9), torch.randn(*shape, 70)
    packed = PackedWeight.of(FORMATS[form], weight)
    for given in (None, bias):
        torch.testing.assert_close(ops.packed_linear(x, packed, given), F.linear(x, packed.dequantize(), given))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("tokens", [0, 1, 7, 63])
def test_packed_experts_are_the_experts_of_the_unpacked_weights(form: str, tokens: int) -> None:
    torch.manual_seed(0)
    gate_up = PackedWeight.of(FORMATS[form], torch.randn(5, 2, 12, 70))
    down = PackedWeight.of(FORMATS[form], torch.randn(5, 70, 12))
    x, weight = torch.randn(tokens, 70), torch.rand(tokens, 2)
    idx = torch.rand(tokens, 4).topk(2).indices  # the fifth expert gets no token
    expected = reference.moe_experts_loop(x, idx, weight, gate_up.dequantize().flatten(1, 2), down.dequantize())
    torch.testing.assert_close(
        ops.packed_experts(x, idx, weight, gate_up, down), expected, rtol=1e-5, atol=1e-5 * 70 * 12
    )


def test_a_token_in_a_small_batch_does_not_depend_on_its_neighbours() -> None:
    torch.manual_seed(0)
    gate_up = PackedWeight.of(INT4, torch.randn(5, 2, 12, 70))
    down = PackedWeight.of(INT4, torch.randn(5, 70, 12))
    x, weight, idx = torch.randn(8, 70), torch.rand(8, 2), torch.rand(8, 5).topk(2).indices
    other = x.clone()
    other[1:] = 0
    together, apart = (ops.packed_experts(given, idx, weight, gate_up, down)[0] for given in (x, other))
    assert torch.equal(together, apart)
