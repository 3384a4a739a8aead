"""Latent attention with the cache on the left of its products, however its tokens are shared among programs."""

from __future__ import annotations

import pytest
import torch

from dsvl2.kernels import joined, ops
from dsvl2.kernels.triton_backend import attend
from tests.kernels.conftest import compare
from tests.kernels.test_triton import normal, scattered

pytestmark = pytest.mark.usefixtures("kernels")
gpu = pytest.mark.gpu


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("programs", [3, 6, 132])
@pytest.mark.parametrize("sizes", [(3, 24, 20, 16), (20, 80, 64, 64), pytest.param((32, 576, 512, 64), marks=gpu)])
def test_latents_are_shared_among_programs(
    monkeypatch: pytest.MonkeyPatch, programs: int, sizes: tuple[int, int, int, int]
) -> None:
    monkeypatch.setattr(attend, "LATENT_PROGRAMS", programs)
    monkeypatch.setattr(attend, "FEWEST", 1)
    heads, width, values, size = sizes
    cache, sight = scattered(1, 1, size, width, [190, 0, 129])
    query = normal(3, 1, heads, width, scale=width**-0.5)
    assert attend._latent(query.bfloat16(), cache.bfloat16(), values, None)
    compare(lambda q, c: ops.decode(q, c, sight, values)[::2].to(q.dtype), query, cache, dtype=torch.bfloat16)


@pytest.mark.parametrize("sizes", [(3, 24, 20, 5), (16, 48, 32, 70), pytest.param((16, 576, 512, 128), marks=gpu)])
def test_latents_and_the_map_to_values(sizes: tuple[int, int, int, int]) -> None:
    heads, width, rank, wide = sizes
    cache, sight = scattered(1, 1, 64, width, [190, 65])
    query, weight = normal(2, 1, heads, width, scale=width**-0.5), normal(heads, wide + 3, rank, scale=rank**-0.5)
    compare(lambda q, c, w: joined.latent_values(q, c, sight, w[:, 3:]), query, cache, weight, dtype=torch.bfloat16)
