"""How a router picks experts, as data, and in plain torch. spec.md 6.3.

Letters: N tokens, E experts, k experts a token, G groups.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class RouteRule:
    """chosen: k. scoring "softmax" or "sigmoid". method "greedy", "group_limited_greedy" or "noaux_tc" (with a bias).

    groups, kept: experts are in so many groups, of which the best so many are looked at. normalized: the k weights are
    divided by their sum; then all are multiplied by scale.
    """

    chosen: int
    scoring: str = "softmax"
    method: str = "greedy"
    groups: int = 1
    kept: int = 1
    normalized: bool = False
    scale: float = 1.0


def route(logits: Tensor, bias: Tensor | None, rule: RouteRule) -> tuple[Tensor, Tensor, Tensor]:
    """See `ops.route`."""
    scores = logits.softmax(-1) if rule.scoring == "softmax" else logits.sigmoid()
    idx = _preference(scores, bias, rule).topk(rule.chosen, dim=-1).indices
    weight = scores.gather(1, idx)
    if rule.normalized and rule.chosen > 1:
        weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
    return idx, weight * rule.scale, scores


def _preference(scores: Tensor, bias: Tensor | None, rule: RouteRule) -> Tensor:
    """What top-k ranks by: the score itself, within the best groups, or with the correction bias added."""
    if rule.method == "greedy":
        return scores
    pick = scores if bias is None else scores + bias.float()
    grouped = pick.unflatten(-1, (rule.groups, -1))  # [N, G, E/G]
    group_score = grouped.amax(-1) if bias is None else grouped.topk(2, dim=-1).values.sum(-1)
    best = group_score.topk(rule.kept, dim=-1).indices
    keep = torch.zeros_like(group_score, dtype=torch.bool).scatter(1, best, True)
    # the others become 0, not -inf: with negative corrected scores they may still be picked, as in the release
    return grouped.masked_fill(~keep[..., None], 0.0).flatten(1)
