"""Ops that join several: the same numbers as their parts, for one and two tokens, where kernels join them, and for more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dsvl2.kernels import joined, ops
from dsvl2.kernels.packing import INT4, INT8, NF4, Format, PackedWeight, arrange
from tests.kernels.conftest import DEVICE, assert_as_good, compare

pytestmark = pytest.mark.usefixtures("kernels")
HALF = torch.bfloat16


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def normal(*shape: int, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, device=DEVICE) * scale


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("tokens", [1, 2, 3])
@pytest.mark.parametrize("form", [None, INT8, INT4, NF4])
def test_norm_and_linear(form: Format | None, tokens: int, add: bool) -> None:
    plain = normal(70, 192, scale=0.1)
    weight = plain.to(HALF) if form is None else arrange(PackedWeight.of(form, plain))
    x, delta, gain = (normal(*shape).to(HALF) for shape in ((tokens, 192), (tokens, 192), (192,)))
    total, got = joined.norm_linear(x, delta if add else None, gain, 1e-6, weight)
    want = x + delta if add else x
    assert torch.equal(total, want)
    exact = plain.to(HALF).float() if form is None else weight.dequantize()  # type: ignore[union-attr]
    with ops.backend("plain"):
        rough = ops.rms_norm(want, gain, 1e-6) @ exact.to(HALF).T
        fine = ops.rms_norm(want.float(), gain.float(), 1e-6) @ exact.T
    assert_as_good(got, rough, fine)


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_linear_of_a_thousand_columns(tokens: int) -> None:
    weight, x, delta = normal(9, 1024, scale=0.1), normal(tokens, 1024), normal(tokens, 1024)
    compare(lambda x, w: joined.few_linear(x, w), x, weight, dtype=HALF)
    compare(lambda x, d, w: joined.norm_linear(x, d, torch.ones_like(x[0]), 1e-6, w)[1], x, delta, weight, dtype=HALF)


@pytest.mark.parametrize("form", [INT8, INT4])
def test_a_dense_layer_that_no_whole_parts_make_up(monkeypatch: pytest.MonkeyPatch, form: Format) -> None:
    """17 units of 64 columns, of which a part takes 9: what is left over is neither read nor summed up."""
    from dsvl2.kernels.triton_backend import alone

    monkeypatch.setattr(alone, "CUT", 1024)
    pair = tuple(
        arrange(PackedWeight.of(form, normal(*shape, scale=0.1))) for shape in ((1, 2, 1088, 64), (1, 64, 1088))
    )
    x = normal(1, 64).to(HALF)
    assert alone._width(None, pair) == 576 and alone.fits(x, None, pair)  # type: ignore[arg-type]
    compare(lambda x: ops.fused_swiglu(x, pair), x.float(), dtype=HALF)  # type: ignore[arg-type]


@pytest.mark.parametrize("tokens", [1, 3])
@pytest.mark.parametrize("form", [None, INT8, INT4, NF4])
def test_logits_are_not_rounded(form: Format | None, tokens: int) -> None:
    plain, x = normal(70, 192, scale=0.1), normal(tokens, 192).to(HALF)
    weight = plain.to(HALF) if form is None else arrange(PackedWeight.of(form, plain))
    exact = x.float() @ (weight.float() if isinstance(weight, Tensor) else weight.dequantize()).T
    got = joined.logits(x, weight)
    assert got.dtype == torch.float32 and got.shape == exact.shape
    assert (got - exact).norm() < 0.004 * exact.norm()


@pytest.mark.parametrize("rule", [{}, {"scoring": "sigmoid", "method": "noaux_tc", "normalized": True, "scale": 2.0}])
@pytest.mark.parametrize("tokens", [0, 1, 5, 17, pytest.param(300, marks=pytest.mark.gpu)])
def test_norm_and_router(tokens: int, rule: dict[str, Any], many: None) -> None:
    x, delta, gain = (normal(*shape).to(HALF) for shape in ((tokens, 96), (tokens, 96), (96,)))
    weight, bias, made = normal(13, 96), normal(13) if rule else None, ops.RouteRule(chosen=4, **rule)
    for stream in (HALF, torch.float32):
        total, normed, idx, share = joined.norm_route(x.to(stream), delta, gain, 1e-6, weight, bias, made)
        want_total, want_normed = ops.add_rms_norm(x.to(stream), delta, gain, 1e-6)
        assert torch.equal(total, want_total) and normed.dtype == HALF
        torch.testing.assert_close(normed, want_normed, rtol=1e-2, atol=0.02)
        with ops.backend("plain"):
            want_idx, want_share, _ = ops.route(normed.float() @ weight.T, bias, made)
        assert torch.equal(idx, want_idx)
        torch.testing.assert_close(share, want_share, rtol=1e-4, atol=1e-5)


def test_routing_of_what_is_no_number_stays_in_range(many: None) -> None:
    logits = torch.full((5, 13), float("nan"), device=DEVICE)
    with np.errstate(invalid="ignore"):  # the interpreter computes with numpy
        idx = ops.route(logits, None, ops.RouteRule(chosen=4))[0]
    assert all(len(set(row)) == 4 and 0 <= min(row) <= max(row) < 13 for row in idx.tolist())


@pytest.mark.parametrize(
    "sizes", [(1, 3, 6, 10, 4), (2, 2, 32, 64, 16), pytest.param((2, 16, 128, 512, 64), marks=pytest.mark.gpu)]
)
def test_what_comes_before_latent_attention(sizes: tuple[int, ...]) -> None:
    slots, heads, nope, rank, rotary = sizes
    phase = torch.rand(slots, rotary // 2, device=DEVICE) * 100
    rows = torch.randperm(slots + 4, device=DEVICE)[:slots]

    def both(first: Tensor, to_key: Tensor, gain: Tensor) -> Tensor:
        q, kv = first.split((heads * (nope + rotary), rank + rotary), -1)  # columns of one product: rows lie apart
        cache = torch.zeros(slots + 4, rank + rotary, dtype=first.dtype, device=DEVICE)
        place = joined.Place(phase.cos(), phase.sin(), cache, rows)
        query = joined.latent_step(q.unflatten(-1, (heads, -1)), kv, to_key[:, :nope], gain, 1e-6, 0.3, place)
        return torch.cat((cache.flatten(), query.flatten()))

    first = normal(slots, heads * (nope + rotary) + rank + rotary)
    compare(both, first, normal(heads, nope + 3, rank, scale=nope**-0.5), normal(rank), dtype=HALF)


@pytest.mark.parametrize("sizes", [(2, 3, 3, 6, 4, 5), pytest.param((1, 40, 16, 128, 64, 128), marks=pytest.mark.gpu)])
def test_a_prompt_between_its_products(sizes: tuple[int, ...]) -> None:
    batch, tokens, heads, nope, rotary, values = sizes
    phase = torch.rand(1, tokens, rotary // 2, device=DEVICE) * 100
    cos, sin = phase.cos(), phase.sin()

    def everything(first: Tensor, kv: Tensor, gain: Tensor) -> Tensor:
        q, latents = first.split((heads * (nope + rotary), 12 + rotary), -1)
        parts = joined.prompt_latents(latents, gain, 1e-6, cos, sin)
        queries = joined.prompt_queries(q.unflatten(-1, (heads, -1)), cos, sin)
        k, v = joined.keys_and_values(kv, parts[..., 12:], values)
        assert v.shape[-1] in (values, k.shape[-1]) and not v[..., values:].any()
        return torch.cat([part.flatten() for part in (parts, queries, k, v[..., :values])])

    first = normal(batch, tokens, heads * (nope + rotary) + 12 + rotary)
    compare(everything, first, normal(batch, tokens, heads, nope + values), normal(12), dtype=HALF)


@pytest.mark.parametrize("size", [(0, 10), (2, 10), (3, 5000)])
def test_the_likeliest_token(size: tuple[int, int]) -> None:
    logits = normal(*size, scale=3.0)
    ids, chances = joined.likeliest(logits)
    assert ids.dtype == torch.int64 and torch.equal(ids, logits.argmax(-1))
    torch.testing.assert_close(chances, logits.log_softmax(-1).gather(1, ids[:, None])[:, 0], rtol=1e-5, atol=1e-5)


def test_the_likeliest_tokens_are_kept_for_the_next_step() -> None:
    logits, last = normal(2, 5000, scale=3.0), torch.full((4,), 7, device=DEVICE)
    values = joined.settle(logits, last)
    assert values.dtype == torch.float64 and last.tolist() == [*logits.argmax(-1).tolist(), 7, 7]
    assert torch.equal(values[0].long(), last[:2]) and torch.allclose(values[1].float(), joined.likeliest(logits)[1])


def test_the_beginning_of_a_step() -> None:
    embedding, cos, sin = normal(20, 24).to(HALF), normal(64, 3), normal(64, 3)
    table = torch.tensor([[3, 1, 4], [0, 0, 0], [2, 5, 9]], dtype=torch.int32, device=DEVICE)
    planes, last = torch.tensor([0, 1000, 2000, 3000], device=DEVICE), torch.tensor([5, 6, 7, 8], device=DEVICE)
    both = []
    for backend in ("triton", "plain"):
        given = torch.tensor([[-1, 4, 11, 0], [17, 0, 40, 0], [18, 0, 41, 0]], device=DEVICE)
        with ops.backend(backend):
            begun = joined.begin(given[:, :3], last, table, embedding, (cos, sin), planes, 16, 32)
        assert given.tolist() == [[-1, -1, -1, 0], [18, 0, 41, 0], [19, 0, 42, 0]]
        both.append([part.to(torch.float64) for part in begun])
        assert begun.lengths.dtype == torch.int32 and begun.rows.dtype == torch.int64
    assert all(torch.equal(kernel, plain) for kernel, plain in zip(*both, strict=True))
