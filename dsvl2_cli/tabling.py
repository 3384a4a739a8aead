"""Behind `dsvl2 table`: what to read, where each table goes, and what is said when there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.errors import UsageError
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile
    from dsvl2.pipelines.tables import TableResult
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

SPANS = ("blank", "repeat")
WHOLE = ("json", "xlsx")  # formats that hold all tables in one file


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What was asked for on the command line."""

    words: tuple[str, ...]
    files_from: str | None
    output: str | None
    format: str | None
    merge: bool
    spans: str
    force: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A table, the name of its document, and its number there."""

    source: str
    number: int
    table: TableResult


def find_tables(plan: TablePlan, common: Common, now: Session) -> None:
    """Read the documents, write their tables, and leave with the exit code of what happened."""
    if plan.spans not in SPANS:
        raise UsageError(f"--spans knows no {plan.spans!r}", f"choose {' or '.join(SPANS)}")
    if now.json and plan.format not in (None, "json"):
        raise UsageError("--json and --format exclude each other", "leave one of them out")
    chosen = "json" if now.json else choose(plan.format, plan.output)
    if chosen == "json" and is_folder(plan.output):
        raise UsageError("JSON holds all tables in one file", "name one: -o tables.json")
    with Work(common, now) as work:
        documents = work.documents(plan.words, plan.files_from)
        if chosen == "xlsx" and plan.output in (None, "-") and now.results.isatty():
            raise UsageError("a workbook is not written to a terminal", "name a file: -o tables.xlsx")
        if not is_folder(plan.output) and plan.output is not None:
            work.check_output(plan.output, plan.force)
        found = [one for document in documents for one in _tables(work, document, plan)]
        work.stop_progress()
        if chosen == "json":
            _report(work, found, plan)
        elif found and chosen == "xlsx":
            _write_workbooks(work, found, plan)
        elif found:
            _write(work, found, chosen, plan)
        work.leave()


def choose(format: str | None, output: str | None) -> str:
    """-f wins, then the suffix of an output file, then CSV; json is the record of all tables with boxes and confidence.

    Raises:
        UsageError: no table format is called so.
    """
    from dsvl2.pipelines.tables import TABLE_FORMATS, table_format

    hint = f"choose {', '.join(TABLE_FORMATS)}, xlsx, or json for boxes and confidence"
    if format is not None:
        known = format if format in WHOLE else table_format(format)
        if known is None:
            raise UsageError(f"tables cannot be written as {format!r}", hint)
        return known
    if output is None or output == "-" or is_folder(output) or not Path(output).suffix:
        return "csv"
    suffix = Path(output).suffix.lower().lstrip(".")
    known = suffix if suffix in WHOLE else table_format(suffix)
    if known is None:
        raise UsageError(f"the suffix of {output} stands for no table format", hint)
    return known


def is_folder(output: str | None) -> bool:
    """Say whether -o names a folder: one that exists, or a name that ends in a slash."""
    return output is not None and output != "-" and (output.endswith("/") or Path(output).is_dir())


def _tables(work: Work, document: InputFile, plan: TablePlan) -> list[Found]:
    from dsvl2.pipelines.tables import TableTask, document_tables

    with work.open(document) as source:
        pages = work.read(source, TableTask())
    tables = document_tables(pages, merge=plan.merge)
    if not tables:
        read = len(pages) - sum(page.error is not None for page in pages)
        if read:
            work.now.console.say(f"no table found on {read} page{'s' if read != 1 else ''} of {document.name}")
    for table in tables:
        for notice in table.notices:
            tell = work.now.console.detail if notice.code == "table_joined" else work.now.console.warn
            tell(f"{document.name}: {notice.message}")
    return [Found(document.name, number, table) for number, table in enumerate(tables, 1)]


def _report(work: Work, found: Sequence[Found], plan: TablePlan) -> None:
    """Write the tables as the one JSON object that `dsvl2 schema table` describes."""
    from dsvl2.pipelines.tables import tables_record

    record = tables_record([(one.source, one.table) for one in found], [page.number for page in work.failed])
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    work.deliver(text, plan.output, plan.force)


def _write(work: Work, found: Sequence[Found], chosen: str, plan: TablePlan) -> None:
    """Write one file per table into a folder, or everything to one place; CSV holds one table a file."""
    rendered = [rendered_table(one.table, chosen, repeat=plan.spans == "repeat") for one in found]
    if not _apart(found, chosen, plan):
        work.deliver("\n".join(rendered), plan.output, plan.force)
        return
    for path, text in zip(paths(found, chosen, plan.output), rendered, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        work.deliver(text, str(path), plan.force)


def _write_workbooks(work: Work, found: Sequence[Found], plan: TablePlan) -> None:
    """Write a workbook with a sheet for each table; in a folder one for each document."""
    from dsvl2.pipelines.tables import table_sheet, to_xlsx

    many = len({one.source for one in found}) > 1
    parts: dict[Path | None, list[Found]] = {}
    stems = _stems(found)
    for one in found:
        place = Path(str(plan.output), f"{stems[one.source]}.xlsx") if is_folder(plan.output) else None
        parts.setdefault(place, []).append(one)
    for place, tables in parts.items():
        sheets = [
            table_sheet(
                one.table,
                f"{stems[one.source]} {one.number}" if many and place is None else f"Table {one.number}",
                repeat=plan.spans == "repeat",
            )
            for one in tables
        ]
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
        work.deliver(to_xlsx(sheets), str(place) if place else plan.output, plan.force)


def _apart(found: Sequence[Found], chosen: str, plan: TablePlan) -> bool:
    if plan.output is None or plan.output == "-":
        return False
    return is_folder(plan.output) or (chosen == "csv" and len(found) > 1)


def paths(found: Sequence[Found], chosen: str, output: str | None) -> list[Path]:
    """Return a file for each table: in a folder DOCUMENT-1.csv and so on, else FILE-1.csv beside FILE.csv."""
    from dsvl2.pipelines.tables import TABLE_FORMATS

    suffix = TABLE_FORMATS[chosen][0]
    place = Path(output or ".")
    if not is_folder(output):
        return [
            place.with_name(f"{place.stem}-{number}{place.suffix or suffix}") for number in range(1, len(found) + 1)
        ]
    stems = _stems(found)
    return [place / f"{stems[one.source]}-{one.number}{suffix}" for one in found]


def _stems(found: Sequence[Found]) -> dict[str, str]:
    """Return a name for each document: that of its file, told apart from its namesakes."""
    stems: dict[str, str] = {}
    for one in found:
        if one.source not in stems:
            stem = Path(one.source).stem if one.source not in ("-", "<stdin>") else "stdin"
            taken = sum(other == stem or other.startswith(f"{stem}~") for other in stems.values())
            stems[one.source] = f"{stem}~{taken + 1}" if taken else stem
    return stems


def rendered_table(table: TableResult, chosen: str, *, repeat: bool) -> str:
    """Return a table in the chosen format."""
    from dsvl2.pipelines.tables import TABLE_FORMATS, to_csv, to_markdown

    if chosen == "csv":
        return to_csv(table, repeat=repeat)
    if chosen == "markdown":
        return to_markdown(table, repeat=repeat)
    return TABLE_FORMATS[chosen][1](table)
