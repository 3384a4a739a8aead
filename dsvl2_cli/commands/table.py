"""`dsvl2 table`: the tables of documents. This file is the command line; `dsvl2_cli.tabling` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread
from dsvl2_cli.completing import TABLE_FORMATS, words
from dsvl2_cli.task_options import format_option


@spread
def table(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|DIR|-|@LIST ...",
            show_default=False,
            help="PDFs and images; a folder; - for standard input; @LIST for a list of paths; or stored readings (.json).",
        ),
    ] = None,
    files_from: options.FilesFrom = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR|-",
            rich_help_panel=options.OUTPUT,
            show_default="-",
            help="Where to write; a folder (ending in / or existing) takes one file per table.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        format_option(
            "csv, html, md, tex, xlsx: a sheet for each table, or json: all tables with boxes and confidence.",
            default="by the suffix of -o, else csv",
            choices=TABLE_FORMATS,
        ),
    ] = None,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge/--no-merge",
            rich_help_panel=options.OUTPUT,
            help="Join tables that go on over a page break.",
        ),
    ] = True,
    spans: Annotated[
        str,
        typer.Option(
            "--spans",
            metavar="blank|repeat",
            autocompletion=words("blank", "repeat"),
            rich_help_panel=options.OUTPUT,
            help="In CSV and Markdown: the text of a merged cell once, or in each of its places.",
        ),
    ] = "blank",
    force: options.Force = False,
    common: Common = COMMON,
) -> None:
    """Find every table and write it as CSV, Excel, HTML, Markdown or LaTeX, or with boxes and confidence as JSON.

    \b
    [cyan]dsvl2 table report.pdf -o tables/[/cyan]
    [cyan]dsvl2 table report.pdf -o tables.xlsx[/cyan]
    [cyan]dsvl2 table scan.png -f html[/cyan]
    [cyan]dsvl2 table --pages 3-7 report.pdf -o costs.csv --spans repeat[/cyan]
    [cyan]dsvl2 table report.pdf --json | jq '.tables[0].cells'[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli.tabling import TablePlan, find_tables

        find_tables(TablePlan(tuple(inputs or ()), files_from, output, format, merge, spans, force), common, now)
