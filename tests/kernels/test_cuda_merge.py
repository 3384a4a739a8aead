"""The merge of one token's latents in CUDA C++: by the emulator of a card, and on a card where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
import torch

from dsvl2.kernels.cuda_backend import merge


@pytest.fixture(scope="module")
def emulator(emulated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return emulated("merge")


@pytest.mark.parametrize(("heads", "parts", "empty"), [(4, 32, 31), (3, 5, 0), (2, 1, None)])
def test_shares_as_one_and_the_map(emulator: ctypes.CDLL, heads: int, parts: int, empty: int | None) -> None:
    """Shares without tokens among them; maps whose heads lie apart."""
    torch.manual_seed(parts)
    part, total = torch.randn(parts, heads, merge.VALUES), torch.randn(parts, heads) * 3
    if empty is not None:
        total[empty] = -float("inf")
    to_value = (torch.randn(heads, 2, merge.OUT, merge.VALUES) * merge.VALUES**-0.5).bfloat16()[:, 1]
    got = torch.full((heads, merge.OUT), float("nan"), dtype=torch.bfloat16)
    places = (one.data_ptr() for one in (part, total, to_value, got))
    given = merge.Merge(*places, to_value.stride(0), parts, heads)
    assert emulator.emulate_merge(ctypes.byref(given)) == 0
    mixed = ((torch.exp2(total) / torch.exp2(total).sum(0))[..., None] * part).sum(0)
    want = torch.einsum("av,adv->ad", mixed, to_value.float())
    assert float((got.float() - want).norm() / want.norm()) < merge.LARGEST_ERROR


def test_the_check_sees_what_errs(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(part: torch.Tensor, total: torch.Tensor, to_value: torch.Tensor) -> torch.Tensor:
        share = torch.exp2(total - total.amax(1)) * wrong
        mixed = ((share / share.sum(1))[..., None] * part).sum(1)
        return torch.einsum("nav,adv->nad", mixed, to_value.float()).bfloat16()

    monkeypatch.setattr(merge, "merge", plain)
    wrong = torch.ones(1, 11, 1)
    assert merge.merge_error(torch.device("cpu")) < merge.LARGEST_ERROR
    wrong[0, 3] = 1.5
    assert merge.merge_error(torch.device("cpu")) > merge.LARGEST_ERROR


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_on_a_card() -> None:
    assert all(merge.merge_error(torch.device("cuda", 0)) < merge.LARGEST_ERROR for _ in range(3))
