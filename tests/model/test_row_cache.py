"""The cache of CPUs: sequences side by side that get longer and shorter together."""

from __future__ import annotations

import pytest
import torch

from dsvl2.kernels import ops
from dsvl2.model.cache import PrefixCache
from dsvl2.model.row_cache import STEP, RowCache

CPU = torch.device("cpu")


def made(rows: int = 3, *, codes: bool = False) -> RowCache:
    return RowCache(rows, 2, (2, 3, 8), dtype=torch.float32, device=CPU, codes=codes)


@pytest.mark.parametrize("codes", [False, True])
def test_what_is_held_stays_where_the_length_changes(codes: bool) -> None:
    cache = made(codes=codes)
    lease = cache.lease(5000, row=1)
    assert lease is not None and lease.blocks == (2,) and cache.free == 2
    prefix = cache.new_prefix(STEP + 44)
    for layer in prefix:
        layer.extend(torch.randn(1, STEP + 44, 2, 3, 8))
    cache.adopt([lease], [prefix[0].stored.shape[1]], prefix)
    assert cache.size == 2 * STEP
    before = [layer.buffer[:, 2, :, : STEP + 44].clone() for layer in cache.layers]
    for tokens, size in ((2 * STEP + 1, 3 * STEP), (9 * STEP, 9 * STEP), (STEP + 44, 2 * STEP)):
        cache.fit(tokens)
        assert cache.size == size
    for layer, kept in zip(cache.layers, before, strict=True):
        assert layer.buffer.shape == (2, 4, 3, 2 * STEP, 8) and torch.equal(layer.buffer[:, 2, :, : STEP + 44], kept)


def test_a_little_shorter_is_no_reason_to_move_everything() -> None:
    cache = made()
    cache.fit(4 * STEP)
    cache.fit(2 * STEP)
    assert cache.size == 4 * STEP
    cache.fit(2 * STEP - 1)
    assert cache.size == 2 * STEP


def test_a_token_goes_to_its_own_place_at_any_length() -> None:
    cache = made()
    for size in (STEP, 3 * STEP):
        cache.fit(size)
        rows = cache.rows(torch.tensor([2 * 3 * cache.size + 7]))
        cache.layers[0].write(torch.full((1, 2, 3, 8), float(size)), rows)
        assert bool((cache.layers[0].buffer[:, 2, :, 7] == size).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_a_row_sees_does_not_depend_on_the_longest_nor_on_who_is_beside_it(dtype: torch.dtype) -> None:
    """Sums over more than 1,024 tokens are divided by oneDNN as their length suggests: pieces keep them as they are."""
    torch.manual_seed(0)
    kept = torch.randn(1, 9, 1, 2560, 112).mul(0.5).to(dtype)
    query = torch.randn(8, 1, 8, 112).to(dtype)

    def run(rows: int, size: int, length: int) -> torch.Tensor:
        cache = kept[:, :, :, :size].contiguous()
        bias = torch.full((rows, size), float("-inf"))
        bias[:, :length] = 0
        spans = ops.spans([(row + 1,) for row in range(rows)], 9, CPU)
        return ops.decode(query[:rows], cache, ops.Sight(torch.empty(0), torch.empty(0), bias, spans))[0]

    for length in (130, 615, 900):
        alone = run(1, 1024, length)
        for rows, size in ((8, 1024), (3, 1280), (8, 2560)):
            assert torch.equal(run(rows, size, length), alone)


def test_prompts_of_any_length_fit() -> None:
    cache = made(rows=1)
    lease = cache.lease(1)
    assert lease is not None and cache.lease(1) is None
    for length in (1, STEP, 3 * STEP + 1):
        prefix = [PrefixCache(torch.randn(1, length, 2, 3, 8)) for _ in range(2)]
        for layer in prefix:
            layer.extend(torch.randn(1, length, 2, 3, 8))
        cache.adopt([lease], [prefix[0].stored.shape[1]], prefix)
        assert torch.equal(cache.layers[1].buffer[:, 1, :, length - 1], prefix[1].stored[0, -1])
