"""Behind `dsvl2 formula`: documents opened, formulas read page by page, LaTeX or JSON written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.session import Leave
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsvl2.pipelines import InputFile
    from dsvl2.pipelines.formulas import FormulaReport
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

SHOWS: dict[str, bool | None] = {"auto": None, "picture": True, "page": False}


@dataclass(frozen=True, slots=True)
class Named:
    """The documents as the command line names them."""

    files: tuple[str, ...]
    files_from: str | None = None


def read_all(
    named: Named,
    common: Common,
    now: Session,
    *,
    shows: str,
    looks: int,
    strict: bool,
    output: str | None,
    force: bool,
) -> None:
    """Read the formulas of all documents and write them."""
    if shows not in SHOWS:
        raise UsageError(f"--shows {shows} is not known", f"choose one of: {', '.join(SHOWS)}")
    if not named.files and named.files_from is None:
        raise UsageError("no document was named", "dsvl2 formula equation.png")
    with Work(common, now) as work:
        work.check_output(output, force)
        reports = [
            report_of(work, document, SHOWS[shows], looks) for document in work.documents(named.files, named.files_from)
        ]
        work.stop_progress()
        text = "".join(json_line(report) if now.json else readable(report, len(reports) > 1) for report in reports)
        work.deliver(text, output, force)
        faulty = tell(reports, work, named=SHOWS[shows] is True)
        if strict and faulty and not work.exit:
            raise Leave(Exit.LOW_CONFIDENCE)
        work.leave()


def report_of(work: Work, document: InputFile, whole: bool | None, looks: int) -> FormulaReport:
    """Read one document; its text layer, which holds no formulas worth the name, is not looked at."""
    from dsvl2.pipelines.formulas import FormulaReport, FormulaTask

    task = FormulaTask(whole=whole, looks=looks)
    with work.open(document, text_layer="ignore") as source:
        work.read(source, task)
        return FormulaReport(source.name, tuple(task.results))


def json_line(report: FormulaReport) -> str:
    """One document's formulas as one line of JSON."""
    from dsvl2.pipelines.formulas import SPEC

    return json.dumps(SPEC.record(report), ensure_ascii=False) + "\n"


def readable(report: FormulaReport, named: bool) -> str:
    """One formula a line, those inside lines of text as `\\(...\\)`; with several documents a comment names each."""
    lines = [f"% {report.source}"] if named else []
    return "".join(f"{line}\n" for line in (*lines, *(result.written for result in report.formulas)))


def tell(reports: Sequence[FormulaReport], work: Work, *, named: bool) -> int:
    """Say what was not found (`named`: where there was to be one) or cannot be typeset; return how many formulas that are."""
    faulty = 0
    for report in reports:
        if not report.formulas and not work.failed:
            hint = "" if named else "; --shows picture takes a picture as one whatever it looks like"
            work.now.console.say(f"{report.source}: no formula found{hint}")
        for place, result in enumerate(report.formulas, 1):
            if not result.valid:
                faulty += 1
                problems = "; ".join(result.problems)
                work.now.console.warn(
                    f"{report.source} page {result.page}: formula {place} cannot be typeset: {problems}"
                )
    return faulty
