"""Behind `dsvl2 extract`: schema and rules checked before anything is read, one result for each document, one output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.askable import Drawing, known_text
from dsvl2_cli.console import Problem
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.reports import count
from dsvl2_cli.session import Leave
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile, PageResult, Source
    from dsvl2.pipelines.extract import Asker, Extraction, Form, View
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

FORMATS = ("json", "jsonl", "csv", "xlsx")
MANY = 20  # pages from which on it is said how many there are: they take minutes
NAMED = 5
_BY_SUFFIX = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".xlsx": "xlsx"}
_LOUD = frozenset(
    {
        "conflict",
        "token_limit",
        "repetition",
        "rule_failed",
        "rule_open",
        "unsupported",
        "not_merged",
        "bad_answer",
        "empty",
        "two_dates",
        "unsure_demanded",
    }
)
_UNSURE = frozenset({"unsure", "unsure_item"})
_EXAMPLE = 'for example: -s "invoice_no, date: date, total: number, items[]: {text, amount: number}"'


@dataclass(frozen=True, slots=True)
class ExtractPlan:
    """What was asked for on the command line."""

    files: tuple[str, ...]
    schema: str | None
    rules: tuple[str, ...]
    fail_on_rule: bool
    min_confidence: float | None
    max_tokens: int | None
    tiles: int | None
    evidence: bool
    output: str | None
    format: str | None
    data_only: bool
    force: bool
    files_from: str | None = None


def extract_all(plan: ExtractPlan, common: Common, now: Session) -> None:
    """Extract from every document and write one output, whole or not at all.

    Raises:
        UsageError, SchemaError, RuleError, OutputError: before anything is read. Leave: with the exit code.
    """
    from dsvl2.pipelines.extract import read_schema, rules_of

    if plan.schema is None:
        raise UsageError("no schema was given", _EXAMPLE)
    form = read_schema(plan.schema)
    rules_of(form, plan.rules)
    with Work(common, now) as work:
        documents = work.documents(plan.files, plan.files_from)
        format = choose_format(plan, len(documents), form)
        if format == "xlsx" and plan.output in (None, "-") and now.results.isatty():
            raise UsageError("a workbook is not written to a terminal", "name a file: -o fields.xlsx")
        work.check_output(plan.output, plan.force)
        extractor = Extractor(work, plan, form)
        results, problems = extractor.all(documents)
        if results:
            work.deliver(rendered(results, form, format, data_only=plan.data_only), plan.output, plan.force)
        for extraction in results:
            tell(extraction, now, extractor.least, named=len(documents) > 1)
        leave(work, plan, results, problems)


def choose_format(plan: ExtractPlan, documents: int, form: Form) -> str:
    """-f wins, then the suffix of -o, then JSON for one document and JSON lines for more.

    Raises:
        UsageError: an unknown format, or one that cannot hold so many documents. SchemaError: CSV of a nested schema.
    """
    from dsvl2.pipelines.extract import columns_of

    chosen = plan.format and plan.format.lower().lstrip(".")
    chosen = "jsonl" if chosen == "ndjson" else chosen
    if chosen is None and plan.output not in (None, "-"):
        suffix = Path(str(plan.output)).suffix.lower()
        chosen = _BY_SUFFIX.get(suffix)
        if chosen is None:
            raise UsageError(f"the suffix {suffix!r} stands for no format", f"name one with -f: {', '.join(FORMATS)}")
    chosen = chosen or ("json" if documents == 1 else "jsonl")
    if chosen not in FORMATS:
        raise UsageError(f"unknown format {plan.format!r}", f"choose {', '.join(FORMATS)}")
    if chosen == "json" and documents > 1:
        raise UsageError(
            f"{documents} documents do not make one JSON object", "use jsonl (a line for each), csv or xlsx"
        )
    if chosen in ("csv", "xlsx"):
        columns_of(form)
    return chosen


def rendered(results: list[Extraction], form: Form, format: str, *, data_only: bool) -> str | bytes:
    """All results in one format."""
    from dsvl2.pipelines.extract import csv_text, json_text, xlsx_data

    if format == "xlsx":
        return xlsx_data(results, form, source=not data_only)
    if format == "csv":
        return csv_text(results, form, source=not data_only)
    return "".join(json_text(result, data_only=data_only, lines=format == "jsonl") for result in results)


class Extractor:
    """Extracts from one document after the other with one engine."""

    def __init__(self, work: Work, plan: ExtractPlan, form: Form) -> None:
        self.work, self.plan, self.form = work, plan, form
        self._asker: Asker | None = None

    def all(self, documents: list[InputFile]) -> tuple[list[Extraction], list[Problem]]:
        """Results, and what went wrong with the other documents; what is wrong with the only one is raised."""
        results: list[Extraction] = []
        problems: list[Problem] = []
        for document in documents:
            try:
                results.append(self.one(document))
            except (KeyboardInterrupt, BrokenPipeError, Leave):
                raise
            except Exception as error:
                if len(documents) == 1:
                    raise
                problems.append(Problem.of(error))
                self.work.now.console.problem(problems[-1])
        return results, problems

    def one(self, document: InputFile) -> Extraction:
        """Extract from one document."""
        from dsvl2.pipelines.errors import OutOfTime, UnreadableFile
        from dsvl2.pipelines.extract import extract, rules_of

        with self.work.open(document) as source:
            pages = self._read(source)
            good = {number: page for number, page in pages.items() if page is None or page.error is None}
            if not good:
                late = all(page is not None and page.error and page.error.code == "timeout" for page in pages.values())
                if pages and late:
                    raise OutOfTime(f"no page of {source.name} was read in time")
                raise UnreadableFile(f"no page of {source.name} could be read")
            asker = self.asker()
            views = self._views(source, good, asker)
            if len(views) > MANY:
                hint = "each is asked; --pages chooses some"
                self.work.now.console.say(
                    f"{source.name}: fields are looked for on {len(views)} pages or parts: {hint}"
                )
            rules = rules_of(self.form, self.plan.rules)
            return extract(source.name, views, asker.engine, self.form, rules=rules, asker=asker)

    def asker(self) -> Asker:
        """What asks the model, made when first needed."""
        from dsvl2.pipelines.extract import Asker, Options

        if self._asker is None:
            options = Options(self.plan.max_tokens, least=self.least, tiles=self.plan.tiles)
            self._asker = Asker(self.work.engine, self.form, options)
        return self._asker

    @property
    def least(self) -> float:
        """How sure a value has to be: by the flag, then by the setting; else likelier right than wrong."""
        from dsvl2.pipelines.extract import HALF

        known = (self.plan.min_confidence, self.work.settings.min_confidence)
        return next((least for least in known if least is not None), HALF)

    def _read(self, source: Source) -> dict[int, PageResult | None]:
        """The text of the pages as far as it is needed; None for a page that only its image speaks for."""
        known = known_text(source)
        unread = [number for number, page in known.items() if page is None]
        bands = engines.reading_profile(self.work.settings).mode == "bands"
        if unread and (bands or self.plan.evidence):
            read = self.work.read(source, numbers=unread, engine=self.work.nano)
            known.update((page.number, page) for page in read)
        return known

    def _views(self, source: Source, pages: dict[int, PageResult | None], asker: Asker) -> list[View]:
        from dsvl2.pipelines.extract import View, pages_of

        known = [page for page in pages.values() if page is not None and not page.blank]
        if asker.reads_text:
            return pages_of(known, asker.room)
        texts = {page.number: view.text for page in known for view in pages_of([page], 100_000)}
        shown = [number for number, page in pages.items() if page is None or not page.blank]
        return [View(number, texts.get(number), Drawing(source, number)) for number in shown]


def tell(extraction: Extraction, now: Session, least: float, *, named: bool) -> None:
    """Say how it went: what is doubtful always, the rest under -v."""
    lead = f"{extraction.source}: " if named else ""
    unsure = [notice.message for notice in extraction.notices if notice.code in _UNSURE]
    for message in unsure[:NAMED]:
        now.console.say(f"{lead}{message}")
    if len(unsure) > NAMED:
        more = count(len(unsure) - NAMED, "more value")
        now.console.say(f"{lead}{more} less than {100 * least:g} % sure; --min-confidence 0 keeps such values")
    for notice in extraction.notices:
        if notice.code not in _UNSURE:
            say = now.console.warn if notice.code in _LOUD else now.console.detail
            say(f"{lead}{notice.message}")
    found = [field for field in extraction.fields.values() if field.quote is not None and field.candidate is None]
    less = f"{len(unsure)} less than {100 * least:g} % sure; " if unsure else ""
    now.console.say(
        f"{lead}{count(len(extraction.fields), 'field')} from {count(len(extraction.pages), 'page')}, "
        f"{len(found)} of them found on the page; {less}"
        f"longest answer {extraction.most_tokens} of {extraction.token_limit} tokens"
    )


def leave(work: Work, plan: ExtractPlan, results: list[Extraction], problems: list[Problem]) -> None:
    """End with the exit code of what happened."""
    if problems:
        raise Leave(Exit.PARTIAL if results else problems[0].exit)
    work.leave()
    forced = list(dict.fromkeys(name for result in results for name in result.demanded))
    if forced:
        fact = "the schema demands a value that no page has, or none surely"
        work.now.console.say(f"{', '.join(forced)}: {fact}; let it be null to have that said in the data")
        raise Leave(Exit.LOW_CONFIDENCE)
    failed = [outcome for result in results for outcome in result.rules if outcome.holds is False]
    if failed and plan.fail_on_rule:
        raise Leave(Exit.LOW_CONFIDENCE)
