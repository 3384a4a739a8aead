"""Fit a calibration to judged words, and measure calibrations: logistic regression, a monotone curve, and their error."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsvl2.pipelines.confidence.calibration import Calibration, line_evidence
from dsvl2.pipelines.training.calibration_pages import ReadWord

Floats = NDArray[np.float64]
BINS = 15
_RIDGE = 1e-3
_KNOTS = 14
_SURE = 0.9995  # nothing is surer than that: a fit on some ten thousand words cannot tell
_LEAST_OF_A_KIND = 50  # right lines, and wrong ones, for weights of their own
_STRIP_WORDS = 150.0  # a strip counts for this many words at most: one that is hopeless must not outweigh the others


def fit(words: Sequence[ReadWord], fingerprint: str) -> Calibration:
    """Return the calibration that makes these words' outcomes likeliest, every feature counting against a word."""
    x = np.array([word.features for word in words])
    y = np.array([word.right for word in words], dtype=np.float64)
    weight = _weights(words)
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    used = np.ones(x.shape[1], dtype=np.bool_)
    while True:
        beta = logistic((x[:, used] - mean[used]) / scale[used], y, weight)
        against = beta[1:] <= 0
        if against.all():
            break
        used[np.flatnonzero(used)[~against]] = False
    weights = np.zeros(x.shape[1])
    weights[used] = beta[1:] / scale[used]
    bias = float(beta[0] - (weights * mean).sum())
    score = bias + x @ weights
    plain = Calibration(fingerprint, bias, tuple(map(float, weights)), _curve(score, y, weight), 1.0)
    return replace(plain, line_power=_line_power(plain, words), lines=_lines(plain, words))


def _weights(words: Sequence[ReadWord]) -> Floats:
    """Weigh strips alike beyond a number of words."""
    count: dict[str, int] = defaultdict(int)
    for word in words:
        count[_strip_of(word)] += 1
    return np.array([min(1.0, _STRIP_WORDS / count[_strip_of(word)]) for word in words])


def _strip_of(word: ReadWord) -> str:
    return word.line.rsplit(":", 1)[0]


def logistic(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Return intercept and coefficients by Newton's method with a little ridge. x [N, F], y and weight [N]."""
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    beta = np.zeros(design.shape[1])
    ridge = _RIDGE * weight.sum() * np.eye(len(beta))
    ridge[0, 0] = 0.0
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (y - p)) - ridge @ beta
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design + ridge + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta


def _curve(score: Floats, y: Floats, weight: Floats) -> tuple[tuple[float, float], ...]:
    """Return knots of a rising curve from score to share of right words: quantile bins, pooled until they rise."""
    order = np.argsort(score, kind="stable")
    edges = np.linspace(0, 1, 3 * _KNOTS + 1)
    place = np.searchsorted(np.cumsum(weight[order]) / weight.sum(), edges[1:-1])
    pools = [(part, float(weight[part].sum())) for part in np.split(order, place) if len(part)]
    merged: list[list[float]] = []  # score, share, weight
    for part, total in pools:
        merged.append(
            [
                float(np.average(score[part], weights=weight[part])),
                float(np.average(y[part], weights=weight[part])),
                total,
            ]
        )
        while len(merged) > 1 and merged[-1][1] <= merged[-2][1]:
            a, b = merged[-2], merged[-1]
            both = a[2] + b[2]
            merged[-2:] = [[(a[0] * a[2] + b[0] * b[2]) / both, (a[1] * a[2] + b[1] * b[2]) / both, both]]
    return tuple((round(s, 4), round(min(max(share, 0.005), _SURE), 5)) for s, share, _ in merged)


def _line_power(calibration: Calibration, words: Sequence[ReadWord]) -> float:
    """Return the power of `Calibration.together` that makes the lines' outcomes likeliest."""
    lines = by_line(words)
    sure = [[math.log(max(calibration.word(word.features), 1e-6)) for word in line] for line in lines]
    least = np.array([min(line) for line in sure])
    others = np.array([sum(line) for line in sure]) - least
    right = np.array([all(w.right for w in line) for line in lines], dtype=np.float64)
    powers = np.linspace(0.0, 1.2, 61)
    losses = []
    for power in powers:
        p = np.clip(np.exp(least + power * others), 1e-6, 1 - 1e-6)
        losses.append(-float((right * np.log(p) + (1 - right) * np.log(1 - p)).mean()))
    return float(round(powers[int(np.argmin(losses))], 3))


def _lines(calibration: Calibration, words: Sequence[ReadWord]) -> tuple[float, ...]:
    """Return bias and weights of the lines' evidence (`Calibration.lines`), none of which speaks against a line; () where
    too few lines of several words are right or wrong."""
    lines = [line for line in by_line(words) if len(line) > 1]
    right = np.array([all(word.right for word in line) for line in lines], dtype=np.float64)
    if min(right.sum(), (1 - right).sum()) < _LEAST_OF_A_KIND:
        return ()
    x = np.array([line_evidence([calibration.word(word.features) for word in line]) for line in lines])
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    used = np.ones(x.shape[1], dtype=np.bool_)
    while True:
        beta = logistic((x[:, used] - mean[used]) / scale[used], right, np.ones(len(right)))
        if (beta[1:] >= 0).all():
            break
        used[np.flatnonzero(used)[beta[1:] < 0]] = False
    weights = np.zeros(x.shape[1])
    weights[used] = beta[1:] / scale[used]
    return (float(beta[0] - (weights * mean).sum()), *map(float, weights))


def by_line(words: Sequence[ReadWord]) -> list[list[ReadWord]]:
    """Group words by the line they are of."""
    lines: dict[str, list[ReadWord]] = defaultdict(list)
    for word in words:
        lines[word.line].append(word)
    return list(lines.values())


def calibration_error(sure: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float:
    """Return the expected calibration error over bins of equal width (Guo et al. 2017): mean |confidence - accuracy|."""
    p, y = np.array(sure), np.array(right, dtype=np.float64)
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    return _weighted_gap(p, y, [np.flatnonzero(place == k) for k in range(bins)])


def calibration_error_by_mass(sure: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float:
    """Return the same over bins that hold as many words each: strict where nearly all words are sure."""
    p, y = np.array(sure), np.array(right, dtype=np.float64)
    return _weighted_gap(p, y, np.array_split(np.argsort(p, kind="stable"), bins))


def _weighted_gap(p: Floats, y: Floats, groups: Sequence[NDArray[np.int64]]) -> float:
    gaps = [abs(float(p[g].mean() - y[g].mean())) * len(g) for g in groups if len(g)]
    return sum(gaps) / max(len(p), 1)


def area_under_curve(sure: Sequence[float], right: Sequence[bool]) -> float:
    """Return the probability that a right word is surer than a wrong one (ties count half); 0.5 if there are no two."""
    p, y = np.array(sure), np.array(right, dtype=np.bool_)
    if not y.any() or y.all():
        return 0.5
    order = np.argsort(p, kind="stable")
    rank = np.empty(len(p))
    rank[order] = np.arange(1, len(p) + 1)
    for value in np.unique(p):
        same = p == value
        rank[same] = rank[same].mean()
    wrong = int((~y).sum())
    return float((rank[y].sum() - y.sum() * (y.sum() + 1) / 2) / (y.sum() * wrong))


Judge = Callable[[ReadWord], float]


def figures(words: Sequence[ReadWord], judge: Judge, together: Callable[[Sequence[float]], float]) -> dict[str, float]:
    """Return words, accuracy, calibration errors of words (both kinds) and of lines, and the ranking quality."""
    sure, right = [judge(word) for word in words], [word.right for word in words]
    lines = by_line(words)
    whole = [together([judge(word) for word in line]) for line in lines]
    return {
        "words": len(words),
        "lines": len(lines),
        "accuracy": sum(right) / max(len(right), 1),
        "ece": calibration_error(sure, right),
        "ece_equal_mass": calibration_error_by_mass(sure, right),
        "ece_lines": calibration_error(whole, [all(word.right for word in line) for line in lines]),
        "auc": area_under_curve(sure, right),
    }
