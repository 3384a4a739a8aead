"""The registry's entry for formulas."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsvl2.pipelines.formulas.answers import FormulaResult, parse_formula
from dsvl2.pipelines.tasks.base import Prompts, TaskSpec


@dataclass(frozen=True, slots=True)
class FormulaReport:
    """The displayed formulas of one document."""

    source: str = field(metadata={"help": "The document."})
    formulas: tuple[FormulaResult, ...] = field(metadata={"help": "In reading order; empty when there is none."})


SPEC = TaskSpec(
    name="formula",
    summary="Displayed formulas as LaTeX",
    prompts=Prompts(page="<image>\nConvert the formula in the image to LaTeX.", nano="<image>\nFormula."),
    parse=parse_formula,
    result=FormulaReport,
    batch="dsvl2.pipelines.formulas.batch:FormulaBatch",
)
