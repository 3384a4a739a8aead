"""From evidence to probability: a logistic score made honest by a monotone curve, kept as JSON beside the weights.

The file names the weights that it was fitted for by their fingerprint; for other weights it is not used, and
confidences then are raw token probabilities, marked as not calibrated.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from dsvl2.pipelines.confidence.evidence import FEATURES

FILE_NAME = "confidence.json"
VERSION = 1
ANSWER_KINDS = ("answer", "absent", "field", "null")
"""An answer in words, its absence from the page, the value of a field, and that a field has none."""
_RAREST = 5e-4
Curve = tuple[tuple[float, float], ...]
"""(score, probability) knots, rising in both, straight between them and flat outside."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability that a word is right = curve(bias + weights . features).

    `line_power`: a line, cell or field is right with the probability of its least sure word times the product of the
    others' raised to this power, which is below one as errors come in company. `lines` goes before it where it is known:
    bias and weights of a logistic of what `line_evidence` gives; a line is never surer than its least sure word.
    `answers` has a curve for each of ANSWER_KINDS that was fitted: from what the model's probabilities make of an answer.
    `refuse`: a question is declined where the model gave the empty answer more than this probability, and only there;
    None: where that was its likeliest answer.
    """

    fingerprint: str
    bias: float
    weights: tuple[float, ...]
    curve: Curve
    line_power: float
    facts: tuple[tuple[str, str | float | int], ...] = ()
    answers: tuple[tuple[str, Curve], ...] = ()
    refuse: float | None = None
    lines: tuple[float, ...] = ()

    def word(self, features: Sequence[float]) -> float:
        """Return the probability that the word with these features is right."""
        return self.read_off(self.score(features))

    def score(self, features: Sequence[float]) -> float:
        """Return the score before the curve."""
        return self.bias + sum(w * x for w, x in zip(self.weights, features, strict=True))

    def read_off(self, score: float) -> float:
        """Return the curve's value at a score."""
        return along(self.curve, score)

    def answer(self, kind: str, raw: float) -> float:
        """Return the probability that an answer of one of ANSWER_KINDS is right; `raw` where none was fitted."""
        curve = dict(self.answers).get(kind)
        return raw if curve is None else along(curve, raw)

    def together(self, words: Sequence[float]) -> float:
        """Return the probability that all words of a line, cell or field are right; 1 for none."""
        if not words:
            return 1.0
        least = min(words)
        if self.lines and len(words) > 1:
            bias, *weights = self.lines
            score = bias + sum(w * x for w, x in zip(weights, line_evidence(words), strict=True))
            return min(least, 1 / (1 + math.exp(-max(min(score, 30.0), -30.0))))
        return least * (math.prod(words) / least) ** self.line_power if least > 0 else 0.0

    def to_json(self) -> str:
        """Return the file's text."""
        record = {
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "features": list(FEATURES),
            **{name: value for name, value in asdict(self).items() if name not in ("fingerprint", "facts", "answers")},
            "answers": dict(self.answers),
            "facts": dict(self.facts),
        }
        return json.dumps(record, indent=1) + "\n"


def line_evidence(words: Sequence[float]) -> tuple[float, float, float]:
    """Return what speaks for a line whose words are right with these probabilities: log-odds of the least sure word, the
    sum of the others' logarithms, and minus the logarithm of their number."""
    least, *others = sorted(min(max(word, _RAREST), 1 - _RAREST) for word in words)
    return math.log(least / (1 - least)), sum(map(math.log, others)), -math.log(len(words))


def along(curve: Curve, x: float) -> float:
    """Return the curve's value at a place."""
    place = bisect_right(curve, x, key=lambda knot: knot[0])
    if place == 0:
        return curve[0][1]
    if place == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[place - 1], curve[place]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def load_calibration(folder: str | Path, fingerprint: str) -> Calibration | None:
    """Return the calibration beside a checkpoint; None if there is none for these weights, this version or at all."""
    if not str(folder):
        return None
    try:
        record = json.loads((Path(folder) / FILE_NAME).read_text(encoding="utf-8"))
        return parse(record) if record["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def parse(record: Any) -> Calibration | None:
    """Read a parsed file; None if another version of this program wrote it.

    Raises:
        KeyError, TypeError, ValueError: it is damaged.
    """
    if record["version"] != VERSION or tuple(record["features"]) != FEATURES:
        return None
    curve = _curve(record["curve"])
    weights = tuple(map(float, record["weights"]))
    if len(weights) != len(FEATURES):
        raise ValueError("every feature needs a weight")
    answers = tuple((str(kind), _curve(knots)) for kind, knots in dict(record.get("answers", {})).items())
    facts = tuple((str(name), value) for name, value in dict(record.get("facts", {})).items())
    line_power, bias = float(record["line_power"]), float(record["bias"])
    refuse = None if record.get("refuse") is None else float(record["refuse"])
    if refuse is not None and not 0 < refuse <= 1:
        raise ValueError("refuse is a probability")
    lines = tuple(map(float, record.get("lines", ())))
    if lines and (len(lines) != 4 or min(lines[1:]) < 0):
        raise ValueError("a line's evidence needs a bias and three weights that speak for it")
    return Calibration(str(record["fingerprint"]), bias, weights, curve, line_power, facts, answers, refuse, lines)


def _curve(knots: Any) -> Curve:
    curve = tuple((float(x), float(y)) for x, y in knots)
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(curve))
    if not curve or not rising or not 0 <= curve[0][1] <= curve[-1][1] <= 1:
        raise ValueError("a curve must rise")
    return curve
