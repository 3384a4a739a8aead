"""Products of one token with 4-bit weights in CUDA C++: by the emulator of a card, and on a card where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels.cuda_backend import driver, one, trust
from dsvl2.kernels.packing import INT4, PackedWeight, arrange

SMALL = 0.004  # of bf16: .0018 is usual
WAYS = [(False, False, False), (True, True, True), (True, False, True), (False, False, True)]
CARD, CPU = torch.device("cuda", 0), torch.device("cpu")


@pytest.fixture(scope="module")
def maps(emulated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return emulated("rows")


@pytest.fixture(scope="module")
def layers(emulated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return emulated("experts")


def packed(*shape: int) -> tuple[PackedWeight, Tensor]:
    """A weight in kernel order, and what it stands for."""
    if len(shape) == 2:
        made = arrange(PackedWeight.of(INT4, torch.randn(shape) * shape[-1] ** -0.5))
        return made, made.form.unpack(made.parts, made.rows, made.columns)
    parts, weights = zip(*(packed(*shape[1:]) for _ in range(shape[0])), strict=True)
    stacked = {name: torch.stack([part.parts[name] for part in parts]) for name in parts[0].parts}
    return PackedWeight(parts[0].form, stacked, parts[0].rows, parts[0].columns), torch.stack(weights)


def places(*tensors: Tensor | None) -> list[int | None]:
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]


def distance(got: Tensor, want: Tensor) -> float:
    return float((got.float() - want.float()).norm() / want.float().norm())


@pytest.mark.parametrize("columns", [1280, 2048, 4096])
@pytest.mark.parametrize(("fp32", "add", "norm"), WAYS)
def test_rows(maps: ctypes.CDLL, columns: int, fp32: bool, add: bool, norm: bool) -> None:
    torch.manual_seed(columns)
    weight, plain = packed(64, columns)
    x, delta = torch.randn(columns), torch.randn(columns).bfloat16()
    x, gain = x if fp32 else x.bfloat16(), (torch.rand(columns) + 0.5).bfloat16()
    total, got = torch.full((columns,), float("nan")), torch.full((64,), float("nan"))
    given = one.Rows(
        *places(x, delta if add else None, gain if norm else None, total, *weight.parts.values(), got), 1e-6, fp32, True
    )
    assert maps.emulate_rows(ctypes.byref(given), columns, 4) == 0
    both = x.float() + delta.float() if add else x.float()
    want = plain @ (both * gain.float() if norm else both).bfloat16().float()
    if norm:
        want /= (both.square().mean() + 1e-6).sqrt()
    assert distance(got, want) < 1e-5
    assert not add or torch.equal(total, both)


@pytest.mark.parametrize("columns", [1280, 2048, 2560])
def test_gate_and_up(layers: ctypes.CDLL, columns: int) -> None:
    """Of chosen experts, one of them twice, and of shared ones that are two halves of a wide one."""
    torch.manual_seed(columns)
    width, chosen = 64, [2, 0, 1, 1, 2, 0]
    (routed, plain), (shared, beside) = packed(3, 2, width, columns), packed(2, 2 * width, columns)
    x, got = torch.randn(columns).bfloat16(), torch.full((8, width), float("nan"), dtype=torch.bfloat16)
    idx = torch.tensor(chosen)
    given = one.Both(*places(x, idx, *routed.parts.values(), *shared.parts.values(), got), width, 6, 2)
    assert layers.emulate_both(ctypes.byref(given), columns, 8 * width // 16) == 0
    gates = torch.cat((plain[chosen, 0], beside[0].unflatten(0, (2, width))))
    ups = torch.cat((plain[chosen, 1], beside[1].unflatten(0, (2, width))))
    assert distance(got, F.silu(gates @ x.float()) * (ups @ x.float())) < SMALL


@pytest.mark.parametrize("width", [896, 1408, 1536])
def test_down_and_the_weighted_sum(layers: ctypes.CDLL, width: int) -> None:
    torch.manual_seed(width)
    hidden, chosen = 64, [2, 0, 1, 1, 2, 0]
    (routed, plain), (shared, beside) = packed(3, hidden, width), packed(hidden, 2 * width)
    x, weight, got = torch.randn(8, width).bfloat16(), torch.rand(6), torch.full((hidden,), float("nan")).bfloat16()
    idx = torch.tensor(chosen)
    given = one.Down(*places(x, idx, weight, *routed.parts.values(), *shared.parts.values(), got), hidden, 6, 2)
    assert layers.emulate_down(ctypes.byref(given), width, hidden // 16) == 0
    wide = x.float()
    want = (weight[:, None] * (plain[chosen] @ wide[:6, :, None])[..., 0]).sum(0) + beside @ wide[6:].flatten()
    assert distance(got, want) < SMALL


def test_the_check_of_linear_maps_sees_what_errs(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(
        x: Tensor, delta: Tensor, gain: Tensor, eps: float, total: Tensor, weight: PackedWeight, out: Tensor
    ) -> None:
        total.copy_(x + delta)
        norm = (total * gain).bfloat16().float() / (total.square().mean() + eps).sqrt()
        out.copy_(weight.dequantize() @ norm * factor)

    monkeypatch.setattr(one, "rows", plain)
    factor = 1.0
    assert one.rows_error(CPU, 128) < 1e-5
    factor = 1.01
    assert one.rows_error(CPU, 128) > SMALL


def test_the_check_of_experts_sees_a_wrong_expert(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(x: Tensor, idx: Tensor, weight: Tensor, routed: one.Pair, shared: one.Pair, out: Tensor) -> Tensor:
        done, halves = torch.zeros(x.shape[1]), shared[0][0].dequantize()
        for expert, share in zip(idx[0].tolist(), weight[0].tolist(), strict=True):
            gate, up = routed[0][(expert + wrong) % 3].dequantize() @ x[0].float()
            done += share * (routed[1][expert].dequantize() @ (F.silu(gate) * up))
        gate, up = halves @ x[0].float()
        return (done + shared[1][0].dequantize() @ (F.silu(gate) * up))[None]

    monkeypatch.setattr(one, "experts", plain)
    wrong = 0
    assert one.experts_error(CPU, 128, 192) < 2 * SMALL
    wrong = 1
    assert one.experts_error(CPU, 128, 192) > 0.1


def test_what_errs_or_fails_is_said_once_and_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def errs(device: torch.device, columns: int) -> float:
        return columns / 100

    def fails(device: torch.device) -> float:
        raise driver.CudaError("cuLaunchKernelEx failed with 1")

    monkeypatch.setattr(trust, "_ERRORS", {})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    assert trust.trusted(errs, 0.02, 0, 1)
    with pytest.warns(RuntimeWarning, match=r"errs \(3,\) errs by 0.0300"):
        assert not trust.trusted(errs, 0.02, 0, 3)
    with pytest.warns(RuntimeWarning, match="failed with 1"):
        assert not trust.trusted(fails, 0.02, 0)
    assert not trust.trusted(fails, 0.02, 0)  # and no second warning
    assert len(trust.doubts(0)) == 2 and not trust.doubts(1)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert not trust.trusted(errs, 0.02, 0, 2)  # tried at another time
    assert len(trust.doubts(0)) == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
@pytest.mark.parametrize("columns", one.ROWS)
def test_rows_on_a_card(columns: int) -> None:
    assert all(one.rows_error(CARD, columns) < 1e-3 for _ in range(3))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
@pytest.mark.parametrize(("hidden", "width"), [(1280, 896), (2048, 1408), (2560, 1536)])
def test_experts_on_a_card(hidden: int, width: int) -> None:
    assert all(one.experts_error(CARD, hidden, width) < 2 * SMALL for _ in range(3))
