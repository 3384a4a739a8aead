"""`dsvl2 extract`: fields of documents by a schema. This file is the command line; `dsvl2_cli.extracting` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.task_options import format_option


@spread
def extract(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            show_default=False,
            help="Documents or readings (.json); folders, @LIST, -.",
        ),
    ] = None,
    files_from: options.FilesFrom = None,
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema",
            "-s",
            metavar="FIELDS|FILE",
            rich_help_panel=options.INPUT,
            show_default=False,
            help="What to extract: fields in the short form, or a JSON Schema file.",
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            rich_help_panel=options.RUN,
            show_default=False,
            help='What must hold between fields, as "sum(items.amount) == total"; may be given more than once.',
        ),
    ] = None,
    fail_on_rule: Annotated[
        bool, typer.Option("--fail-on-rule", rich_help_panel=options.RUN, help="Exit with 10 if a rule does not hold.")
    ] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence",
            min=0,
            max=1,
            metavar="X",
            rich_help_panel=options.OUTPUT,
            show_default="0.5",
            help="Values that are less sure than this, 0 to 1, become null and are named as candidates; 0 keeps all.",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            min=1,
            metavar="N",
            rich_help_panel=options.MODEL,
            show_default="1024",
            help="Tokens that an answer may have; one that reaches them is still valid.",
        ),
    ] = None,
    tiles: options.TilesPerImage = None,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence/--no-evidence",
            rich_help_panel=options.MODEL,
            help="With a whole-page model: read the pages as well, to show where each value stands.",
        ),
    ] = True,
    output: options.OneOutput = None,
    format: Annotated[
        str | None,
        format_option(
            "JSON, a line of JSON for each document, or a table with a row for each.",
            default="by the suffix of -o; jsonl for several documents",
            choices=("json", "jsonl", "csv", "xlsx"),
            metavar="json|jsonl|csv|xlsx",
        ),
    ] = None,
    data_only: Annotated[
        bool,
        typer.Option("--data-only", rich_help_panel=options.OUTPUT, help="Only the data, without places and notices."),
    ] = False,
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Extract fields from documents as JSON that is valid for a schema, each with page, box, quote and confidence.

    \b
    [cyan]dsvl2 extract invoice.pdf -s "no, date: date, items[]: {text, amount: number}"[/cyan]
    [cyan]dsvl2 extract bills/ -s bill.json -o a.jsonl --rule "sum(items.amount)==total"[/cyan]
    [cyan]dsvl2 extract receipts/*.png -s "shop, date: date" -o receipts.csv[/cyan]

    Types: text (the default), number, integer, bool, date, time, datetime, email, url, an enum as paid|open, {fields}, and
    [] for lists. A field that is not in the document, or not surely, is null; "!" forbids null, "?" lets it be left out.
    """
    with common.session() as now:
        from dsvl2_cli.extracting import ExtractPlan, extract_all

        plan = ExtractPlan(
            files=tuple(files or ()),
            files_from=files_from,
            schema=schema,
            rules=tuple(rules or ()),
            fail_on_rule=fail_on_rule,
            min_confidence=min_confidence,
            max_tokens=max_tokens,
            tiles=tiles,
            evidence=evidence,
            output=output,
            format=format,
            data_only=data_only,
            force=force,
        )
        extract_all(plan, common, now)
