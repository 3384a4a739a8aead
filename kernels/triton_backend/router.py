"""The router: fp32 logits of a few tokens, and top-k of the scores by all three methods. spec.md 6.3.

Letters: N tokens, E experts, k experts a token, G groups.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.routing import RouteRule
from dsvl2.kernels.triton_backend.launch import chained, hold, interpreting, on, power, release
from dsvl2.kernels.triton_backend.tiles import product

TOKENS, BK = 16, 64  # of a program of `_planes`; columns a step
PROGRAMS, MOST = 132, 16  # that many of them, and planes at most
MANY, WIDE = (
    512,
    64,
)  # tokens from which throughput counts and no longer the latency of one, and those of a program then
LOWEST = tl.constexpr(-3.4e38)


@triton.jit
def _logits(x, weight, out, E, H, ROWS: tl.constexpr, STEP: tl.constexpr):
    token = tl.program_id(0).to(tl.int64)
    e = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    acc = tl.zeros((ROWS, STEP), tl.float32)
    for start in range(0, H, STEP):
        h = start + tl.arange(0, STEP)
        part = tl.load(x + token * H + h, mask=h < H, other=0.0).to(tl.float32)
        w = tl.load(weight + e[:, None] * H + h[None, :], mask=(e < E)[:, None] & (h < H)[None, :], other=0.0)
        acc += w * part[None, :]
    tl.store(out + token * E + e, tl.sum(acc, 1), mask=e < E)


@triton.jit
def _norm_logits(
    x, delta, gain, weight, total, normed, out, eps, E, H: tl.constexpr, HP: tl.constexpr, ROWS: tl.constexpr,
    CHAIN: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    e = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    h = tl.arange(0, HP)
    ok = h < H
    kind = normed.dtype.element_ty
    release(CHAIN)
    w = tl.load(weight + e[:, None] * H + h[None, :], mask=(e < E)[:, None] & ok[None, :], other=0.0)
    gains = tl.load(gain + h, mask=ok, other=0.0).to(tl.float32)
    hold(CHAIN)
    wide = tl.load(x + token * H + h, mask=ok, other=0.0).to(tl.float32)
    wide += tl.load(delta + token * H + h, mask=ok, other=0.0).to(tl.float32)
    kept = wide.to(total.dtype.element_ty)
    wide = kept.to(tl.float32)
    scale = 1 / tl.sqrt(tl.sum(wide * wide, 0) / H + eps)
    done = (gains * (wide * scale).to(kind).to(tl.float32)).to(kind)  # rounded as the norm by itself is
    tl.store(out + token * E + e, tl.sum(w * done.to(tl.float32)[None, :], 1), mask=e < E)
    if tl.program_id(1) == 0:
        tl.store(total + token * H + h, kept, mask=ok)
        tl.store(normed + token * H + h, done, mask=ok)


@triton.jit
def _choose(
    z, token, bias, idx, weight, scores, E, SCALE, SIGMOID: tl.constexpr, BIAS: tl.constexpr, GROUPS: tl.constexpr,
    KEPT: tl.constexpr, GROUPED: tl.constexpr, NORM: tl.constexpr, K: tl.constexpr, EP: tl.constexpr, GP: tl.constexpr,
    MANY: tl.constexpr,
):  # fmt: skip
    """Write the experts of a token with logits z [EP]: each counts who is ahead of it, as k maxima would wait for each other.

    Of MANY tokens, which do not wait, by k maxima: less work.
    """
    e = tl.arange(0, EP)
    ok = e < E
    if SIGMOID:
        score = 1 / (1 + tl.exp(-z))
    else:
        power_of = tl.exp(z - tl.max(z, 0))
        score = power_of / tl.sum(power_of, 0)
    tl.store(scores + token * E + e, score, mask=ok)
    pick = score
    if BIAS:
        pick += tl.load(bias + e, mask=ok, other=0.0).to(tl.float32)
    pick = tl.where(ok, pick, -float("inf"))
    if GROUPED:
        width = E // GROUPS
        g = tl.arange(0, GP)
        best = tl.full((GP,), -float("inf"), tl.float32)
        for group in tl.static_range(GROUPS):
            mine = tl.where(e // width == group, pick, -float("inf"))
            top = tl.max(mine, 0)
            if BIAS:
                top += tl.max(tl.where(e == tl.argmax(mine, 0), -float("inf"), mine), 0)
            best = tl.where(g == group, top, best)
        keep = e < 0
        for _ in tl.static_range(KEPT):
            chosen = tl.argmax(best, 0)
            keep = keep | (e // width == chosen)
            best = tl.where(g == chosen, -float("inf"), best)
        # the others become 0, not -inf: with negative corrected scores they may still be picked, as in the release
        pick = tl.where(ok, tl.where(keep, pick, 0.0), -float("inf"))
    pick = tl.where(pick == pick, pick, LOWEST)  # what is no number must still have one place among the others
    if MANY:
        rank = tl.full((EP,), K, tl.int32)
        for place in tl.static_range(K):
            hit = e == tl.argmax(pick, 0)  # the first of equals
            rank = tl.where(hit, place, rank)
            pick = tl.where(hit, -float("inf"), pick)
    else:
        # those it is compared with go down a column, which one thread counts: across threads each count would cost a reduction
        ahead = (pick[:, None] > pick[None, :]) | ((pick[:, None] == pick[None, :]) & (e[:, None] < e[None, :]))
        rank = tl.sum(ahead.to(tl.int32), 0)
    taken = rank < K
    if NORM:
        score = score / (tl.sum(tl.where(taken, score, 0.0), 0) + 1e-20)
    tl.store(idx + token * K + rank, e.to(tl.int64), mask=taken)
    tl.store(weight + token * K + rank, score * SCALE, mask=taken)


@triton.jit(do_not_specialize=["N"])
def _planes(
    x, weight, out, N, E, H: tl.constexpr, EACH: tl.constexpr, BM: tl.constexpr, EP: tl.constexpr, BK: tl.constexpr,
    HALF: tl.constexpr, EXACT: tl.constexpr, CHAIN: tl.constexpr,
):  # fmt: skip
    """Logits of BM tokens, of EACH of the columns: plane program_id(1). Three products in tf32 are as good as one in fp32.

    HALF: x is bf16, and three products in bf16 are, as its three parts are all of a weight.
    """
    release(CHAIN)
    hold(CHAIN)
    token, e = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, EP)
    first = tl.program_id(1) * EACH
    acc = tl.zeros((BM, EP), tl.float32)
    for start in range(0, EACH, BK):
        h = first + start + tl.arange(0, BK)
        ok = (h < H) & (start + tl.arange(0, BK) < EACH)
        part = tl.load(
            x + token.to(tl.int64)[:, None] * H + h[None, :], mask=(token < N)[:, None] & ok[None, :], other=0.0
        )
        w = tl.load(weight + e[:, None] * H + h[None, :], mask=(e < E)[:, None] & ok[None, :], other=0.0)
        if HALF:
            high = w.to(tl.bfloat16)
            rest = w - high.to(tl.float32)
            middle = rest.to(tl.bfloat16)
            low = (rest - middle.to(tl.float32)).to(tl.bfloat16)
            acc = product(part, tl.trans(low), acc, EXACT)
            acc = product(part, tl.trans(middle), acc, EXACT)
            acc = product(part, tl.trans(high), acc, EXACT)
        else:
            acc = tl.dot(part.to(tl.float32), tl.trans(w), acc, input_precision="tf32x3")
    place = (tl.program_id(1) * N + token).to(tl.int64)[:, None] * E + e[None, :]
    tl.store(out + place, acc, mask=(token < N)[:, None] & (e < E)[None, :])


@triton.jit
def _route(
    logits, bias, idx, weight, scores, E, SCALE, PLANES: tl.constexpr, CHAIN: tl.constexpr, SIGMOID: tl.constexpr,
    BIAS: tl.constexpr, GROUPS: tl.constexpr, KEPT: tl.constexpr, GROUPED: tl.constexpr, NORM: tl.constexpr,
    K: tl.constexpr, EP: tl.constexpr, GP: tl.constexpr, MANY: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    e = tl.arange(0, EP)
    release(CHAIN)
    hold(CHAIN)
    z = tl.load(logits + token * E + e, mask=e < E, other=-float("inf"))
    for plane in tl.static_range(1, PLANES):
        z += tl.load(logits + (plane * tl.num_programs(0) + token) * E + e, mask=e < E, other=0.0)
    _choose(z, token, bias, idx, weight, scores, E, SCALE, SIGMOID, BIAS, GROUPS, KEPT, GROUPED, NORM, K, EP, GP, MANY)


def logits(x: Tensor, weight: Tensor) -> Tensor:
    """See `ops.router_logits`; for a few tokens."""
    (count, hidden), experts = x.shape, weight.shape[0]
    out = torch.empty(count, experts, device=x.device)
    if count:
        with on(x):
            _logits[(count, triton.cdiv(experts, 4))](
                x.contiguous(), weight.contiguous(), out, experts, hidden, ROWS=4, STEP=512, num_warps=4, num_stages=3
            )
    return out


def norm_logits(x: Tensor, delta: Tensor, gain: Tensor, eps: float, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x + delta, its norm, and the logits of that: see `joined.norm_route`; for a few tokens. x may be wider than the others."""
    (count, hidden), experts = x.shape, weight.shape[0]
    total, normed = torch.empty_like(x), torch.empty_like(delta)
    out = torch.empty(count, experts, device=x.device)
    if count:
        with on(x):
            _norm_logits[(count, triton.cdiv(experts, 4))](
                x, delta, gain, weight, total, normed, out, eps, experts,
                H=hidden, HP=power(hidden), ROWS=4, num_warps=4, **chained(x),
            )  # fmt: skip
    return total, normed, out


class _Choice(NamedTuple):
    """What `_choose` writes."""

    idx: Tensor
    weight: Tensor
    scores: Tensor

    @classmethod
    def of(cls, count: int, experts: int, rule: RouteRule, like: Tensor) -> "_Choice":
        idx = torch.empty(count, rule.chosen, dtype=torch.int64, device=like.device)
        return cls(idx, torch.empty(idx.shape, device=like.device), torch.empty(count, experts, device=like.device))


def _options(rule: RouteRule, bias: Tensor | None, experts: int) -> dict[str, int | bool]:
    return {
        "SIGMOID": rule.scoring == "sigmoid", "BIAS": bias is not None, "GROUPS": rule.groups, "KEPT": rule.kept,
        "GROUPED": rule.method != "greedy" and rule.groups > 1, "NORM": rule.normalized and rule.chosen > 1,
        "K": rule.chosen, "EP": power(experts, 16), "GP": power(rule.groups),
    }  # fmt: skip


def route(logits: Tensor, bias: Tensor | None, rule: RouteRule) -> tuple[Tensor, Tensor, Tensor]:
    """See `ops.route`; logits fp32 [N, E], or [P, N, E] to be added up."""
    count, experts = logits.shape[-2:]
    made = _Choice.of(count, experts, rule, logits)
    if count:
        with on(logits):
            _route[(count,)](
                logits.contiguous(), logits if bias is None else bias, *made, experts, rule.scale,
                PLANES=1 if logits.dim() == 2 else len(logits), MANY=count >= MANY, num_warps=1,  # more wait for each other
                **_options(rule, bias, experts), **chained(logits),
            )  # fmt: skip
    return tuple(made)  # type: ignore[return-value]


def planes(x: Tensor, weight: Tensor) -> Tensor:
    """Logits of many tokens, for `route` to add up: x [N, H], weight fp32 [E, H] -> fp32 [P, N, E]."""
    (count, hidden), experts = x.shape, weight.shape[0]
    tokens = WIDE if count >= MANY else TOKENS
    blocks = triton.cdiv(count, tokens)
    programs = 2 * PROGRAMS if tokens == WIDE else PROGRAMS
    each = max(BK, triton.cdiv(triton.cdiv(hidden, max(1, min(MOST, programs // max(blocks, 1)))), BK) * BK)
    out = torch.empty(triton.cdiv(hidden, each), count, experts, device=x.device)
    if count:
        with on(x):
            _planes[(blocks, len(out))](
                x.contiguous(), weight.contiguous(), out, count, experts, H=hidden, EACH=each, BM=tokens,
                EP=power(experts, 16), BK=BK, HALF=tokens == WIDE and x.dtype == torch.bfloat16, EXACT=interpreting(),
                num_warps=4, num_stages=3, **chained(x),
            )  # fmt: skip
    return out
