"""The only door to the kernels: the model calls these names and never learns what runs behind them.

`use("sparse" | "loop" | "dense")` picks the form of the expert op for what follows, or for a `with` block.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import onednn, packed, reference
from dsvl2.kernels.packing import PackedWeight

FEW = 16  # up to so many tokens every chosen expert runs on all of them


def _sparse(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    form = reference.moe_experts_rows if x.shape[0] <= FEW else reference.moe_experts_loop
    return form(x, idx, weight, gate_up, down)


MOE_FORMS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "sparse": _sparse,
    "loop": reference.moe_experts_loop,
    "dense": reference.moe_experts_dense,
}
_moe_form = "sparse"


def use(form: str) -> None:
    """Select the form of `moe_experts` for the whole process; raise ValueError for an unknown one."""
    global _moe_form
    if form not in MOE_FORMS:
        raise ValueError(f"unknown expert form {form!r}; known: {', '.join(MOE_FORMS)}")
    _moe_form = form


@contextmanager
def using(form: str) -> Iterator[None]:
    """Select the form of `moe_experts` inside a `with` block."""
    before = _moe_form
    use(form)
    try:
        yield
    finally:
        use(before)


def moe_experts(x: Tensor, idx: Tensor, weight: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Send every token through its experts and sum what they return (spec.md 6.3).

    x [N, H]; idx [N, k] int64; weight [N, k] float32; gate_up [E, 2I, H] (gate rows first); down [E, H, I].
    Returns [N, H] in the dtype of x; the sum over k is taken in fp32.
    """
    return MOE_FORMS[_moe_form](x, idx, weight, gate_up, down)


def packed_linear(x: Tensor, weight: PackedWeight, bias: Tensor | None = None) -> Tensor:
    """x [..., K] times a packed weight of N rows -> [..., N] in the dtype of x."""
    return packed.linear(x, weight, bias)


def packed_experts(x: Tensor, idx: Tensor, weight: Tensor, gate_up: PackedWeight, down: PackedWeight) -> Tensor:
    """`moe_experts` with packed stacks: gate_up of [E, 2, I, H] (gate before up), down of [E, H, I]."""
    return packed.experts(x, idx, weight, gate_up, down, few=FEW)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMS norm over the last axis with fp32 statistics; x [..., H], weight [H]."""
    return reference.rms_norm(x, weight, eps)


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """down(silu(gate x) * up x); x [..., H], gate and up [I, H], down [H, I]."""
    return reference.swiglu(x, gate, up, down)


def decode(query: Tensor, cache: Tensor, bias: Tensor, blocks: Sequence[int]) -> Tensor:
    """Attend from one new token per slot to what it has cached (for MLA the absorbed form, spec.md 6.2).

    query [S, G, a, w], scaled, a heads sharing each of G keys; cache [B, K, S, G, size, w] in B blocks, keys first and
    values last (K = 1: the same); bias [S, L] fp32, 0 or -inf; blocks: how many blocks each slot has begun, 0 when it idles
    (its result is then 0 or meaningless). Returns fp32 [S, G, a, w]. A slot's result does not depend on its neighbours.
    """
    return reference.decode(query, cache, bias, blocks)


def pack_linear(
    weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False
) -> Callable[[Tensor], Tensor]:
    """Prepare a weight [out, in] for many products: the result maps [..., in] to [..., out] in `dtype`.

    gelu: apply the tanh form of GELU to the result.
    """
    return onednn.linear(weight, bias, dtype, gelu=gelu)


def fast_bf16() -> bool:
    """Whether this CPU multiplies bf16 faster than fp32."""
    return onednn.fast_bf16()


def attention(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float | None = None, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """softmax(q k^T * scale) v for q [B, A, T, d], k [B, A', L, d], v [B, A', L, dv] -> [B, A, T, dv]; A a multiple of A'.

    mask [B or 1, 1, T, L], bool (True = seen) or additive; causal means lower triangular and T = L, without a mask.
    scale defaults to 1 / sqrt(d).
    """
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    shared = k.shape[1] != q.shape[1]
    if q.dtype == torch.bfloat16 and q.device.type == "cpu" and not shared and not torch.is_grad_enabled():
        return onednn.attention(q, k, v, scale=scale, mask=mask, causal=causal)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=shared)
