"""`dsvl2 ask`: questions about documents. This file is the command line; `dsvl2_cli.asking` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from dsvl2_cli import options
from dsvl2_cli.common import COMMON, Common, spread


@spread
def ask(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE... QUESTION...",
            show_default=False,
            help="Documents or stored readings (existing paths, or - for standard input), and questions (all other words).",
        ),
    ] = None,
    files_from: options.FilesFrom = None,
    question: Annotated[
        list[str] | None,
        typer.Option("--question", "-Q", metavar="TEXT", rich_help_panel=options.INPUT, help="A question, for sure."),
    ] = None,
    questions_from: Annotated[
        str | None,
        typer.Option(
            "--questions-from", metavar="FILE|-", rich_help_panel=options.INPUT, help="More questions, one a line."
        ),
    ] = None,
    read_at_most: options.ReadAtMost = None,
    candidates: Annotated[
        int,
        typer.Option(
            "--candidates", min=1, metavar="N", rich_help_panel=options.PAGES, help="Pages asked for each question."
        ),
    ] = 6,
    tiles: options.TilesPerImage = None,
    tokens: options.TokensPerPage = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            rich_help_panel=options.PAGES,
            help="Show a whole-page model all pages in one conversation, to compare them.",
        ),
    ] = False,
    chart: Annotated[
        bool,
        typer.Option(
            "--chart",
            rich_help_panel=options.MODEL,
            help="The pages are charts: answer from their data, as dsvl2 chart has it.",
        ),
    ] = False,
    common: Common = COMMON,
) -> None:
    """Answer questions from documents, with page, quote and confidence, or say that they do not hold the answer.

    \b
    [cyan]dsvl2 ask invoice.png "total due?"[/cyan]
    [cyan]dsvl2 ask contract.pdf "who signs?" "until when?" --json[/cyan]
    [cyan]dsvl2 ask letters/*.pdf --questions-from questions.txt[/cyan]
    [cyan]dsvl2 ask scan.json "total due?"[/cyan]   of what dsvl2 ocr -o scan.json wrote
    [cyan]dsvl2 ask sales.png --chart "how much in 2019?"[/cyan]
    """
    with common.session() as now:
        from dsvl2_cli.asking import AskPlan, answer_all

        plan = AskPlan(
            tuple(words or ()), tuple(question or ()), questions_from, read_at_most, candidates, chart, files_from
        )
        answer_all(plan, common, now, tiles=tiles, tokens=tokens, together=together)
