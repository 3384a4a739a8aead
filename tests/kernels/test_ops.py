"""Every form of an op against the plain one, on awkward shapes."""

import pytest
import torch

from dsvl2.kernels import onednn, ops, reference


@pytest.mark.parametrize("form", ["sparse", "dense"])
@pytest.mark.parametrize(
    ("tokens", "hidden", "width", "experts", "k"), [(1, 7, 5, 3, 1), (13, 24, 9, 5, 2), (40, 16, 33, 8, 8)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_expert_forms_agree(
    form: str, tokens: int, hidden: int, width: int, experts: int, k: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    x, gate_up, down = (
        torch.randn(tokens, hidden),
        torch.randn(experts, 2 * width, hidden),
        torch.randn(experts, hidden, width),
    )
    scores = torch.rand(tokens, experts)
    weight, idx = scores.topk(k, -1)
    want = reference.moe_experts_loop(x, idx, weight, gate_up, down)
    with ops.using(form):
        got = ops.moe_experts(*(part.to(dtype) for part in (x,)), idx, weight, gate_up.to(dtype), down.to(dtype))
    assert got.dtype == dtype
    error = (got.float() - want).norm() / want.norm()
    assert error < (1e-5 if dtype == torch.float32 else 2e-2)


def test_an_unknown_form_is_refused_and_a_block_restores() -> None:
    with pytest.raises(ValueError, match="sparse"):
        ops.use("magic")
    with ops.using("dense"):
        pass
    assert ops._moe_form == "sparse"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("gelu", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_packed_products_agree(dtype: torch.dtype, bias: bool, gelu: bool) -> None:
    torch.manual_seed(0)
    weight, shift = torch.randn(37, 21), torch.randn(37) if bias else None
    x = torch.randn(3, 5, 21)
    got = ops.pack_linear(weight, shift, dtype, gelu=gelu)(x)
    want = torch.nn.functional.linear(x, weight, shift)
    want = torch.nn.functional.gelu(want, approximate="tanh") if gelu else want
    assert got.dtype == dtype and got.shape == want.shape
    assert (got.float() - want).norm() / want.norm() < (1e-6 if dtype == torch.float32 else 1e-2)


@pytest.mark.parametrize("queries", [1, 33, 700])
@pytest.mark.parametrize("kind", ["free", "causal", "bool", "additive"])
def test_blocked_attention_agrees(queries: int, kind: str) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, queries, 16), torch.randn(2, 3, queries, 16), torch.randn(2, 3, queries, 8)
    seen = torch.rand(2, 1, queries, queries) < 0.7
    seen |= torch.eye(queries, dtype=torch.bool)
    mask = {"bool": seen, "additive": torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))}.get(kind)
    want = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=kind == "causal")
    got = onednn.attention(q, k, v, scale=16**-0.5, mask=mask, causal=kind == "causal")
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_decode_sees_its_own_tokens_and_nothing_of_its_neighbours() -> None:
    torch.manual_seed(0)
    groups, size, width = 2, 16, 8
    cache = torch.randn(2, 9, groups, size, width)  # keys and values, blocks, groups, tokens, width
    query = torch.randn(3, groups, 5, width)
    lengths, begun = [1, 20, 33], [[3], [4, 7], [5, 8, 1]]
    bias = torch.full((3, 64), float("-inf"))
    for row, length in enumerate(lengths):
        bias[row, :length] = 0

    def run(begun: list[list[int]]) -> torch.Tensor:
        sight = ops.Sight(torch.empty(0), torch.tensor(lengths), bias, ops.spans(begun, 9, cache.device))
        return ops.decode(query, cache, sight)

    got = run(begun)
    for row, (length, own) in enumerate(zip(lengths, begun, strict=True)):
        keys, values = cache[:, own].transpose(1, 2).flatten(2, 3)[:, :, :length]
        want = (query[row] @ keys.transpose(1, 2)).softmax(-1) @ values
        torch.testing.assert_close(got[row], want, rtol=1e-4, atol=1e-5)
    assert torch.equal(run([[3, 2, 2, 0], [4, 7, 6, 0], [5, 8, 1, 0]]), got)  # blocks begun beyond what is seen


def test_blocks_side_by_side_are_read_in_place() -> None:
    device = torch.device("cpu")
    found = ops.spans([[1, 9], [2], [], [4], [], [], [], []], 17, device)
    assert found == ((0, 2, (1, 9)), (3, 4, (4,)))
    ((_, _, (scattered,)),) = ops.spans([[2], [1], [3], [4]], 17, device)
    assert isinstance(scattered, torch.Tensor) and scattered.tolist() == [2, 1, 3, 4]
