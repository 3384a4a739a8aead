"""The registry's entry for formulas."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsvl2.pipelines.formulas.answers import FormulaResult, parse_formula
from dsvl2.pipelines.tasks.base import Prompts, TaskSpec


@dataclass(frozen=True, slots=True)
class FormulaReport:
    """The formulas of one document: displayed, and inside lines of text."""

    source: str = field(metadata={"help": "The document."})
    formulas: tuple[FormulaResult, ...] = field(metadata={"help": "In reading order; empty when there is none."})


SPEC = TaskSpec(
    name="formula",
    summary="Formulas as LaTeX, displayed and inside lines",
    prompts=Prompts(page="<image>\nConvert the formula in the image to LaTeX.", nano="<image>\nFormula."),
    parse=parse_formula,
    result=FormulaReport,
    batch="dsvl2.pipelines.formulas.batch:FormulaBatch",
)
