"""Attention of one token over plain heads in CUDA C++: by the emulator of a card, and on a card where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from dsvl2.kernels.cuda_backend import heads
from dsvl2.kernels.sight import Sight


@pytest.fixture(scope="module")
def emulator(emulated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    return emulated("heads")


def drawn(length: int, count: int, blocks: int) -> tuple[dict[str, Any], Tensor]:
    """A token and what is cached before it; behind a row's end and in other blocks lies what is no number."""
    torch.manual_seed(length)
    q, k, v = torch.randn(3, 1, count, heads.WIDTH).bfloat16()
    cache = torch.full((2, blocks, count, heads.SIZE, heads.WIDTH), float("nan"), dtype=torch.bfloat16)
    table = torch.randperm(blocks)[None].int()
    for token in range(length - 1):
        cache[:, int(table[0, token // heads.SIZE]), :, token % heads.SIZE] = torch.randn(2, count, heads.WIDTH)
    angle, newest = torch.rand(1, heads.WIDTH // 2) * 6, max(length - 1, 0)
    block = int(table[0, newest // heads.SIZE])
    rows = torch.tensor([((plane * blocks + block) * count + head) * heads.SIZE + newest % heads.SIZE
                         for plane in range(2) for head in range(count)])  # fmt: skip
    sight = Sight(table, torch.tensor([length], dtype=torch.int32))
    given = {
        "q": q,
        "k": k,
        "v": v,
        "cos": angle.cos(),
        "sin": angle.sin(),
        "scale": 0.1,
        "cache": cache,
        "sight": sight,
    }
    return given, rows


@pytest.mark.parametrize(("length", "count"), [(1, 1), (33, 2), (2100, 1)])
def test_a_token_and_those_before_it(emulator: ctypes.CDLL, length: int, count: int) -> None:
    """Fewer tokens than there are warps, and so many that some warps take two turns."""
    given, rows = drawn(length, count, -(-length // heads.SIZE) + 1)
    want, keys = heads.plainly(**given)
    got = torch.full((1, count, heads.WIDTH), float("nan"), dtype=torch.bfloat16)
    asked = heads.given_of(**given, rows=rows, out=got)
    assert emulator.emulate_heads(ctypes.byref(asked)) == 0
    assert float((got.float() - want).norm() / want.norm()) < heads.LARGEST_ERROR
    kept = given["cache"].flatten(0, 3)[rows].unflatten(0, (2, count)).float()
    assert torch.allclose(kept[0], keys[-1], rtol=0.01, atol=0.01)
    assert torch.equal(kept[1], given["v"][0].float())


def test_an_idle_row_gives_nothing_and_keeps_the_cache(emulator: ctypes.CDLL) -> None:
    given, rows = drawn(0, 1, 2)
    got = torch.full((1, 1, heads.WIDTH), float("nan"), dtype=torch.bfloat16)
    assert emulator.emulate_heads(ctypes.byref(heads.given_of(**given, rows=rows, out=got))) == 0
    assert not got.any()
    assert given["cache"].isnan().all()


def test_the_check_sees_what_errs(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(*given: Any) -> Tensor:
        q, k, v, cos, sin, scale, cache, rows, sight = given
        found, keys = heads.plainly(q, k, v, cos, sin, scale, cache, sight)
        cache.view(-1, heads.WIDTH)[rows] = torch.cat((keys[-1], v[0].float())).to(cache.dtype) * kept
        return found * right

    monkeypatch.setattr(heads, "heads", plain)
    right = kept = 1.0
    assert heads.heads_error(torch.device("cpu")) < heads.LARGEST_ERROR
    right = 1.01
    assert heads.heads_error(torch.device("cpu")) > heads.LARGEST_ERROR
    right, kept = 1.0, 1.02
    assert heads.heads_error(torch.device("cpu")) > heads.LARGEST_ERROR


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_on_a_card() -> None:
    assert all(heads.heads_error(torch.device("cuda", 0)) < heads.LARGEST_ERROR for _ in range(3))
