"""Formulas in a batch: each page by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsvl2.pipelines.documents import OptionValue, PageImage
from dsvl2.pipelines.formulas.answers import FormulaResult
from dsvl2.pipelines.formulas.reading import FormulaTask
from dsvl2.pipelines.formulas.task import SPEC, FormulaReport
from dsvl2.pipelines.tasks.base import Engine
from dsvl2.pipelines.tasks.batching import BatchTask, Finished, PageReading, TaskOptions, ValueFormat, json_formats
from dsvl2.pipelines.tasks.plain import from_plain, to_plain

if TYPE_CHECKING:
    from dsvl2.pipelines.sources import SourceOptions

LOOKS = 3


class FormulaBatch(BatchTask):
    """Option: `looks`, as for `FormulaTask`. The text layer, which holds no formulas worth the name, is not looked at."""

    name = "formula"
    reading = "formula"
    reads_text = False

    def __init__(self, options: TaskOptions) -> None:
        super().__init__()
        self.looks = int(options.get("looks") or LOOKS)

    def source(self, options: SourceOptions) -> SourceOptions:
        """Return the options without the text layer."""
        return replace(options, text_layer="ignore")

    def facts(self) -> dict[str, OptionValue]:
        """Return the options that can change what is read."""
        return {"looks": self.looks}

    def read(self, pages: Sequence[PageImage], engine: Engine) -> list[PageReading]:
        """Read the pages together."""
        task = FormulaTask(looks=self.looks)
        results = task.read(pages, engine)
        found = {page.number: [one for one in task.results if one.page == page.number] for page in pages}
        return [PageReading(result, to_plain(found[result.number])) for result in results]

    def formats(self) -> tuple[ValueFormat, ...]:
        """One formula a line, or JSON as `dsvl2 schema formula` describes it."""
        lines, whole = json_formats(_records, single=True)
        return (ValueFormat("latex", (".tex",), _lines), whole, lines)


def _formulas(done: Finished) -> tuple[FormulaResult, ...]:
    return tuple(one for page in done.good for one in from_plain(tuple[FormulaResult, ...], page.value))


def _records(done: Finished) -> Sequence[Any]:
    return [SPEC.record(FormulaReport(done.document.source, _formulas(done)))]


def _lines(done: Finished) -> str:
    return "".join(f"{one.written}\n" for one in _formulas(done))
