"""Down of one token's experts in bf16 and their sum in CUDA C++: by the emulator of a card, and on a card where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend import plain


@pytest.fixture(scope="module")
def emulator(emulated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return emulated("plain")


@pytest.mark.parametrize("width", plain.WIDTHS)
def test_down_and_the_weighted_sum(emulator: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    def run(middle: Tensor, idx: Tensor, weight: Tensor, down: Tensor, shared: Tensor, out: Tensor) -> Tensor:
        out.fill_(float("nan"))
        places = (one.data_ptr() for one in (middle, idx, weight, down, shared, out))
        given = plain.PlainDown(*places, down.shape[1], idx.shape[1], plain.ALL - idx.shape[1])
        assert emulator.emulate_plain_down(ctypes.byref(given), width, down.shape[1] // plain.ROWS) == 0
        return out

    monkeypatch.setattr(plain, "down_sum", run)
    assert plain.down_error(torch.device("cpu"), width) < plain.LARGEST_ERROR


def test_the_check_sees_what_errs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(middle: Tensor, idx: Tensor, weight: Tensor, down: Tensor, shared: Tensor, out: Tensor) -> Tensor:
        each = torch.einsum("khi,ki->kh", down[(idx[0] + wrong) % 3].float(), middle[:6].float())
        return (weight @ each) + shared[0].float() @ middle[6:].float().flatten()

    monkeypatch.setattr(plain, "down_sum", run)
    wrong = 0
    assert plain.down_error(torch.device("cpu"), 128) < plain.LARGEST_ERROR
    wrong = 1
    assert plain.down_error(torch.device("cpu"), 128) > 0.1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
@pytest.mark.parametrize("width", plain.WIDTHS)
def test_on_a_card(width: int) -> None:
    assert all(plain.down_error(torch.device("cuda", 0), width) < plain.LARGEST_ERROR for _ in range(3))
