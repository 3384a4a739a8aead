"""The only door to the kernels: the model calls these names and never learns what runs behind them.

Inference on CUDA runs Triton kernels; a CPU, and anything that needs gradients, plain PyTorch and oneDNN. `backend("triton")`
asks for the kernels whatever the device (on a CPU: their interpreter), `backend("plain")` for none.
`use("sparse" | "loop" | "dense")` picks the form of the expert op for what follows, or for a `with` block.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from dsvl2.kernels import onednn, packed, reference, routing
from dsvl2.kernels.attending import attention as attention  # noqa: PLC0414
from dsvl2.kernels.attending import one_width as one_width  # noqa: PLC0414
from dsvl2.kernels.packing import PackedWeight
from dsvl2.kernels.reference import rotate_halves as rotate_halves  # noqa: PLC0414
from dsvl2.kernels.reference import rotate_pairs as rotate_pairs  # noqa: PLC0414
from dsvl2.kernels.reference import store_codes as store_codes  # noqa: PLC0414
from dsvl2.kernels.routing import RouteRule as RouteRule  # noqa: PLC0414
from dsvl2.kernels.sight import Sight as Sight  # noqa: PLC0414
from dsvl2.kernels.sight import spans as spans  # noqa: PLC0414

Pair = tuple[PackedWeight | Tensor, PackedWeight | Tensor]
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
_backend = "auto"


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Run "triton" kernels, "plain" PyTorch, or whichever suits a tensor ("auto") inside a `with` block.

    Raises RuntimeError when Triton is asked for and cannot run, ValueError for an unknown name.
    """
    global _backend
    if name not in ("auto", "plain", "triton"):
        raise ValueError(f"unknown backend {name!r}; known: auto, plain, triton")
    if name == "triton" and not _triton_runs():
        raise RuntimeError("Triton cannot run here: it needs its package, and a CUDA device or TRITON_INTERPRET=1")
    before, _backend = _backend, name
    try:
        yield
    finally:
        _backend = before


def native(x: Tensor) -> bool:
    """Whether ops on this tensor run Triton kernels: on CUDA, outside training and autocast, where Triton is installed."""
    if _backend != "auto":
        return _backend == "triton"
    if not x.is_cuda or torch.is_grad_enabled() or torch.is_autocast_enabled("cuda"):
        return False
    return _triton_runs()


@cache
def _triton_runs() -> bool:
    from dsvl2.kernels.triton_backend import launch

    if not launch.available():
        warnings.warn("Triton is not installed: running without kernels, slowly", RuntimeWarning, stacklevel=3)
        return False
    return True


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
    if _moe_form == "sparse" and x.dtype == gate_up.dtype and native(x):
        from dsvl2.kernels.triton_backend import experts

        return experts.experts(x, idx, weight, (gate_up, down))
    return MOE_FORMS[_moe_form](x, idx, weight, gate_up, down)


def packed_linear(x: Tensor, weight: PackedWeight, bias: Tensor | None = None) -> Tensor:
    """x [..., K] times a packed weight of N rows -> [..., N] in the dtype of x."""
    if native(x):
        from dsvl2.kernels.triton_backend import linear, operand

        if operand.fits(weight):
            return linear.linear(x, weight, bias)
    return packed.linear(x, weight, bias)


def packed_experts(x: Tensor, idx: Tensor, weight: Tensor, gate_up: PackedWeight, down: PackedWeight) -> Tensor:
    """`moe_experts` with packed stacks: gate_up of [E, 2, I, H] (gate before up), down of [E, H, I]."""
    if native(x):
        from dsvl2.kernels.triton_backend import experts, operand

        if operand.fits(gate_up) and operand.fits(down):
            return experts.experts(x, idx, weight, (gate_up, down))
    return packed.experts(x, idx, weight, gate_up, down, few=FEW)


def moe_layer(x: Tensor, idx: Tensor, weight: Tensor, routed: Pair, shared: Pair) -> Tensor:
    """Routed and shared experts at once: `moe_experts` or `packed_experts` plus a SwiGLU that every token goes through.

    routed and shared: gate over up, and down, each plain or packed; the shared ones as a stack of one expert.
    """
    if native(x) and all(kernels_read(part, x) for part in (*routed, *shared)):
        from dsvl2.kernels.triton_backend import experts

        return experts.experts(x, idx, weight, routed, shared)
    return _apply_experts(x, idx, weight, routed) + fused_swiglu(x, shared)


def fused_swiglu(x: Tensor, pair: Pair) -> Tensor:
    """down(silu(gate x) * up x) for x [..., H], the weights as in `moe_layer`."""
    flat = x.flatten(0, -2)
    if native(x) and all(kernels_read(part, x) for part in pair):
        from dsvl2.kernels.triton_backend import experts

        return experts.swiglu(flat, pair).view(x.shape)
    every = torch.zeros(len(flat), 1, dtype=torch.int64, device=x.device)
    return _apply_experts(flat, every, torch.ones(len(flat), 1, device=x.device), pair).view(x.shape)


def _apply_experts(x: Tensor, idx: Tensor, weight: Tensor, pair: Pair) -> Tensor:
    gate_up, down = pair
    if isinstance(gate_up, Tensor):
        assert isinstance(down, Tensor)  # a scheme holds all experts of a layer alike
        return moe_experts(x, idx, weight, gate_up, down)
    assert isinstance(down, PackedWeight)  # likewise
    return packed_experts(x, idx, weight, gate_up, down)


def kernels_read(weight: PackedWeight | Tensor, x: Tensor) -> bool:
    """Whether kernels multiply x by this weight."""
    from dsvl2.kernels.triton_backend import operand

    return weight.dtype == x.dtype if isinstance(weight, Tensor) else operand.fits(weight)


def router_logits(x: Tensor, weight: Tensor) -> Tensor:
    """x [N, H] times weight [E, H], both widened to fp32 -> fp32 [N, E]: near-ties flip in half precision."""
    if len(x) <= FEW and weight.dtype == torch.float32 and native(x):
        from dsvl2.kernels.triton_backend import router

        return router.logits(x, weight)
    return F.linear(x.float(), weight.float())


def route(logits: Tensor, bias: Tensor | None, rule: RouteRule) -> tuple[Tensor, Tensor, Tensor]:
    """Pick experts by fp32 logits [N, E]: idx int64 [N, k], weight fp32 [N, k], scores fp32 [N, E] (spec.md 6.3).

    bias [E] corrects what "noaux_tc" ranks by, and never a weight; None for the other methods.
    """
    if native(logits):
        from dsvl2.kernels.triton_backend import router

        return router.route(logits, bias, rule)
    return routing.route(logits, bias, rule)


def stream(x: Tensor) -> Tensor:
    """Where the residual stream begins: x in fp32 where kernels add to it, as its rounding is the largest of all errors."""
    return x.float() if native(x) else x


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMS norm over the last axis with fp32 statistics; x [..., H], weight [H]. In the dtype of the weight if x is fp32."""
    if native(x):
        from dsvl2.kernels.triton_backend import norm

        return norm.rms_norm(x, weight, eps)
    return reference.rms_norm(x, weight, eps)


def add_rms_norm(x: Tensor, delta: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """x + delta, and its RMS norm; both [..., H]."""
    if native(x):
        from dsvl2.kernels.triton_backend import norm

        return norm.add_rms_norm(x, delta, weight, eps)
    return reference.add_rms_norm(x, delta, weight, eps)


def store_latent(kv: Tensor, gain: Tensor, eps: float, cos: Tensor, sin: Tensor, flat: Tensor, rows: Tensor) -> None:
    """Norm the latent, rotate the rope key (pairs) and write both to the cache (spec.md 6.2).

    kv [S, r + dr]; gain [r]; cos and sin fp32 [S, dr/2]; flat [*, r + dr], row rows[s] of which takes slot s.
    """
    if native(kv):
        from dsvl2.kernels.triton_backend import rotary

        return rotary.store_latent(kv, gain, eps, cos, sin, flat, rows)
    return reference.store_latent(kv, gain, eps, cos, sin, flat, rows)


def latent_query(q: Tensor, to_key: Tensor, cos: Tensor, sin: Tensor, scale: float) -> Tensor:
    """The query of absorbed attention: q [S, A, dn + dr], to_key [A, dn, r] -> scaled [S, A, r + dr] (spec.md 6.2)."""
    if native(q):
        from dsvl2.kernels.triton_backend import rotary

        absorbed = torch.bmm(q[..., : to_key.shape[1]].transpose(0, 1), to_key)
        return rotary.latent_query(q, absorbed, cos, sin, scale)
    return reference.latent_query(q, to_key, cos, sin, scale)


def store_heads(
    q: Tensor, k: Tensor, v: Tensor, cos: Tensor, sin: Tensor, scale: float, flat: Tensor, rows: Tensor,
    scales: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Rotate q and k (halves), write k and v to the cache, return the scaled query (spec.md 6.1).

    q [R, A, d]; k and v [R, G, d]; cos and sin fp32 [R, d/2]; flat [*, d]; rows [R * 2 * G]: of each token the rows of its
    keys, then of its values; scales as in `store_codes` when flat holds codes. Returns [R, G, A/G, d].
    """
    if native(q):
        from dsvl2.kernels.triton_backend import rotary

        return rotary.store_heads(q, k, v, cos, sin, scale, flat, rows, scales)
    return reference.store_heads(q, k, v, cos, sin, scale, flat, rows, scales)


def decode(query: Tensor, cache: Tensor, sight: Sight, values: int = 0, scales: Tensor | None = None) -> Tensor:
    """Attend from one new token per row to what its sequence has cached (for MLA the absorbed form, spec.md 6.2).

    query [R, G, a, w], scaled, a heads sharing each of G keys; cache [K, P, G, size, w] in P blocks, keys first and values
    last (K = 1: the same); sight: what each row sees (one that idles has no meaningful result); values: of how many leading
    columns they consist, 0 for all; scales fp32 [K, P, G, size] belong to int8. Returns [R, G, a, values], fp32 from the plain
    form, else in the dtype of the query. A row's result depends on no other row, nor on where its blocks lie.
    """
    values = values or query.shape[-1]
    if native(query):
        from dsvl2.kernels.triton_backend import attend

        return attend.decode(query if scales is not None else query.to(cache.dtype), cache, sight, values, scales)
    return reference.decode(query, cache, sight, scales)[..., :values]


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
