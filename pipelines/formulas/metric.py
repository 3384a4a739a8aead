"""How well a formula was read."""

from __future__ import annotations

from dsvl2.pipelines.distance import edit_distance
from dsvl2.pipelines.formulas.normalise import normalise
from dsvl2.pipelines.formulas.tokens import tokenize


def formula_match(predicted: str, truth: str) -> bool:
    """Whether both are the same formula after normalisation ("exact match" of image-to-LaTeX papers)."""
    return normalise(predicted) == normalise(truth)


def edit_similarity(predicted: str, truth: str) -> float:
    """1 - edit distance over tokens of the canonical forms / the longer one's length: 1.0 the same, 0.0 nothing alike."""
    first, second = (
        [token.text for token in tokenize(normalise(text)) if token.text != " "] for text in (predicted, truth)
    )
    longest = max(len(first), len(second))
    return 1.0 if not longest else 1 - edit_distance(first, second) / longest
