"""Latent attention with the cache on the left of its products, however its tokens are shared among programs."""

from __future__ import annotations

import pytest
import torch

from dsvl2.kernels import joined, ops
from dsvl2.kernels.triton_backend import attend, few
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
    monkeypatch.setattr(attend, "NARROW", 0)
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


@pytest.mark.parametrize(("most", "parts"), [(8, 2), (8, 32), (0, 2)])
@pytest.mark.parametrize("sizes", [(3, 24, 20, 16), (20, 80, 64, 64), pytest.param((16, 576, 512, 64), marks=gpu)])
@pytest.mark.parametrize("lengths", [[1], [64, 65], [190, 0, 129, 33, 2]])
def test_latents_asked_for_before_the_query(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int], sizes: tuple[int, int, int, int], most: int, parts: int
) -> None:
    monkeypatch.setattr(few, "MOST", most)
    monkeypatch.setattr(few, "PARTS", parts)  # 2: several steps a program; 32: one
    heads, width, values, size = sizes
    cache, sight = scattered(1, 1, size, width, lengths)
    query = normal(len(lengths), 1, heads, width, scale=width**-0.5)
    there = [n for n, length in enumerate(lengths) if length]
    compare(lambda q, c: ops.decode(q, c, sight, values)[there].to(q.dtype), query, cache, dtype=torch.bfloat16)


@pytest.mark.parametrize(("length", "parts"), [(1, 2), (16, 2), (33, 2), (100, 2), (100, 64)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_token_of_plain_heads(length: int, parts: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotation, cache and attention in one launch: the cache as from the parts, the result as good.

    In bf16 to the bit; in fp32 within the last digit, as a compiler may round a product and a sum once instead of twice.
    """
    monkeypatch.setattr(few, "HEAD_PARTS", parts)  # 2: several steps a program; 64: one
    heads, width, size, at = 3, 32, 16, length - 1
    cache, sight = scattered(2, heads, size, width, [length])
    cache = cache.to(dtype)
    q, k, v = (normal(1, heads, width).to(dtype) for _ in range(3))
    phase = torch.rand(1, width // 2, device=cache.device) * 100
    block = int(sight.table[0, at // size])
    plane = torch.arange(2 * heads, device=cache.device)
    rows = (plane // heads * cache.shape[1] * heads + block * heads + plane % heads) * size + at % size
    found = []
    for joins in (True, False):
        mine = cache.clone()
        place = joined.Place(phase.cos(), phase.sin(), mine.flatten(0, 3), rows)
        if not joins:
            monkeypatch.setattr(few, "heads_fit", lambda *_: False)
        found.append((joined.heads_step(q, k, v, width**-0.5, mine, None, sight, place), mine))
    (got, mine), (want, other) = found
    assert got.shape == want.shape == (1, heads, width)
    torch.testing.assert_close(
        mine, other, rtol=0.0 if dtype == torch.bfloat16 else 1e-6, atol=0.0 if dtype == torch.bfloat16 else 1e-6
    )
    torch.testing.assert_close(
        got, want, rtol=2e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-2 if dtype == torch.bfloat16 else 1e-6
    )
