"""Linears of a few tokens, whose columns are divided among programs, and whose shares are added up afterwards."""

from __future__ import annotations

import pytest
import torch

from dsvl2.kernels import ops
from dsvl2.kernels.packing import INT4, INT8, NF4, Format, PackedWeight, arrange
from dsvl2.kernels.triton_backend import linear
from tests.kernels.conftest import DEVICE, compare

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.mark.parametrize("tokens", [3, 20, pytest.param(130, marks=pytest.mark.gpu)])
@pytest.mark.parametrize("form", [INT8, INT4, NF4])
def test_columns_are_divided(form: Format, tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weight, bias = (
        arrange(PackedWeight.of(form, torch.randn(70, 512, device=DEVICE) * 0.1)),
        torch.randn(70, device=DEVICE),
    )
    x, seen = torch.randn(tokens, 512, device=DEVICE), list[int]()
    shares = linear.shares

    def noted(*given: int) -> int:
        seen.append(shares(*given))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(linear, "shares", noted)
    compare(lambda x, b: ops.packed_linear(x, weight, b), x, bias, dtype=torch.bfloat16)
    compare(lambda x: ops.packed_linear(x, weight), x, dtype=torch.bfloat16)
    assert seen == [4, 4]
