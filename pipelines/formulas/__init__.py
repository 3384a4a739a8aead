"""Formulas: one way to write them, whether they can be typeset, how well they were read, and reading them from pictures."""

from dsvl2.pipelines.formulas.metric import formula_match, formula_similarity
from dsvl2.pipelines.formulas.normalise import Validity, check, compact, normalise

__all__ = ["Validity", "check", "compact", "formula_match", "formula_similarity", "normalise"]
