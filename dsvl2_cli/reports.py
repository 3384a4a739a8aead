"""What became of each input, the closing line, and the exit code of a run over several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsvl2_cli.console import Problem
from dsvl2_cli.doubting import Doubts
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.progress import characters

if TYPE_CHECKING:
    from dsvl2.pipelines import Notice, PageResult

SCHEMA = "dsvl2/run/v1"


@dataclass(slots=True)
class Report:
    """One input. `status` is ok, partial (some pages failed), failed (no page read) or interrupted."""

    source: str
    outputs: list[str] = field(default_factory=list)
    pages: list[PageResult] = field(default_factory=list)
    problem: Problem | None = None
    interrupted: bool = False
    seconds: float = 0.0
    content: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def output(self) -> str | None:
        """The first of the files written."""
        return self.outputs[0] if self.outputs else None

    @property
    def failed_pages(self) -> list[PageResult]:
        return [page for page in self.pages if page.error is not None]

    @property
    def characters(self) -> int:
        return sum(characters(page) for page in self.pages)

    @property
    def status(self) -> str:
        if self.interrupted:
            return "interrupted"
        if self.problem is not None:
            return "failed"
        return "partial" if self.failed_pages else "ok"

    def settle(self) -> None:
        """A document without one page read has failed, for the reason of its first page."""
        if self.problem is None and self.pages and len(self.failed_pages) == len(self.pages):
            error = self.failed_pages[0].error
            assert error is not None
            many = f"none of {len(self.pages)} pages could be read; page {self.pages[0].number}: "
            self.problem = Problem(
                error.code, f"{self.source}: {many if len(self.pages) > 1 else ''}{error.message}", error.hint
            )

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "status": self.status,
            "output": self.output,
            "outputs": self.outputs,
            "pages": len(self.pages),
            "failed_pages": [page.number for page in self.failed_pages],
            "blank_pages": [page.number for page in self.pages if page.blank],
            "characters": self.characters,
            "seconds": round(self.seconds, 3),
            "notices": [{"code": notice.code, "message": notice.message} for notice in self.notices],
            "error": self.problem.as_dict() if self.problem else None,
            **self.content,
        }


def doubts_of(page: PageResult, least: float | None) -> tuple[str, ...]:
    """Return what speaks against a page's text; "below": it was read with less confidence than asked for."""
    from dsvl2.pipelines.doubts import doubts_of as own

    below = least is not None and page.confidence is not None and page.confidence < least
    return (*own(page), *(("below",) if below else ()))


def exit_code(reports: Sequence[Report], fail_on: str, least: float | None = None) -> Exit:
    """Return the exit code of a run.

    A run in which nothing could be read ends with the code of its error (of the first, if they differ); one in which
    some could ends with PARTIAL, as far as --fail-on counts it as a failure. `least` is --min-confidence.
    """
    if any(report.interrupted for report in reports):
        return Exit.INTERRUPTED
    if fail_on == "never":
        return Exit.OK
    failed = [report for report in reports if report.problem is not None]
    if failed and len(failed) == len(reports):
        assert failed[0].problem is not None
        return failed[0].problem.exit
    partial = any(report.failed_pages for report in reports)
    if failed or (partial and fail_on != "failure"):
        return Exit.PARTIAL
    if fail_on == "doubt" and any(doubts_of(page, least) for report in reports for page in report.pages):
        return Exit.LOW_CONFIDENCE
    return Exit.OK


def closing_line(reports: Sequence[Report], seconds: float, least: float | None = None) -> str:
    """Sum up a run in one line."""
    pages = sum(len(report.pages) for report in reports)
    bad_pages = sum(len(report.failed_pages) for report in reports)
    blank = sum(page.blank for report in reports for page in report.pages)
    failed = sum(report.problem is not None for report in reports)
    done = sum(report.status in ("ok", "partial") for report in reports)
    counted = [report for report in reports if not report.interrupted or len(reports) == 1]
    written = [path for report in counted for path in report.outputs]  # where a part of one lies has been told
    letters = sum(report.characters for report in reports)
    doubts = Doubts(least)
    for report in reports:
        for page in report.pages:
            doubts.add(report.source, page.number, doubts_of(page, least))
    parts = [f"{count(pages - bad_pages, 'page')} read ({count(letters, 'character')}, {seconds:.1f} s)"]
    if blank:
        parts.append(f"{blank} blank")
    if bad_pages:
        parts.append(f"{count(bad_pages, 'page')} failed")
    parts += doubts.phrases(sources=len(reports), pages=pages)
    if len(reports) > 1:
        parts.append(f"{done} of {len(reports)} documents done")
    elif failed:
        parts.append("the document failed")
    if written:
        few = len(written) <= max(1, len(reports[0].outputs)) if len(reports) == 1 else len(written) == 1
        parts.append(f"wrote {series(written)}" if few else f"wrote {len(written)} files")
    return "; ".join(parts)


def series(words: Sequence[str]) -> str:
    """Return words as a person lists them: a, b and c."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def some(words: Sequence[str], most: int) -> str:
    """Return the first words as a person lists them: a, b and 3 more."""
    left = len(words) - most
    return f"{', '.join(words[:most])} and {left} more" if left > 0 else series(words)


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def run_record(reports: Sequence[Report], code: Exit, seconds: float) -> dict[str, Any]:
    """The one object of --json."""
    return {
        "schema": SCHEMA,
        "exit_code": int(code),
        "seconds": round(seconds, 3),
        "documents": [report.as_dict() for report in reports],
    }
