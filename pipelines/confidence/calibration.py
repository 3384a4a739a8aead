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


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability that a word is right = curve(bias + weights . features).

    `curve` is (score, probability) knots, rising in both, straight between them and flat outside.
    `line_power`: a line, cell or field is right with the probability of its least sure word times the product of the
    others' raised to this power, which is below one as errors come in company.
    """

    fingerprint: str
    bias: float
    weights: tuple[float, ...]
    curve: tuple[tuple[float, float], ...]
    line_power: float
    facts: tuple[tuple[str, str | float | int], ...] = ()

    def word(self, features: Sequence[float]) -> float:
        """Return the probability that the word with these features is right."""
        return self.read_off(self.score(features))

    def score(self, features: Sequence[float]) -> float:
        """Return the score before the curve."""
        return self.bias + sum(w * x for w, x in zip(self.weights, features, strict=True))

    def read_off(self, score: float) -> float:
        """Return the curve's value at a score."""
        place = bisect_right(self.curve, score, key=lambda knot: knot[0])
        if place == 0:
            return self.curve[0][1]
        if place == len(self.curve):
            return self.curve[-1][1]
        (x0, y0), (x1, y1) = self.curve[place - 1], self.curve[place]
        return y0 + (y1 - y0) * (score - x0) / (x1 - x0)

    def together(self, words: Sequence[float]) -> float:
        """Return the probability that all words of a line, cell or field are right; 1 for none."""
        if not words:
            return 1.0
        least = min(words)
        return least * (math.prod(words) / least) ** self.line_power if least > 0 else 0.0

    def to_json(self) -> str:
        """Return the file's text."""
        record = {
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "features": list(FEATURES),
            **{name: value for name, value in asdict(self).items() if name not in ("fingerprint", "facts")},
            "facts": dict(self.facts),
        }
        return json.dumps(record, indent=1) + "\n"


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
    curve = tuple((float(x), float(y)) for x, y in record["curve"])
    weights = tuple(map(float, record["weights"]))
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(curve))
    if not curve or not rising or len(weights) != len(FEATURES) or not 0 <= curve[0][1] <= curve[-1][1] <= 1:
        raise ValueError("the curve must rise and every feature needs a weight")
    facts = tuple((str(name), value) for name, value in dict(record.get("facts", {})).items())
    return Calibration(
        str(record["fingerprint"]), float(record["bias"]), weights, curve, float(record["line_power"]), facts
    )
