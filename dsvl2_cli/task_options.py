"""Options that decide what is done with a document and in which form it is written; beside those of `options`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dsvl2_cli import options
from dsvl2_cli.completing import DOCUMENT_FORMATS, TASKS, words

TASK = "Task"


def format_option(
    help: str, *, default: str, choices: tuple[str, ...] = DOCUMENT_FORMATS, metavar: str = "NAME"
) -> Any:
    """Return -f of a command: what it may be, what is taken without it, and the words that a shell completes it to."""
    return typer.Option(
        "--format",
        "-f",
        metavar=metavar,
        autocompletion=words(*choices),
        rich_help_panel=options.OUTPUT,
        show_default=default,
        help=help,
    )


TaskName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        autocompletion=words(*TASKS),
        rich_help_panel=TASK,
        help="ocr, ask, extract, chart, table, formula, ground or page2code.",
    ),
]
Question = Annotated[
    list[str] | None,
    typer.Option("--question", "-Q", metavar="TEXT", rich_help_panel=TASK, help="ask: a question; may be repeated."),
]
Schema = Annotated[
    str | None,
    typer.Option(
        "--schema", "-s", metavar="FIELDS|FILE", rich_help_panel=TASK, help="extract: fields, or a JSON Schema."
    ),
]
BatchFormat = Annotated[
    str | None,
    format_option(
        "As for the command of the task; pdf makes searchable PDFs.", default="md; of other tasks than ocr their first"
    ),
]
LexiconFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        rich_help_panel=options.PAGES,
        show_default="none",
        help="Names and terms of these documents, in lines of text, or corrections of other pages: a doubtful word that is "
        "like one of them becomes it. May be repeated.",
    ),
]
PdfImages = Annotated[
    str | None,
    typer.Option(
        "--pdf-images",
        metavar="fit|exact",
        autocompletion=words("fit", "exact"),
        rich_help_panel=options.OUTPUT,
        show_default="fit",
        help="Searchable PDF: fit lets pictures change within what looks the same where the file would be more than 1.1 times "
        "the original, and says so; exact keeps every pixel.",
    ),
]
