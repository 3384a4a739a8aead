"""The router: fp32 logits of a few tokens, and top-k of the scores by all three methods. spec.md 6.3.

Letters: N tokens, E experts, k experts a token, G groups.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.routing import RouteRule
from dsvl2.kernels.triton_backend.launch import chained, hold, on, power, release


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
    kind = x.dtype.element_ty
    release(CHAIN)
    w = tl.load(weight + e[:, None] * H + h[None, :], mask=(e < E)[:, None] & ok[None, :], other=0.0)
    gains = tl.load(gain + h, mask=ok, other=0.0).to(tl.float32)
    hold(CHAIN)
    wide = tl.load(x + token * H + h, mask=ok, other=0.0).to(tl.float32)
    wide += tl.load(delta + token * H + h, mask=ok, other=0.0).to(tl.float32)
    kept = wide.to(kind)
    wide = kept.to(tl.float32)
    scale = 1 / tl.sqrt(tl.sum(wide * wide, 0) / H + eps)
    done = (gains * (wide * scale).to(kind).to(tl.float32)).to(kind)  # rounded as the norm by itself is
    tl.store(out + token * E + e, tl.sum(w * done.to(tl.float32)[None, :], 1), mask=e < E)
    if tl.program_id(1) == 0:
        tl.store(total + token * H + h, kept, mask=ok)
        tl.store(normed + token * H + h, done, mask=ok)


@triton.jit
def _route(
    logits, bias, idx, weight, scores, E, SCALE, CHAIN: tl.constexpr,
    SIGMOID: tl.constexpr, BIAS: tl.constexpr, GROUPS: tl.constexpr, KEPT: tl.constexpr, GROUPED: tl.constexpr,
    NORM: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, EP: tl.constexpr, GP: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    e = tl.arange(0, EP)
    ok = e < E
    release(CHAIN)
    hold(CHAIN)
    z = tl.load(logits + token * E + e, mask=ok, other=-float("inf"))
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
    j = tl.arange(0, KP)
    picked = tl.zeros((KP,), tl.int32)
    share = tl.zeros((KP,), tl.float32)
    for choice in tl.static_range(K):
        chosen = tl.argmax(pick, 0)
        value = tl.sum(tl.where(e == chosen, score, 0.0), 0)
        picked = tl.where(j == choice, chosen, picked)
        share = tl.where(j == choice, value, share)
        pick = tl.where(e == chosen, -float("inf"), pick)
    if NORM:
        share = share / (tl.sum(share, 0) + 1e-20)
    tl.store(idx + token * K + j, picked.to(tl.int64), mask=j < K)
    tl.store(weight + token * K + j, share * SCALE, mask=j < K)


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
    """See `ops.norm_logits`; for a few tokens."""
    (count, hidden), experts = x.shape, weight.shape[0]
    total, normed = torch.empty_like(x), torch.empty_like(x)
    out = torch.empty(count, experts, device=x.device)
    if count:
        with on(x):
            _norm_logits[(count, triton.cdiv(experts, 4))](
                x, delta, gain, weight, total, normed, out, eps, experts,
                H=hidden, HP=power(hidden), ROWS=4, num_warps=4, **chained(x),
            )  # fmt: skip
    return total, normed, out


def route(logits: Tensor, bias: Tensor | None, rule: RouteRule) -> tuple[Tensor, Tensor, Tensor]:
    """See `ops.route`; logits fp32 [N, E]."""
    count, experts = logits.shape
    idx = torch.empty(count, rule.chosen, dtype=torch.int64, device=logits.device)
    weight = torch.empty(count, rule.chosen, device=logits.device)
    scores = torch.empty(count, experts, device=logits.device)
    if count:
        with on(logits):
            _route[(count,)](
                logits.contiguous(), logits if bias is None else bias, idx, weight, scores, experts, rule.scale,
                SIGMOID=rule.scoring == "sigmoid", BIAS=bias is not None, GROUPS=rule.groups, KEPT=rule.kept,
                GROUPED=rule.method != "greedy" and rule.groups > 1, NORM=rule.normalized and rule.chosen > 1,
                K=rule.chosen, KP=power(rule.chosen), EP=power(experts, 16), GP=power(rule.groups), num_warps=1,
                **chained(logits),
            )  # fmt: skip
    return idx, weight, scores
