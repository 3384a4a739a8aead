"""How good answers are: exact match, ANLS, relaxed accuracy of numbers. Strings in, figures out.

The edit distance is rapidfuzz's, of the `train` extra.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"[-−–]?\d[\d ,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Tally:
    """Figures over a set of questions, as shares of 1.

    `exact` and `anls` are over the questions that have an answer; `refused` is the share of those without one that were
    refused, `lost` that of those with one that were refused wrongly. `json` is the share of field lists whose answer
    parses, `fields` that of their fields (leaves) that are right.
    """

    asked: int
    exact: float
    anls: float
    missing: int
    refused: float
    lost: float
    lists: int
    json: float
    fields: float


def fold(text: str) -> str:
    """Fold what does not count in a comparison: case, white space, marks at the ends."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.strip(" .,:;-–—_'\"`")


def exact(answer: str, truths: Sequence[str]) -> bool:
    """Say whether an answer is one of the truths, after `fold` and without regard to blanks."""
    return fold(answer).replace(" ", "") in {fold(truth).replace(" ", "") for truth in truths}


def anls(answer: str, truths: Sequence[str], threshold: float = 0.5) -> float:
    """Average normalised Levenshtein similarity of one answer (Biten et al. 2019): 0 below the threshold."""
    from rapidfuzz.distance import Levenshtein

    best = max((Levenshtein.normalized_similarity(fold(answer), fold(truth)) for truth in truths), default=0.0)
    return best if best >= threshold else 0.0


def relaxed(answer: str, truth: str, tolerance: float = 0.05) -> bool:
    """Relaxed accuracy of ChartQA: numbers within 5 %, other answers equal."""
    one, other = number(answer), number(truth)
    if one is not None and other is not None:
        return abs(one - other) <= tolerance * abs(other) if other else one == other
    return exact(answer, [truth])


def number(text: str) -> float | None:
    """The number that a text is, with its unit or without; None if it is none."""
    match = _NUMBER.search(text)
    if match is None or sum(map(str.isalpha, text)) > 4:
        return None
    return float(re.sub(r"[ ,]", "", match[0]).replace("−", "-").replace("–", "-"))


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """The leaves of a JSON value by path, as folded text; null and empty ones are left out."""
    if isinstance(value, dict):
        return {key: leaf for name, part in value.items() for key, leaf in leaves(part, f"{path}.{name}").items()}
    if isinstance(value, list):
        return {key: leaf for place, part in enumerate(value) for key, leaf in leaves(part, f"{path}[{place}]").items()}
    if value is None or value == "":
        return {}
    return {path: f"{float(value):.6g}" if isinstance(value, int | float) else fold(str(value)).replace(" ", "")}


def fields_right(answer: str, truth: str) -> tuple[bool, int, int]:
    """Return (parses, right leaves, leaves of either side) of a filled field list."""
    expected = leaves(json.loads(truth))
    try:
        found = leaves(json.loads(answer))
    except ValueError:
        return False, 0, max(len(expected), 1)
    right = sum(found.get(path) == leaf for path, leaf in expected.items())
    return True, right, len(expected.keys() | found.keys())


def tally(prompts: Sequence[str], truths: Sequence[Sequence[str]], answers: Sequence[str]) -> Tally:
    """Sum up answers to prompts (`Q: ...` or `JSON: ...`); an empty truth is a question without an answer."""
    asked = [(t, a) for p, t, a in zip(prompts, truths, answers, strict=True) if p.startswith("Q:") and any(t)]
    without = [a for p, t, a in zip(prompts, truths, answers, strict=True) if p.startswith("Q:") and not any(t)]
    lists = [fields_right(a, t[0]) for p, t, a in zip(prompts, truths, answers, strict=True) if p.startswith("JSON:")]
    return Tally(
        len(asked),
        _mean([exact(a, t) for t, a in asked]),
        _mean([anls(a, t) for t, a in asked]),
        len(without),
        _mean([not a.strip() for a in without]),
        _mean([not a.strip() for _, a in asked]),
        len(lists),
        _mean([parses for parses, _, _ in lists]),
        sum(right for _, right, _ in lists) / max(1, sum(total for _, _, total in lists)),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
