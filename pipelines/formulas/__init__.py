"""Formulas: one way to write them, whether they can be typeset, how well they were read, and reading them from pictures."""

from dsvl2.pipelines.formulas.answers import FormulaResult, parse_formula
from dsvl2.pipelines.formulas.dress import dress
from dsvl2.pipelines.formulas.metric import edit_similarity, formula_match
from dsvl2.pipelines.formulas.normalise import Validity, check, compact, normalise
from dsvl2.pipelines.formulas.picture import FormulaPicture, canvas, look
from dsvl2.pipelines.formulas.reading import FormulaTask, read_formulas
from dsvl2.pipelines.formulas.regions import formula_boxes
from dsvl2.pipelines.formulas.task import SPEC, FormulaReport

__all__ = [
    "SPEC",
    "FormulaPicture",
    "FormulaReport",
    "FormulaResult",
    "FormulaTask",
    "Validity",
    "canvas",
    "check",
    "compact",
    "dress",
    "edit_similarity",
    "formula_boxes",
    "formula_match",
    "look",
    "normalise",
    "parse_formula",
    "read_formulas",
]
